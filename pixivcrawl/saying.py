"""What a run says to people: on standard error, because standard output belongs to what they asked for."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

SECONDS_BETWEEN = 5.0
"""Between two lines that say how far a command is."""

_QUIET: list[bool] = []


def be_quiet() -> None:
    """From now on only errors are said."""
    _QUIET.append(True)


def is_quiet() -> bool:
    return bool(_QUIET)


def say(text: str) -> None:
    """A line or several. A run goes on when its reader has seen enough."""
    if not _QUIET:
        complain(text)


def complain(text: str) -> None:
    """As `say`, of an error."""
    try:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except BrokenPipeError:
        # What is still in the stream's buffer, and what follows, goes nowhere.
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), sys.stderr.fileno())


class ProgressLines:
    """Says how far a command is, once in a while."""

    def __init__(self) -> None:
        self._said = time.monotonic()

    def __call__(self, how_far: str) -> None:
        if time.monotonic() - self._said >= SECONDS_BETWEEN:
            self._said = time.monotonic()
            say(f"pixivcrawl: {how_far}")
