"""The proof of an ugoira's zip: its members' names and checksums, every frame decoded, nothing extracted."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
import zlib
from dataclasses import replace
from typing import BinaryIO

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.gif import prove_gif
from pixivcrawl.archive.jpeg import prove_jpeg, read_jpeg
from pixivcrawl.archive.pictures import SNIFFED_BYTES, Picture, format_of_bytes
from pixivcrawl.archive.png import prove_png
from pixivcrawl.archive.verdict import Limits

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_FRAMES = 10_000
_LARGEST_FRAME = 64 << 20
_LARGEST_TOTAL = 4 << 30
_HIGHEST_RATIO = 100
_LARGEST_DIRECTORY = 2 << 20
"""Bytes of a zip's directory: twice what `_MOST_FRAMES` entries need."""

_TOTAL_SHARE = 10
"""All frames together may have this many times the pixels of one picture's limit."""

# APPNOTE 4.3.16 and 4.3.7: what stands at a zip's end and before each member, without the texts of any length.
_END = struct.Struct("<4s4H2LH")
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_END_MARK, _ZIP64_MARK, _LOCAL_MARK = b"PK\5\6", b"PK\6\7", b"PK\3\4"
_ZIP64_LOCATOR = 20
_LONGEST_COMMENT = 0xFFFF
_LONGEST_DESCRIPTOR = 24
_ENCRYPTED, _DESCRIBED_AFTER, _UTF8 = 0x1, 0x8, 0x800


def prove_ugoira(source: BinaryIO, names: frozenset[str] | None, limits: Limits) -> Picture:
    """Check the zip and decode each frame; `names` are those the API lists, None to take any. Raises `Damaged`.

    The picture's `flaw` and `doubt` are the first of its frames'.

    pixiv: the frames are JPEG, PNG or GIF pictures of one size, named 000000.jpg and on, in the zip's one level.
    """
    try:
        _refuse_endless(source)
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
            _refuse_unsafe(members)
            _compare_names({member.filename for member in members}, names)
            starts = _starts(source, members, archive.start_dir)
            return _prove_frames(source, members, starts, limits)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, LookupError, struct.error) as error:
        raise Damaged(f"the zip is damaged or cut short: {error}", "cut short") from error


def _refuse_endless(source: BinaryIO) -> None:
    """Before zipfile makes an object of every entry in the directory: how long that is, and that the zip ends where it says.

    The end is looked for as zipfile does, so that both look at the same one.
    """
    size = source.seek(0, os.SEEK_END)
    source.seek(max(0, size - _END.size - _LONGEST_COMMENT))
    tail = source.read()
    at = max(0, len(tail) - _END.size)
    if not (tail.startswith(_END_MARK, at) and tail.endswith(b"\0\0")):
        at = tail.rfind(_END_MARK)
    if at < 0 or len(tail) - at < _END.size:
        raise Damaged("the zip is cut short: it has no directory", "cut short")
    *_, entries, length, place, comment = _END.unpack_from(tail, at)
    if entries == 0xFFFF or 0xFFFFFFFF in (length, place) or tail.startswith(_ZIP64_MARK, max(0, at - _ZIP64_LOCATOR)):
        raise Damaged("the zip is of the large kind (zip64), which no ugoira is", "unsafe archive")
    if length > _LARGEST_DIRECTORY:
        raise Damaged(f"the zip's directory has {length:,} bytes", "bomb")
    if at + _END.size + comment != len(tail):
        raise Damaged("the zip ends elsewhere than it says", "unsafe archive")


