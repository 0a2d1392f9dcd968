"""Bodies on their way in: received into the staging folder, hashed while they are written, synced before they count."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pixivcrawl.archive.failures import storage_errors

_PIECE = 1 << 20


class TooLarge(Exception):
    """The body is longer than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than the limit of {limit:,} bytes")
        self.limit = limit


class LengthMismatch(Exception):
    """The body has `got` bytes where `declared` were announced."""

    def __init__(self, declared: int, got: int) -> None:
        super().__init__(f"the body has {got:,} bytes where {declared:,} were announced")
        self.declared = declared
        self.got = got


@dataclass(frozen=True, slots=True)
class Received:
    """A whole body on the disk, synced. `sha256` is lower-case hex."""

    path: Path
    sha256: str
    bytes: int


class Receiver:
    """Takes one body, a chunk at a time, into the file `path`; at most `limit` bytes.

    With `resume` it goes on after the bytes that an earlier try left there (`bytes` says how many: where the
    server is to go on), else it begins anew. Used by one thread at a time; raises `StorageFailed` where the disk fails.
    """

    __slots__ = ("_file", "_hash", "bytes", "limit", "path")

    def __init__(self, path: Path, limit: int, *, resume: bool = False) -> None:
        self.path = path
        self.limit = limit
        self.bytes = 0
        self._hash = hashlib.sha256()
        with storage_errors(path):
            self._file = _continue(path) if resume and _can_be_continued(path) else _begin(path)
            try:
                self._count_what_is_there()
            except BaseException:
                self._file.close()
                raise

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Add a chunk. Raises `TooLarge`, writing nothing of it, when it would pass the limit."""
        self._count(chunk)
        with storage_errors(self.path):
            self._file.write(chunk)

    def finish(self, declared: int | None) -> Received:
        """Close and sync the file: the body is whole. `declared` is the announced length of the whole body in bytes.

        Raises `LengthMismatch` when it differs; what came stays on the disk for a later try, unless `abort` is called.
        """
        with storage_errors(self.path), self._file:
            if declared is not None and declared != self.bytes:
                raise LengthMismatch(declared, self.bytes)
            self._file.flush()
            os.fsync(self._file.fileno())
        return Received(self.path, self._hash.hexdigest(), self.bytes)

    def abort(self) -> None:
        """Close the file and remove it; harmless after `finish` failed or when called twice."""
        with storage_errors(self.path):
            try:
                self._file.close()
            finally:
                self.path.unlink(missing_ok=True)

    def _count(self, chunk: bytes | bytearray | memoryview) -> None:
        if self.bytes + len(chunk) > self.limit:
            raise TooLarge(self.limit)
        self.bytes += len(chunk)
        self._hash.update(chunk)

    def _count_what_is_there(self) -> None:
        while piece := self._file.read(_PIECE):
            self._count(piece)


def _can_be_continued(path: Path) -> bool:
    """Not a file that a kill left with two names: its bytes are those of a stored original."""
    return path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1


def _continue(path: Path) -> BinaryIO:
    return path.open("r+b")


def _begin(path: Path) -> BinaryIO:
    # Never truncated in place: the old name may share its bytes with a file that is already stored.
    path.unlink(missing_ok=True)
    return path.open("x+b")
