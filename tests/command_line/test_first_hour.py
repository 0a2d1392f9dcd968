"""What a person types in the first hour, right, wrong and half right, and what is answered: in one line, where it is an error."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.typing_in import type_pixivcrawl
from tests.live.running import environment, pixivcrawl
from tests.sandbox.serving import Sandbox, World

SHOWN = [
    ("", "What can be archived:"),
    ("--help", "What can be archived:"),
    ("help user", "^usage: pixivcrawl user"),
    ("user --help", "--max-works WORKS"),
    ("--version", r"^pixivcrawl \d+\.\d+"),
    ("version", r"^pixivcrawl \d+\.\d+"),
    ("list", "^bookmarks$"),
    ("config", "^ARCHIVE_DIR +.*-s$"),
    ("status", "^archive: "),
    ("status 11", "^11 .*: 1 work, 1 complete"),
    ("status 5000111", "^work 5000111 "),
    ("status https://www.pixiv.net/artworks/5000111", "^work 5000111 "),
    ("status --missing", "^archive: "),
    ("status --json", '"about": "archive"'),
    ("status -s PIXIV_LANG=ja", "^archive: "),
    ("-s PIXIV_LANG=ja status", "^archive: "),
    ("completion fish", "^complete -c pixivcrawl"),
    ("api user.full id=11", '"name"'),
]

ARCHIVED = [
    ("user 11 --max-works 1", "user: complete"),
    ("user --id 11 --max_works=1", "user: complete"),
    ("user -a id=11 -a max_works=1", "user: complete"),
    ("crawl user -a id=11 -a max_works=1", "user: complete"),
    ("user 11 12 --max-works 2 -q", "^$"),
    ("user https://www.pixiv.net/users/11 --max-works 1", "user: complete"),
    ("bookmarks me --rest both --max-works 2", "bookmarks: complete"),
    ("ranking --mode weekly --max-works 2", "ranking: complete"),
]

ADDRESSES = [
    "https://www.pixiv.net/artworks/5000111",
    "www.pixiv.net/en/artworks/5000111",
    "5000111",
    "archive 5000111",
]

REFUSED = [
    ("statsu", "there is no command 'statsu'; did you mean status?"),
    ("bookmark me", "there is no command 'bookmark'; did you mean bookmarks?"),
    ("users 11", "there is no command 'users'; did you mean user?"),
    ("download 5000111", "there is no command 'download'; pixivcrawl --help lists them"),
    ("-x", "there is no option '-x' without a command"),
    ("--config", "--config: give its value, as in: pixivcrawl --config NAME status"),
    ("user", "^pixivcrawl: user: "),
    ("bookmarks", "bookmarks needs to know which id, as in: pixivcrawl bookmarks me"),
    ("user sakura", "user: id='sakura': that is not a whole number.*the name of an account is -a account=sakura"),
    ("user 11 --id 12", "id is given more than once: give it once, with commas between the values"),
    ("user 11 --max-work 5", "user takes no option '--max-work'; did you mean --max-works"),
    ("user 11 --max-works many", "user: max_works='many': that is not a whole number"),
    ("user 11 --max-works", "argument --max-works: expected one argument; see pixivcrawl user --help"),
    ("user 11 --rating adult", "user: rating='adult': "),
    ("user 11 --since yesterday", "user: since='yesterday': give a day as yyyy-mm-dd"),
    ("user https://www.pixiv.net/artworks/5000111", "that address belongs to the spider artwork, not to user"),
    ("ranking weekly", "ranking takes no 'weekly': it takes only options; see pixivcrawl ranking --help"),
    ("https://www.pixiv.net/users/11 --max-works 5", "say it as: pixivcrawl user --id 11 --max-works"),
    (
        "https://www.fanbox.cc/@someone",
        "https://www.fanbox.cc/@someone': pixivFANBOX is not archived; paste an address",
    ),
    ("https://example.org/", "'example.org' is not pixiv; paste an address"),
    ("user 11 -s PIXIV_API_DELAY=fast", "PIXIV_API_DELAY: 'fast' is not a number of seconds"),
    ("user 11 -s COOKIES_ENABLED=1", "COOKIES_ENABLED is refused: only the session's cookie is kept"),
    ("status 5000999", "this archive knows nothing of 5000999: archive it with: pixivcrawl archive 5000999"),
    ("status everything", "'everything': not an address of a pixiv page"),
    ("status 11 12", "status shows one artist or work, not '12' too; see pixivcrawl status --help"),
    ("sync", "has no subscriptions yet; begin with: pixivcrawl subscribe URL"),
    ("api user.ful id=11", "there is no endpoint 'user.ful'; did you mean user.full"),
    ("completion powershell", "'powershell' is none of them: name one shell of bash, zsh, fish"),
    ("demo here", "^pixivcrawl: demo takes only options; see pixivcrawl demo --help$"),
    ("runspider nowhere.py", "^pixivcrawl: File not found: nowhere.py; see pixivcrawl runspider --help$"),
    ("setup 901_AbCdEfGhIjKl", "paste the session when it asks"),
    (
        "setup --archive /dev/null",
        "/dev/null is not a folder that you may write to: choose another place for the archive",
    ),
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as running:
        yield running


@pytest.fixture(scope="module")
def archive(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first-hour") / "archive"
    assert type_pixivcrawl("artwork", "5000111", sandbox=sandbox, archive=folder, cookie=sandbox.cookie).code == 0
    return folder


def test_there_are_many() -> None:
    assert len(SHOWN) + len(ARCHIVED) + len(ADDRESSES) + len(REFUSED) > 50


@pytest.mark.parametrize(("typed", "said"), SHOWN)
def test_what_is_asked_is_shown(typed: str, said: str, sandbox: Sandbox, archive: Path) -> None:
    ran = type_pixivcrawl(*shlex.split(typed), sandbox=sandbox, archive=archive, cookie=sandbox.cookie)
    assert (ran.code, ran.err) == (0, "")
    assert re.search(said, ran.out, re.MULTILINE)


@pytest.mark.parametrize(("typed", "said"), ARCHIVED)
def test_what_is_named_is_archived(typed: str, said: str, sandbox: Sandbox, archive: Path) -> None:
    ran = type_pixivcrawl(*shlex.split(typed), sandbox=sandbox, archive=archive, cookie=sandbox.cookie)
    assert ran.code == 0, ran.err
    assert re.search(said, ran.err)
    assert ran.out == ""


@pytest.mark.long
@pytest.mark.parametrize("typed", ADDRESSES)
def test_what_stands_behind_an_address_is_archived(typed: str, sandbox: Sandbox, archive: Path, tmp_path: Path) -> None:
    """In processes of their own, from a folder that is no project: several crawls in turn need a reactor, of which a process has one."""
    ran = pixivcrawl(*typed.split(), env=environment(sandbox, archive), cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "artwork id=5000111: complete" in ran.stderr


@pytest.mark.parametrize(("typed", "said"), REFUSED)
def test_what_cannot_be_done_is_said_in_a_line(typed: str, said: str, sandbox: Sandbox, archive: Path) -> None:
    ran = type_pixivcrawl(*shlex.split(typed), sandbox=sandbox, archive=archive, cookie=sandbox.cookie)
    assert ran.code == 2
    complaints = [line for line in ran.err.splitlines() if line.startswith("pixivcrawl: ")]
    assert len(complaints) == 1, ran.err
    assert re.search(said, complaints[0]), complaints[0]
    assert "Traceback" not in ran.err
