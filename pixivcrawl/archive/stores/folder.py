"""Originals in the archive's own folder."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive, is_artist
from pixivcrawl.archive.stores import PIECE, Held, NewFile
from pixivcrawl.archive.stores.placing import NameTaken, discard, holds, put, quarantine, sync_folders
from pixivcrawl.errors import StorageFailed

ORIGINALS, USERS = "originals", "users"

LITTER = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "@eadir", ".nomedia", "lost+found"})
"""What systems and NAS leave in any folder, in lower case: it is not part of an archive, and never listed."""


class FolderStore:
    """`originals/` and `users/` of an archive. A file gets its final name without being copied, and its folder is synced."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def put_new(self, groups: Sequence[Sequence[NewFile]]) -> list[Exception | None]:
        """One sync of a folder does for all the files that are put there together."""
        outcomes: list[Exception | None] = []
        folders: set[Path] = set()
        for group in groups:
            try:
                for file in group[:-1]:
                    # On the disk before the next one, so that a zip in place is never without its timing.
                    sync_folders([self._put(file)])
                folders.add(self._put(group[-1]))
                outcomes.append(None)
            except (NameTaken, StorageFailed) as failure:
                outcomes.append(failure)
        sync_folders(folders)
        for group, outcome in zip(groups, outcomes, strict=True):
            for file in group if outcome is None else ():
                discard(file.staged)
        return outcomes

    def holds(self, path: str, sha256: str | None) -> bool:
        try:
            final = self._archive.resolve(path)
        except ValueError:
            return False
        if not holds(final, sha256):
            return False
        # What a killed run put there may not be on the disk yet.
        sync_folders([final.parent.parent, final.parent])
        return True

    def head(self, path: str) -> Held | None:
        try:
            final = self._archive.resolve(path)
        except ValueError:
            return None
        with storage_errors(final):
            if not final.is_file():
                return None
            found = final.stat()
        return Held(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def read(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self._place_of(path).open("rb") as file:
            position = file.seek(start)
            while piece := file.read(PIECE if end is None else min(PIECE, end - position)):
                position += len(piece)
                yield piece

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        final = self._place_of(path)
        with storage_errors(final):
            is_there = final.is_file()
        if not is_there:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(final))
        yield final

    def set_aside(self, path: str, reason: str) -> Path:
        final = self._archive.resolve(path)
        return quarantine(self._archive, final, final.name, reason)

    def listed(self, folder: str) -> tuple[list[str], list[str]]:
        """Without LITTER. A link that is not followed is no folder."""
        names: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(self._archive.root / folder) as entries:
                for entry in entries:
                    if entry.name.lower() not in LITTER:
                        (folders if is_followed(self._archive, folder, entry) else names).append(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return [], []
        return sorted(names), sorted(folders)

    def _place_of(self, path: str) -> Path:
        """Raises FileNotFoundError for a path that leads out of the archive: nothing is read through it."""
        try:
            return self._archive.resolve(path)
        except ValueError as error:
            raise FileNotFoundError(errno.ENOENT, str(error)) from None

    def _put(self, file: NewFile) -> Path:
        """The folder that is still to be synced."""
        try:
            final = self._archive.resolve_new(file.path)
        except ValueError:
            # A symlink of the user's leads out of the archive: nothing is written through it.
            raise NameTaken(self._archive.root / file.path) from None
        try:
            put(file.staged, final, file.uploaded)
        except NameTaken:
            # Taken by the very same bytes: an earlier run placed them and ended before its row.
            if not holds(final, file.sha256):
                raise
        return final.parent


def is_followed(archive: Archive, folder: str, entry: os.DirEntry[str]) -> bool:
    """Whether an entry of `folder` (relative to the archive) is a folder, or an artist's that its owner linked."""
    if entry.is_dir(follow_symlinks=False):
        # On Windows a junction is one too.
        return os.name == "posix" or _leads_well(archive, folder, entry)
    return (
        folder in (ORIGINALS, USERS)
        and is_artist(entry.name)
        and entry.is_dir()
        and _leads_well(archive, folder, entry)
    )


def _leads_well(archive: Archive, folder: str, entry: os.DirEntry[str]) -> bool:
    try:
        archive.resolve_folder(f"{folder}/{entry.name}")
    except ValueError:
        return False
    return True
