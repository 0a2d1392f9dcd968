"""How a verification is getting on: a bar on a terminal, else a line a minute, both on standard error."""

from __future__ import annotations

import sys
import time
from typing import Any

LINE_EVERY, BAR_EVERY = 60.0, 0.2
"""Seconds."""


class Shown:
    """Used within a `with` block. `files` and `bytes` are what is to be looked at in all, as far as the ledger knows."""

    def __init__(self, files: int, size: int) -> None:
        self._files, self._bytes = files, size
        self._started = time.monotonic()
        self._bar: Any = None
        self._next = 0.0

    def __enter__(self) -> Shown:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=self._bytes or None)
            self._bar.start()
        else:
            self._next = time.monotonic() + LINE_EVERY
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, files: int, bytes_read: int, findings: int) -> None:
        """Called after every batch; says something only when it is time to."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + (BAR_EVERY if self._bar is not None else LINE_EVERY)
        line = f"verify: {self._state(files, bytes_read)}" + f", {findings:,} findings" * bool(findings)
        if self._bar is not None:
            self._bar.update(self._task, description=line, completed=bytes_read)
        else:
            sys.stderr.write(f"{line}, {now - self._started:.0f} s\n")
            sys.stderr.flush()

    def _state(self, files: int, bytes_read: int) -> str:
        return f"{files:,} of {self._files:,} files, {bytes_read / 1e6:,.1f} of {self._bytes / 1e6:,.1f} MB read"
