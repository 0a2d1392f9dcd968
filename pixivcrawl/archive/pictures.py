"""What the proofs of all formats share: the limit on pixels, the memory that decoders may hold."""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageFile

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Format
from pixivcrawl.archive.verdict import Limits

DECODER_MEMORY = 64 << 20
"""Bytes that all decoders together hold at once (estimated; the compressed file in memory not counted)."""

FILE_MEMORY = 48 << 20
"""Bytes of compressed files that are held whole at once: several of a usual size, one after another of the largest."""

SNIFFED_BYTES = 16

TOTAL_SHARE = 10
"""All frames of an animation together may have this many times the pixels of one picture's limit."""

_MOST_FLAWS = 3

_SIGNATURES: dict[bytes, Format] = {
    b"\xff\xd8\xff": "jpg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
    b"PK\x03\x04": "zip",
}
_SIDEWAYS = frozenset({5, 6, 7, 8})
_ORIENTATION = 0x0112
_PILLOW_REFUSES = (
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    AttributeError,
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)
"""What Pillow's plugins raise on hostile bytes, besides an OSError without a number."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What the bytes say: pixels as stored; `sideways` when the EXIF orientation (5 to 8) turns them by a quarter.

    `flaw` is what is odd beside the pixels, `doubt` what a strict decoder warns of within them; each in one line, or None.
    """

    width: int
    height: int
    frames: int = 1
    sideways: bool = False
    flaw: str | None = None
    doubt: str | None = None


def format_of_bytes(head: bytes) -> Format | None:
    """The format that the first `SNIFFED_BYTES` bytes of a file announce; None when it is none of an original's."""
    for signature, name in _SIGNATURES.items():
        if head.startswith(signature):
            return name
    return None


def refuse_bomb(width: int, height: int, max_pixels: int) -> None:
    """Raise `Damaged` before anything is decoded that has no pixels, or more than `max_pixels`."""
    if width < 1 or height < 1:
        raise Damaged(f"has {width} x {height} pixels", "broken")
    if width * height > max_pixels:
        raise Damaged(f"has {width} x {height} pixels, more than the limit of {max_pixels:,}", "bomb")


def refuse_memory(needed: int, limits: Limits) -> None:
    """Raise `Damaged` before anything is decoded whose file and decoder together would take more than `limits.memory` bytes."""
    if needed > limits.memory:
        raise Damaged(
            f"its proof would take {needed >> 20:,} MiB of memory where PROOF_MEMORY is {limits.memory >> 20:,} MiB: "
            "raise PROOF_MEMORY to have it",
            "too much memory",
        )


def pillow_memory(width: int, height: int) -> int:
    """Bytes that Pillow takes for a picture of one byte a pixel: its rows, each a multiple of four bytes, and where each begins.

    And what it reads at once.
    """
    return height * (-(-width // 4) * 4 + 8) + (1 << 17)


def add_flaw(flaws: list[str], flaw: str | None) -> None:
    """Note what is odd; once, and no more than a line has room for."""
    if flaw is not None and flaw not in flaws and len(flaws) < _MOST_FLAWS:
        flaws.append(flaw)


def joined(flaws: list[str]) -> str | None:
    """All flaws in one line; None without any."""
    return "; ".join(flaws) or None


def open_with_pillow(plugin: Callable[[BinaryIO], ImageFile.ImageFile], source: BinaryIO) -> ImageFile.ImageFile:
    """Open with one plugin of Pillow's. Called by itself it leaves Pillow's process-wide pixel limit out of play."""
    with pillow_complaints():
        return plugin(source)


@contextmanager
def pillow_complaints() -> Iterator[None]:
    """Raise `Damaged` for whatever Pillow raises on bytes that it cannot read; errors of the disk pass."""
    try:
        yield
    except _PILLOW_REFUSES as error:
        raise Damaged(f"Pillow cannot read it: {error}", "broken") from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise Damaged(f"Pillow cannot read it: {error}", "broken") from error


def is_sideways(image: Image.Image) -> bool:
    """Whether the EXIF orientation turns the picture by a quarter; EXIF that cannot be read turns nothing."""
    exif = image.info.get("exif")
    return isinstance(exif, bytes) and turns_sideways(exif)


def turns_sideways(exif: bytes) -> bool:
    """As `is_sideways`, for the EXIF data of a picture."""
    tags = Image.Exif()
    try:
        tags.load(exif)
        return tags.get(_ORIENTATION) in _SIDEWAYS
    except (*_PILLOW_REFUSES, OSError):
        return False


class _Allowance:
    """Lets decoders in, first come first served, while their estimated bytes fit; one that never would runs alone."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._held = 0
        self._queue = threading.Lock()
        self._room = threading.Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        share = min(size, self._total)
        with self._queue, self._room:
            self._room.wait_for(lambda: self._held + share <= self._total)
            self._held += share
        try:
            yield
        finally:
            with self._room:
                self._held -= share
                self._room.notify_all()


_allowance = _Allowance(DECODER_MEMORY)
_files = _Allowance(FILE_MEMORY)


@contextmanager
def decoder_memory(size: int) -> Iterator[None]:
    """Wait until `size` bytes fit into `DECODER_MEMORY` beside the decoders at work, and hold them."""
    with _allowance.hold(size):
        yield


@contextmanager
def file_memory(size: int) -> Iterator[None]:
    """As `decoder_memory`, for a file read whole. Taken first, so that nobody who waits for a decoder keeps one waiting."""
    with _files.hold(size):
        yield
