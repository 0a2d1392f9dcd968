"""Originals in the archive's own folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.store import NameTaken, discard, holds, put, sync_folders
from pixivcrawl.archive.stores import NewFile
from pixivcrawl.errors import StorageFailed


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

    def _put(self, file: NewFile) -> Path:
        """The folder that is still to be synced."""
        try:
            final = self._archive.resolve(file.path)
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
