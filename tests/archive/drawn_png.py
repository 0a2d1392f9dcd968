"""PNG files of every kind, written straight from the specification: nothing here is taken from our own tables."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

KINDS = (
    *((0, depth) for depth in (1, 2, 4, 8, 16)),
    *((3, depth) for depth in (1, 2, 4, 8)),
    *((colour, depth) for colour in (2, 4, 6) for depth in (8, 16)),
)
"""Table 11.1: colour types and the bits of a sample that each may have."""

SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}

ADAM7 = ("16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777")
"""Chapter 8.2 draws it so: the number of the pass in which each pixel of a square of eight is sent."""


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(header: bytes, *chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(chunks) + chunk(b"IEND", b"")


def png_header(width: int, height: int, depth: int = 8, colour: int = 0, interlace: int = 0) -> bytes:
    return struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)


def palette(colours: int) -> bytes:
    return chunk(b"PLTE", bytes(3 * colours))


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture's samples, and the filtered rows in which they are sent."""

    width: int
    height: int
    colour: int
    depth: int
    interlaced: bool
    pixels: list[list[tuple[int, ...]]]
    rows: list[bytes]

    @property
    def header(self) -> bytes:
        return png_header(self.width, self.height, self.depth, self.colour, int(self.interlaced))

    def png(self, rows: Iterable[bytes] | None = None) -> bytes:
        stream = zlib.compress(b"".join(self.rows if rows is None else rows), 1)
        colours = [palette(1 << self.depth)] if self.colour == 3 else []
        return png_of(self.header, *colours, chunk(b"IDAT", stream))

    def shown(self) -> bytes:
        """The samples as a viewer with bytes for channels has them: small ones stretched, of large ones the upper half."""
        samples = (sample for row in self.pixels for pixel in row for sample in pixel)
        if self.depth == 16:
            return bytes(sample >> 8 for sample in samples)
        stretch = 1 if self.colour == 3 else 255 // ((1 << self.depth) - 1)
        return bytes(sample * stretch for sample in samples)


def drawn(
    width: int, height: int, colour: int, depth: int, *, interlaced: bool, filters: Sequence[int] = range(5)
) -> Drawing:
    dice = random.Random(f"{width} {height} {colour} {depth} {interlaced}")
    values = [dice.getrandbits(depth) for _ in range(width * height * SAMPLES[colour])]
    samples = iter(values)
    pixels = [[tuple(next(samples) for _ in range(SAMPLES[colour])) for _ in range(width)] for _ in range(height)]
    step = max(1, depth * SAMPLES[colour] // 8)
    rows = [row for part in _passes(pixels, interlaced) for row in _filtered(part, depth, step, dice, filters)]
    return Drawing(width, height, colour, depth, interlaced, pixels, rows)


def _passes(pixels: list[list[tuple[int, ...]]], interlaced: bool) -> Iterator[list[list[tuple[int, ...]]]]:
    if not interlaced:
        yield pixels
        return
    for number in "1234567":
        part = [[pixel for x, pixel in enumerate(row) if ADAM7[y % 8][x % 8] == number] for y, row in enumerate(pixels)]
        yield [row for row in part if row]


def _filtered(
    rows: Sequence[Sequence[tuple[int, ...]]], depth: int, step: int, dice: random.Random, filters: Sequence[int]
) -> Iterator[bytes]:
    above = b""
    for row in rows:
        line = _packed(row, depth)
        kind = dice.choice(filters)
        yield bytes([kind, *_subtracted(line, above.rjust(len(line), b"\0"), kind, step)])
        above = line


def _packed(row: Sequence[tuple[int, ...]], depth: int) -> bytes:
    samples = [sample for pixel in row for sample in pixel]
    if depth >= 8:
        return b"".join(sample.to_bytes(depth // 8, "big") for sample in samples)
    bits = "".join(f"{sample:0{depth}b}" for sample in samples)
    size = -(-len(bits) // 8)
    return int(bits.ljust(8 * size, "0"), 2).to_bytes(size, "big")


def _subtracted(line: bytes, above: bytes, kind: int, step: int) -> bytes:
    """Chapter 9.2: from each byte what its neighbours foretell."""
    left, corner = ((bytes(step) + row)[: len(line)] for row in (line, above))
    match kind:
        case 0:
            return line
        case 1:
            foretold: Iterable[int] = left
        case 2:
            foretold = above
        case 3:
            foretold = ((a + b) // 2 for a, b in zip(left, above, strict=True))
        case _:
            foretold = map(_paeth, left, above, corner)
    return bytes((byte - guess) % 256 for byte, guess in zip(line, foretold, strict=True))


def _paeth(left: int, above: int, corner: int) -> int:
    by_left, by_above, by_corner = abs(above - corner), abs(left - corner), abs(left + above - 2 * corner)
    if by_left <= by_above and by_left <= by_corner:
        return left
    return above if by_above <= by_corner else corner
