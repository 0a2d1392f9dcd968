"""The proof of a PNG: every chunk's checksum, the last chunk, and its pixels inflated to the end but not kept."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from PIL.PngImagePlugin import PngImageFile

from pixivcrawl.api.text import plural
from pixivcrawl.archive.apng import Animation
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import (
    Picture,
    add_flaw,
    decode_with_pillow,
    joined,
    pillow_memory,
    refuse_memory,
    refuse_pixels,
)
from pixivcrawl.archive.png_chunks import oddity
from pixivcrawl.archive.png_rows import PIECE, Coding, Rows
from pixivcrawl.archive.tiff import turns_sideways
from pixivcrawl.archive.verdict import Limits

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">2I5B")
_CHUNK_START = struct.Struct(">I4s")
_CHECKSUM_BYTES = 4
_END_CHUNK = b"\0\0\0\0IEND\xaeB\x60\x82"

_MEMORY = 8 * PIECE
"""Bytes: a piece of the file, a piece inflated, the inflater's window, and their copies."""

_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_PICTURE = _CRITICAL | {b"tRNS", b"acTL", b"fcTL", b"fdAT"}
"""Chunks without which the pixels are not what they were: a wrong checksum in one of them is damage."""

_PALETTE = 3
"""The colour type whose pixels are places in a palette."""


def prove_png(source: BinaryIO, limits: Limits) -> Picture:
    """Read all of it; `source` was sniffed as a PNG. `frames` counts an animated PNG's whole frames. Raises `Damaged`.

    Memory: some pieces, whatever the picture's size. Only filtered pixels that could name a colour which the palette lacks are decoded.
    """
    refuse_memory(_MEMORY, limits)
    size = source.seek(0, os.SEEK_END)
    source.seek(len(_SIGNATURE))
    png = _Png(_next_chunk(source, size), limits)
    while not png.has_ended:
        at = source.tell()
        chunk = _next_chunk(source, size)
        if chunk is None or not png.take(chunk):
            _leap_to_end(source, at, png)
    if trailing := size - source.tell():
        add_flaw(png.flaws, f"{plural(trailing, 'byte')} after its end")
    if png.has_few_colours and not png.rows.are_usual:
        _look_for_colours(source, png, limits)
    frames = max(1, png.animation.whole_frames)
    return Picture(png.width, png.height, frames, turns_sideways(png.exif), joined(png.flaws))


class _Chunk:
    """A chunk at byte `at`, whose body is read a piece at a time; `is_right` is its checksum's verdict after the last one."""

    def __init__(self, source: BinaryIO, at: int, length: int, kind: bytes) -> None:
        self.at = at
        self.length = length
        self.kind = kind
        self._source = source

    @property
    def end(self) -> int:
        return self.at + _CHUNK_START.size + self.length + _CHECKSUM_BYTES

    @property
    def is_critical(self) -> bool:
        """Whether viewers must understand it to show the picture: its name then begins with a capital."""
        return self.kind[:1].isupper()

    def pieces(self) -> Iterator[bytes]:
        checksum = zlib.crc32(self.kind)
        left = self.length
        while left:
            piece = _exactly(self._source, min(left, PIECE))
            checksum = zlib.crc32(piece, checksum)
            left -= len(piece)
            yield piece
        self.is_right = checksum == int.from_bytes(_exactly(self._source, _CHECKSUM_BYTES), "big")


