"""Decodes the frames of an animation one by one, as pictures of one size; only worker processes import this."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from io import BufferedReader

from PIL import Image, ImageOps

from pixivcrawl.animations.animation import Animation, Source
from pixivcrawl.api.text import quoted
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.memory import share
from pixivcrawl.archive.pictures import refuse_memory, refuse_pixels
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.zip_members import inflate, read_members

_PIXEL_BYTES = 12
"""Bytes a pixel while a frame is drawn: as it was decoded, as it is turned and coloured, and on its canvas."""

_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "F")

Read = Callable[[int], bytes]


class Stills:
    """The frames of an animation, each decoded when needed; all get the size of the first.

    `mode` is RGBA where one of them is transparent somewhere, else RGB. Raises `Damaged`.
    """

    def __init__(self, read: Read, count: int, limits: Limits) -> None:
        self._read = read
        self._limits = limits
        self.count = count
        self.mode = "RGB"
        for number in range(count):
            with self._opened(number) as picture:
                if picture.has_transparency_data:
                    self.mode = "RGBA"
        self.size = self._drawn(0).size

    def draw(self, number: int) -> Image.Image:
        """Draw a frame; one that differs in size from the first is scaled to fit the canvas and centred."""
        picture = self._drawn(number)
        if picture.size == self.size:
            return picture
        canvas = Image.new(self.mode, self.size, "white" if self.mode == "RGB" else (0, 0, 0, 0))
        fitting = ImageOps.contain(picture, self.size)
        canvas.paste(fitting, ((self.size[0] - fitting.width) // 2, (self.size[1] - fitting.height) // 2))
        return canvas

    def _drawn(self, number: int) -> Image.Image:
        try:
            with self._opened(number) as picture:
                turned = ImageOps.exif_transpose(picture)
                if turned.mode in _SIXTEEN_BITS:
                    # Pillow would cut sixteen bits off at eight instead of scaling them.
                    turned = turned.convert("F").point(lambda value: value / 257).convert("L")
                return turned.convert(self.mode)
        except (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError) as error:
            raise Damaged(f"frame {number + 1} cannot be read: {error}", "broken") from error

    def _opened(self, number: int) -> Image.Image:
        data = self._read(number)
        try:
            picture = Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "GIF"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise Damaged(f"frame {number + 1} is not a picture: {error}", "broken") from error
        refuse_pixels(picture.width, picture.height, self._limits.max_pixels)
        refuse_memory(len(data) + picture.width * picture.height * _PIXEL_BYTES, self._limits)
        return picture


def stills_of(animation: Animation, limits: Limits) -> Stills:
    """The frames of an animation. Raises `Damaged` if a file is missing or differs from the ledger."""
    # `refuse_pixels` says the same, of our own limit.
    Image.MAX_IMAGE_PIXELS = None
    if animation.is_zip:
        return Stills(_reader_of_zip(animation, limits), len(animation.frames), limits)
    return Stills(lambda number: _bytes_of(animation.files[number]), len(animation.frames), limits)


def _reader_of_zip(animation: Animation, limits: Limits) -> Read:
    (file,) = animation.files
    source = _opened(file)
    if hashlib.file_digest(source, "sha256").hexdigest() != file.sha256:
        raise _changed(file)
    members = {member.name: member for member in read_members(source, limits, [])}
    if missing := [frame.file for frame in animation.frames if frame.file not in members]:
        raise Damaged(f"the zip lacks {quoted(missing[0], 80)}", "wrong frames")
    return lambda number: inflate(source, members[animation.frames[number].file], limits)


def _bytes_of(file: Source) -> bytes:
    with _opened(file) as source:
        size = source.seek(0, io.SEEK_END)
        share.need(size)
        source.seek(0)
        data = source.read(size)
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise _changed(file)
    return data


def _opened(file: Source) -> BufferedReader:
    try:
        return file.path.open("rb")
    except OSError as error:
        raise Damaged(f"{file.path.name} cannot be read: {error.strerror}", "broken") from error


def _changed(file: Source) -> Damaged:
    return Damaged(f"{file.path.name} is not what the ledger has: run pixivcrawl verify", "checksum")


def delays(milliseconds: Sequence[int], most: int) -> list[tuple[int, int]]:
    """(frame, its stay in milliseconds) in their order: a stay of more than `most` in pieces, and one of nothing as 1 ms."""
    shown: list[tuple[int, int]] = []
    for number, stay in enumerate(milliseconds):
        left = max(1, stay)
        while left > most:
            shown.append((number, most))
            left -= most
        shown.append((number, left))
    return shown
