"""Real pictures, and files around them, made for the tests of the archive."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from pixivcrawl.items import Frame, Original

UPLOADED = datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)
FRAMES = (Frame("000000.jpg", 80), Frame("000001.jpg", 120))


def an_original(**changes: Any) -> Original:
    facts: dict[str, Any] = {
        "work_id": 101,
        "user_id": 7,
        "page": 2,
        "revision": "20210304140607",
        "url": "https://i.pximg.net/img-original/img/2021/03/04/14/06/07/101_p2.jpg",
        "extension": "jpg",
        "uploaded": UPLOADED,
    }
    return Original(**{**facts, **changes})


def an_ugoira(**changes: Any) -> Original:
    return an_original(**{"page": 0, "extension": "zip", "frames": FRAMES, **changes})


def drawing(width: int = 240, height: int = 160, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A gradient with noise, as a photograph has it: no part of its compressed data is like another."""
    dice = random.Random(seed)
    bands = [
        Image.blend(
            Image.linear_gradient("L").rotate(turn).resize((width, height)),
            Image.frombytes("L", (width, height), dice.randbytes(width * height)),
            0.3,
        )
        for turn in (0, 90, 180)
    ]
    return Image.merge("RGB", bands).convert(mode)


def encoded(image: Image.Image, format: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def jpeg(width: int = 240, height: int = 160, mode: str = "RGB", **options: Any) -> bytes:
    return encoded(drawing(width, height, mode), "JPEG", **{"quality": 90, **options})


def segment(code: int, body: bytes) -> bytes:
    """A segment of a JPEG behind its marker FF `code`."""
    return b"\xff" + bytes([code]) + (len(body) + 2).to_bytes(2, "big") + body


def with_segment(body: bytes, *segments: bytes) -> bytes:
    """A JPEG with segments put before all its own."""
    return body[:2] + b"".join(segments) + body[2:]


def arithmetic_jpeg(*factors: int, code: int = 0xC9, size: int = 16, data: bytes = b"\0") -> bytes:
    """A flat JPEG in arithmetic coding, whose components have these factors: decoders take what is not there for zeros."""
    count = bytes([len(factors)])
    frame = (
        b"\x08"
        + size.to_bytes(2, "big") * 2
        + count
        + b"".join(bytes([n, factor, 0]) for n, factor in enumerate(factors))
    )
    scan = count + b"".join(bytes([n, 0]) for n in range(len(factors))) + (b"\0\0\0" if code == 0xCA else b"\0\x3f\0")
    tables = segment(0xDB, b"\0" + b"\1" * 64) + segment(0xCC, b"\0\x10")
    detail = [segment(0xDA, bytes([1, n, 0]) + b"\1\x3f\0") + data for n in range(len(factors)) if code == 0xCA]
    return b"\xff\xd8" + tables + segment(code, frame) + segment(0xDA, scan) + data + b"".join(detail) + b"\xff\xd9"


def png(width: int = 240, height: int = 160, mode: str = "RGB", **options: Any) -> bytes:
    return encoded(drawing(width, height, mode), "PNG", **options)


def gif(frames: int = 1, width: int = 120, height: int = 90) -> bytes:
    pictures = [drawing(width, height, seed=number).quantize(64) for number in range(frames)]
    return encoded(pictures[0], "GIF", save_all=True, append_images=pictures[1:], duration=80)


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return buffer.getvalue()


def ugoira(width: int = 240, height: int = 160) -> bytes:
    return zipped({frame.file: jpeg(width, height) for frame in FRAMES})


def zeroed(data: bytes, start: int, size: int) -> bytes:
    return data[:start] + bytes(size) + data[start + size :]


def flipped(data: bytes, position: int, bit: int = 0) -> bytes:
    return data[:position] + bytes([data[position] ^ 1 << bit]) + data[position + 1 :]
