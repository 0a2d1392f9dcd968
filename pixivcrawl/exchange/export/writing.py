"""How every export writes: files that are complete or absent, with bytes that match the ledger."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import store_of


class Stored(Protocol):
    """A file of the archive as its row describes it; `path` is relative to the archive."""

    @property
    def path(self) -> str | None: ...
    @property
    def sha256(self) -> str | None: ...
    @property
    def bytes(self) -> int | None: ...


class Differs(Exception):
    """A file of the archive differs from the ledger or is missing; the message names it and says what to do."""


def place_of(archive: Archive, file: Stored) -> Path:
    """The path of a stored file. Raises Differs if it is missing or has another size."""
    try:
        place = archive.resolve(file.path or "")
        found = place.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(file) from None
    except (ValueError, OSError) as error:
        raise Differs(f"{file.path}: {error}") from None
    if not stat.S_ISREG(found.st_mode):
        raise _missing(file)
    if file.bytes is not None and found.st_size != file.bytes:
        raise _differs(file, f"has {found.st_size:,} bytes, and the ledger says {file.bytes:,}")
    return place


def _missing(file: Stored) -> Differs:
    return Differs(f"{file.path}: is not there; pixivcrawl verify says what else is amiss")


def pieces(archive: Archive, file: Stored) -> Iterator[bytes]:
    """The bytes of a stored file. Raises Differs as `place_of` does, if unreadable, and at the end if the bytes differ."""
    if archive.bucket is None:
        place_of(archive, file)
    return _read(archive, file)


def require_same(archive: Archive, file: Stored) -> None:
    """Raises Differs if the bytes of a stored file differ from the ledger's."""
    for _ in pieces(archive, file):
        pass


def _read(archive: Archive, file: Stored) -> Iterator[bytes]:
    hashed = hashlib.sha256()
    try:
        for piece in store_of(archive).read(file.path or ""):
            hashed.update(piece)
            yield piece
    except FileNotFoundError:
        raise _missing(file) from None
    except OSError as error:
        raise Differs(f"{file.path}: cannot be read ({error.strerror}): check the disk") from None
    if hashed.hexdigest() != file.sha256:
        raise _differs(file, "its SHA-256 is not the one in the ledger")


def _differs(file: Stored, how: str) -> Differs:
    return Differs(f"{file.path}: {how}; pixivcrawl verify --repair sets it aside, and the next crawl fetches it again")


@contextmanager
def unfinished(path: Path) -> Iterator[Path]:
    """The temporary name of a file until it is complete. An error removes the partial file; a kill leaves it."""
    part = part_of(path)
    part.unlink(missing_ok=True)
    try:
        yield part
        part.replace(path)
    finally:
        # Where both are hard links to one file, a rename leaves both.
        part.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name once it is completely written. Raises StorageFailed."""
    with storage_errors(path), unfinished(path) as part, part.open("wb") as file:
        yield file


def part_of(path: Path) -> Path:
    """The temporary name of a file until it is complete."""
    return path.with_name(f"{path.name}.part")
