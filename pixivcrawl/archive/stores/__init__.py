"""Where the originals lie: one interface to a folder on this machine, and to an object store that many machines share."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ConfigurationError

if TYPE_CHECKING:
    from pixivcrawl.archive.stores.s3 import S3Store

PIECE = 1 << 20
"""Bytes that are read at once."""


class NewFile(NamedTuple):
    """A proven file in the staging folder, synced, and the path in the archive where it belongs."""

    staged: Path
    path: str
    sha256: str
    uploaded: datetime


class Held(NamedTuple):
    """What a store says of a file without reading it; `sha256` where it keeps that itself."""

    bytes: int
    uploaded: datetime
    sha256: str | None = None


class Measured(NamedTuple):
    """A file that was looked at. `sha256` is computed from its bytes, or given by a store that keeps it; None if unknown.

    `modified` is the file's time (seconds since 1970) where a store keeps one, `here` the file itself where it is on this machine.
    """

    bytes: int
    sha256: str | None
    modified: float | None = None
    here: Path | None = None


class FileMissing(Exception):
    """There is no such file, or its path leads out of the archive; the message says which."""


class NotAPlainFile(Exception):
    """Something else than a file has the name; the message says what."""


class Store(Protocol):
    """Keeps files by their path in the archive. A file is whole or not there, and is never replaced by another.

    Every method raises `StorageFailed` if the store cannot be used: that a file is not there is said only by a store that answers.
    """

    is_shared: bool
    """Whether all archives of a shared ledger see the same files."""

    keeps_sha256: bool
    """Whether it says the SHA-256 of its files without reading them."""

    keeps_versions: bool
    """Whether it has shown, when something was deleted, that it keeps the bytes of that as an older version."""

    at_once: int
    """How many files it is worth asking for at once; 0: as many as there are cores to hash them."""

    def require(self, *folders: str) -> None:
        """Raises `StorageFailed` if one of these folders, in which there are files, is gone."""

    def put_new(self, groups: Sequence[Sequence[NewFile]]) -> list[Exception | None]:
        """Store the files of each group in order; return what went wrong with each group: `NameTaken`, `StorageFailed` or None.

        The same bytes under the same path are the same file. What was stored survives a power cut and is staged no more.
        """

    def holds(self, path: str, sha256: str | None) -> bool:
        """Whether a file with these very bytes is stored at `path` and survives a power cut."""

    def head(self, path: str) -> Held | None:
        """What is known of a file; None if there is none."""

    def read(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes of a file from `start` up to `end`, in pieces. Raises `OSError` if there is no such file."""

    def local(self, path: str) -> AbstractContextManager[Path]:
        """The file on this machine, for as long as the block runs. Raises `OSError` if there is no such file."""

    def measured(self, path: str, *, read: bool) -> AbstractContextManager[Measured]:
        """Look at what lies at `path`, and hash its bytes if it is `read`. Raises FileMissing, NotAPlainFile or OSError."""

    def is_taken(self, path: str) -> bool:
        """Whether anything lies at `path`, a file or not."""

    def in_the_way(self, path: str) -> str | None:
        """What blocks `path` already before a file is put there, and what to do; None if nothing does."""

    def set_time(self, path: str, modified: datetime) -> None:
        """Give a file its time, where the store keeps one."""

    def set_aside(self, path: str, reason: str) -> Path:
        """Move what is not what it should be to the quarantine folder; returns where it is now."""

    def take(self, path: str, staged: Path, modified: datetime) -> None:
        """Move a file to `staged` in the staging folder, or end such a move. Raises `NameTaken` if another file is there."""

    def is_same(self, path: str, staged: Path) -> bool:
        """Whether a file in the staging folder is a second name or copy of the one at `path`."""

    def delete(self, paths: Iterable[str]) -> tuple[int, int]:
        """Delete those of the files that exist; returns how many, and their bytes."""

    def listed(self, folder: str) -> tuple[list[str], list[str]]:
        """The names in a folder: first those that are not folders, then those that are; sorted. Both are empty if there is no such folder.

        Raises `OSError` if the folder cannot be read.
        """


@lru_cache(maxsize=8)
def store_of(archive: Archive) -> Store:
    """The store of an archive's originals. Raises ConfigurationError if what it needs is not installed."""
    if (store := object_store_of(archive)) is not None:
        return store
    from pixivcrawl.archive.stores.folder import FolderStore

    return FolderStore(archive)


@lru_cache(maxsize=8)
def object_store_of(archive: Archive) -> S3Store | None:
    """The object store of an archive's originals; None if they are in its folder. Raises ConfigurationError as `store_of` does."""
    if archive.bucket is None:
        return None
    try:
        # Imported only where it is used: boto3 need not be installed, and its core takes 15 MB and a fifth of a second.
        from pixivcrawl.archive.stores.s3 import S3Store
    except ModuleNotFoundError:
        raise ConfigurationError(
            "ORIGINALS_STORE: an object store needs boto3, which is not installed: pip install 'pixivcrawl[fleet]'"
        ) from None
    return S3Store(archive, archive.bucket)


@contextmanager
def on_this_machine(archive: Archive, place: Path) -> Iterator[Path]:
    """A file at its place in the archive, or a copy for as long as the block runs, where worker processes can open it.

    Raises FileNotFoundError if there is none.
    """
    with store_of(archive).local(place.relative_to(archive.root).as_posix()) as here:
        yield here


@asynccontextmanager
async def fetched(archive: Archive, place: Path) -> AsyncIterator[Path]:
    """As `on_this_machine`, without blocking the event loop."""
    here = on_this_machine(archive, place)
    path = await asyncio.to_thread(here.__enter__)
    try:
        yield path
    finally:
        await asyncio.to_thread(here.__exit__, None, None, None)


def sha256_of_pieces(pieces: Iterator[bytes]) -> str:
    """The SHA-256 of what a store reads, in lower-case hex."""
    hashed = hashlib.sha256()
    for piece in pieces:
        hashed.update(piece)
    return hashed.hexdigest()
