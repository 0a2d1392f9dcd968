"""What the proofs of all formats share: what a picture says, the limits on pixels and memory, what Pillow raises."""

from __future__ import annotations

import io
import mmap
import struct
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO, cast

from PIL import Image, ImageFile

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.memory import share
from pixivcrawl.archive.verdict import Limits

TOTAL_SHARE = 10
"""All frames of an animation together may have this many times the pixels of one picture's limit."""

_MOST_FLAWS = 3

_MAPPED_FROM = 1 << 21
"""Bytes: a longer file is not held in memory of the allocator, which would keep so large a piece after it is freed."""

_PRIVATE = {} if sys.platform == "win32" else {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS}
"""How it is mapped: Python's default, shared memory, would not use huge pages."""

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
    OSError,
)
"""What Pillow's plugins raise on hostile bytes. They read from memory, so that an OSError never comes from the disk."""


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


def refuse_pixels(width: int, height: int, max_pixels: int) -> None:
    """Raise `Damaged`, before anything is decoded, for a picture without pixels or with more than `max_pixels`."""
    if width < 1 or height < 1:
        raise Damaged(f"has {width} x {height} pixels", "broken")
    if width * height > max_pixels:
        raise Damaged(
            f"has {width} x {height} pixels where PIXIV_MAX_PIXELS allows {max_pixels:,}: raise it to have the file",
            "too many pixels",
        )


def refuse_memory(needed: int, limits: Limits) -> None:
    """Raise `Damaged`, before anything is decoded, if the file and its decoder together would take more than `limits.memory` bytes.

    Otherwise wait until there is room for them beside the other proofs of the run.
    """
    if needed > limits.memory:
        raise Damaged(
            f"its proof would take {needed:,} bytes of memory where PROOF_MEMORY is {limits.memory:,}: "
            "raise PROOF_MEMORY to have it",
            "too much memory",
        )
    share.need(needed)


def pillow_memory(width: int, height: int) -> int:
    """Bytes that Pillow takes for a picture of one byte a pixel: its rows, each a multiple of four bytes, their addresses, and its read
    buffer.
    """
    return height * (-(-width // 4) * 4 + 8) + (1 << 17)


def add_flaw(flaws: list[str], flaw: str | None) -> None:
    """Note a flaw: each once, and no more than fit into a line."""
    if flaw is not None and flaw not in flaws and len(flaws) < _MOST_FLAWS:
        flaws.append(flaw)


def joined(flaws: list[str]) -> str | None:
    """All flaws in one line; None without any."""
    return "; ".join(flaws) or None


def hold(source: BinaryIO, size: int, behind: bytes = b"") -> bytearray | mmap.mmap:
    """The first `size` bytes of a file in memory, and some more behind them."""
    held = bytearray(size + len(behind)) if size <= _MAPPED_FROM else _mapped(size + len(behind))
    source.seek(0)
    with memoryview(held) as view:
        cast("io.BufferedReader", source).readinto(view[:size])
    held[size:] = behind
    return held


def _mapped(size: int) -> mmap.mmap:
    """Memory that goes back to the system when freed. In huge pages, because a page fault for each 4 KiB takes ten times as long."""
    held = mmap.mmap(-1, size, **_PRIVATE)
    if sys.platform == "linux":
        # A kernel may be built without them.
        with suppress(OSError):
            held.madvise(mmap.MADV_HUGEPAGE)
    return held


def decode_with_pillow(plugin: Callable[[BinaryIO], ImageFile.ImageFile], data: bytes) -> ImageFile.ImageFile:
    """Decode a picture with one plugin of Pillow's. Raises `Damaged`.

    Calling the plugin directly bypasses Pillow's process-wide pixel limit.
    """
    try:
        image = plugin(io.BytesIO(data))
        image.load()
    except _PILLOW_REFUSES as error:
        raise Damaged(f"Pillow cannot read it: {error}", "broken") from error
    return image
