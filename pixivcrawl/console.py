"""Messages to people, on standard error, because standard output belongs to what they asked for."""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scrapy.settings import BaseSettings

SECONDS_BETWEEN = 5.0
"""Seconds between two progress lines."""

_QUIET: list[bool] = []


def be_quiet() -> None:
    """From now on print only errors."""
    _QUIET.append(True)


def is_quiet() -> bool:
    return bool(_QUIET)


def say(text: str) -> None:
    """Print one or more lines. A run continues when they cannot be written any more."""
    if not _QUIET:
        complain(text)


def complain(text: str) -> None:
    """Print an error."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except OSError:
        # Nobody reads it, or its disk is full: what is still in the stream's buffer, and what follows, goes nowhere.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stderr.fileno())


class ProgressPrinter:
    """Prints how far a command is, every few seconds."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, how_far: str) -> None:
        if time.monotonic() - self._said >= SECONDS_BETWEEN:
            self._said = time.monotonic()
            say(f"pixivcrawl: {how_far}")


def add_quiet(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="print only errors; see the exit code for the result"
    )


def obey_quiet(opts: argparse.Namespace, settings: BaseSettings) -> None:
    """With -q: print only errors, no progress, and log only errors, unless -L asks for more."""
    if not opts.quiet:
        return
    be_quiet()
    settings.set("PROGRESS_ENABLED", value=False, priority="cmdline")
    if not opts.loglevel:
        settings.set("LOG_LEVEL", "ERROR", priority="cmdline")


def show_any_text() -> None:
    """Replace what standard output cannot show (a pipe on Windows, an old locale) by its number; a title must not end the command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