class _Png:
    """What is known from the chunks read so far."""

    def __init__(self, header: _Chunk | None, limits: Limits) -> None:
        if header is None or header.kind != b"IHDR" or header.length != _HEADER.size:
            raise Damaged("its first chunk is not a PNG header", "broken")
        self.header = b"".join(header.pieces())
        if not header.is_right:
            raise _wrong_checksum(header)
        self.width, self.height, depth, colour, compression, filtering, interlace = _HEADER.unpack(self.header)
        if compression or filtering or interlace > 1:
            raise Damaged("is compressed, filtered or interlaced in a way that no PNG is", "unknown coding")
        self.coding = Coding(colour, depth, bool(interlace))
        refuse_pixels(self.width, self.height, limits.max_pixels)
        self.rows = Rows(self.coding.passes(self.width, self.height))
        self.flaws: list[str] = []
        self.animation = Animation(self.width, self.height, self.coding, limits.max_pixels, self.flaws)
        self.palette = self.exif = b""
        self.pixels_at = self.pixels_end = 0
        self.has_ended = False
        self._is_misread = False

    @property
    def has_few_colours(self) -> bool:
        """Its palette has fewer colours than a pixel can name."""
        return self.coding.colour == _PALETTE and len(self.palette) // 3 < 1 << self.coding.depth

    def take(self, chunk: _Chunk) -> bool:
        """Read and interpret a chunk; False if it is only bytes behind the pixels that look like one. Raises `Damaged`."""
        if chunk.kind == b"IDAT":
            self._begin_pixels(chunk)
        beginning = b""
        for piece in chunk.pieces():
            if chunk.kind == b"IDAT":
                self.rows.feed(piece)
            elif chunk.kind == b"fdAT":
                self.animation.feed(piece, begins=not beginning)
            beginning = beginning or piece
        if chunk.is_right:
            self._learn(chunk, beginning)
        elif chunk.kind in _PICTURE or (chunk.is_critical and not self.rows.are_whole):
            raise _wrong_checksum(chunk)
        elif chunk.is_critical:
            return False
        else:
            self.misread(f"the checksum of its {chunk.kind.decode()} chunk is wrong")
        return True

    def misread(self, flaw: str) -> None:
        """Note unreadable bytes: a flaw if the pixels are whole, but damage if frames are missing, which these bytes may have been."""
        add_flaw(self.flaws, flaw)
        self._is_misread = True

    def _begin_pixels(self, chunk: _Chunk) -> None:
        if self.pixels_at and chunk.at != self.pixels_end:
            raise Damaged("its pixel chunks do not follow each other", "broken")
        if self.coding.colour == _PALETTE and not self.palette:
            raise Damaged("has no palette before its pixels", "broken")
        self.pixels_at = self.pixels_at or chunk.at
        self.pixels_end = chunk.end

    def _learn(self, chunk: _Chunk, beginning: bytes) -> None:
        """Interpret a chunk whose checksum is right: anything odd in it was written by its encoder."""
        if chunk.kind == b"IEND":
            self._end(chunk)
        elif chunk.kind == b"PLTE":
            self._take_palette(chunk, beginning)
        elif chunk.kind == b"IHDR":
            raise Damaged("has two headers", "broken")
        elif chunk.is_critical and chunk.kind not in _CRITICAL:
            # A viewer that does not know it must not show the picture: the rule of the format and of libpng.
            raise Damaged(
                f"its {chunk.kind.decode()} chunk changes the picture in a way that we do not know", "unknown coding"
            )
        elif flaw := oddity(chunk.kind, chunk.length, beginning, self.coding.colour, len(self.palette) // 3):
            add_flaw(self.flaws, flaw)
        elif chunk.kind == b"acTL":
            self.animation.promise(beginning, behind_pixels=bool(self.pixels_at))
        elif chunk.kind == b"fcTL":
            self.animation.begin_frame(beginning, behind_pixels=bool(self.pixels_at))
        elif chunk.kind == b"eXIf":
            self.exif = beginning

    def _take_palette(self, chunk: _Chunk, colours: bytes) -> None:
        if self.palette or self.pixels_at or not colours or chunk.length % 3 or chunk.length > 3 * 256:
            if self.coding.colour == _PALETTE:
                raise Damaged("its palette is invalid or misplaced", "broken")
            add_flaw(self.flaws, "has an invalid or misplaced palette, which its pixels do not need")
            return
        self.palette = colours
        if self.coding.colour in (0, 4):
            add_flaw(self.flaws, "has a palette beside grey pixels")
        elif self.coding.colour == _PALETTE and len(colours) // 3 > 1 << self.coding.depth:
            add_flaw(self.flaws, "has more colours in its palette than a pixel can name")
        if self.has_few_colours:
            # Unfiltered, as nearly all of them are, such pixels need not be decoded once more.
            self.rows.expect(self.coding.bytes_of(len(colours) // 3))

    def _end(self, chunk: _Chunk) -> None:
        self.finish()
        if chunk.length:
            add_flaw(self.flaws, "bytes stand within its end chunk")

    def finish(self) -> None:
        """All chunks have been read. Raises `Damaged` unless all pixels were there."""
        self.rows.finish()
        add_flaw(self.flaws, self.rows.flaw)
        self.animation.finish()
        if self._is_misread and not self.animation.is_whole:
            raise Damaged(f"frames of its animation are missing, and {self.flaws[0]}", "broken")
        self.has_ended = True


def _next_chunk(source: BinaryIO, size: int) -> _Chunk | None:
    """The chunk that begins here; None if none begins here that ends within the file's `size` bytes."""
    at = source.tell()
    start = source.read(_CHUNK_START.size)
    if len(start) == _CHUNK_START.size:
        chunk = _Chunk(source, at, *_CHUNK_START.unpack(start))
        if chunk.kind.isalpha() and chunk.end <= size:
            return chunk
    return None


def _leap_to_end(source: BinaryIO, at: int, png: _Png) -> None:
    """From bytes that are no chunk to the end chunk: viewers that have all pixels look no further. Raises `Damaged` before that."""
    source.seek(at)
    start = source.read(_CHUNK_START.size)
    if not (png.rows.are_whole or len(start) < _CHUNK_START.size or start[4:].isalpha()):
        raise Damaged(f"has no chunk where one begins, at byte {at:,}", "broken")
    window = start
    while (place := window.find(_END_CHUNK)) < 0:
        piece = source.read(PIECE)
        if not piece:
            raise _cut_short()
        window = window[-len(_END_CHUNK) :] + piece
    source.seek(place + len(_END_CHUNK) - len(window), os.SEEK_CUR)
    png.misread("bytes that are no chunk stand before its end")
    png.finish()


def _look_for_colours(source: BinaryIO, png: _Png, limits: Limits) -> None:
    """Decode the pixels to see whether the palette has all colours that they name; without the chunks that a decoder may object to."""
    packed = png.pixels_end - png.pixels_at
    refuse_memory(2 * packed + pillow_memory(png.width, png.height), limits)
    source.seek(png.pixels_at)
    chunks = (_written(b"IHDR", png.header), _written(b"PLTE", png.palette), _exactly(source, packed), _END_CHUNK)
    image = decode_with_pillow(PngImageFile, b"".join((_SIGNATURE, *chunks)))
    _, highest = cast("tuple[int, int]", image.getextrema())
    if highest >= len(png.palette) // 3:
        add_flaw(png.flaws, f"its pixels name colour {highest} of a palette of {len(png.palette) // 3}")


def _written(kind: bytes, body: bytes) -> bytes:
    return _CHUNK_START.pack(len(body), kind) + body + zlib.crc32(kind + body).to_bytes(_CHECKSUM_BYTES, "big")


def _exactly(source: BinaryIO, size: int) -> bytes:
    piece = source.read(size)
    if len(piece) < size:
        raise _cut_short()
    return piece


def _cut_short() -> Damaged:
    return Damaged("is cut short: a PNG without its last chunk", "cut short")


def _wrong_checksum(chunk: _Chunk) -> Damaged:
    return Damaged(f"the checksum of its {chunk.kind.decode()} chunk is wrong", "checksum")
