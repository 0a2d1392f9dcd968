"""Where the originals lie: one interface to a folder on this machine, and to an object store that many machines share."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

from pixivcrawl.archive.layout import Archive


class NewFile(NamedTuple):
    """A proven file in the staging folder, synced, and the path in the archive where it belongs."""

    staged: Path
    path: str
    sha256: str
    uploaded: datetime


class Store(Protocol):
    """Keeps files by their path in the archive. A file is whole or not there, and is never replaced by another."""

    def put_new(self, groups: Sequence[Sequence[NewFile]]) -> list[Exception | None]:
        """Store the files of each group in order; return what went wrong with each group: `NameTaken`, `StorageFailed` or None.

        The same bytes under the same path are the same file. What was stored survives a power cut and is staged no more.
        """

    def holds(self, path: str, sha256: str | None) -> bool:
        """Whether a file with these very bytes is stored at `path` and survives a power cut. Raises `StorageFailed` if nobody can tell."""


def store_of(archive: Archive) -> Store:
    """The store of an archive's originals."""
    from pixivcrawl.archive.stores.folder import FolderStore

    return FolderStore(archive)
