"""Pictures that are photographs to a decoder, smooth colour under fine grain, and landscapes to a person; the same bytes for the same
seed, in every process."""

from __future__ import annotations

import colorsys
import math
import random
import struct
import zipfile
import zlib
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageChops, ImageDraw

from pixivcrawl.sandbox.works import Form, frame_name

GRAIN_TILE = 256
GRAIN_SHARE = 0.35
HILLS = 4
RIDGE_STEPS = 96
JPEG_QUALITY = 93


@dataclass(frozen=True, slots=True)
class Motif:
    """An encoded picture and the place in its bytes where a comment may be put in."""

    data: bytes
    seam: int


def paint(form: Form, size: tuple[int, int], seed: str) -> Motif:
    """A picture of that form and size; about 0.7 byte a pixel as JPEG."""
    canvas = _canvas(size, random.Random(seed))
    data = _encoded(canvas, form)
    return Motif(data, _seam(data))


def comment_for(data: bytes, text: str) -> bytes:
    """`text` as a comment of the picture's own format, to be put in at the motif's seam."""
    raw = text.encode("ascii")
    if data.startswith(b"\xff\xd8"):
        return b"\xff\xfe" + struct.pack(">H", len(raw) + 2) + raw
    if data.startswith(b"\x89PNG"):
        chunk = b"tEXtComment\0" + raw
        return struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return b"\x21\xfe" + bytes([len(raw)]) + raw + b"\0"


def frames_zip(size: tuple[int, int], count: int, seed: str) -> bytes:
    """An ugoira's zip: `count` stored JPEG frames of one moving picture."""
    canvas = _canvas(size, random.Random(seed))
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for number in range(count):
            moved = ImageChops.offset(canvas, 3 * number, 2 * number)
            archive.writestr(zipfile.ZipInfo(frame_name(number), (1980, 1, 1, 0, 0, 0)), _encoded(moved, "jpg"))
    return target.getvalue()


def flat_png(size: tuple[int, int], colour: tuple[int, int, int]) -> bytes:
    """A small placeholder."""
    target = BytesIO()
    Image.new("RGB", size, colour).save(target, "PNG")
    return target.getvalue()


def _canvas(size: tuple[int, int], dice: random.Random) -> Image.Image:
    """Hills under a sky at some hour of the day, with grain."""
    hue = dice.random()
    canvas = _sky(size, hue, dice)
    draw = ImageDraw.Draw(canvas)
    for layer in range(HILLS):
        colour = _colour(hue + 0.5 + 0.04 * layer, 0.35 + 0.1 * layer, 0.75 - 0.16 * layer)
        draw.polygon(_hill(size, 0.45 + 0.13 * layer, dice), fill=colour)
    tile = Image.frombytes("RGB", (GRAIN_TILE, GRAIN_TILE), dice.randbytes(GRAIN_TILE * GRAIN_TILE * 3))
    grain = Image.new("RGB", size)
    for left in range(0, size[0], GRAIN_TILE):
        for top in range(0, size[1], GRAIN_TILE):
            grain.paste(tile, (left, top))
    return Image.blend(canvas, grain, GRAIN_SHARE)


def _sky(size: tuple[int, int], hue: float, dice: random.Random) -> Image.Image:
    """From a deep colour to a light one, with a sun or a moon."""
    shades = [_colour(hue + 0.12 * place, 0.7 - 0.35 * place, 0.55 + 0.45 * place) for place in (0.0, 0.5, 1.0)]
    sky = Image.frombytes("RGB", (1, 3), b"".join(map(bytes, shades))).resize(size, Image.Resampling.BICUBIC)
    width, height = size
    radius = min(size) * dice.uniform(0.06, 0.14)
    x, y = width * dice.uniform(0.15, 0.85), height * dice.uniform(0.12, 0.45)
    ImageDraw.Draw(sky).ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(hue + 0.1, 0.15, 1.0))
    return sky


def _hill(size: tuple[int, int], height: float, dice: random.Random) -> list[tuple[float, float]]:
    """The outline of one range: two waves, down to the picture's foot."""
    waves = [(dice.uniform(0.02, 0.09), dice.uniform(1, 4), dice.uniform(0, math.tau)) for _ in range(2)]
    ridge = []
    for step in range(RIDGE_STEPS + 1):
        x = step / RIDGE_STEPS
        y = height + sum(rise * math.sin(math.tau * often * x + start) for rise, often, start in waves)
        ridge.append((x * size[0], y * size[1]))
    return [(0, size[1]), *ridge, (size[0], size[1])]


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _encoded(canvas: Image.Image, form: Form) -> bytes:
    target = BytesIO()
    match form:
        case "jpg":
            canvas.save(target, "JPEG", quality=JPEG_QUALITY)
        case "jpg-progressive":
            canvas.save(target, "JPEG", quality=JPEG_QUALITY, progressive=True)
        case "jpg-restart":
            canvas.save(target, "JPEG", quality=JPEG_QUALITY, restart_marker_rows=1)
        case "jpg-grey":
            canvas.convert("L").save(target, "JPEG", quality=JPEG_QUALITY)
        case "jpg-cmyk":
            canvas.convert("CMYK").save(target, "JPEG", quality=JPEG_QUALITY)
        case "jpg-rotated":
            exif = Image.Exif()
            exif[0x0112] = 6
            canvas.save(target, "JPEG", quality=JPEG_QUALITY, exif=exif)
        case "png":
            canvas.save(target, "PNG", compress_level=1)
        case "png-palette":
            canvas.quantize(64, Image.Quantize.FASTOCTREE).save(target, "PNG", compress_level=1)
        case "png-alpha":
            canvas.putalpha(canvas.convert("L"))
            canvas.save(target, "PNG", compress_level=1)
        case "gif":
            stills = [ImageChops.offset(canvas, 5 * step).quantize(64, Image.Quantize.FASTOCTREE) for step in range(3)]
            stills[0].save(target, "GIF", save_all=True, append_images=stills[1:], duration=80, loop=0)
        case "gif-still":
            canvas.quantize(64, Image.Quantize.FASTOCTREE).save(target, "GIF")
    return target.getvalue()


def _seam(data: bytes) -> int:
    if data.startswith(b"\x89PNG"):
        return 33  # behind IHDR
    if data.startswith(b"GIF8"):
        return len(data) - 1
    place = 2
    while data[place] == 0xFF and 0xE0 <= data[place + 1] <= 0xEF:
        place += 2 + int.from_bytes(data[place + 2 : place + 4])
    return place
