"""The proof of a PNG: every chunk's checksum, the last chunk, and its pixels inflated to the end but not kept."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL import PngImagePlugin

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import Picture, is_sideways, open_with_pillow, refuse_bomb
from pixivcrawl.archive.verdict import Limits

# Pillow's 1 MB is too little for the editing history and colour profiles that drawing programs pack into a PNG.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY

_SIGNATURE_BYTES = 8
_PIECE = 1 << 18
_LONGEST_CHUNK = 2**31 - 1
_MOST_EXCESS = 1 << 16
"""Inflated bytes that some encoders write behind the last row, and viewers ignore."""
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
"""The seven passes of an interlaced PNG: first column, first row, step across, step down."""


@dataclass(frozen=True, slots=True)
class _Header:
    width: int
    height: int
    pixel_bits: int
    interlaced: bool

    def inflated(self) -> int:
        """Bytes of all rows, each with the byte that names its filter."""
        if not self.interlaced:
            return self._rows(self.width, self.height)
        return sum(
            self._rows(-(-(self.width - column) // across), -(-(self.height - row) // down))
            for column, row, across, down in _ADAM7
        )

    def _rows(self, width: int, height: int) -> int:
        return height * (1 + -(-width * self.pixel_bits // 8)) if width > 0 and height > 0 else 0


class _Pixels:
    """Inflates the pixel stream a piece at a time and only counts what comes out."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._count = 0
        self._inflater = zlib.decompressobj()

    def feed(self, piece: bytes) -> None:
        try:
            while piece and not self._inflater.eof:
                self._count += len(self._inflater.decompress(piece, _PIECE))
                piece = self._inflater.unconsumed_tail
                self._refuse_bomb()
        except zlib.error as error:
            raise Damaged(f"the pixels cannot be inflated: {error}", "checksum") from error

    def finish(self) -> None:
        if not self._inflater.eof or self._count < self._expected:
            raise Damaged(f"the pixels end after {self._count:,} of {self._expected:,} bytes", "cut short")

    def _refuse_bomb(self) -> None:
        if self._count > self._expected + _MOST_EXCESS:
            raise Damaged(f"inflates to more than the {self._expected:,} bytes its pixel size needs", "bomb")


def prove_png(source: BinaryIO, limits: Limits) -> Picture:
    """Read all of it; `source` was sniffed as a PNG. `frames` counts an animated PNG's frames. Raises `Damaged`.

    Memory: some hundred kilobytes, whatever the picture's size. Bytes behind IEND are not judged.
    """
    source.seek(_SIGNATURE_BYTES)
    frames = _prove_chunks(_chunk_pieces(source), limits.max_pixels)
    source.seek(0)
    image = open_with_pillow(PngImagePlugin.PngImageFile, source)
    return Picture(image.width, image.height, frames, is_sideways(image))


def _prove_chunks(pieces: Iterator[tuple[bytes, bytes]], max_pixels: int) -> int:
    kind, body = next(pieces)
    header = _header(kind, body)
    refuse_bomb(header.width, header.height, max_pixels)
    pixels = _Pixels(header.inflated())
    promised, shown, before = 0, 0, kind
    seen = {kind}
    for kind, body in pieces:
        if kind == b"IDAT":
            if before != kind and kind in seen:
                raise Damaged("its pixel chunks do not follow each other", "broken")
            pixels.feed(body)
        elif kind == b"acTL":
            promised = int.from_bytes(body[:4], "big")
        elif kind == b"fcTL":
            shown += 1
        seen.add(kind)
        before = kind
    pixels.finish()
    if shown < promised:
        raise Damaged(f"has {shown} of the {promised} frames it promises", "cut short")
    return max(1, promised)


def _header(kind: bytes, body: bytes) -> _Header:
    if kind != b"IHDR" or len(body) != 13:
        raise Damaged("its first chunk is not a PNG header", "broken")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise Damaged("its header names a kind of PNG that does not exist", "broken")
    return _Header(width, height, depth * _CHANNELS[colour], bool(interlace))


def _chunk_pieces(source: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's type with its body, a long body in several pieces, up to IEND; checks every length and checksum."""
    kind = b""
    while kind != b"IEND":
        length, kind = struct.unpack(">I4s", _exactly(source, 8))
        if length > _LONGEST_CHUNK or not kind.isalpha():
            raise Damaged(f"has no chunk where one begins, at byte {source.tell() - 8:,}", "broken")
        checksum = zlib.crc32(kind)
        left = length
        while True:
            piece = _exactly(source, min(left, _PIECE))
            checksum = zlib.crc32(piece, checksum)
            left -= len(piece)
            yield kind, piece
            if not left:
                break
        if checksum != int.from_bytes(_exactly(source, 4), "big"):
            raise Damaged(f"the checksum of its {kind.decode()} chunk is wrong", "checksum")


def _exactly(source: BinaryIO, size: int) -> bytes:
    piece = source.read(size)
    if len(piece) < size:
        raise Damaged("is cut short: a PNG without its last chunk", "cut short")
    return piece
