"""Reads a JPEG from marker to marker: its frame, its scans, and what is odd outside the pixels. Decodes nothing.

Only codings that are named here go on to a decoder.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from pixivcrawl.api.text import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import add_flaw

Held = bytearray | mmap.mmap
"""A file's bytes in memory with `END` behind them. A large one is mapped, so that its memory goes back to the system."""

END = b"\xff\xd9"

DHT, DRI, SOS, DATA = 0xC4, 0xDD, 0xDA, 0x00
"""Pieces that the decoders of scans ask for, by their markers; DATA stands for a scan's compressed data, which no marker begins."""

EOI = 0xD9
_TEM, _SOI, _DQT, _DNL, _DAC, _COM, _STRAY = 0x01, 0xD8, 0xDB, 0xDC, 0xCC, 0xFE, 0xFF
APP = range(0xE0, 0xF0)
_TABLES = frozenset({DHT, DRI, _DQT, _DAC})
_BESIDE = frozenset({_COM, _DNL, _TEM, _STRAY})
_WITHOUT_BODY = frozenset({_TEM, _SOI, EOI})
_CODINGS = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
"""The codings that reach a decoder: baseline, extended, progressive, and the last two with arithmetic codes."""

_PROGRESSIVE, _ARITHMETIC = frozenset({0xC2, 0xCA}), frozenset({0xC9, 0xCA})
_OTHER_CODINGS = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC8, 0xCB, 0xCD, 0xCE, 0xCF, 0xDE, 0xDF})
"""Lossless, differential, hierarchical and reserved ones. libjpeg-turbo 3 tries the lossless, and has written past its buffers."""

_MARKER = re.compile(rb"\xff([\x01-\xcf\xd8-\xfe])")
"""A marker. FF 00 and the restart markers D0 to D7 belong to the compressed data; any fill bytes before it are FF and are passed over.

That it begins with one certain byte lets `re` leap from FF to FF: twenty-five times as fast as a repetition.
"""
_NOT_FILL = re.compile(rb"[^\xff]")
_MOST_SCANS = 200
_MOST_PIECES = 10_000
_HOLE = bytes(512)
_END_OF_BLOCK = 0x00
_DETAIL = 0x10
"""The class of the tables for all coefficients but a block's first, in the upper four bits of a table's number."""

_ALL_COEFFICIENTS = (0, 63, 0, 0)


