"""Lines that stay at the bottom of a terminal, while everything else that is written appears above them."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TextIO, cast

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pixivcrawl.extensions.progress.terminal import forget, note

FREE_COLUMNS = 3
"""Columns that stay free: in a full line, the ^C that a terminal shows for Ctrl-C would begin another line."""

DEFAULT_SIZE = (80, 24)
"""Columns and lines of a terminal that does not say."""


class LiveFooter:
    """`draw` returns the lines from the top, for a width in columns; none of them may be wider.

    From `put_up` to `take_down` standard error shows them, and what is written to it, or to a standard output that is the same
    terminal, line by line above them; also by another thread.
    """

    def __init__(self, draw: Callable[[int], Sequence[Text]]) -> None:
        self.height = 0
        self.is_up = False
        self._draw = draw
        self._lock = threading.RLock()
        self._streams: dict[str, TextIO] = {}
        self._console = Console(
            file=sys.stderr, force_terminal=True, force_interactive=True, force_jupyter=False, highlight=False
        )
        self._live = Live(
            console=self._console,
            get_renderable=self._drawn,
            auto_refresh=False,
            transient=True,
            # They would send standard output to standard error, and break long lines.
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )

    def put_up(self) -> None:
        with self._lock:
            note(self)
            self._live.start()
            self.is_up = True
            terminal = sys.stderr
            for name in ("stdout", "stderr"):
                stream = getattr(sys, name)
                if _is_same(stream, terminal):
                    self._streams[name] = stream
                    setattr(sys, name, cast("TextIO", FooterStream(self, stream)))
            _let_logs_write_to(sys.stderr, instead_of=terminal)
            self._live.refresh()

    def take_down(self) -> None:
        """Remove the lines; harmless if they are not there."""
        with self._lock:
            if not self.is_up:
                return
            self.is_up = False
            forget(self)
            for name, stream in self._streams.items():
                above = getattr(sys, name)
                if isinstance(above, FooterStream):
                    setattr(sys, name, stream)
                    _let_logs_write_to(stream, instead_of=above)
                    with suppress(OSError):
                        above.flush()
            with suppress(OSError):
                self._live.stop()

    def refresh(self) -> None:
        with self._lock, suppress(OSError):
            if self.is_up:
                self._live.refresh()

    def write_above(self, lines: str) -> None:
        """Write whole lines, without the last one's end; the terminal wraps those that are too long."""
        # A terminal that is gone takes nothing any more; that is no reason to end.
        with self._lock, suppress(OSError):
            self._console.print(Text(lines), soft_wrap=True)

    def _drawn(self) -> Text:
        if not self.is_up:
            return Text()
        columns, height = self._console.size = self._size()
        lines = self._draw(columns - FREE_COLUMNS)[: max(1, height - 1)]
        self.height = len(lines)
        return Text("\n", no_wrap=True, overflow="crop").join(lines)

    def _size(self) -> tuple[int, int]:
        """The size of the terminal itself, whatever COLUMNS says: wider text would break the lines."""
        try:
            columns, height = os.get_terminal_size(sys.stderr.fileno())
        except OSError:
            # It was closed meanwhile.
            return DEFAULT_SIZE
        # A terminal without a known size says 0.
        return columns or DEFAULT_SIZE[0], height or DEFAULT_SIZE[1]


class FooterStream:
    """A stream of the terminal that has a footer; once that is taken down, the stream itself."""

    def __init__(self, foot: LiveFooter, stream: TextIO) -> None:
        self._footer = foot
        self._stream = stream
        self._begun = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        if not self._footer.is_up:
            return self._stream.write(text)
        lines, end, begun = (self._begun + text).rpartition("\n")
        self._begun = begun
        if end:
            self._footer.write_above(lines)
        return len(text)

    def writelines(self, lines: Sequence[str]) -> None:
        self.write("".join(lines))

    def flush(self) -> None:
        """Hold back an unfinished line until it ends or the footer is taken down."""
        if self._begun and not self._footer.is_up:
            begun, self._begun = self._begun, ""
            self._stream.write(begun)
        self._stream.flush()


def _is_same(stream: TextIO, terminal: TextIO) -> bool:
    try:
        return stream.isatty() and os.path.sameopenfile(stream.fileno(), terminal.fileno())
    except (OSError, ValueError):
        return False


def _let_logs_write_to(stream: TextIO, *, instead_of: TextIO | FooterStream) -> None:
    for handler in logging.root.handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is instead_of:
            handler.setStream(stream)
