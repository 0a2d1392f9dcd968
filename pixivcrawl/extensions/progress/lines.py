"""Lines that fit a terminal: a progress bar and what is beside it.

By hand, because the columns of `rich.progress` shrink all together, where here the least important parts are left out first.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.text import Text

SHORTEST, LONGEST = 8, 40
"""Columns of a bar."""

LEAST_NAME = 6
"""Columns of a name that is shortened to make room."""

NARROW = 60
"""Columns below which numbers come before a bar."""


def bar_line(parts: Sequence[str], done: int, total: int | None, width: int) -> Text:
    """A name, a bar if there is room and something known to fill it with, the first of the other parts, and as many more as fit."""
    name, *others = parts
    dot = " · " if _can_show("·") else ", "
    room = width - cell_len(_shortened(name, LEAST_NAME)) - 1 - (SHORTEST + 1) * bool(total and width >= NARROW)
    shown = others[:1]
    for part in others[1:]:
        if cell_len(dot.join([*shown, part])) > room:
            break
        shown.append(part)
    beside = dot.join(shown)
    name = _shortened(name, max(1, width - cell_len(beside) - 1))
    room = min(LONGEST, width - cell_len(name) - cell_len(beside) - 2)
    line = Text(f"{name} ", no_wrap=True)
    if total and room >= SHORTEST:
        full, empty = ("━", "─") if _can_show("━─") else ("#", "-")
        filled = min(room, room * done // total)
        line.append(full * filled, style="green").append(empty * (room - filled), style="bright_black").append(" ")
    line.append(_plain(beside))
    line.truncate(width)
    return line


def text_line(text: str, width: int) -> Text:
    return Text(_shortened(text, width), no_wrap=True, style="yellow")


def _shortened(text: str, width: int) -> str:
    """The text in at most this many columns; wide characters take two."""
    text = _plain(text)
    if cell_len(text) <= width:
        return text
    end = "…" if _can_show("…") else "."
    return f"{set_cell_size(text, width - 1).rstrip()}{end}" if width > 1 else set_cell_size(text, max(0, width))


def _plain(text: str) -> str:
    """The text with question marks for what the terminal's encoding cannot show: an escape would be wider than it looks here."""
    encoding = sys.stderr.encoding or "utf-8"
    return text.encode(encoding, "replace").decode(encoding)


def _can_show(characters: str) -> bool:
    return _plain(characters) == characters
