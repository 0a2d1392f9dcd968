"""Draws thumbnails in a worker process; nothing else imports this."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Literal

from PIL import Image, ImageOps

from pixivcrawl.archive.memory import share

LONGEST_SIDE = 192

QUALITIES = {"JPEG": 72, "WEBP": 78}

LARGEST = 24 << 10
"""The most bytes of a thumbnail of that side; more for a larger one, by its area. Noisy pictures are compressed harder until they fit, or
get no thumbnail."""

MOST_PIXELS = 64_000_000
"""Larger pictures get no thumbnail: their decoder would hold hundreds of megabytes. A JPEG, which is read at an eighth, may be twice as
large.
"""

Form = Literal["JPEG", "WEBP"]

FORMATS = ("JPEG", "PNG", "GIF")
"""Formats of originals."""

_PIXEL_BYTES = 5
"""Bytes of a pixel: four for its colours, and one for the palette."""

MOST_FRAME_BYTES = 32 << 20

_BACKGROUND = (128, 128, 128)
"""Replaces transparency: neither black lines nor white ones disappear on it."""

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
"""What Pillow and zipfile raise for a file that they cannot read, or that is gone."""


def draw(
    path: Path, kind: str, frame: str | None, side: int = LONGEST_SIDE, form: Form = "JPEG"
) -> tuple[bytes, int, int] | None:
    """A picture whose longest side has at most this many pixels, with its width and height; for an ugoira, its first frame.

    None for one that is missing, too large or unreadable.
    """
    small = shrunk(path, kind, frame, side)
    if small is None:
        return None
    best, largest = QUALITIES[form], LARGEST * max(1, side * side // LONGEST_SIDE**2)
    for quality in (best, best // 2, best // 4):
        packed = io.BytesIO()
        small.save(packed, form, quality=quality, optimize=True)
        if packed.tell() <= largest:
            return packed.getvalue(), small.width, small.height
    return None


def shrunk(
    path: Path, kind: str, frame: str | None, side: int, formats: tuple[str, ...] = FORMATS
) -> Image.Image | None:
    """A picture no larger than so many pixels a side, upright and opaque; None as for `draw`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if kind == "ugoira":
                return _shrunk(io.BytesIO(_first_frame(path, frame)), side, formats)
            with path.open("rb") as file:
                return _shrunk(file, side, formats)
    except _REFUSED:
        return None


def _first_frame(path: Path, name: str | None) -> bytes:
    with zipfile.ZipFile(path) as frames:
        member = frames.getinfo(name) if name is not None else frames.infolist()[0]
        if member.file_size > MOST_FRAME_BYTES:
            raise ValueError("the first frame is too large")
        return frames.read(member)


def _shrunk(file: BinaryIO, side: int, formats: tuple[str, ...]) -> Image.Image | None:
    with Image.open(file, formats=formats) as picture:
        most = MOST_PIXELS * (2 if picture.format == "JPEG" else 1)
        if picture.width * picture.height > most:
            return None
        # A JPEG is then decoded at half its size, or a quarter, or an eighth, but at least at twice what is wanted.
        factor = 2 * side / max(picture.size)
        picture.draft("RGB", (int(picture.width * factor), int(picture.height * factor)))
        share.need(picture.width * picture.height * _PIXEL_BYTES)
        # A picture with a palette, or in black and white, would not be scaled smoothly: Pillow would keep single pixels.
        scaled = _coloured(picture) if picture.mode in ("1", "P") else picture
        # First of all, so that nothing large is held twice.
        scaled.thumbnail((side, side))
        return _opaque(ImageOps.exif_transpose(scaled))


def _coloured(picture: Image.Image) -> Image.Image:
    return picture.convert("L" if picture.mode == "1" else "RGBA" if picture.has_transparency_data else "RGB")


def _opaque(picture: Image.Image) -> Image.Image:
    if picture.mode in ("I", "I;16", "I;16B", "F"):
        # Sixteen bits a channel: Pillow would cut them off instead of scaling them.
        return picture.convert("F").point(lambda value: value / 257).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    painted = Image.new("RGBA", picture.size, (*_BACKGROUND, 255))
    painted.alpha_composite(picture.convert("RGBA"))
    return painted.convert("RGB")
