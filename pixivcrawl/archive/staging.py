"""Receives bodies into the staging folder, hashing them while they are written and syncing them before they count.

A body is received under `NAME.part` and gets its own name, NAME, when it is whole and on the disk. What a broken transfer or a kill
leaves is used by the next run: a whole body needs no request, a part is continued if `NAME.part.entity` says which body it belongs to.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from pixivcrawl.archive.failures import storage_errors

_PART, _ENTITY = ".part", ".entity"

_PIECE = 1 << 20
_LARGEST_NOTE = 1 << 14
_FICLONE = 0x40049409
"""Linux: the request that has a file share another one's blocks."""


class TooLarge(Exception):
    """The body is longer than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the body is longer than the limit of {limit:,} bytes")
        self.limit = limit


class LengthMismatch(Exception):
    """The body has `got` bytes, but `declared` were announced."""

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


@dataclass(frozen=True, slots=True)
class Entity:
    """Which body a part belongs to: its address, the server's ETag or else date, its whole length in bytes."""

    url: str
    validator: str
    length: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """The first `bytes` bytes of `entity`."""

    bytes: int
    entity: Entity

    @property
    def is_whole(self) -> bool:
        return self.bytes == self.entity.length


class Receiver:
    """Takes one body, a chunk at a time, into `path`; at most `limit` bytes.

    With `resume` it continues after the bytes that an earlier try left (`bytes` says how many: where the server is to continue); otherwise
    it starts again. `entity`, where it is known, is noted as soon as a part of the body is kept. Used by one thread at a time; raises
    `StorageFailed` where the disk fails.
    """

    __slots__ = ("_entity", "_file", "_hash", "_is_noted", "_part", "bytes", "limit", "path")

    def __init__(self, path: Path, limit: int, *, resume: bool = False, entity: Entity | None = None) -> None:
        self.path = path
        self.limit = limit
        self.bytes = 0
        self._entity = entity
        self._part = _part_of(path)
        self._hash = hashlib.sha256()
        with storage_errors(path):
            self._is_noted = is_continued = resume and _can_be_continued(self._part)
            self._file = _continue(self._part) if is_continued else _begin(self._part)
            try:
                if is_continued:
                    self._count_what_is_there()
            except BaseException:
                self._file.close()
                raise

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Add a chunk. Raises `TooLarge`, without writing any of it, if it would exceed the limit."""
        self._count(chunk)
        with storage_errors(self.path):
            self._file.write(chunk)
            if self._entity is not None and self.bytes != self._entity.length:
                _note(self._part, self._entity)
                self._entity, self._is_noted = None, True

    def finish(self, declared: int | None) -> Received:
        """Close and sync the file and give it its name: the body is whole. `declared` is the announced length of the whole body in bytes.

        Raises `LengthMismatch` when it differs; what came stays on the disk for a later try, unless `abort` is called.
        """
        with storage_errors(self.path), self._file:
            if declared is not None and declared != self.bytes:
                raise LengthMismatch(declared, self.bytes)
            self._file.flush()
            os.fsync(self._file.fileno())
        with storage_errors(self.path):
            self._part.replace(self.path)
            if self._is_noted:
                _entity_of(self._part).unlink(missing_ok=True)
        return Received(self.path, self._hash.hexdigest(), self.bytes)

    def close(self) -> None:
        """Keep what was received for a later try."""
        with storage_errors(self.path):
            self._file.close()

    def abort(self) -> None:
        """Close the file and remove it; harmless after `finish` failed or when called twice."""
        with storage_errors(self.path):
            try:
                self._file.close()
            finally:
                forget(self.path)

    def _count(self, chunk: bytes | bytearray | memoryview) -> None:
        if self.bytes + len(chunk) > self.limit:
            raise TooLarge(self.limit)
        self.bytes += len(chunk)
        self._hash.update(chunk)

    def _count_what_is_there(self) -> None:
        while piece := self._file.read(_PIECE):
            self._count(piece)


def copy_in(source: BinaryIO, path: Path) -> Received:
    """A file from elsewhere as a whole body at `path`, by a reference to its blocks where the disk can, else byte by byte.

    Raises `StorageFailed` where the archive's disk fails, and OSError where the source cannot be read.
    """
    part, hashed, size = _part_of(path), hashlib.sha256(), 0
    with storage_errors(path):
        forget(path)
        path.unlink(missing_ok=True)
        kept = part.open("xb")
    with kept:
        is_clone = _cloned(source, kept)
        while piece := source.read(_PIECE):
            hashed.update(piece)
            size += len(piece)
            if not is_clone:
                with storage_errors(path):
                    kept.write(piece)
        with storage_errors(path):
            kept.flush()
            os.fsync(kept.fileno())
    with storage_errors(path):
        part.replace(path)
    return Received(path, hashed.hexdigest(), size)


def _cloned(source: BinaryIO, kept: BinaryIO) -> bool:
    """Whether the disk lets both files share their blocks (Btrfs, XFS, bcachefs, ZFS)."""
    if sys.platform != "linux":
        return False
    import fcntl  # only here: Windows has none

    try:
        fcntl.ioctl(kept.fileno(), _FICLONE, source.fileno())
    except OSError:
        return False
    return True


def left_whole(path: Path, limit: int, url: str) -> Received | None:
    """The whole body that an earlier run left at `path`, or left almost complete there as the one at `url`; None if there is none.

    The latter may not be synced yet. The proof that follows reads either of them to its end.
    """
    with storage_errors(path):
        if _can_be_continued(path):
            with path.open("rb") as body:
                return Received(path, hashlib.file_digest(body, "sha256").hexdigest(), path.stat().st_size)
    part = left_part(path, url)
    if part is None or not part.is_whole or part.bytes > limit:
        return None
    return Receiver(path, limit, resume=True).finish(part.bytes)


def left_part(path: Path, url: str) -> Part | None:
    """What an earlier try left of the body at `url`; None if nothing can be continued."""
    part = _part_of(path)
    with storage_errors(path):
        if not _can_be_continued(part) or not (size := part.stat().st_size):
            return None
        entity = _noted(part)
        return Part(size, entity) if entity is not None and entity.url == url else None


def left_behind(folder: Path) -> set[str]:
    """The names of the bodies of which the staging folder has something, whole or in part."""
    with storage_errors(folder):
        names = os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208 (names are all that is wanted)
    return {name.removesuffix(_ENTITY).removesuffix(_PART) for name in names}


def forget(path: Path) -> None:
    """Remove what an earlier try left of a body."""
    part = _part_of(path)
    part.unlink(missing_ok=True)
    _entity_of(part).unlink(missing_ok=True)


def _part_of(path: Path) -> Path:
    return path.with_name(f"{path.name}{_PART}")


def _entity_of(part: Path) -> Path:
    return part.with_name(f"{part.name}{_ENTITY}")


def _note(part: Path, entity: Entity) -> None:
    note = _entity_of(part)
    # Not synced: after a power cut the body is fetched again, or fails its proof.
    note.unlink(missing_ok=True)
    with note.open("x", encoding="utf-8") as file:
        file.write(json.dumps(asdict(entity)))


def _noted(part: Path) -> Entity | None:
    note = _entity_of(part)
    if not _can_be_continued(note) or note.stat().st_size > _LARGEST_NOTE:
        return None
    with suppress(ValueError, TypeError, KeyError):
        said = json.loads(note.read_bytes())
        url, validator, length = said["url"], said["validator"], said["length"]
        if isinstance(url, str) and isinstance(validator, str) and (length is None or isinstance(length, int)):
            return Entity(url, validator, length)
    return None


def _can_be_continued(path: Path) -> bool:
    """Whether a part may be written to: not one that a kill left with two names, because its bytes are those of a stored original."""
    return path.is_file() and not path.is_symlink() and path.stat().st_nlink == 1


def _continue(part: Path) -> BinaryIO:
    return part.open("r+b")


def _begin(part: Path) -> BinaryIO:
    # A kill may have left only this note, and the body that comes now may be another one.
    _entity_of(part).unlink(missing_ok=True)
    # Most bodies come once and whole, and every system call gives up the interpreter's lock; without a size for its buffer `open`
    # makes one call more.
    try:
        return part.open("xb", buffering=io.DEFAULT_BUFFER_SIZE)
    except FileExistsError:
        # Never truncated in place: the old name may share its bytes with a file that is already stored.
        part.unlink(missing_ok=True)
        return part.open("xb")
