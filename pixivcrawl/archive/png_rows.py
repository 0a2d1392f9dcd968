"""The rows of a PNG: how many bytes each pass has, and their proof: inflated to the end, looked at and not kept."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from pixivcrawl.archive.damage import Damaged

PIECE = 1 << 18
"""Bytes that are read or inflated at once."""

_MOST_EXCESS = 1 << 16
"""Inflated bytes that some encoders write behind the last row, and viewers ignore."""

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The seven passes of an interlaced PNG: first column, first row, step across, step down."""

_FILTERS = bytes(range(5))
"""The bytes that may stand before a row: each names the way in which it was filtered."""


@dataclass(frozen=True, slots=True)
class Coding:
    """How a PNG's pixels are written: colour type, bits of each channel, and whether in seven passes."""

    colour: int
    depth: int
    interlaced: bool

    def __post_init__(self) -> None:
        if self.depth not in _DEPTHS.get(self.colour, ()):
            raise Damaged(f"has {self.depth} bits of colour type {self.colour}, which no PNG has", "unknown coding")

    def passes(self, width: int, height: int) -> list[tuple[int, int]]:
        """The number of rows of each pass that has columns, and the bytes of one, with the byte that names its filter."""
        sizes = [(width, height)]
        if self.interlaced:
            sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in _ADAM7]
        bits = self.depth * _CHANNELS[self.colour]
        return [(rows, 1 + -(-columns * bits // 8)) for columns, rows in sizes if columns]

    def bytes_of(self, colours: int) -> bytes:
        """The bytes whose pixels name none but the first `colours` of a palette."""
        places = range(0, 8, self.depth)
        return bytes(byte for byte in range(256) if all(byte >> at & (1 << self.depth) - 1 < colours for at in places))


class Rows:
    """One stream of rows. Each piece that is fed is inflated, its filters are looked at, and the bytes are counted."""

    def __init__(self, passes: list[tuple[int, int]]) -> None:
        self._passes = passes
        self._expected = sum(rows * size for rows, size in passes)
        self._count = 0
        self._at_pass = 0
        self._in_pass = 0
        self._inflater = zlib.decompressobj()
        self._unused = False
        self._usual = b""
        self.are_usual = True

    def expect(self, usual: bytes) -> None:
        """Look whether the rows are made of these bytes alone, and none is filtered: `are_usual`."""
        self._usual = usual

    @property
    def are_whole(self) -> bool:
        """All rows are there, and the checksum of their stream was right."""
        return self._inflater.eof and self._count >= self._expected

    @property
    def flaw(self) -> str | None:
        """What viewers ignore: bytes behind the last row, or behind the stream."""
        if self._unused or self._inflater.unused_data or self._count > self._expected:
            return "bytes follow the last of its rows"
        return None

    def feed(self, piece: bytes) -> None:
        """Raises `Damaged`."""
        self._unused = self._unused or bool(piece and self._inflater.eof)
        try:
            while piece and not self._inflater.eof:
                self._look_at(self._inflater.decompress(piece, PIECE))
                piece = self._inflater.unconsumed_tail
        except zlib.error as error:
            raise Damaged(f"the pixels cannot be inflated: {error}", "checksum") from error

    def finish(self) -> None:
        """Raises `Damaged` unless the rows are whole."""
        if not self.are_whole:
            raise Damaged(f"the pixels end after {self._count:,} of {self._expected:,} bytes", "cut short")

    def _look_at(self, inflated: bytes) -> None:
        self._count += len(inflated)
        if self._count > self._expected + _MOST_EXCESS:
            raise Damaged(f"inflates to more than the {self._expected:,} bytes its pixel size needs", "bomb")
        self.are_usual = self.are_usual and not inflated.translate(None, self._usual)
        at = 0
        while at < len(inflated) and self._at_pass < len(self._passes):
            rows, size = self._passes[self._at_pass]
            end = min(len(inflated), at + rows * size - self._in_pass)
            first = at + -self._in_pass % size
            filters = inflated[first:end:size]
            if filters.translate(None, _FILTERS):
                raise Damaged("a row of its pixels is filtered in a way that no PNG has", "broken")
            self.are_usual = self.are_usual and not any(filters)
            self._in_pass += end - at
            at = end
            if self._in_pass == rows * size:
                self._at_pass, self._in_pass = self._at_pass + 1, 0
