"""Thumbnails are made of whatever an archive holds, stay small, and a picture that cannot be read costs the report nothing."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pixivcrawl.archive.drawing import LARGEST, LONGEST_SIDE
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.ledger.queries.browsing.works import Picture
from pixivcrawl.reporting.thumbnails import Thumbnail, thumbnails

RED = (200, 30, 30)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    (tmp_path / "originals" / "7").mkdir(parents=True)
    return Archive(tmp_path)


WORKERS = Workers(1, Limits())


def thumbnail(archive: Archive, cover: Picture) -> Thumbnail | None:
    return thumbnails(archive, [cover], WORKERS).get(cover.work_id)


def kept(archive: Archive, content: bytes, name: str = "1_p0_20260102030405.jpg", **about: Any) -> Picture:
    (archive.originals / "7" / name).write_bytes(content)
    told = {"kind": "image", "path": f"originals/7/{name}", "bytes": 1, "width": 1, "height": 1, "frame": None, **about}
    return Picture(1, 0, "20260102030405", sha256="", extension=name.rpartition(".")[2], **told)


def saved(picture: Image.Image, form: str, **options: Any) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, form, **options)
    return packed.getvalue()


def opened(made: Thumbnail | None) -> Image.Image:
    assert made is not None
    head, _, text = made.uri.partition(",")
    assert head == "data:image/jpeg;base64"
    content = base64.b64decode(text, validate=True)
    assert len(content) <= LARGEST
    picture = Image.open(io.BytesIO(content))
    assert picture.size == (made.width, made.height)
    assert max(picture.size) <= LONGEST_SIDE
    return picture.convert("RGB")


def is_about(found: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(found, wanted, strict=True))


def plain(mode: str = "RGB", size: tuple[int, int] = (640, 480), colour: Any = RED) -> Image.Image:
    return Image.new(mode, size, colour)


PICTURES = {
    "jpeg": saved(plain(), "JPEG"),
    "progressive": saved(plain(), "JPEG", progressive=True),
    "cmyk": saved(plain().convert("CMYK"), "JPEG"),
    "png": saved(plain(), "PNG"),
    "palette": saved(plain().quantize(4), "PNG"),
    "gif": saved(plain(), "GIF", save_all=True, append_images=[plain(colour="blue")]),
    "opaque alpha": saved(plain("RGBA", colour=(*RED, 255)), "PNG"),
}


@pytest.mark.parametrize("kind", PICTURES)
def test_every_format_is_shown_in_its_colours(archive: Archive, kind: str) -> None:
    picture = opened(thumbnail(archive, kept(archive, PICTURES[kind])))
    assert picture.size == (192, 144)
    assert is_about(picture.getpixel((90, 70)), RED)


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", 128), ("1", 0), ("I;16", 128 * 257), ("LA", (128, 0)), ("RGBA", (255, 0, 0, 0))]
)
def test_grey_deep_and_transparent_ones_are_shown_too(archive: Archive, mode: str, colour: Any) -> None:
    picture = opened(thumbnail(archive, kept(archive, saved(plain(mode, colour=colour), "PNG"))))
    assert is_about(picture.getpixel((90, 70)), (0, 0, 0) if mode == "1" else (128, 128, 128))


def test_a_small_one_is_not_blown_up(archive: Archive) -> None:
    assert opened(thumbnail(archive, kept(archive, saved(plain(size=(20, 10)), "PNG")))).size == (20, 10)


def test_a_sideways_one_stands_upright(archive: Archive) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert opened(thumbnail(archive, kept(archive, saved(plain(), "JPEG", exif=exif)))).size == (144, 192)


def test_noise_stays_small(archive: Archive) -> None:
    noise = Image.effect_noise((300, 300), 100).convert("RGB")
    opened(thumbnail(archive, kept(archive, saved(noise, "PNG"))))


def ugoira(*frames: str, content: bytes = PICTURES["jpeg"]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name in frames:
            zipped.writestr(name, content)
    return packed.getvalue()


def test_an_ugoira_is_shown_by_its_first_frame(archive: Archive) -> None:
    zipped = ugoira("000001.jpg", "000000.jpg")
    opened(thumbnail(archive, kept(archive, zipped, kind="ugoira", frame="000000.jpg")))
    opened(thumbnail(archive, kept(archive, zipped, kind="ugoira")))


def enormous(width: int, height: int) -> bytes:
    """A PNG's first bytes that promise so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + b"\0" * 8


@pytest.mark.parametrize(
    ("content", "about"),
    [
        (b"", {}),
        (b"<html>", {}),
        (PICTURES["png"][:200], {}),
        (saved(plain(), "WEBP"), {}),
        (enormous(100_000, 100_000), {}),
        (enormous(9_000, 9_000), {}),
        (b"PK\x03\x04", {"kind": "ugoira"}),
        (ugoira(), {"kind": "ugoira"}),
        (ugoira("a.jpg"), {"kind": "ugoira", "frame": "b.jpg"}),
        (ugoira("a.jpg", content=b"\0" * (33 << 20)), {"kind": "ugoira"}),
        (PICTURES["jpeg"], {"path": "../elsewhere.jpg"}),
        (PICTURES["jpeg"], {"path": "/etc/passwd"}),
        (PICTURES["jpeg"], {"path": "originals/7/gone.jpg"}),
        (PICTURES["jpeg"], {"path": "originals/7"}),
    ],
)
def test_what_cannot_be_shown_is_left_out(archive: Archive, content: bytes, about: dict[str, Any]) -> None:
    assert thumbnail(archive, kept(archive, content, **about)) is None
