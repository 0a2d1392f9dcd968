"""Draws ugoira of known frames, and reads what was made of them with libraries of others."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import av
from PIL import Image

from pixivcrawl.animations.animation import Animation, Source
from pixivcrawl.items import Frame

COLOURS = ((220, 30, 40), (30, 200, 60), (40, 60, 220), (230, 220, 50), (120, 120, 120))


def plain(number: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """A frame of one colour, as JPEG."""
    return packed(Image.new("RGB", size, COLOURS[number % len(COLOURS)]), "JPEG", quality=95)


def packed(picture: Image.Image, form: str, **options: object) -> bytes:
    held = io.BytesIO()
    picture.save(held, form, **options)
    return held.getvalue()


def zipped(folder: Path, frames: Sequence[bytes], delays: Sequence[int], size: tuple[int, int] = (64, 48)) -> Animation:
    """An ugoira whose frames lie in a zip, as pixiv serves it."""
    path = folder / "ugoira.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number, frame in enumerate(frames):
            file.writestr(f"{number:06}.jpg", frame)
    listed = tuple(Frame(f"{number:06}.jpg", delay) for number, delay in enumerate(delays))
    return Animation(11, 5000, "20210102030405", listed, (source(path),), is_zip=True, pixels=size[0] * size[1])


def uploaded(folder: Path, frames: Sequence[bytes], delays: Sequence[int], size: tuple[int, int]) -> Animation:
    """An ugoira whose frames lie each in a file of its own."""
    files = []
    for number, frame in enumerate(frames):
        path = folder / f"{number}.png"
        path.write_bytes(frame)
        files.append(source(path))
    listed = tuple(Frame(f"{number:06}.jpg", delay) for number, delay in enumerate(delays))
    return Animation(11, 5000, "20210102030405", listed, tuple(files), is_zip=False, pixels=size[0] * size[1])


def source(path: Path) -> Source:
    return Source(path, hashlib.sha256(path.read_bytes()).hexdigest())


class Film(NamedTuple):
    """What a made file shows: when each frame begins, in ms; when all ends; and the frames."""

    begins: list[float]
    ends: float
    frames: list[Image.Image]


def film(path: Path) -> Film:
    """As FFmpeg reads mp4 and webm, and Pillow WebP and APNG."""
    if path.suffix in (".mp4", ".webm"):
        with av.open(str(path)) as container:
            shown = [(float(frame.time or 0) * 1000, frame.to_image()) for frame in container.decode(video=0)]
            assert container.duration is not None
            return Film([begin for begin, _ in shown], container.duration / 1000, [frame for _, frame in shown])
    with Image.open(path) as picture:
        stays, frames = [], []
        for number in range(picture.n_frames):
            picture.seek(number)
            frames.append(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))
            stays.append(float(picture.info.get("duration", 0)))
        assert picture.info.get("loop", 0) == 0, "it goes on for ever"
        return Film([0.0, *accumulate(stays[:-1])], sum(stays), frames)


def is_like(found: tuple[int, ...], wanted: tuple[int, ...], by: int = 6) -> bool:
    return len(found) == len(wanted) and all(abs(one - other) <= by for one, other in zip(found, wanted, strict=True))
