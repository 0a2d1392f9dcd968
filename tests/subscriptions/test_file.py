"""`subscriptions.toml`: what is read from it, and an error for each wrong line that names that line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.subscriptions.file import Subscription, read_file, read_text
from pixivcrawl.subscriptions.intervals import interval_text, read_interval, read_period

PATH = Path("/a/subscriptions.toml")

GOOD = """\
# mine

[[subscription]]
name = "harbour"  # every morning
url = "https://www.pixiv.net/users/11/manga"
tags = [
  "海",
  "猫",
]
every = "6h"

# not public
[[subscription]]
name = '''[[subscription]] of mine'''
spider = "bookmarks"
id = "me"
refresh = "never"
comments = true
since = 2024-01-31
max_ratio = 1.5

[[subscription]]
name = "everyone"
from = "following"
rating = "safe"
"""


def test_entries_in_their_order() -> None:
    assert read_text(PATH, GOOD.encode()).subscriptions == (
        Subscription("harbour", "user", {"id": "11", "type": "manga", "tags": "海,猫"}, every=timedelta(hours=6)),
        Subscription(
            "[[subscription]] of mine",
            "bookmarks",
            {"id": "me", "comments": "true", "since": "2024-01-31", "max_ratio": "1.5"},
            refresh=None,
        ),
        Subscription("everyone", "user", {"rating": "safe"}, of_following=True),
    )


def test_no_file_holds_nothing(tmp_path: Path) -> None:
    assert read_file(tmp_path / "subscriptions.toml").subscriptions == ()


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_file(tmp_path)


def test_what_an_editor_on_windows_saves() -> None:
    saved = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    assert read_text(PATH, saved).subscriptions == read_text(PATH, GOOD.encode()).subscriptions


def with_one_more(lines: str) -> str:
    return f"{GOOD}\n[[subscription]]\n{lines}\n"


HEAD = GOOD.count("\n") + 2
WRONG = {
    GOOD.replace('"6h"', "6"): (10, "every: 6: write a number and m, h, d or w"),
    GOOD.replace('"6h"', '"6 hours"'): (10, "such as '6h'"),
    GOOD.replace('"6h"', '"0h"'): (10, "every"),
    GOOD.replace('"6h"', "true"): (10, "every"),
    GOOD.replace('"never"', "false"): (17, "or 'never'"),
    GOOD.replace('"bookmarks"', "7"): (15, "quotation marks"),
    GOOD.replace('"following"', '"followers"'): (24, "from = 'following'"),
    GOOD.replace("11/manga", "11/novels"): (5, "novel"),
    GOOD.replace("[[subscription]]\nname = \"h", "[subscription]\nname = \"h"): (13, "not TOML"),
    GOOD.replace('"safe"', '"safe'): (25, "not TOML"),
    with_one_more('name = "harbour"\nspider = "top"'): (HEAD + 1, "'harbour' is the name of an entry above"),
    with_one_more('spider = "top"'): (HEAD, "has no name"),
    with_one_more('name = "a\\nb"\nspider = "top"'): (HEAD + 1, "one line"),
    with_one_more('name = "--all"\nspider = "top"'): (HEAD + 1, "no dash"),
    with_one_more('name = "new"'): (HEAD, "does not say what to archive"),
    with_one_more('name = "new"\nurl = "https://www.pixiv.net/users/1"\nspider = "user"'): (HEAD + 3, "url already"),
    with_one_more('name = "new"\nid = 3\nurl = "https://www.pixiv.net/users/1"'): (HEAD + 2, "says id=1 already"),
    with_one_more('name = "new"\nspider = "top"\nevry = "6h"'): (HEAD + 3, "did you mean every?"),
    with_one_more('name = "new"\nspider = "top"\nreread = true'): (HEAD + 3, "refresh already says"),
    with_one_more('name = "new"\nspider = "top"\nmode.of = "r18"'): (HEAD + 3, "leave it out"),
    with_one_more('name = "new"\nspider = "top"\nmode = [\n[1]\n]'): (HEAD + 3, "mode: a list"),
    GOOD + "\n\n[harbour]\nevery = '6h'\n": (HEAD + 1, "not known here"),
    GOOD + "\n[a.b.c]\n": (HEAD, "not known here"),
    "\nsubscription = 3\n": (2, "two brackets"),
    "\nsubscription = [1]\n": (2, "something else"),
    "x = " + "[" * 100_000: (1, "brackets"),
    with_one_more('name = "new"\nspider = "user"\nid = 11\ntags = ["sea", "a,b"]'): (HEAD + 4, "use a list instead of commas"),
    with_one_more('name = "new"\nspider = "user"\nid = ' + "9" * 5000): (HEAD + 3, "enormous number"),
    with_one_more('name = "new"\nspider = "user"\nid = 0x' + "f" * 5000): (HEAD + 3, "id: an enormous number"),
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_an_error_is_one_line_that_names_its_own(text: str) -> None:
    line, said = WRONG[text]
    with pytest.raises(ConfigurationError) as refused:
        read_text(PATH, text.encode())
    assert str(refused.value).startswith(f"{PATH}:{line}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text() -> None:
    with pytest.raises(ConfigurationError, match=r"toml:3: .*UTF-8"):
        read_text(PATH, "# 海\n\nname = 海".encode("shift_jis").replace("# 海".encode("shift_jis"), b"#"))


@given(st.binary() | st.text().map(str.encode) | st.text(alphabet="[]\"'=.#\n subcriptonamevy6h{},").map(str.encode))
def test_any_bytes_are_read_or_refused_in_one_line(content: bytes) -> None:
    said = ""
    try:
        read_text(PATH, content)
    except ConfigurationError as refused:
        said = str(refused)
    assert said.startswith(f"{PATH}:") or not said
    assert len(said.splitlines()) < 2


@given(st.integers(1, 9999), st.sampled_from("mhdw"))
def test_an_interval_is_written_as_it_is_read(number: int, unit: str) -> None:
    interval = read_interval(f"{number}{unit}")
    shortest = interval_text(interval)
    assert len(shortest) <= len(f"{number}{unit}")
    assert read_period(shortest) == interval


@pytest.mark.parametrize("value", ["never", 0])
def test_never(value: object) -> None:
    assert read_period(value) is None
    assert interval_text(None) == "never"
