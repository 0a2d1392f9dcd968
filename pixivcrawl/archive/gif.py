"""Proves a GIF: every block up to the trailer, and every frame decoded on its own."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

from PIL.GifImagePlugin import GifImageFile

from pixivcrawl.api.text import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import (
    TOTAL_SHARE,
    Picture,
    add_flaw,
    decode_with_pillow,
    joined,
    pillow_memory,
    refuse_memory,
    refuse_pixels,
)
from pixivcrawl.archive.verdict import Limits

_SIGNATURE_BYTES = 6
_SCREEN = struct.Struct("<2H3B")
_FRAME = struct.Struct("<4HB")
_CODE_SIZES = range(1, 9)
"""Bits of the first codes of a frame: as many as a colour's number has, and never more than eight."""

_CONTROL, _CONTROL_BYTES = 0xF9, 4

_MOST_ZEROS = 511
"""Zeros between two blocks that an encoder may have left there; as many as a disk's sector has are a hole."""


def prove_gif(source: BinaryIO, limits: Limits) -> Picture:
    """Walk all blocks and decode all frames; `source` was sniffed as a GIF. Raises `Damaged`.

    Memory is that of the largest frame: its data twice, and a byte for each pixel.
    """
    size = source.seek(0, os.SEEK_END)
    source.seek(_SIGNATURE_BYTES)
    gif = _Gif(source, limits)
    while gif.take_block():
        pass
    if trailing := size - source.tell():
        add_flaw(gif.flaws, f"{plural(trailing, 'byte')} after its trailer")
    return Picture(gif.width, gif.height, gif.frames, flaw=joined(gif.flaws))


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame's place on the screen; its data, beginning with the size of its codes, starts at byte `start`."""

    x: int
    y: int
    width: int
    height: int
    start: int
    end: int


class _Gif:
    """What the blocks read so far say."""

    def __init__(self, source: BinaryIO, limits: Limits) -> None:
        self._source = source
        self._limits = limits
        self._pixels_left = limits.max_pixels * TOTAL_SHARE
        self._zeros = 0
        self.frames = 0
        self.flaws: list[str] = []
        self.width, self.height, flags, _, _ = _SCREEN.unpack(_exactly(source, _SCREEN.size))
        if self.width and self.height:
            refuse_pixels(self.width, self.height, limits.max_pixels)
        self._skip_colours(flags)

    def take_block(self) -> bool:
        """Read a block; False if it was the last. Raises `Damaged`."""
        kind = self._source.read(1)
        if kind == b"\0":
            self._zeros += 1
            add_flaw(self.flaws, "zeros stand between its blocks")
            if self._zeros > _MOST_ZEROS:
                raise Damaged(f"has a hole between its blocks, before byte {self._source.tell():,}", "broken")
            return True
        self._zeros = 0
        match kind:
            case b"!":
                label = _exactly(self._source, 1)[0]
                if self._skip_data() != _CONTROL_BYTES and label == _CONTROL:
                    # Browsers show no such file.
                    add_flaw(self.flaws, "what it says of a frame's time and transparency is not 4 bytes long")
            case b",":
                self._take_frame()
            case b";" | b"":
                self._end(has_trailer=bool(kind))
                return False
            case _:
                raise Damaged(f"has no block where one begins, at byte {self._source.tell() - 1:,}", "broken")
        return True

    def _take_frame(self) -> None:
        x, y, width, height, flags = _FRAME.unpack(_exactly(self._source, _FRAME.size))
        self._skip_colours(flags)
        start = self._source.tell()
        code_size = _exactly(self._source, 1)[0]
        data = self._skip_data()
        # At most the codes that clear the table and that end, so that no pixel can have been there.
        is_empty = code_size in _CODE_SIZES and data <= -(-2 * (code_size + 1) // 8)
        if is_empty and not (width and height):
            # Browsers pass over it and show the others.
            add_flaw(self.flaws, "has a frame without pixels")
            return
        frame = _Frame(x, y, width, height, start, self._source.tell())
        self.frames += 1
        try:
            self._prove(frame, code_size)
        except Damaged as damage:
            raise Damaged(f"frame {self.frames}: {damage.reason}", damage.kind) from damage

    def _prove(self, frame: _Frame, code_size: int) -> None:
        if code_size not in _CODE_SIZES:
            raise Damaged(f"has codes of {code_size} bits, which no GIF has", "unknown coding")
        refuse_pixels(frame.width, frame.height, self._limits.max_pixels)
        self._pixels_left -= frame.width * frame.height
        if self._pixels_left < 0:
            raise Damaged(f"with those before it has more than {TOTAL_SHARE} times the limit of pixels", "bomb")
        if not (self.width and self.height):
            self.width, self.height = frame.x + frame.width, frame.y + frame.height
            add_flaw(self.flaws, "has no size except that of its first frame")
        if frame.x + frame.width > self.width or frame.y + frame.height > self.height:
            add_flaw(self.flaws, f"frame {self.frames} reaches beyond the picture")
        needed = 2 * (frame.end - frame.start) + pillow_memory(frame.width, frame.height)
        refuse_memory(needed, self._limits)
        _decode(self._source, frame)

    def _end(self, *, has_trailer: bool) -> None:
        if not self.frames:
            raise Damaged("is a GIF without a picture", "broken") if has_trailer else _cut_short()
        if not has_trailer:
            add_flaw(self.flaws, "has no trailer behind its last block")

    def _skip_colours(self, flags: int) -> None:
        """Skip the colour table that a screen's or a frame's flags announce."""
        if flags & 0x80:
            self._source.seek(3 * (2 << (flags & 7)), os.SEEK_CUR)

    def _skip_data(self) -> int:
        """Skip the blocks of data up to the empty one; returns their bytes."""
        skipped = 0
        while length := _exactly(self._source, 1)[0]:
            self._source.seek(length, os.SEEK_CUR)
            skipped += length
        return skipped


def _decode(source: BinaryIO, frame: _Frame) -> None:
    """Decode a frame as a GIF of its own, so that its decoder cannot run on into what follows.

    Without colours, since a pixel may name one that the table lacks, as the transparent one is in files of Pillow's; and without its
    interlacing, which says where rows belong and not how many there are.
    """
    source.seek(frame.start)
    size = struct.pack("<2H", frame.width, frame.height)
    data = _exactly(source, frame.end - frame.start)
    decode_with_pillow(GifImageFile, b"".join((b"GIF89a", size, bytes(3), b",", bytes(4), size, b"\0", data, b";")))


def _exactly(source: BinaryIO, size: int) -> bytes:
    part = source.read(size)
    if len(part) < size:
        raise _cut_short()
    return part


def _cut_short() -> Damaged:
    return Damaged("is cut short: a GIF that ends within a block", "cut short")
