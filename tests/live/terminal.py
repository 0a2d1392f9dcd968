"""A process at a terminal of its own, and what a person would see there: it knows the few codes that a plain terminal acts on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from collections.abc import Callable
from typing import IO

from tests.live.running import PROJECT

KIND = {"TERM": "xterm-256color"}

CODE = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])")


class Screen:
    """Lines of `width` columns, without end; raises AssertionError for a code that it does not know, so that nothing is overlooked."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.lines: list[list[str]] = [[]]
        self.row = self.column = 0
        self.cursor_is_shown = True
        self.coloured = False
        self._rest = ""

    def feed(self, text: str) -> None:
        text, self._rest = self._rest + text, ""
        place = 0
        while place < len(text):
            if text[place] != "\x1b":
                self._put(text[place])
                place += 1
            elif found := CODE.match(text, place):
                self._obey(found[1], found[2])
                place = found.end()
            else:
                assert len(text) - place < 12, repr(text[place : place + 20])
                self._rest = text[place:]
                return

    @property
    def shown(self) -> list[str]:
        return ["".join(line).rstrip() for line in self.lines]

    def _obey(self, number: str, code: str) -> None:
        match code:
            case "m":
                self.coloured |= any(30 <= int(each) <= 107 for each in number.split(";") if each)
            case "A":
                self.row = max(0, self.row - int(number or 1))
            case "K":
                assert number == "2"
                self.lines[self.row] = []
            case "h" | "l":
                assert number == "?25"
                self.cursor_is_shown = code == "h"
            case _:
                raise AssertionError(f"unknown: {number}{code}")

    def _put(self, character: str) -> None:
        if character == "\r":
            self.column = 0
            return
        if character == "\n":
            self._next_row()
            return
        assert unicodedata.category(character) != "Cc", repr(character)
        columns = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self.column + columns > self.width:
            self.column = 0
            self._next_row()
        line = self.lines[self.row]
        line += [" "] * (self.column + columns - len(line))
        line[self.column : self.column + columns] = [character, *[""] * (columns - 1)]
        self.column += columns

    def _next_row(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append([])


class Terminal:
    """`scrapy ...` at a terminal; used within a `with` block, which ends the process. `stdout` may be a file instead."""

    def __init__(
        self, *command: str, env: dict[str, str], width: int = 100, height: int = 30, stdout: IO[bytes] | None = None
    ) -> None:
        self.screen = Screen(width)
        self.raw = ""
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

        def make_it_its_own() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            [sys.executable, "-m", "scrapy", *command],
            cwd=PROJECT,
            env=KIND | env,
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=make_it_its_own,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def shown(self) -> str:
        return "\n".join(self.screen.shown)

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def watch_until(self, happened: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not happened():
            assert time.monotonic() < deadline, self.shown
            self._read(0.1)

    def watch_to_the_end(self, seconds: float = 30) -> int:
        """The exit code, once everything that the process wrote has been seen."""
        deadline = time.monotonic() + seconds
        while self._read(0.2) or self.process.poll() is None:
            assert time.monotonic() < deadline, self.shown
        return self.process.wait()

    def _read(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            came = os.read(self._ours, 1 << 16).decode(errors="surrogateescape")
        except OSError:
            # So Linux says that nobody has the other end open any more.
            return False
        self.raw += came
        self.screen.feed(came)
        return bool(came)
