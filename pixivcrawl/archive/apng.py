"""Proves the animation of a PNG: its frames are checked like its pixels, but a fault in them is only a flaw if the still is whole."""

from __future__ import annotations

import struct

from pixivcrawl.api.text import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import TOTAL_SHARE, add_flaw
from pixivcrawl.archive.png_rows import Coding, Rows

_FRAME = struct.Struct(">5I2H2B")


class Animation:
    """What the acTL, fcTL and fdAT chunks say, read in order. A chunk with a correct checksum is as its maker wrote it."""

    def __init__(self, width: int, height: int, coding: Coding, max_pixels: int, flaws: list[str]) -> None:
        self.whole_frames = 0
        self._flaws = flaws
        self._size = (width, height)
        self._coding = coding
        self._pixels_left = max_pixels * TOTAL_SHARE
        self._promised: int | None = None
        self._frames = 0
        self._next_number = 0
        self._rows: Rows | None = None

    def promise(self, body: bytes, *, behind_pixels: bool) -> None:
        """acTL: the number of frames."""
        if behind_pixels or self._promised is not None:
            add_flaw(self._flaws, "its animation is announced where no acTL chunk belongs")
        else:
            self._promised = int.from_bytes(body[:4], "big")

    def begin_frame(self, body: bytes, *, behind_pixels: bool) -> None:
        """fcTL: the position of a frame, whose pixels follow. Before the still's pixels it makes them the first frame."""
        self._end_frame()
        number, width, height, x, y, *_ = _FRAME.unpack(body)
        self._frames += 1
        self._follow(number)
        if not behind_pixels:
            if (width, height) == self._size and self._frames == 1:
                self.whole_frames += 1
        elif 0 < width <= self._size[0] - x and 0 < height <= self._size[1] - y:
            self._pixels_left -= width * height
            if self._pixels_left < 0:
                raise Damaged(f"its animation has too many pixels after {plural(self._frames, 'frame')}", "bomb")
            self._rows = Rows(self._coding.passes(width, height))

    def feed(self, piece: bytes, *, begins: bool) -> None:
        """fdAT: some of a frame's pixels, after the chunk's number. A frame that cannot be inflated is not whole."""
        if begins:
            self._follow(int.from_bytes(piece[:4], "big"))
            piece = piece[4:]
        if self._rows is None:
            return
        try:
            self._rows.feed(piece)
        except Damaged:
            self._rows = None

    def finish(self) -> None:
        """All chunks have been read."""
        self._end_frame()
        promised = self._promised or 0
        self.is_whole = self.whole_frames == self._frames == promised and self._promised != 0
        if not self.is_whole:
            add_flaw(self._flaws, f"has {plural(self.whole_frames, 'whole frame')} where it promises {promised:,}")

    def _end_frame(self) -> None:
        if self._rows is not None and self._rows.are_whole:
            self.whole_frames += 1
            add_flaw(self._flaws, self._rows.flaw)
        self._rows = None

    def _follow(self, number: int) -> None:
        if number != self._next_number:
            add_flaw(self._flaws, "the parts of its animation are not numbered in their order")
        self._next_number = number + 1
