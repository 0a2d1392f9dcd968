"""The reader: a session of pixiv's, taken from the environment or a file, and never shown again."""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from scrapy.settings import BaseSettings

from pixivcrawl import config_file
from pixivcrawl.api.text import quoted
from pixivcrawl.cookies import CookieRefused, cookie_header
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.reader import VISITOR, Reader

logger = logging.getLogger(__name__)

ACCOUNTS_OWN = re.compile(r"PHPSESSID=[0-9]+_\w{8,}")
"""pixiv: the session of an account begins with its number; that of a browser where nobody is logged in does not."""

_NAME = re.compile(r"\w[\w-]{0,99}", re.ASCII)
"""What an account may be called: no dot, so that an editor's copy is none, nor a path."""

_LONGEST = 16 * 1024
_OTHERS = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
_NAMED = re.compile(r"(?:^|;)\s*PHPSESSID=([^;]*)")
_SESSION_ID = re.compile(r"[\w%,.-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in reader.

    `cookie` is the value of the Cookie header; `user_id` is None where PHPSESSID does not tell it.
    """

    cookie: str = field(repr=False)
    user_id: int | None

    @property
    def reader(self) -> Reader:
        """Who reads with it. 48 bits of a digest tell sessions apart, and say nothing of the 190 random ones of each."""
        digest = hashlib.blake2b(_NAMED.findall(self.cookie)[0].encode(), digest_size=6, person=b"pixivcrawl")
        return Reader(self.user_id, int.from_bytes(digest.digest()))


def reader_of(session: Session | None) -> Reader:
    """Who reads: nobody without a session."""
    return VISITOR if session is None else session.reader


def introduction(session: Session | None) -> str:
    """Who reads, for a person. An `export` is lost with its terminal, and nothing else would say so."""
    if session is None:
        return "reads as a visitor: no session set (PIXIV_PHPSESSID, PIXIV_COOKIE or PIXIV_COOKIE_FILE), so nobody is signed in"
    if session.user_id is None:
        return "reads as an account whose id its session does not tell"
    return f"reads as account {session.user_id}"


def session_from_settings(settings: BaseSettings) -> Session | None:
    """The session of the account that PIXIV_ACCOUNT names, else that of this process (see `read_session`)."""
    if name := str(settings.get("PIXIV_ACCOUNT") or ""):
        return _session_of_account(settings, name)
    return read_session(os.environ, cookie_file(settings))


def account_names(settings: BaseSettings) -> list[str]:
    """The accounts that have a session in PIXIV_ACCOUNTS."""
    folder = accounts_folder(settings)
    return sorted(file.name for file in folder.glob("*") if _NAME.fullmatch(file.name)) if folder.is_dir() else []


def accounts_folder(settings: BaseSettings) -> Path:
    """Where the sessions of further accounts lie: PIXIV_ACCOUNTS, or beside pixivcrawl.toml."""
    beside = (config_file.found() or Path(config_file.FILE_NAME).absolute()).parent
    return config_file.path_named(settings, "PIXIV_ACCOUNTS") or beside / "accounts"


def _session_of_account(settings: BaseSettings, name: str) -> Session:
    if name not in (known := account_names(settings)):
        there = f"there is {', '.join(map(quoted, known))}" if known else "there is none yet"
        raise ConfigurationError(
            f"PIXIV_ACCOUNT: there is no account {quoted(name)} in {accounts_folder(settings)}: {there}; "
            "put its session into a file of that name, which its owner alone may read"
        )
    file = accounts_folder(settings) / name
    return session_in(_read(file, f"account {name}"), f"account {name}: {file}")


def cookie_file(settings: BaseSettings) -> Path | None:
    """The file that may hold the session; None where none is named."""
    if given := os.environ.get("PIXIV_COOKIE_FILE"):
        settings = BaseSettings({"PIXIV_COOKIE_FILE": given})
    return config_file.path_named(settings, "PIXIV_COOKIE_FILE")


def read_session(environment: Mapping[str, str], cookie_file: Path | None) -> Session | None:
    """The session named by PIXIV_PHPSESSID, else by PIXIV_COOKIE, else by a file; None without any.

    Each may hold it in any form that browsers and their tools give, of which only pixiv's cookies are used. Raises
    ConfigurationError, which never repeats what was given, when the session cannot be used.
    """
    if phpsessid := environment.get("PIXIV_PHPSESSID", "").strip():
        return session_in(phpsessid, "PIXIV_PHPSESSID")
    if header := environment.get("PIXIV_COOKIE", "").strip():
        return session_in(header, "PIXIV_COOKIE")
    if cookie_file is not None:
        return session_in(_read(cookie_file, "PIXIV_COOKIE_FILE"), f"PIXIV_COOKIE_FILE {cookie_file}")
    return None


def session_in(text: str, source: str) -> Session:
    """The session in what a person copied, in whatever form (see `cookies`). Raises ConfigurationError, which begins with `source`."""
    try:
        return _session(cookie_header(text), source)
    except CookieRefused as refused:
        raise ConfigurationError(f"{source}: {refused}") from None


def _session(cookie: str, source: str) -> Session:
    """pixiv: a session is the cookie PHPSESSID, of the form {user id}_{token}."""
    if len(cookie) > _LONGEST or not cookie.isascii() or not cookie.isprintable():
        raise ConfigurationError(f"{source}: holds characters that no cookie has; copy the cookie again, as one line")
    found = [value.strip() for value in _NAMED.findall(cookie)]
    if len(found) != 1 or not _SESSION_ID.fullmatch(found[0]):
        raise ConfigurationError(
            f"{source}: holds no PHPSESSID, or more than one; log in to pixiv in a browser and copy that cookie"
        )
    user_id, separator, _ = found[0].partition("_")
    return Session(cookie, int(user_id) if separator and user_id.isdecimal() and len(user_id) <= 18 else None)


def _read(file: Path, what: str) -> str:
    try:
        with file.open("rb") as opened:
            loose = stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & _OTHERS
            content = opened.read(1 << 20)
    except OSError as error:
        raise ConfigurationError(
            f"{what} {file}: cannot be read ({error.strerror}); name a file that holds the session"
        ) from None
    if loose and os.name == "posix" and not is_credential(file):
        _warn_of_readers(file)
    # What is not text is refused with every other character that no cookie has.
    return content.decode("utf-8-sig", errors="replace")


def is_credential(file: Path) -> bool:
    """A credential of a service: its user may read it by an access list, which the mode shows as a right of the group."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and file.parent == Path(str(folder))


@functools.cache
def _warn_of_readers(file: Path) -> None:
    """Once, although a run reads the file more than once."""
    logger.warning("%s: others can read or change this session; keep them out with: chmod 600 %s", file, file)
