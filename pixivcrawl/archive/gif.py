"""The proof of a GIF: every block up to the trailer, and every frame decoded by itself."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from PIL.GifImagePlugin import GifImageFile

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import (
    Picture,
    decoder_memory,
    open_with_pillow,
    pillow_complaints,
    refuse_bomb,
)
from pixivcrawl.archive.verdict import Limits

_INTERLACED = 0x40
_TOTAL_SHARE = 10
"""All frames of an animation together may have this many times the pixels of one picture's limit."""


@dataclass(frozen=True, slots=True)
class _Frame:
    width: int
    height: int
    interlaced: bool
    data: memoryview

    def alone(self) -> bytes:
        """A GIF of this frame only, without colours: its decoder cannot run on into what follows."""
        size = struct.pack("<HH", self.width, self.height)
        flags = _INTERLACED if self.interlaced else 0
        return b"".join((b"GIF89a", size, bytes(3), b",", bytes(4), size, bytes([flags]), self.data, b";"))


def prove_gif(data: bytes, limits: Limits) -> Picture:
    """Walk all blocks and decode all frames; memory is that of one frame. Raises `Damaged`.

    Bytes behind the trailer are not judged.
    """
    if len(data) < 13:
        raise Damaged("is cut short: a GIF without its header", "cut short")
    max_pixels = limits.max_pixels
    width, height = struct.unpack_from("<HH", data, 6)
    refuse_bomb(width, height, max_pixels)
    frames, pixels = 0, 0
    for frame in _frames(data):
        refuse_bomb(frame.width, frame.height, max_pixels)
        frames += 1
        pixels += frame.width * frame.height
        if pixels > max_pixels * _TOTAL_SHARE:
            raise Damaged(f"its frames have more than {max_pixels * _TOTAL_SHARE:,} pixels together", "bomb")
        _decode(frame, frames)
    if not frames:
        raise Damaged("is a GIF without a picture", "broken")
    image = open_with_pillow(GifImageFile, io.BytesIO(data))
    return Picture(image.width, image.height, frames)


def _decode(frame: _Frame, number: int) -> None:
    with decoder_memory(frame.width * frame.height):
        try:
            with pillow_complaints():
                GifImageFile(io.BytesIO(frame.alone())).load()
        except Damaged as damage:
            raise Damaged(f"frame {number}: {damage.reason}", damage.kind) from damage


def _frames(data: bytes) -> Iterator[_Frame]:
    position = 13 + _colours(data[10])
    while True:
        match _byte(data, position):
            case 0x3B:  # the trailer
                return
            case 0x21:  # an extension
                position = _after_blocks(data, position + 2)
            case 0x2C:  # a frame
                width, height, flags = struct.unpack("<HHB", _part(data, position + 5, 5))
                start = position + 10 + _colours(flags)
                position = _after_blocks(data, start + 1)
                yield _Frame(width, height, bool(flags & _INTERLACED), memoryview(data)[start:position])
            case _:
                raise Damaged(f"has no block where one begins, at byte {position:,}", "broken")


def _colours(flags: int) -> int:
    """Bytes of the colour table that a screen's or a frame's flags announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    while length := _byte(data, position):
        position += 1 + length
    return position + 1


def _byte(data: bytes, position: int) -> int:
    return _part(data, position, 1)[0]


def _part(data: bytes, position: int, size: int) -> bytes:
    part = data[position : position + size]
    if len(part) < size:
        raise Damaged("is cut short: a GIF without its trailer", "cut short")
    return part
