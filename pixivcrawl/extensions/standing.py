"""Whether there is a terminal to stand at the foot of, and what stands there now, for one who must be rid of it at once."""

from __future__ import annotations

import os
import sys
from typing import Protocol

SHOW_CURSOR = "\x1b[?25h"


class Standing(Protocol):
    """Lines on a terminal: how many."""

    height: int


_STANDING: list[Standing] = []


def note(foot: Standing) -> None:
    _STANDING.append(foot)


def forget(foot: Standing) -> None:
    if foot in _STANDING:
        _STANDING.remove(foot)


def erased() -> str:
    """What to write to the terminal, in a signal handler too, where nothing can be waited for; empty where nothing stands there."""
    return "".join("\r\x1b[2K" + "\x1b[1A\x1b[2K" * (foot.height - 1) + SHOW_CURSOR for foot in _STANDING)


def is_terminal() -> bool:
    """Whether standard error is a terminal on which a line can be drawn anew."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")
