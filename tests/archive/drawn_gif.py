"""GIF files, written straight from the specification: nothing here is taken from our own reader."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterable, Iterator


def screen(width: int, height: int, colour_bits: int = 0) -> bytes:
    """The signature and the logical screen, with a table of so many bits' colours; 0 for none."""
    flags = 0x80 | (colour_bits - 1) if colour_bits else 0
    return b"GIF89a" + struct.pack("<2H3B", width, height, flags, 0, 0) + bytes(_table(colour_bits))


def frame(
    pixels: bytes,
    width: int,
    *,
    x: int = 0,
    y: int = 0,
    bits: int = 8,
    colour_bits: int = 0,
    interlaced: bool = False,
    block: int = 255,
) -> bytes:
    """An image of rows `width` wide, packed into blocks of so many bytes."""
    height = len(pixels) // width
    flags = (0x80 | (colour_bits - 1) if colour_bits else 0) | (0x40 if interlaced else 0)
    rows = [pixels[start : start + width] for start in range(0, len(pixels), width)]
    sent = b"".join(rows[row] for row in _order(height, interlaced))
    place = struct.pack("<4HB", x, y, width, height, flags)
    return b"," + place + bytes(_table(colour_bits)) + bytes([bits]) + blocks(packed(sent, bits), block)


def extension(label: int, *bodies: bytes) -> bytes:
    return bytes([0x21, label]) + b"".join(bytes([len(body)]) + body for body in bodies) + b"\0"


def blocks(data: bytes, size: int = 255) -> bytes:
    parts = (data[start : start + size] for start in range(0, len(data), size))
    return b"".join(bytes([len(part)]) + part for part in parts) + b"\0"


def packed(pixels: bytes, bits: int) -> bytes:
    """Appendix F: the codes of LZW, each as wide as the table has grown by then."""
    codes = b"".join(f"{code:0{width}b}"[::-1].encode() for code, width in _codes(pixels, bits)).decode()
    size = -(-len(codes) // 8)
    return int(codes.ljust(8 * size, "0")[::-1], 2).to_bytes(size, "little")


def _codes(pixels: bytes, bits: int) -> Iterator[tuple[int, int]]:
    clear = 1 << bits
    width = bits + 1
    table = {bytes([pixel]): pixel for pixel in range(clear)}
    free = clear + 2
    yield clear, width
    run = b""
    for pixel in pixels:
        longer = run + bytes([pixel])
        if longer in table:
            run = longer
            continue
        yield table[run], width
        if free < 4096:
            table[longer] = free
            width += free == 1 << width
            free += 1
        else:
            yield clear, width
            width = bits + 1
            table = {bytes([pixel]): pixel for pixel in range(clear)}
            free = clear + 2
        run = bytes([pixel])
    yield table[run], width
    yield clear + 1, width + (free == 1 << width and width < 12)


def _order(height: int, interlaced: bool) -> Iterable[int]:
    """Appendix E: every eighth row, then those between."""
    if not interlaced:
        return range(height)
    return itertools.chain(range(0, height, 8), range(4, height, 8), range(2, height, 4), range(1, height, 2))


def _table(colour_bits: int) -> Iterator[int]:
    dice = random.Random(colour_bits)
    return (dice.randrange(256) for _ in range(3 << colour_bits if colour_bits else 0))