class Component(NamedTuple):
    """One of a frame's colours: its identifier, and its blocks across and down in each unit of an interleaved scan."""

    identifier: int
    across: int
    down: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame header: the coding by its marker, the size in pixels, the components."""

    code: int
    width: int
    height: int
    components: tuple[Component, ...]

    @property
    def progressive(self) -> bool:
        return self.code in _PROGRESSIVE

    @property
    def arithmetic(self) -> bool:
        return self.code in _ARITHMETIC

    def units(self) -> tuple[int, int]:
        """Columns and rows of units in an interleaved scan; the last of each may extend past the picture."""
        across, down = self._most()
        return -(-self.width // (8 * across)), -(-self.height // (8 * down))

    def size_of(self, component: Component) -> tuple[int, int]:
        """Width and height of one component in its own samples."""
        across, down = self._most()
        return -(-self.width * component.across // across), -(-self.height * component.down // down)

    def _most(self) -> tuple[int, int]:
        return (
            max(component.across for component in self.components),
            max(component.down for component in self.components),
        )


class Scan(NamedTuple):
    """A scan header: components by their position in the frame, the coefficients that it codes, and its first and last bit of them."""

    components: tuple[int, ...]
    first: int
    last: int
    high: int
    low: int


class Piece(NamedTuple):
    """A stretch of the file: a segment from its marker on, with its body, or what is between two segments."""

    code: int
    start: int
    body: int
    stop: int


@dataclass(slots=True)
class Markers:
    """The structure of a JPEG up to `end`, the position after its end marker.

    `pieces` are those that matter for the pixels, `beside` the others; `flaws` say what is odd about the others, but not within segments.
    """

    frame: Frame
    scans: list[Scan]
    pieces: list[Piece]
    beside: list[Piece]
    end: int
    flaws: list[str]
    hole: bool
    """Whether zeros are where the coding has none."""
    broken_off: bool
    """Whether bytes that belong to nothing follow a scan."""


def read_markers(data: Held, size: int) -> Markers:
    """Read the file of `size` bytes up to its end marker, or to `END` behind it. Raises `Damaged`."""
    reading = _Reading(data)
    for piece in _pieces(data, size):
        reading.take(piece)
    return reading.markers(size)


def blank(data: Held, pieces: list[Piece]) -> None:
    """Overwrite what does not matter for the pixels with fill bytes, which decoders ignore, so that any remaining warning is about the
    pixels.
    """
    for piece in pieces:
        data[piece.start : piece.stop] = b"\xff" * (piece.stop - piece.start)


def _pieces(data: Held, size: int) -> Iterator[Piece]:
    """Every piece from the first segment to the end marker. Raises `Damaged` for a segment that extends past the file."""
    position, in_scan = len(END), False
    while match := _MARKER.search(data, position):
        code, start, body = match[1][0], match.start(), match.end()
        between = Piece(DATA if in_scan else _STRAY, position, position, start)
        if in_scan or _NOT_FILL.search(data, position, start):
            yield between
        stop = body
        if code not in _WITHOUT_BODY:
            stop += max(2, int.from_bytes(data[body : body + 2], "big"))
            body += 2
        if stop > size and code != EOI:
            raise Damaged("is cut short: a JPEG that ends within its header", "cut short")
        yield Piece(code, start, body, stop)
        if code == EOI:
            return
        position, in_scan = stop, code == SOS


class _Reading:
    """Interprets one piece after another."""

    def __init__(self, data: Held) -> None:
        self._data = data
        self._frame: Frame | None = None
        self._scans: list[Scan] = []
        self._pieces: list[Piece] = []
        self._beside: list[Piece] = []
        self._flaws: list[str] = []
        self._of_zeros: dict[int, int] = {}
        self._hole = self._broken_off = self._may_be_zeros = False

    def take(self, piece: Piece) -> None:
        if len(self._pieces) + len(self._beside) == _MOST_PIECES:
            raise Damaged(f"has more than {_MOST_PIECES:,} segments", "bomb")
        if piece.code in APP or piece.code in _BESIDE:
            self._pass_over(piece)
            return
        if piece.code in _CODINGS:
            self._start_frame(piece)
        elif piece.code == SOS:
            self._start_scan(piece)
        elif piece.code == DATA:
            self._hole = self._hole or (not self._may_be_zeros and self._data.find(_HOLE, piece.start, piece.stop) >= 0)
        elif piece.code in _OTHER_CODINGS:
            raise Damaged(f"is coded in a way (FF{piece.code:02X}) that is not decoded here", "unknown coding")
        elif piece.code not in _TABLES and piece.code != EOI:
            raise Damaged(f"has a marker (FF{piece.code:02X}) out of place at byte {piece.start:,}", "broken")
        elif piece.code == DHT:
            self._of_zeros.update(_symbols_of_zeros(bytes(self._data[piece.body : piece.stop])))
        self._pieces.append(piece)

    def markers(self, size: int) -> Markers:
        """The structure read so far, up to the end marker. Raises `Damaged` if it is not a picture."""
        if self._frame is None or not self._scans:
            raise Damaged("is a JPEG without a picture", "broken")
        end = self._pieces[-1].stop
        if end > size:
            add_flaw(self._flaws, "its end marker is missing")
        return Markers(
            self._frame, self._scans, self._pieces, self._beside, end, self._flaws, self._hole, self._broken_off
        )

    def _pass_over(self, piece: Piece) -> None:
        self._beside.append(piece)
        if piece.code not in APP and piece.code != _COM:
            add_flaw(
                self._flaws, f"{plural(piece.stop - piece.start, 'byte')} of no known kind at byte {piece.start:,}"
            )
            self._broken_off = self._broken_off or bool(self._scans)

    def _start_frame(self, piece: Piece) -> None:
        if self._frame is not None:
            raise Damaged(f"has a second frame at byte {piece.start:,}", "unknown coding")
        self._frame = _frame(piece.code, bytes(self._data[piece.body : piece.stop]))

    def _start_scan(self, piece: Piece) -> None:
        if self._frame is None:
            raise Damaged("has a scan before its frame", "broken")
        if len(self._scans) == _MOST_SCANS:
            raise Damaged(f"has more than the limit of {_MOST_SCANS} scans", "bomb")
        scan = _scan(self._frame, bytes(self._data[piece.body : piece.stop]))
        if not self._frame.progressive:
            if any(set(scan.components) & set(before.components) for before in self._scans):
                raise Damaged("codes a component twice", "broken")
            if scan[1:] != _ALL_COEFFICIENTS:
                add_flaw(self._flaws, "a scan's header names some coefficients where all are coded")
                self._data[piece.stop - 3 : piece.stop] = bytes([0, 63, 0])
                scan = Scan(scan.components, *_ALL_COEFFICIENTS)
        self._scans.append(scan)
        selectors = self._data[piece.body + 2 : piece.stop - 3 : 2]
        symbols = {self._of_zeros.get(_DETAIL | selector & 15, _END_OF_BLOCK) for selector in selectors}
        self._may_be_zeros = _may_be_zeros(self._frame, scan, symbols)


def _may_be_zeros(frame: Frame, scan: Scan, symbols: set[int]) -> bool:
    """Whether a scan's data may be a sector of zeros, as flat parts are; its tables of detail begin with these symbols.

    Not where a scan refines detail: most bits correct coefficients one by one, and zeros in their place decode without a complaint. Nor
    in a sequential scan in which zeros are the code of a coefficient: block after block would have it in every place.
    """
    if frame.progressive:
        return scan.first == 0 or scan.high == 0
    return frame.arithmetic or symbols == {_END_OF_BLOCK}


def _symbols_of_zeros(body: bytes) -> Iterator[tuple[int, int]]:
    """The number of each table in a segment, and its first symbol, which has the code of zeros alone."""
    while len(body) > 17:
        yield body[0], body[17]
        body = body[17 + sum(body[1:17]) :]


def _frame(code: int, header: bytes) -> Frame:
    if len(header) < 6 or len(header) != 6 + 3 * header[5]:
        raise Damaged("its frame header is not whole", "broken")
    depth, count = header[0], header[5]
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    if depth != 8:
        raise Damaged(f"has {depth} bits a sample: only 8 are decoded here", "unknown coding")
    if count not in (1, 3, 4):
        raise Damaged(f"has {count} components: only 1, 3 and 4 are decoded here", "unknown coding")
    if height == 0:
        raise Damaged("tells its height behind its first scan (DNL), which is not decoded here", "unknown coding")
    components = tuple(
        Component(identifier, sampling >> 4, sampling & 15)
        for identifier, sampling in zip(header[6::3], header[7::3], strict=True)
    )
    if not all(1 <= factor <= 4 for component in components for factor in component[1:]):
        raise Damaged("its components are sampled in a way that does not exist", "broken")
    return Frame(code, width, height, components)


def _scan(frame: Frame, header: bytes) -> Scan:
    if not header or len(header) != 4 + 2 * header[0]:
        raise Damaged("the header of a scan is not whole", "broken")
    places: list[int] = []
    for name in header[1:-3:2]:
        # Identifiers that occur twice in a frame stand for its components in their order, as libjpeg reads them.
        found = (
            place
            for place, component in enumerate(frame.components)
            if component.identifier == name and place not in places
        )
        places.append(next(found, -1))
    if not places or -1 in places:
        raise Damaged("a scan names components that its frame does not have", "broken")
    first, last, bits = header[-3:]
    return Scan(tuple(places), first, last, bits >> 4, bits & 15)