def _refuse_unsafe(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MOST_FRAMES:
        raise Damaged(f"the zip has {len(members):,} members, more than the limit of {_MOST_FRAMES:,}", "bomb")
    if len({member.filename.casefold() for member in members}) != len(members):
        raise Damaged("the zip has two members of one name", "unsafe archive")
    for member in members:
        problem = _unsafe(member)
        if problem:
            raise Damaged(f"the zip's member {member.filename[:80]!r} {problem}", "unsafe archive")
        inflated = max(member.file_size, member.compress_size)
        if inflated > min(_LARGEST_FRAME, member.compress_size * _HIGHEST_RATIO):
            raise Damaged(f"the zip's member {member.filename[:80]!r} inflates to {inflated:,} bytes", "bomb")
    total = sum(member.file_size for member in members)
    if total > _LARGEST_TOTAL:
        raise Damaged(f"the zip inflates to {total:,} bytes", "bomb")


def _unsafe(member: zipfile.ZipInfo) -> str | None:
    # zipfile cuts a name at a zero byte and, from Python 3.13 on, takes another one from an extra field.
    if not (_is_plain(member.orig_filename) and _is_plain(member.filename)):
        return "is not a plain file name"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is not a plain file"
    if member.compress_type not in _METHODS:
        return "is compressed in a way that no ugoira is"
    return None


def _is_plain(name: str) -> bool:
    return name.isprintable() and name not in ("", ".", "..") and not any(character in name for character in "/\\:")


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


def _starts(source: BinaryIO, members: list[zipfile.ZipInfo], directory: int) -> list[int]:
    """Where each member's packed bytes begin; `directory` is where the zip's directory does.

    Refuses members that overlap, that their own headers tell otherwise than the directory, and whatever lies before, between or behind
    them: another reader would see another ugoira there.
    """
    starts: dict[int, int] = {}
    end = room = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if not end <= member.header_offset <= end + room:
            raise Damaged(
                f"the zip's member {member.filename[:80]!r} does not follow the one before it", "unsafe archive"
            )
        source.seek(member.header_offset)
        mark, _, flags, method, _, _, *told, name, extra = _LOCAL_HEADER.unpack(source.read(_LOCAL_HEADER.size))
        described_after = bool((flags | member.flag_bits) & _DESCRIBED_AFTER)
        agrees = (
            mark == _LOCAL_MARK
            and method == member.compress_type
            and not (flags ^ member.flag_bits) & (_ENCRYPTED | _UTF8)
            and source.read(name) == member.orig_filename.encode("utf-8" if flags & _UTF8 else "cp437")
            and (told == [member.CRC, member.compress_size, member.file_size] or (described_after and not any(told)))
        )
        if not agrees:
            raise Damaged(f"the zip's member {member.filename[:80]!r} is told in two ways", "unsafe archive")
        starts[member.header_offset] = start = member.header_offset + _LOCAL_HEADER.size + name + extra
        end, room = start + member.compress_size, _LONGEST_DESCRIPTOR if described_after else 0
    if not end <= directory <= end + room:
        raise Damaged("the zip holds more than its members", "unsafe archive")
    return [starts[member.header_offset] for member in members]


def _prove_frames(source: BinaryIO, members: list[zipfile.ZipInfo], starts: list[int], limits: Limits) -> Picture:
    flaw = doubt = None
    first: Picture | None = None
    pixels_left = limits.max_pixels * _TOTAL_SHARE
    for member, start in zip(members, starts, strict=True):
        frame_limits = replace(limits, max_pixels=min(limits.max_pixels, pixels_left))
        try:
            picture = _prove_frame(_inflate(source, member, start), frame_limits)
        except Damaged as damage:
            raise Damaged(_named(member, damage.reason), damage.kind) from damage
        first = first or picture
        if (picture.width, picture.height) != (first.width, first.height):
            raise Damaged(_named(member, "has another size than the first frame"), "wrong size")
        flaw = flaw or (picture.flaw and _named(member, picture.flaw))
        doubt = doubt or (picture.doubt and _named(member, picture.doubt))
        pixels_left -= picture.width * picture.height
    assert first is not None, "an empty zip was refused before"
    return Picture(first.width, first.height, len(members), flaw=flaw, doubt=doubt)


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


def _inflate(source: BinaryIO, member: zipfile.ZipInfo, start: int) -> bytes:
    """One frame's bytes, never more than the directory tells: zipfile would inflate all that is packed, and then cut it off."""
    source.seek(start)
    data = source.read(member.compress_size)
    if member.compress_type == zipfile.ZIP_DEFLATED:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(data, member.file_size + 1)
        except zlib.error as error:
            raise Damaged(f"cannot be inflated: {error}", "checksum") from error
        if not inflater.eof or inflater.unused_data:
            raise Damaged(f"does not end after its {member.file_size:,} bytes", "broken")
    if len(data) != member.file_size:
        raise Damaged(f"has {len(data):,} of its {member.file_size:,} bytes", "cut short")
    if zlib.crc32(data) != member.CRC:
        raise Damaged("fails its checksum", "checksum")
    return data


def _named(member: zipfile.ZipInfo, problem: str) -> str:
    return f"the zip's frame {member.filename[:80]!r}: {problem}"
