"""Zip files, written straight from APPNOTE 4.3 and 4.5.3, with each number of theirs where a test wants it."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

LONG = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Member:
    """A member whose header tells `told`: checksum, packed length, length; None for the truth.

    `in64` moves the header's lengths into a zip64 field, `directory64` the directory's; `descriptor` is the form of what stands behind.
    """

    name: str
    body: bytes
    deflated: bool = False
    flags: int = 0
    told: Sequence[int | None] = (None, None, None)
    in64: bool = False
    directory64: bool = False
    descriptor: str | None = None
    marked: bool = True
    fields: bytes = b""
    packed: bytes = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "packed", zlib.compress(self.body, wbits=-15) if self.deflated else self.body)

    @property
    def truth(self) -> tuple[int, int, int]:
        return zlib.crc32(self.body), len(self.packed), len(self.body)

    def written(self) -> bytes:
        checksum, packed, size = (
            true if told is None else told for told, true in zip(self.told, self.truth, strict=True)
        )
        fields = self.fields
        if self.in64:
            fields += struct.pack("<2H2Q", 1, 16, size, packed)
            packed = size = LONG
        name = self.name.encode()
        head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, *self._kind(), checksum, packed, size, len(name), len(fields))
        return head + name + fields + self.packed + self._behind()

    def entry(self, start: int) -> bytes:
        checksum, packed, size = self.truth
        fields = b""
        if self.directory64:
            fields = struct.pack("<2H3Q", 1, 24, size, packed, start)
            packed = size = start = LONG
        name = self.name.encode()
        numbers = (checksum, packed, size, len(name), len(fields), 0, 0, 0, 0, start)
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *self._kind(), *numbers) + name + fields

    def _kind(self) -> tuple[int, int, int, int]:
        return self.flags | (8 if self.descriptor else 0), 8 if self.deflated else 0, 0, 0x21

    def _behind(self) -> bytes:
        forms = {"32 bits": "<3L", "64 bits": "<L2Q"}
        if self.descriptor not in forms:
            return b""
        return (b"PK\7\x08" if self.marked else b"") + struct.pack(forms[self.descriptor], *self.truth)


def zip_of(members: Sequence[Member], *, end64: bool = False, elsewhere: bool = False) -> bytes:
    """A zip of the members in their order. `end64` adds a zip64 end; `elsewhere` leaves the plain end's numbers to it."""
    bodies = [member.written() for member in members]
    starts = itertools.accumulate(map(len, bodies[:-1]), initial=0)
    directory = b"".join(member.entry(start) for member, start in zip(members, starts, strict=False))
    body = b"".join(bodies)
    numbers = (len(members), len(members), len(directory), len(body))
    end = b""
    if end64:
        end += struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *numbers)
        end += struct.pack("<4sLQL", b"PK\6\7", 0, len(body) + len(directory), 1)
    short = (0xFFFF, 0xFFFF, LONG, LONG) if elsewhere else numbers
    return body + directory + end + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *short, 0)
