"""Proves an ugoira's zip: its members' names and checksums, every frame decoded, nothing extracted."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from pixivcrawl.api.text import plural, quoted
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.gif import prove_gif
from pixivcrawl.archive.jpeg import prove_jpeg, read_jpeg
from pixivcrawl.archive.pictures import (
    TOTAL_SHARE,
    Picture,
    add_flaw,
    joined,
)
from pixivcrawl.archive.png import prove_png
from pixivcrawl.archive.signatures import SNIFFED_BYTES, format_of_bytes
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.zip_members import Member, inflate, read_members
from pixivcrawl.items import Frame


def prove_ugoira(source: BinaryIO, listed: tuple[Frame, ...] | None, limits: Limits) -> Picture:
    """Check the zip and decode each frame; `listed` is pixiv's list of them, None to take every member for one. Raises `Damaged`.

    The picture's size is that of the first frame. Its `flaw` says what is odd in the zip, the list and the frames; its `doubt` is that of
    the first frame that has one.

    pixiv: the frames are JPEG, PNG or GIF pictures of one size, named 000000.jpg and on, in the zip's one level.
    """
    flaws: list[str] = []
    members = {member.name: member for member in read_members(source, limits, flaws)}
    names = dict.fromkeys(members if listed is None else (frame.file for frame in listed))
    missing = [name for name in names if name not in members]
    if missing or not names:
        raise Damaged(
            f"the zip has {plural(len(members), 'member')} where pixiv lists {plural(len(names), 'frame')} ({len(missing):,} missing)",
            "wrong frames",
        )
    for frame in listed or ():
        if frame.delay <= 0:
            add_flaw(flaws, f"pixiv lists {quoted(frame.file, 80)} with {frame.delay} ms")
    for name in [name for name in members if name not in names]:
        add_flaw(flaws, f"pixiv does not list the zip's member {quoted(name, 80)}")
        with _named(members[name]):
            inflate(source, members[name], limits)
    return _prove_frames(source, [members[name] for name in names], limits, flaws)


def _prove_frames(source: BinaryIO, frames: list[Member], limits: Limits, flaws: list[str]) -> Picture:
    pictures: list[Picture] = []
    pixels_left = limits.max_pixels * TOTAL_SHARE
    for member in frames:
        with _named(member):
            data = inflate(source, member, limits)
            picture = _prove_frame(data, replace(limits, memory=limits.memory - len(data)))
            pixels_left -= picture.width * picture.height
            if pixels_left < 0:
                raise Damaged(f"with those before it has more than {TOTAL_SHARE} times the limit of pixels", "bomb")
        pictures.append(replace(picture, doubt=picture.doubt and f"{member}: {picture.doubt}"))
        add_flaw(flaws, picture.flaw and f"{member}: {picture.flaw}")
        if (picture.width, picture.height) != (pictures[0].width, pictures[0].height):
            add_flaw(flaws, f"{member} has another size than the first frame")
    doubt = next((picture.doubt for picture in pictures if picture.doubt is not None), None)
    return Picture(pictures[0].width, pictures[0].height, len(pictures), flaw=joined(flaws), doubt=doubt)


def _prove_frame(data: bytes, limits: Limits) -> Picture:
    match format_of_bytes(data[:SNIFFED_BYTES]):
        case "jpg":
            return prove_jpeg(read_jpeg(io.BytesIO(data), limits))
        case "png":
            return prove_png(io.BytesIO(data), limits)
        case "gif":
            return prove_gif(io.BytesIO(data), limits)
        case _:
            raise Damaged("is not a picture", "broken")


@contextmanager
def _named(member: Member) -> Iterator[None]:
    """Adds the member's name to a `Damaged` that is raised about it."""
    try:
        yield
    except Damaged as damage:
        raise Damaged(f"{member}: {damage.reason}", damage.kind) from damage
