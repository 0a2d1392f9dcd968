"""One entry more, one less: every other byte stays, and nobody else's change is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.subscriptions.editing import appended, change, removed
from pixivcrawl.subscriptions.file import SubscriptionFile, read_file, read_text

PATH = Path("/a/subscriptions.toml")

THREE = """\
# at the top

[[subscription]]
name = "a" # of a
spider = "top"
note = '''
[[subscription]]
# in a text
'''
# below a

# above b
[[subscription]]
name = "b"
spider = "feed"
# above c, right below b
[[subscription]]
spider = "mypixiv"
name = "c"

# at the end
"""


def without(name: str, text: str = THREE) -> str:
    return removed(read_text(PATH, text.encode()), name)


def test_an_entry_goes_with_the_comments_in_it() -> None:
    above, _, below = THREE.partition('[[subscription]]\nname = "a"')
    assert without("a") == above + below.partition("# below a\n\n")[2]
    b = '[[subscription]]\nname = "b"\nspider = "feed"\n'
    assert without("b") == THREE.replace(b, "")
    c = '[[subscription]]\nspider = "mypixiv"\nname = "c"\n\n'
    assert without("c") == THREE.replace(c, "")


def test_what_is_not_there_is_named_with_what_is() -> None:
    with pytest.raises(ConfigurationError, match="no subscription 'd'; there are: 'a', 'b', 'c'"):
        without("d")


@pytest.mark.parametrize("between", [", ", ",\n  "])
def test_entries_in_a_list_are_left_to_who_wrote_them(between: str) -> None:
    entries = between.join(f'{{name = "{name}", spider = "top"}}' for name in "ab")
    text = f"# mine\nsubscription = [{entries}\n]\n"
    file = read_text(PATH, text.encode())
    for edit in (
        lambda: removed(file, "a"),
        lambda: removed(file, "b"),
        lambda: appended(file, {"name": "c", "spider": "feed"}),
    ):
        with pytest.raises(ConfigurationError, match=r"toml:2: only you can change a list"):
            edit()


NAMES = (
    st.text(min_size=1, max_size=9)
    .filter(str.isprintable)
    .map(str.strip)
    .filter(lambda name: name[:1] not in ("", "-"))
)
VALUES = st.booleans() | st.integers(0, 2**40) | NAMES


ARGUMENTS = st.dictionaries(st.sampled_from(["word", "tags", "mode", "max_works"]), VALUES)


@given(name=NAMES, arguments=ARGUMENTS, windows=st.booleans())
def test_what_was_added_can_be_taken_away_again(name: str, arguments: dict[str, object], *, windows: bool) -> None:
    before = THREE.replace("\n", "\r\n") if windows else THREE
    entry = {"name": f"new {name}", "spider": "search", **arguments, "every": timedelta(hours=5)}
    after = appended(read_text(PATH, before.encode()), entry)
    assert after.startswith(before)
    assert ("\n" in after.replace("\r\n", "")) is not windows
    assert tomllib.loads(after)["subscription"][-1] == {**entry, "every": "5h"}
    assert without(f"new {name}", after).rstrip() == before.rstrip()


def test_the_first_entry_begins_a_file() -> None:
    text = appended(read_text(PATH, b""), {"name": "a", "spider": "top"})
    assert [each.name for each in read_text(PATH, text.encode()).subscriptions] == ["a"]
    assert text.startswith("# ")


def test_a_change_that_came_between_is_gone_on_from(tmp_path: Path) -> None:
    path = tmp_path / "subscriptions.toml"
    path.write_text(THREE)
    path.chmod(0o640)
    seen = []

    def edit(file: SubscriptionFile) -> str:
        seen.append(len(file.subscriptions))
        if len(seen) == 1:
            # What an editor does meanwhile.
            path.write_text(without("b"))
        return appended(file, {"name": "d", "spider": "new"})

    change(path, edit, lambda _: None)
    assert seen == [3, 2]
    assert [each.name for each in read_file(path).subscriptions] == ["a", "c", "d"]
    assert path.stat().st_mode & 0o777 == 0o640
    assert {each.name for each in tmp_path.iterdir()} <= {path.name, f".{path.name}.lock"}


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "subscriptions.toml"
    path.write_text(THREE)

    def refuse(_: SubscriptionFile) -> None:
        raise ConfigurationError("no")

    with pytest.raises(ConfigurationError, match="no"):
        change(path, lambda file: removed(file, "a"), refuse)
    assert path.read_text() == THREE
    assert {each.name for each in tmp_path.iterdir()} <= {path.name, f".{path.name}.lock"}


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    link = tmp_path / "subscriptions.toml"
    link.symlink_to(tmp_path / "kept" / "mine.toml")
    change(link, lambda file: appended(file, {"name": "a", "spider": "top"}), lambda _: None)
    assert link.is_symlink()
    assert [each.name for each in read_file(link).subscriptions] == ["a"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StorageFailed):
        change(
            tmp_path / "subscriptions.toml", lambda file: appended(file, {"name": "a", "spider": "top"}), lambda _: None
        )


ADD = """
import sys
from pathlib import Path
from pixivcrawl.subscriptions.editing import appended, change
for number in range(8):
    change(Path(sys.argv[1]), lambda file: appended(file, {"name": f"{sys.argv[2]} {number}", "spider": "top"}), lambda file: None)
"""


def test_commands_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "subscriptions.toml"
    running = [subprocess.Popen([sys.executable, "-c", ADD, str(path), who]) for who in "ab"]
    assert [process.wait() for process in running] == [0, 0]
    names = {each.name for each in read_file(path).subscriptions}
    assert names == {f"{who} {number}" for who in "ab" for number in range(8)}
