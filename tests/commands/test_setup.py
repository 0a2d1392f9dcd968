"""`pixivcrawl setup`: what it is told is written down where every command finds it, for its owner's eyes alone, or not at all."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixivcrawl.commands.setup import draft_of
from pixivcrawl.errors import ConfigurationError
from tests.commands.typing_in import Typed, type_pixivcrawl
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=1)) as running:
        yield running


def set_up(folder: Path, *more: str, stdin: str = "", sandbox: Sandbox | None = None) -> Typed:
    words = ("--config", str(folder / "pixivcrawl.toml"), "setup", "--archive", str(folder / "pictures"), *more)
    return type_pixivcrawl(*words, stdin=stdin, sandbox=sandbox)


def refusal(run: Typed) -> str:
    assert run.code == 2
    (line,) = run.err.splitlines()
    return line.removeprefix("pixivcrawl: ")


def test_a_session_that_pixiv_takes_is_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    asked = len(sandbox.requests("api"))
    run = set_up(tmp_path, stdin=f"Cookie: a=b; PHPSESSID={sandbox.cookie}\n", sandbox=sandbox)
    assert (run.code, run.err) == (0, "")
    assert len(sandbox.requests("api")) == asked + 1
    assert run.out.splitlines() == [
        "ok       session       pixiv accepts the session of reader 901",
        f"written: {tmp_path / 'pixivcrawl.toml'}",
        f"next: pixivcrawl --config {tmp_path / 'pixivcrawl.toml'} bookmarks me, or the address of any pixiv page",
    ]
    assert tomllib.loads((tmp_path / "pixivcrawl.toml").read_text()) == {
        "version": 1,
        "archive_dir": str(tmp_path / "pictures"),
        "pixiv_cookie_file": "session",
    }
    assert (tmp_path / "session").read_text() == f"a=b; PHPSESSID={sandbox.cookie}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pixivcrawl.toml", "session"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_session_that_pixiv_does_not_take_leaves_all_as_it_was(tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "session").write_text("earlier")
    run = set_up(tmp_path, stdin="901_nobodys_session_any_more", sandbox=sandbox)
    assert run.code == 4
    assert run.err.startswith("pixivcrawl: pixiv no longer takes the session")
    assert "nobodys" not in run.out + run.err
    assert [path.name for path in tmp_path.iterdir()] == ["session"]
    assert (tmp_path / "session").read_text() == "earlier"


def test_where_pixiv_cannot_be_asked_that_is_said(tmp_path: Path) -> None:
    run = set_up(tmp_path, "-s", "PIXIV_API_RETRIES=0", stdin="901_made_up_session")
    assert run.code == 1
    assert "pixiv cannot be asked" in run.out
    assert (tmp_path / "session").read_text() == "PHPSESSID=901_made_up_session\n"


def test_a_visitor_needs_no_session(tmp_path: Path) -> None:
    run = set_up(tmp_path, "--visitor")
    assert (run.code, run.err) == (0, "")
    assert run.out.endswith("pixivcrawl.toml user ID, or the address of any pixiv page\n")
    assert [path.name for path in tmp_path.iterdir()] == ["pixivcrawl.toml"]


def test_a_second_account_is_a_profile_and_all_else_stays(tmp_path: Path) -> None:
    (tmp_path / "pixivcrawl.toml").write_text("# mine\narchive_dir = 'first' # here\npixiv_api_delay = 3\n")
    run = set_up(tmp_path, "--offline", "--as", "second", stdin="12_another_session")
    assert (run.code, run.err) == (0, "")
    assert "--as second bookmarks me" in run.out
    text = (tmp_path / "pixivcrawl.toml").read_text()
    assert text.startswith("# mine\narchive_dir = 'first' # here\npixiv_api_delay = 3\n")
    assert tomllib.loads(text)["profiles"] == {
        "second": {"archive_dir": str(tmp_path / "pictures"), "pixiv_cookie_file": "session-second"}
    }
    assert (tmp_path / "session-second").read_text() == "PHPSESSID=12_another_session\n"


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        ("", "what was pasted: holds nothing; log in to pixiv"),
        ("901", "what was pasted: is not an account's session, which begins with the account's number"),
        ("AbCdEfGhIjKlMnOpQrStUvWxYz012345", "what was pasted: is not an account's session"),
        ("0zeYA-PllRYp1tfrsq_w3vHGU1rPy237JMf5oDt73c4", "what was pasted: is not an account's session"),
        ("https://www.pixiv.net/", "what was pasted: is an address, not a cookie"),
    ],
)
def test_what_is_no_session_is_refused_and_nothing_written(tmp_path: Path, stdin: str, said: str) -> None:
    assert refusal(set_up(tmp_path, stdin=stdin)).startswith(said)
    assert list(tmp_path.iterdir()) == []


def test_a_session_among_the_words_is_refused_without_repeating_it(tmp_path: Path) -> None:
    line = refusal(set_up(tmp_path, "901_made_up_session"))
    assert "paste the session when it asks" in line
    assert "made_up" not in line


def test_places_that_cannot_be_used_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    taken = type_pixivcrawl("--config", str(tmp_path / "c"), "setup", "--archive", str(tmp_path / "file"), "--visitor")
    assert (
        refusal(taken)
        == f"{tmp_path / 'file'} is not a folder that you may write to: choose another place for the archive"
    )
    missing = set_up(tmp_path, "--cookie-file", str(tmp_path / "none"))
    assert "none: cannot be read (No such file or directory)" in refusal(missing)
    inside = type_pixivcrawl("--config", str(tmp_path / "file" / "c"), "setup", "--archive", str(tmp_path), "--visitor")
    assert refusal(inside).endswith("cannot be written (File exists): name another place with --config FILE")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o500)
    run = type_pixivcrawl(
        "--config", str(tmp_path / "home" / "c"), "setup", "--archive", str(tmp_path / "pictures"), "--visitor"
    )
    assert refusal(run).endswith("cannot be written (Permission denied): name another place with --config FILE")


def test_what_wins_over_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIXIV_PHPSESSID", "12_earlier_session")
    run = set_up(tmp_path, "--visitor")
    assert "PIXIV_PHPSESSID in the environment takes precedence: remove it there\n" in run.out
    assert "earlier" not in run.out + run.err


def test_a_link_stays_one_and_what_is_no_file_stays_as_it_is(tmp_path: Path) -> None:
    kept, link, pipe = tmp_path / "kept.toml", tmp_path / "link.toml", tmp_path / "pipe"
    kept.write_text("old")
    link.symlink_to(kept)
    os.mkfifo(pipe)
    with draft_of(link, "new"):
        pass
    assert (link.is_symlink(), kept.read_text()) == (True, "new")
    with pytest.raises(ConfigurationError, match="pipe is not a file"), draft_of(pipe, "new"):
        pass
    assert pipe.is_fifo()
