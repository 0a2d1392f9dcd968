"""Reads TIFF directories, which EXIF and the index of multi-picture files (MPF) consist of."""

from __future__ import annotations

import struct
from typing import Literal, NamedTuple

_BYTES_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})
"""The orientations that turn a picture by a quarter."""


class Directory(NamedTuple):
    """The first directory: the values' bytes by tag, without values that lie where they may not."""

    order: Literal["little", "big"]
    values: dict[int, bytes]


def read_directory(data: bytes) -> Directory:
    """Raises ValueError when the header or an entry of the directory cannot be read."""
    order: Literal["little", "big"] = "little" if data[:2] == b"II" else "big"
    mark = "<" if order == "little" else ">"
    try:
        name, version, start = struct.unpack_from(f"{mark}2sHL", data)
        if name not in (b"II", b"MM") or version != 42:
            raise ValueError("has no TIFF header")
        (count,) = struct.unpack_from(f"{mark}H", data, start)
        entries = [struct.unpack_from(f"{mark}HHL4s", data, start + 2 + 12 * number) for number in range(count)]
    except struct.error as error:
        raise ValueError("its directory is cut short") from error
    values = {}
    for tag, type_, many, inline in entries:
        size = _BYTES_OF_TYPE.get(type_, 0) * many
        place = int.from_bytes(inline, order)
        value = inline[:size] if size <= 4 else data[place : place + size]
        if value and len(value) == size:
            values[tag] = value
    return Directory(order, values)


def turns_sideways(exif: bytes) -> bool:
    """Whether EXIF turns its picture by a quarter; EXIF that cannot be read turns nothing."""
    try:
        directory = read_directory(exif)
    except ValueError:
        return False
    return int.from_bytes(directory.values.get(_ORIENTATION, b""), directory.order) in _SIDEWAYS
