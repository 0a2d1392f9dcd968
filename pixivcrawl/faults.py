"""Reports bugs in pixivcrawl: an uncaught exception gets one line, a file with the details, and exit code 70.

Never 1, which timers and queues take for a run that finished with works left to do.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path

from scrapy.exceptions import DownloadFailedError, DropItem, IgnoreRequest

from pixivcrawl.errors import FeedFailed, PixivcrawlError

EXIT_CODE = 70
"""EX_SOFTWARE of BSD's sysexits.h."""

_OURS = ("scrapy", "twisted", "asyncio", "pixivcrawl", "pipelines")
"""Whose log tells of exceptions that nobody caught: Scrapy logs those of callbacks, pipelines, extensions and `start()`, and goes on."""

_FEEDS = "scrapy.extensions.feedexport"
"""Whose log tells of feeds that could not be stored."""

_LOGIN = re.compile(r"//[^/\s]*@")


class Watch(logging.Handler):
    """Notices the exceptions that Scrapy, Twisted and asyncio catch and only log; `first` is the first, bugs before feeds that failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.first: BaseException | None = None

    def emit(self, record: logging.LogRecord) -> None:
        # A feed that failed hides no bug.
        if self.first is None or isinstance(self.first, FeedFailed):
            self.first = fault_in(record) or self.first

    def begin(self) -> None:
        """Start listening, and keep tracebacks off the terminal, where they would bury the one line, unless they are asked for."""
        root = logging.getLogger()
        root.addHandler(self)
        for handler in root.handlers:
            if type(handler) is logging.StreamHandler and not _is_asked_for():
                handler.addFilter(is_no_fault)

    def end(self) -> None:
        logging.getLogger().removeHandler(self)


def fault_in(record: logging.LogRecord) -> BaseException | None:
    """The exception in a log record that is a bug of ours, or FeedFailed for a feed that could not be stored; None if there is none."""
    error = record.exc_info[1] if record.exc_info else None
    if record.levelno < logging.ERROR or error is None or record.name.split(".")[0] not in _OURS or not is_fault(error):
        return None
    if record.name == _FEEDS:
        what = without_login(f"{record.getMessage()}: {' '.join(str(error).split())[:200]}")
        return FeedFailed(f"{what}: the archive has what it was to hold; see to its place, or leave the feed out")
    # A connection that breaks while nobody waits for it is no fault of ours.
    return None if record.name == "asyncio" and isinstance(error, OSError) else error


def without_login(text: str) -> str:
    """A text without the users and passwords in its addresses."""
    return _LOGIN.sub("//", text)


def is_no_fault(record: logging.LogRecord) -> bool:
    return fault_in(record) is None


def is_fault(error: BaseException) -> bool:
    """Whether an exception is neither ours nor Scrapy's own, nor an interruption."""
    words = (PixivcrawlError, IgnoreRequest, DropItem, DownloadFailedError)
    return isinstance(error, Exception) and not isinstance(error, words)


def report_fault(error: BaseException) -> int:
    """Print a fault's one line and keep its details; returns the exit code."""
    details = "".join(traceback.format_exception(error))
    if _is_asked_for():
        sys.stderr.write(details)
    try:
        where = f"the details are in {_keep(details)}"
    except (OSError, RuntimeError):
        # Nobody can tell where the home of a user lies whom the system does not know.
        sys.stderr.write(details)
        where = "the details are above"
    what = type(error).__name__
    line = f"pixivcrawl: this is a bug in pixivcrawl ({what}), not your mistake: {where}; report it, then run the same command again\n"
    sys.stderr.write(line)
    sys.stderr.flush()
    return EXIT_CODE


def _is_asked_for() -> bool:
    """Whether the command line sets a log level (-L), and so asks for tracebacks."""
    return any(word.startswith(("-L", "--loglevel")) for word in sys.argv)


def _keep(details: str) -> Path:
    """Write the details to the user's state folder, because not every command has an archive, readable only by the user, because exceptions
    may contain private data.
    """
    from platformdirs import user_state_path  # only here: most runs have no faults

    from pixivcrawl import __version__

    folder = user_state_path("pixivcrawl", appauthor=False) / "faults"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"{now:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}.txt"
    version = (
        f"pixivcrawl {__version__}, Python {platform.python_version()}, {platform.platform()}, {now:%Y-%m-%d %H:%M:%S}Z"
    )
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(f"{version}\n{details}", encoding="utf-8", errors="backslashreplace")
    return path
