"""Finds oddities in the segments of a JPEG that do not affect its pixels: JFIF, EXIF, ICC, MPF, Photoshop, Adobe."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pixivcrawl.archive.jpeg_markers import APP, Held, Piece
from pixivcrawl.archive.tiff import read_directory

_JFIF, _EXIF, _ICC, _MPF = b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"MPF\0"
_PHOTOSHOP, _ADOBE = b"Photoshop 3.0\0", b"Adobe"
_RESOURCE = b"8BIM"
_RESOURCE_BYTES = 12
"""The least that one of Photoshop's resources has: without name and body."""

_MPF_ENTRIES = 0xB002
_MPF_ENTRY = {"little": struct.Struct("<4x2L4x"), "big": struct.Struct(">4x2L4x")}
"""Of each picture, among others: its length, and where it begins."""


class Segments:
    """The application segments of a file, whose bodies are read when they are needed."""

    def __init__(self, data: Held, pieces: list[Piece]) -> None:
        self._data = data
        self._pieces = [piece for piece in pieces if piece.code in APP]

    @property
    def exif(self) -> bytes:
        """The EXIF of the first segment that has any, from its TIFF header on."""
        return next(self._bodies(1, _EXIF), b"")

    def flaws(self, end: int, size: int) -> Iterator[str]:
        """Each oddity in a few words; `end` is where the picture ends and `size` the length of the file."""
        for body in self._bodies(0, _JFIF):
            # Version, unit, two densities, the thumbnail's width and height, and its pixels of 3 bytes.
            if len(body) < 9 or len(body) < 9 + 3 * body[7] * body[8]:
                yield "its JFIF segment is too short"
        for body in self._bodies(14, _ADOBE):
            if len(body) < 7 or body[6] > 2:
                yield "its Adobe segment is too short or names no colour transform"
        for exif in self._bodies(1, _EXIF):
            if not _is_directory(exif):
                yield "its EXIF cannot be read"
        profiles = list(self._bodies(2, _ICC))
        if profiles and not _is_profile(profiles):
            yield "its colour profile (ICC) is not whole"
        if not _are_resources(b"".join(self._bodies(13, _PHOTOSHOP))):
            yield "its Photoshop segments cannot be read to their end"
        trailer = size - end
        for piece in self._named(2, _MPF):
            start = piece.body + len(_MPF)
            if _lists_pictures(bytes(self._data[start : piece.stop]), start, size):
                trailer = 0
            else:
                yield "its index of pictures (MPF) does not fit the file"
        if trailer > 0:
            yield f"its end marker is followed by {trailer:,} more byte{'s' * (trailer > 1)}"

    def _named(self, number: int, name: bytes) -> Iterator[Piece]:
        for piece in self._pieces:
            start = piece.body
            if piece.code == APP[number] and self._data[start : min(start + len(name), piece.stop)] == name:
                yield piece

    def _bodies(self, number: int, name: bytes) -> Iterator[bytes]:
        return (bytes(self._data[piece.body + len(name) : piece.stop]) for piece in self._named(number, name))


def _is_directory(data: bytes) -> bool:
    try:
        read_directory(data)
    except ValueError:
        return False
    return True


def _is_profile(parts: list[bytes]) -> bool:
    """Whether the parts are numbered 1 to their count, each present once, and together as long as the profile says."""
    numbers = sorted(part[:2] for part in parts)
    profile = b"".join(part[2:] for part in sorted(parts))
    return (
        numbers == [bytes([number, len(parts)]) for number in range(1, len(parts) + 1)]
        and len(profile) >= 128
        and int.from_bytes(profile[:4], "big") == len(profile)
    )


def _are_resources(data: bytes) -> bool:
    """Whether Photoshop's image resources follow each other to the end: mark, number, name, length, body, each padded to even."""
    position = 0
    while position < len(data):
        if not data.startswith(_RESOURCE, position) or position + _RESOURCE_BYTES > len(data):
            return False
        position += 6 + (1 + data[position + 6] + 1) // 2 * 2
        length = int.from_bytes(data[position : position + 4], "big")
        position += 4 + length
        if position > len(data):
            return False
        position += length % 2
    return True


def _lists_pictures(index: bytes, place: int, size: int) -> bool:
    """Whether an index here can be read and each of its pictures is within the file, the last one at its end."""
    try:
        directory = read_directory(index)
    except ValueError:
        return False
    entries = directory.values.get(_MPF_ENTRIES, b"")
    entry = _MPF_ENTRY[directory.order]
    if len(entries) % entry.size:
        return False
    # The first picture's offset is 0, every other's is counted from the index.
    ends = [length + (offset and place + offset) for length, offset in entry.iter_unpack(entries)]
    return max(ends, default=0) == size
