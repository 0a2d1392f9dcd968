"""The members of a zip: where each one's bytes are, and that no reader can see others than those in its directory."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from pixivcrawl.api.text import quoted
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.pictures import add_flaw, refuse_memory
from pixivcrawl.archive.verdict import Limits

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MOST_MEMBERS = 10_000
_LARGEST_MEMBER = 64 << 20
_LARGEST_TOTAL = 4 << 30
_HIGHEST_RATIO = 100
_SMALL_MEMBER = 1 << 20
"""Bytes: what inflates to no more is no bomb. A picture of one colour packs to a three-hundredth."""

_LARGEST_DIRECTORY = 2 << 20
"""Bytes of a zip's directory: twice what `_MOST_MEMBERS` entries need."""

_ENTRY_MEMORY = 1 << 10
"""Bytes that an entry of the directory takes once it is read."""

# APPNOTE 4.3.7 to 4.3.16: what stands before each member, behind it, and at a zip's end, without the texts of any length.
_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_DESCRIPTORS = (struct.Struct("<3L"), struct.Struct("<L2Q"))
_ENTRY = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_EXTRA_FIELD = struct.Struct("<2H")
_SIZES64 = struct.Struct("<2Q")
_LOCAL_MARK, _DESCRIPTOR_MARK, _END_MARK, _END64_MARK, _LOCATOR64_MARK = (
    b"PK\3\4",
    b"PK\7\x08",
    b"PK\5\6",
    b"PK\6\6",
    b"PK\6\7",
)
_SIZES64_FIELD = 1
_LONG = 0xFFFFFFFF
"""Stands for a size that is given elsewhere with 64 bits; in fields of 16 bits it is 0xFFFF."""

_LONGEST_COMMENT = 0xFFFF
_ENCRYPTED, _DESCRIBED_BEHIND, _UTF8 = 0x1, 0x8, 0x800


@dataclass(frozen=True, slots=True)
class Member:
    """One member as in the directory; its packed bytes begin at byte `start`."""

    name: str
    start: int
    packed: int
    size: int
    checksum: int
    deflated: bool

    def __str__(self) -> str:
        return f"the zip's {quoted(self.name, 80)}"


def read_members(source: BinaryIO, limits: Limits, flaws: list[str]) -> list[Member]:
    """All members, in the directory's order, without inflating any. Raises `Damaged`."""
    try:
        directory = _find_directory(source, limits)
        with zipfile.ZipFile(source) as archive:
            told = archive.infolist()
        _refuse_unsafe(told)
        starts = _starts(source, told, directory, flaws)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, LookupError, struct.error) as error:
        raise Damaged(f"the zip is damaged or cut short: {error}", "cut short") from error
    return [
        Member(
            member.filename,
            starts[member.header_offset],
            member.compress_size,
            member.file_size,
            member.CRC,
            member.compress_type == zipfile.ZIP_DEFLATED,
        )
        for member in told
    ]


def inflate(source: BinaryIO, member: Member, limits: Limits) -> bytes:
    """One member's bytes, never more than the directory says: zipfile would inflate everything that is packed, and then cut it off."""
    refuse_memory(member.packed + member.size, limits)
    source.seek(member.start)
    data = source.read(member.packed)
    if member.deflated:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = inflater.decompress(data, member.size + 1)
        except zlib.error as error:
            raise Damaged(f"cannot be inflated: {error}", "checksum") from error
        if not inflater.eof or inflater.unused_data:
            raise Damaged(f"does not end after its {member.size:,} bytes", "broken")
    if len(data) != member.size:
        raise Damaged(f"has {len(data):,} of its {member.size:,} bytes", "cut short")
    if zlib.crc32(data) != member.checksum:
        raise Damaged("fails its checksum", "checksum")
    return data


def _find_directory(source: BinaryIO, limits: Limits) -> int:
    """Find where the directory begins, and check that its entries fill it, before zipfile makes an object of each.

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
    _, *numbers, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise Damaged("the zip ends elsewhere than it says", "unsafe archive")
    numbers, end = _in_64_bits(source, numbers, size - len(tail) + at)
    disk, disk_of_directory, entries_here, entries, length, start = numbers
    if disk or disk_of_directory or entries_here != entries:
        raise Damaged("the zip is a part of several", "unsafe archive")
    if entries > _MOST_MEMBERS:
        raise Damaged(f"the zip has {entries:,} members, more than the limit of {_MOST_MEMBERS:,}", "bomb")
    if length > _LARGEST_DIRECTORY:
        raise Damaged(f"the zip's directory has {length:,} bytes", "bomb")
    if start + length != end:
        raise Damaged("the zip's directory is elsewhere than its end says", "unsafe archive")
    refuse_memory(2 * length + entries * _ENTRY_MEMORY, limits)
    at = start
    for _ in range(entries):
        source.seek(at)
        *_, name, fields, remark, _, _, _, _ = _ENTRY.unpack(source.read(_ENTRY.size))
        at += _ENTRY.size + name + fields + remark
    if at != end:
        raise Damaged(f"the zip's directory is not {entries:,} entries long", "unsafe archive")
    return start


def _in_64_bits(source: BinaryIO, numbers: list[int], end: int) -> tuple[list[int], int]:
    """The end's numbers, and where the directory ends: both from the zip64 record where there is one, with which the end agrees."""
    if end < _LOCATOR64.size:
        return numbers, end
    source.seek(end - _LOCATOR64.size)
    mark, disk, place, disks = _LOCATOR64.unpack(source.read(_LOCATOR64.size))
    if mark != _LOCATOR64_MARK:
        return numbers, end
    end -= _LOCATOR64.size + _END64.size
    if place == end and disk == 0 and disks <= 1:
        source.seek(end)
        mark, length, _, _, *numbers64 = _END64.unpack(source.read(_END64.size))
        agree = all(
            number in (number64, elsewhere)
            for number, number64, elsewhere in zip(numbers, numbers64, (*[0xFFFF] * 4, _LONG, _LONG), strict=True)
        )
        if mark == _END64_MARK and length == _END64.size - 12 and agree:
            return numbers64, end
    raise Damaged("the zip's end is described in two different ways", "unsafe archive")


