"""The proof of an ugoira's zip: its members' names and checksums, every frame decoded, nothing extracted."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from pixivcrawl.archive.gif import prove_gif
from pixivcrawl.archive.jpeg import prove_jpeg, read_jpeg
from pixivcrawl.archive.pictures import SNIFFED_BYTES, Damaged, Picture, format_of_bytes
from pixivcrawl.archive.png import prove_png

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_FRAMES = 10_000
_LARGEST_FRAME = 64 << 20
_LARGEST_TOTAL = 4 << 30
_HIGHEST_RATIO = 100
_TOTAL_SHARE = 10
"""All frames together may have this many times the pixels of one picture's limit."""


@dataclass(frozen=True, slots=True)
class Ugoira:
    """A zip proven whole; `warning` is the strict JPEG decoder's first complaint about a frame that decodes."""

    picture: Picture
    warning: Damaged | None


def prove_ugoira(source: BinaryIO, names: frozenset[str] | None, max_pixels: int) -> Ugoira:
    """Check the zip and decode each frame; `names` are those the API lists, None to take any. Raises `Damaged`.

    pixiv: the frames are JPEG, PNG or GIF pictures of one size, named 000000.jpg and on, in the zip's one level.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _refuse_unsafe(members)
            _compare_names({member.filename for member in members}, names)
            return _prove_frames(archive, members, max_pixels)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, LookupError, struct.error) as error:
        raise Damaged(f"the zip is damaged or cut short: {error}", "cut short") from error


def _refuse_unsafe(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_FRAMES:
        raise Damaged(f"the zip has {len(members):,} members, more than the limit of {_MOST_FRAMES:,}", "bomb")
    if len({member.filename for member in members}) != len(members):
        raise Damaged("the zip has two members of one name", "unsafe archive")
    for member in members:
        problem = _unsafe(member)
        if problem:
            raise Damaged(f"the zip's member {member.filename[:80]!r} {problem}", "unsafe archive")
        if member.file_size > min(_LARGEST_FRAME, member.compress_size * _HIGHEST_RATIO):
            raise Damaged(f"the zip's member {member.filename[:80]!r} inflates to {member.file_size:,} bytes", "bomb")
    total = sum(member.file_size for member in members)
    if total > _LARGEST_TOTAL:
        raise Damaged(f"the zip inflates to {total:,} bytes", "bomb")


def _unsafe(member: zipfile.ZipInfo) -> str | None:
    name = member.orig_filename
    if not name or name in (".", "..") or any(character in name for character in "/\\:\0"):
        return "is not a plain file name"
    if member.flag_bits & 0x1:
        return "is encrypted"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is not a plain file"
    if member.header_offset < 0:
        return "lies before the zip's start"
    if member.compress_type not in _METHODS:
        return "is compressed in a way that no ugoira is"
    return None


def _compare_names(found: set[str], expected: frozenset[str] | None) -> None:
    if not found:
        raise Damaged("the zip is empty", "wrong frames")
    if expected is None or found == expected:
        return
    missing, extra = len(expected - found), len(found - expected)
    raise Damaged(
        f"the zip has {len(found)} frames where pixiv lists {len(expected)} ({missing} missing, {extra} not listed)",
        "wrong frames",
    )


def _prove_frames(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], max_pixels: int) -> Ugoira:
    warning: Damaged | None = None
    first: Picture | None = None
    pixels_left = max_pixels * _TOTAL_SHARE
    for member in members:
        try:
            picture, complaint = _prove_frame(_inflate(archive, member), min(max_pixels, pixels_left))
        except Damaged as damage:
            raise _named(member, damage) from damage
        if complaint is not None:
            warning = warning or _named(member, complaint)
        first = first or picture
        if (picture.width, picture.height) != (first.width, first.height):
            raise _named(member, Damaged("has another size than the first frame", "wrong size"))
        pixels_left -= picture.width * picture.height
    assert first is not None, "an empty zip was refused before"
    return Ugoira(Picture(first.width, first.height, len(members)), warning)


def _prove_frame(data: bytes, max_pixels: int) -> tuple[Picture, Damaged | None]:
    match format_of_bytes(data[:SNIFFED_BYTES]):
        case "jpg":
            jpeg = read_jpeg(data, max_pixels)
            try:
                prove_jpeg(jpeg)
            except Damaged as damage:
                if not damage.only_warned:
                    raise
                return jpeg.picture, damage
            return jpeg.picture, None
        case "png":
            return prove_png(io.BytesIO(data), max_pixels), None
        case "gif":
            return prove_gif(data, max_pixels), None
        case _:
            raise Damaged("is not a picture", "broken")


def _inflate(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """One frame's bytes; reading to the end is what makes zipfile compare the checksum."""
    try:
        data = archive.read(member)
    except (zipfile.BadZipFile, zlib.error) as error:
        raise Damaged(f"cannot be inflated: {error}", "checksum") from error
    except (EOFError, NotImplementedError) as error:
        raise Damaged(f"cannot be inflated: {error or 'it ends too early'}", "broken") from error
    if len(data) != member.file_size:
        raise Damaged(f"has {len(data):,} of its {member.file_size:,} bytes", "cut short")
    return data


def _named(member: zipfile.ZipInfo, damage: Damaged) -> Damaged:
    return Damaged(f"the zip's frame {member.filename[:80]!r}: {damage.reason}", damage.kind)
