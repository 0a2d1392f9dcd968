"""How far a command is, and what its terminal's footer shows, for code that has to remove it.

What every command imports is kept apart here from what shows it.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Protocol

SHOW_CURSOR = "\x1b[?25h"


@dataclass(frozen=True, slots=True)
class OverallProgress:
    """How far a command with several crawls is: how many are done, and the seconds that those which have not begun will take, if known.

    `current` is what a person calls the one that is under way.
    """

    command: str
    done: int
    total: int
    current: str
    seconds_left: float | None = None


class Footer(Protocol):
    """Lines on a terminal, by their number."""

    height: int

    def take_down(self) -> None: ...


_STANDING: list[Footer] = []


def note(foot: Footer) -> None:
    _STANDING.append(foot)


def forget(foot: Footer) -> None:
    if foot in _STANDING:
        _STANDING.remove(foot)


def put_away() -> None:
    """Remove whatever is still shown; for the end of a process."""
    for foot in [*_STANDING]:
        foot.take_down()


def erased() -> str:
    """What to write to the terminal to remove the footer, usable in a signal handler, where nothing can be waited for; empty if there is
    none.
    """
    return "".join("\r\x1b[2K" + "\x1b[1A\x1b[2K" * (foot.height - 1) + SHOW_CURSOR for foot in _STANDING)


def is_terminal() -> bool:
    """Whether standard error is a terminal on which a line can be redrawn."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
