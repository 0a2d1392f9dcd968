"""Shows the progress of a verification: a bar on a terminal, otherwise a line a minute, both on standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from pixivcrawl.api.text import plural, size, spoken
from pixivcrawl.extensions.progress.terminal import is_terminal

if TYPE_CHECKING:
    from rich.text import Text

    from pixivcrawl.extensions.progress.footer import LiveFooter

LINE_EVERY, BAR_EVERY = 60.0, 0.2
"""Seconds."""


class VerificationProgress:
    """Used within a `with` block. `files` and `size` (bytes) are what is to be looked at in all, as far as the ledger knows."""

    def __init__(self, files: int, size: int, *, is_shown: bool = True) -> None:
        self._files, self._bytes = files, size
        self._is_shown = is_shown
        self._started = time.monotonic()
        self._footer: LiveFooter | None = None
        self._next = 0.0
        self._reached = (0, 0, 0)

    def __enter__(self) -> VerificationProgress:
        if self._is_shown and is_terminal():
            from pixivcrawl.extensions.progress.footer import LiveFooter

            self._footer = LiveFooter(self._lines)
            self._footer.put_up()
        else:
            self._next = time.monotonic() + LINE_EVERY
        return self

    def __exit__(self, *_: object) -> None:
        if self._footer is not None:
            self._footer.take_down()

    def show(self, files: int, bytes_read: int, findings: int) -> None:
        """Called after every batch; shows something only when it is due."""
        now = time.monotonic()
        if now < self._next or not self._is_shown:
            return
        self._next = now + (BAR_EVERY if self._footer is not None else LINE_EVERY)
        self._reached = (files, bytes_read, findings)
        if self._footer is not None:
            self._footer.refresh()
        else:
            sys.stderr.write(f"verify: {', '.join(self._parts())}\n")
            sys.stderr.flush()

    def _lines(self, width: int) -> list[Text]:
        from pixivcrawl.extensions.progress.lines import bar_line

        return [bar_line(["verify", *self._parts()], self._reached[1], self._bytes, width)]

    def _parts(self) -> list[str]:
        files, read, findings = self._reached
        seconds = time.monotonic() - self._started
        left = (self._bytes - read) * seconds / read if read else 0
        return [
            f"{files:,} of {plural(self._files, 'file')}",
            *([f"{plural(findings, 'finding')}"] if findings else []),
            *([f"about {spoken(left)} left"] if left >= 1 else []),
            f"{size(read)} of {size(self._bytes)} read",
            f"{seconds:.0f} s",
        ]
