"""`pixivcrawl setup --from-browser`: the one account's session is taken from a browser's own profile, or a line says why not."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands.typing_in import Typed, type_pixivcrawl

pytest.importorskip("rookie_cookies", reason="an extra, which is not there for every system")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the profiles are made where Firefox on Linux has them")

FIREFOX = Path(".mozilla/firefox")
MONTH = 30 * 86400


class Cookie(NamedTuple):
    value: str
    host: str = ".pixiv.net"
    name: str = "PHPSESSID"
    origin: str = ""
    lives: float = MONTH


VISITOR = Cookie("AbCdEfGhIjKlMnOpQrStUvWxYz012345")
OTHERS = [Cookie("9", name="p_ab_id"), Cookie("77_of_another_site", host=".example.org")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in [name for name in os.environ if name.startswith(("XDG_", "CHROME_CONFIG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return home


def firefox(home: Path, **profiles: Sequence[Cookie]) -> None:
    """Firefox with these profiles, whose cookies lie where it keeps them, in its table of the year 2025."""
    listed = ["[General]\nVersion=2\n"]
    for number, (name, cookies) in enumerate(profiles.items()):
        folder = home / FIREFOX / f"k3{number}x.{name}"
        folder.mkdir(parents=True)
        listed.append(f"[Profile{number}]\nName={name}\nIsRelative=1\nPath={folder.name}\n")
        with closing(sqlite3.connect(folder / "cookies.sqlite")) as database, database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA user_version=16")
            database.execute(
                "CREATE TABLE moz_cookies (id INTEGER PRIMARY KEY, originAttributes TEXT NOT NULL DEFAULT '', name TEXT, value TEXT, "
                "host TEXT, path TEXT, expiry INTEGER, lastAccessed INTEGER, creationTime INTEGER, isSecure INTEGER, isHttpOnly INTEGER, "
                "inBrowserElement INTEGER DEFAULT 0, sameSite INTEGER DEFAULT 0, schemeMap INTEGER DEFAULT 0, "
                "isPartitionedAttributeSet INTEGER DEFAULT 0, CONSTRAINT moz_uniqueid UNIQUE (name, host, path, originAttributes))"
            )
            database.executemany(
                "INSERT INTO moz_cookies (originAttributes, name, value, host, path, expiry, isSecure, isHttpOnly) "
                "VALUES (?, ?, ?, ?, '/', ?, 1, 1)",
                [
                    (each.origin, each.name, each.value, each.host, int(time.time() + each.lives) * 1000)
                    for each in cookies
                ],
            )
    (home / FIREFOX / "profiles.ini").write_text("\n".join(listed))


def set_up(home: Path, browser: str) -> Typed:
    words = ("--config", str(home / "pixivcrawl.toml"), "setup", "--archive", str(home / "pixiv"), "--offline")
    return type_pixivcrawl(*words, "--from-browser", browser)


def refusal(home: Path, browser: str) -> str:
    """The one line; nothing was written, and no cookie shown."""
    run = set_up(home, browser)
    assert run.code == 2
    (line,) = run.err.splitlines()
    assert not (home / "session").exists()
    assert "_secret" not in run.out + run.err
    return line.removeprefix("pixivcrawl: ")


def taken(home: Path, browser: str) -> str:
    run = set_up(home, browser)
    assert (run.code, run.err) == (0, "")
    assert "_secret" not in run.out
    assert (home / "session").stat().st_mode & 0o777 == 0o600
    return (home / "session").read_text()


def test_the_account_s_session_alone_is_taken(home: Path) -> None:
    firefox(home, default=[*OTHERS, Cookie("12_secret_session")])
    assert taken(home, "firefox") == "PHPSESSID=12_secret_session\n"


def test_a_browser_that_runs_is_read_too(home: Path) -> None:
    """It holds its database, and what it wrote last is in the file beside it."""
    firefox(home, default=[Cookie("12_secret_session")])
    with closing(sqlite3.connect(home / FIREFOX / "k30x.default" / "cookies.sqlite", isolation_level=None)) as running:
        running.execute("PRAGMA locking_mode=EXCLUSIVE")
        running.execute("UPDATE moz_cookies SET value = '12_secret_renewed'")
        running.execute("BEGIN EXCLUSIVE")
        assert taken(home, "firefox") == "PHPSESSID=12_secret_renewed\n"


def test_of_several_profiles_the_one_with_an_account_is_taken(home: Path) -> None:
    firefox(home, default=[VISITOR], work=[Cookie("12_secret_session")], old=[Cookie("13_secret_old", lives=-60)])
    assert taken(home, "firefox") == "PHPSESSID=12_secret_session\n"


def test_of_several_accounts_one_must_be_named(home: Path) -> None:
    firefox(home, default=[Cookie("12_secret_session")], work=[Cookie("13_secret_session")])
    assert (
        refusal(home, "firefox")
        == "2 profiles of firefox are signed in to pixiv (default, work): say which, as in --from-browser 'firefox:default'"
    )
    assert (
        refusal(home, "firefox:home") == "--from-browser: firefox has no single profile 'home': there are default, work"
    )
    assert taken(home, "firefox:work") == "PHPSESSID=13_secret_session\n"


def test_containers_are_said(home: Path) -> None:
    firefox(home, default=[Cookie("12_secret_session"), Cookie("13_secret_session", origin="^userContextId=2")])
    assert refusal(home, "firefox").startswith("firefox holds more than one session of pixiv in its profile default")


@pytest.mark.parametrize("cookies", [[], OTHERS, [VISITOR], [Cookie("12_secret_session", lives=-60)]])
def test_nobody_signed_in_is_said(home: Path, cookies: list[Cookie]) -> None:
    firefox(home, default=cookies)
    assert refusal(home, "firefox").startswith("nobody is signed in to pixiv in firefox: sign in at www.pixiv.net")


def test_what_cannot_be_read_is_said(home: Path) -> None:
    firefox(home, default=[Cookie("12_secret_session")])
    (home / FIREFOX / "k30x.default" / "cookies.sqlite").write_bytes(b"no database " * 100)
    line = refusal(home, "firefox")
    assert line.startswith("firefox cannot be read (")
    assert line.endswith(": close it and try again, or run setup without --from-browser and paste the session")


def test_a_browser_that_is_not_there_is_said(home: Path) -> None:
    assert refusal(home, "chrome").startswith("no profile of chrome was found here: sign in to pixiv in it, or ")
    assert refusal(home, "firefux").startswith("--from-browser: 'firefux' cannot be read; did you mean firefox? ")
    assert refusal(home, "firefox:work") == "--from-browser: firefox has no single profile 'work': it has none here"


def test_without_the_extra_it_is_said_what_to_install(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rookie_cookies", None)
    assert refusal(home, "firefox").startswith(
        "--from-browser needs rookie-cookies: pip install 'pixivcrawl[browser]'; or run setup without it"
    )


def test_the_session_comes_from_one_place_alone(home: Path) -> None:
    run = type_pixivcrawl("setup", "--from-browser", "firefox", "--visitor")
    assert run.code == 2
    assert "not allowed with argument --from-browser" in run.err
