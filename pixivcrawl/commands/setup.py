"""`pixivcrawl setup`: asks once where the archive is and who reads, and saves it."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import select
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapy.settings import Settings

from pixivcrawl.browsers import session_in_browser
from pixivcrawl.config_file import FILE_NAME, VERSION, expanded, found, own_place, path_named
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.session import ACCOUNTS_OWN, Session, session_in

SESSION_VARIABLES = ("PIXIV_PHPSESSID", "PIXIV_COOKIE", "PIXIV_COOKIE_FILE")

ENDED = re.compile(rb"(^|\n)\s*\n$|\x04$")
"""An empty line, or Ctrl-D."""

PASTED_WITHIN = 0.3
"""Seconds within which the next part of what is pasted has come."""


class Command(ArchiveCommand):
    instead = "paste the session when it asks, or name a file with --cookie-file"
    example = "setup --archive pixiv --visitor"

    def short_desc(self) -> str:
        return "Choose where the archive is and which account reads, and save it"

    def long_desc(self) -> str:
        return (
            "Asks where the archive should be and for your browser's session, asks pixiv once whether the session is valid, and saves "
            f"both: in {FILE_NAME} and, beside it, a file with the session that only you can read. Paste the session in any form: the "
            "value of the cookie PHPSESSID, a Cookie header, a curl line, a cookies.txt or a JSON export. --from-browser reads it from "
            "Firefox, Chrome or another browser, and says what to install for that. The session is never shown, and never read from the "
            "command line, which others can see. Without a terminal it is read from standard input. Run setup again to change either; "
            "--as NAME before it makes a profile for another account. Exit codes: 0 saved; 1 saved, but pixiv could not be asked; "
            "2 something cannot be used; 4 pixiv does not accept the session, and nothing was saved."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--archive", metavar="FOLDER", help="where the archive should be, instead of asking")
        reader = parser.add_mutually_exclusive_group()
        reader.add_argument("--cookie-file", metavar="FILE", help="read the session from FILE, instead of asking")
        reader.add_argument(
            "--from-browser",
            metavar="BROWSER[:PROFILE]",
            help="read the session from a browser on this machine, such as firefox or chrome:Work, instead of asking",
        )
        reader.add_argument("--visitor", action="store_true", help="read without a session")
        parser.add_argument("--offline", action="store_true", help="do not ask pixiv whether the session is valid")
        parser.add_argument("--config", metavar="FILE", help="write to FILE instead of your own configuration")
        parser.add_argument("--as", dest="profile", metavar="NAME", help="write the profile with that name")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        return set_up(settings, opts)


def set_up(settings: Settings, opts: argparse.Namespace) -> int:
    """Ask and check everything before anything is written; returns the exit code."""
    file = expanded(opts.config, "--config") if opts.config else found() or own_place()
    if file is None:
        raise ConfigurationError("your home folder is unknown (is HOME set?): name a file with --config FILE")
    if opts.profile and not re.fullmatch(r"[\w-]+", opts.profile, re.ASCII):
        raise ConfigurationError("--as: name a profile with letters, digits and hyphens")
    winning = [name for name in (*SESSION_VARIABLES, "PIXIVCRAWL_ARCHIVE_DIR") if os.environ.get(name)]
    archive = archive_folder(opts.archive, settings)
    settings.set("ARCHIVE_DIR", str(archive), priority="cmdline")
    Configuration.from_settings(settings)
    if opts.from_browser:
        session: Session | None = session_in_browser(opts.from_browser)
    else:
        session = None if opts.visitor else session_of(opts.cookie_file)
    values = {"archive_dir": str(archive), "pixiv_cookie_file": ""}
    is_settled = True
    if session is not None:
        values["pixiv_cookie_file"] = f"session-{opts.profile}" if opts.profile else "session"
        with draft_of(file.parent / values["pixiv_cookie_file"], f"{session.cookie}\n") as draft:
            is_settled = opts.offline or is_taken(settings, draft, session)
    with draft_of(file, with_values(file, opts.profile, values)):
        pass
    print(f"written: {file}")
    for variable in winning:
        print(f"{variable} in the environment takes precedence: remove it there")
    words = ["pixivcrawl"]
    words += ["--config", str(file)] if opts.config else []
    words += ["--as", opts.profile] if opts.profile else []
    print(
        f"next: {' '.join(words)} {'user ID' if session is None else 'bookmarks me'}, or the address of any pixiv page"
    )
    return 0 if is_settled else 1


def archive_folder(given: str | None, settings: Settings) -> Path:
    """Raises ConfigurationError for a folder that cannot be made or written."""
    if given is None:
        usual = (
            path_named(settings, "ARCHIVE_DIR")
            if settings.get("ARCHIVE_DIR") != "archive"
            else expanded("~/pixiv", "--archive")
        )
        print(f"Where should the archive be? [{usual}] ", end="", flush=True)
        given = (sys.stdin.readline().strip() if sys.stdin.isatty() else "") or str(usual)
        if not sys.stdin.isatty():
            print()
    folder = expanded(given, "--archive")
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigurationError(
            f"{nearest} is not a folder that you may write to: choose another place for the archive"
        )
    return folder


def session_of(file: str | None) -> Session | None:
    """The session that was pasted or is in a file; None if nothing was pasted at a terminal. Raises ConfigurationError with the reason."""
    if file is not None:
        try:
            text, source = Path(file).read_bytes().decode(errors="replace"), file
        except OSError as error:
            raise ConfigurationError(
                f"{file}: cannot be read ({error.strerror}); name a file that holds the session"
            ) from None
    else:
        text, source = pasted(), "what was pasted"
        if not text.strip() and sys.stdin.isatty():
            return None
    session = session_in(text, source)
    if not ACCOUNTS_OWN.search(session.cookie):
        raise ConfigurationError(
            f"{source}: is not an account's session, which begins with the account's number, such as 12345_...; log in to pixiv, then "
            "copy the cookie PHPSESSID"
        )
    return session


def pasted() -> str:
    """What is pasted at a terminal, which does not show it, up to an empty line; otherwise all of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    print(
        "Log in to pixiv in your browser, and copy its cookie PHPSESSID; a Cookie header, a curl line, cookies.txt or JSON works too."
    )
    print(
        "Paste it here (it is not shown) and press Enter twice, or press Enter now to read without a session: ",
        end="",
        flush=True,
    )
    try:
        import termios
    except ImportError:
        # Windows, where a line may be as long as it likes.
        return getpass.getpass("")
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    silent = termios.tcgetattr(terminal)
    # A terminal that edits lines cuts them at 4096 characters, and a header with all cookies can be longer.
    silent[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(terminal, termios.TCSAFLUSH, silent)
    text = b""
    try:
        # An empty line may also stand in the middle of what is pasted, which comes at once.
        while not (ENDED.search(text) and not select.select([terminal], [], [], PASTED_WITHIN)[0]):
            more = os.read(terminal, 65536)
            text += more.replace(b"\r", b"\n") or b"\x04"
    finally:
        termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        print()
    return text.rstrip(b"\x04").decode(errors="replace")


def is_taken(settings: Settings, file: Path, session: Session) -> bool:
    """Whether pixiv accepted the session; False if it could not be asked. Raises AccountRefused."""
    # Only here: they are what a crawl needs.
    from pixivcrawl.doctor.session import ask, check_session
    from pixivcrawl.throttling.account import REFUSED, account_refused

    for variable in SESSION_VARIABLES:
        os.environ.pop(variable, None)
    settings.set("PIXIV_COOKIE_FILE", str(file), priority="cmdline")
    answered = ask(settings)
    if answered.answer is not None and answered.answer.kind in REFUSED:
        raise account_refused(answered.answer)
    finding = check_session(session, answered)
    print(finding)
    return finding.state == "ok"


@contextmanager
def draft_of(file: Path, text: str) -> Iterator[Path]:
    """A file with this text that takes the place of `file` at the end of the block, if that is a good one; for its owner alone.

    A link stays one; what is no file, as /dev/null, is left alone.
    """
    file = file.resolve()
    if file.exists() and not file.is_file():
        raise ConfigurationError(f"{file} is not a file: name another place with --config FILE")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        draft = Path(name)
        try:
            with os.fdopen(number, "w", encoding="utf-8") as opened:
                opened.write(text)
            yield draft
            draft.replace(file)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written ({error.strerror}): name another place with --config FILE"
        ) from None


def with_values(file: Path, profile: str | None, values: dict[str, str]) -> str:
    """The text of the configuration with these values; everything else in it stays."""
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document = tomlkit.parse(file.read_text(encoding="utf-8-sig")) if file.is_file() else tomlkit.document()
        if not document:
            document.add(tomlkit.comment("Settings of pixivcrawl, in lower case; pixivcrawl config shows them all."))
            document["version"] = VERSION
        table = document
        if profile:
            profiles = document.setdefault("profiles", tomlkit.table(is_super_table=True))
            table = profiles.setdefault(profile, tomlkit.table())
        table.update({key: value for key, value in values.items() if value or key in table})
        return tomlkit.dumps(document)
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise ConfigurationError(
            f"{file}: is not valid ({error}); correct it, or name another with --config FILE"
        ) from None