def _refuse_unsafe(members: list[zipfile.ZipInfo]) -> None:
    if len({member.filename.casefold() for member in members}) != len(members):
        raise Damaged("the zip has two members of one name", "unsafe archive")
    for member in members:
        problem = _unsafe(member)
        if problem:
            raise Damaged(f"the zip's member {quoted(member.filename, 80)} {problem}", "unsafe archive")
        inflated = max(member.file_size, member.compress_size)
        if inflated > min(_LARGEST_MEMBER, max(_SMALL_MEMBER, member.compress_size * _HIGHEST_RATIO)):
            raise Damaged(f"the zip's member {quoted(member.filename, 80)} inflates to {inflated:,} bytes", "bomb")
    total = sum(member.file_size for member in members)
    if total > _LARGEST_TOTAL:
        raise Damaged(f"the zip inflates to {total:,} bytes", "bomb")


def _unsafe(member: zipfile.ZipInfo) -> str | None:
    # zipfile cuts a name at a zero byte and, from Python 3.13 on, takes another one from an extra field.
    if not (_is_plain(member.orig_filename) and _is_plain(member.filename)):
        return "is not a plain file name"
    if member.volume:
        return "lies in another part of the zip"
    if member.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is not a plain file"
    if member.compress_type not in _METHODS:
        return "is compressed in a way that no ugoira is"
    return None


def _is_plain(name: str) -> bool:
    return name.isprintable() and name not in ("", ".", "..") and not any(character in name for character in "/\\:")


def _starts(source: BinaryIO, members: list[zipfile.ZipInfo], directory: int, flaws: list[str]) -> dict[int, int]:
    """Where each member's packed bytes begin, by where its header does.

    Refuses members that overlap, members whose own headers contradict the directory, and any bytes before, between or behind them: another
    reader would see another ugoira there.
    """
    starts: dict[int, int] = {}
    end, descriptors = 0, {b""}
    for member in sorted(members, key=lambda member: member.header_offset):
        _refuse_hidden(source, end, member.header_offset, descriptors, flaws)
        mark, _, flags, method, _, _, *told, name, extra = _LOCAL_HEADER.unpack(source.read(_LOCAL_HEADER.size))
        written_name, fields = source.read(name), source.read(extra)
        agrees = (
            mark == _LOCAL_MARK
            and method == member.compress_type
            and not (flags ^ member.flag_bits) & (_ENCRYPTED | _UTF8)
            and written_name == member.orig_filename.encode("utf-8" if flags & _UTF8 else "cp437")
            and _sizes_agree(told, fields, member, described_behind=bool(flags & _DESCRIBED_BEHIND))
        )
        if not agrees:
            raise Damaged(
                f"the zip's member {quoted(member.filename, 80)} is described in two different ways", "unsafe archive"
            )
        starts[member.header_offset] = start = member.header_offset + _LOCAL_HEADER.size + name + extra
        end = start + member.compress_size
        descriptors = _descriptors(member) if flags & _DESCRIBED_BEHIND else {b""}
    _refuse_hidden(source, end, directory, descriptors, flaws)
    return starts


def _sizes_agree(told: list[int], fields: bytes, member: zipfile.ZipInfo, *, described_behind: bool) -> bool:
    """Whether a header's checksum and sizes are the directory's. Of a member that is described behind it, each may be left out."""
    checksum, packed, size = told
    if _LONG in (packed, size):
        size64, packed64 = _sizes_in_64_bits(fields)
        packed, size = (packed64 if packed == _LONG else packed), (size64 if size == _LONG else size)
    pairs = ((checksum, member.CRC), (packed, member.compress_size), (size, member.file_size))
    return all(said == true or (described_behind and said == 0) for said, true in pairs)


def _sizes_in_64_bits(fields: bytes) -> tuple[int, int]:
    """The sizes, inflated and packed, in a header's zip64 field. Raises struct.error without one."""
    at = 0
    while True:
        kind, length = _EXTRA_FIELD.unpack_from(fields, at)
        at += _EXTRA_FIELD.size
        if kind == _SIZES64_FIELD and length >= _SIZES64.size:
            size, packed = _SIZES64.unpack_from(fields, at)
            return size, packed
        at += length


def _descriptors(member: zipfile.ZipInfo) -> set[bytes]:
    """What may stand behind a member's bytes: checksum and sizes once more, of 32 or 64 bits, with a mark or without."""
    facts = (member.CRC, member.compress_size, member.file_size)
    plain = {form.pack(*facts) for form in _DESCRIPTORS}
    return plain | {_DESCRIPTOR_MARK + each for each in plain}


def _refuse_hidden(source: BinaryIO, end: int, start: int, descriptors: set[bytes], flaws: list[str]) -> None:
    """Read from a member's `end` to the `start` of what follows, where only a descriptor may stand. A missing one hides nothing."""
    between = b"?"
    if end <= start <= end + max(map(len, descriptors)):
        source.seek(end)
        between = source.read(start - end)
    if between in descriptors:
        return
    if between:
        raise Damaged(f"the zip holds more than its members, or less, before byte {start:,}", "unsafe archive")
    add_flaw(flaws, "a member of the zip lacks the descriptor that its header announces")
