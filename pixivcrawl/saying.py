"""Messages to people, on standard error, because standard output belongs to what they asked for."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

SECONDS_BETWEEN = 5.0
"""Seconds between two progress lines."""

_QUIET: list[bool] = []


def be_quiet() -> None:
    """From now on print only errors."""
    _QUIET.append(True)


def is_quiet() -> bool:
    return bool(_QUIET)


def say(text: str) -> None:
    """Print one or more lines. A run continues when nobody reads them any more."""
    if not _QUIET:
        complain(text)


def complain(text: str) -> None:
    """Print an error."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        # What is still in the stream's buffer, and what follows, goes nowhere.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stderr.fileno())


class HowFar:
    """Prints how far a command is, every few seconds."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, how_far: str) -> None:
        if time.monotonic() - self._said >= SECONDS_BETWEEN:
            self._said = time.monotonic()
            say(f"pixivcrawl: {how_far}")
