"""A small picture of a file, drawn in a worker process: nobody else imports this."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageOps

from pixivcrawl.archive.memory import share

LONGEST_SIDE = 192
QUALITY = 72

LARGEST = 24 << 10
"""Bytes of one thumbnail; noise is pressed harder until it fits, or left out."""

MOST_PIXELS = 64_000_000
"""A larger picture gets none: its decoder would hold hundreds of megabytes. A JPEG, which is read at an eighth, may be twice as large."""

_PIXEL_BYTES = 4

MOST_FRAME_BYTES = 32 << 20

_BACKGROUND = (128, 128, 128)
"""Under what is transparent: neither black lines nor white ones vanish on it."""

_REFUSED = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    EOFError,
    ArithmeticError,
    RuntimeError,
    NotImplementedError,
    struct.error,
    zlib.error,
    zipfile.BadZipFile,
    Image.DecompressionBombError,
)
"""What Pillow and zipfile raise for what they cannot read, or is not there any more."""


def draw(path: Path, kind: str, frame: str | None) -> tuple[bytes, int, int] | None:
    """A JPEG with its width and height; of an ugoira, its first frame. None for one that is not there, too large, or not to be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "ugoira":
                return _drawn(io.BytesIO(_first_frame(path, frame)))
            with path.open("rb") as file:
                return _drawn(file)
    except _REFUSED:
        return None


def _first_frame(path: Path, name: str | None) -> bytes:
    with zipfile.ZipFile(path) as frames:
        member = frames.getinfo(name) if name is not None else frames.infolist()[0]
        if member.file_size > MOST_FRAME_BYTES:
            raise ValueError("the first frame is too large")
        return frames.read(member)


def _drawn(file: BinaryIO) -> tuple[bytes, int, int] | None:
    with Image.open(file, formats=("JPEG", "PNG", "GIF")) as picture:
        most = MOST_PIXELS * (2 if picture.format == "JPEG" else 1)
        if picture.width * picture.height > most:
            return None
        # A JPEG is then decoded at half its size, or a quarter, or an eighth.
        picture.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))
        share.need(picture.width * picture.height * _PIXEL_BYTES)
        # Before all else, so that nothing large is held twice.
        picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        small = _opaque(ImageOps.exif_transpose(picture))
    for quality in (QUALITY, QUALITY // 2, QUALITY // 4):
        packed = io.BytesIO()
        small.save(packed, "JPEG", quality=quality, optimize=True)
        if packed.tell() <= LARGEST:
            return packed.getvalue(), small.width, small.height
    return None


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "I;16", "I;16B", "F"):
        # Sixteen bits a channel: Pillow would cut them off instead of scaling them.
        return picture.convert("F").point(lambda value: value / 257).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    painted = Image.new("RGBA", picture.size, (*_BACKGROUND, 255))
    painted.alpha_composite(picture.convert("RGBA"))
    return painted.convert("RGB")
