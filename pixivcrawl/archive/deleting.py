"""Deletes files that their owner no longer wants."""

from __future__ import annotations

from collections.abc import Iterable

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.syncing import sync


def delete(archive: Archive, paths: Iterable[str]) -> tuple[int, int]:
    """Delete those of the files that exist; returns how many, and their bytes. Nothing outside the archive is touched.

    Raises StorageFailed.
    """
    files = freed = 0
    folders = set()
    for path in paths:
        try:
            file = archive.resolve(path)
        except ValueError:
            continue
        with storage_errors(file):
            if not file.is_file():
                continue
            freed += file.stat().st_size
            file.unlink()
        files += 1
        folders.add(file.parent)
    for folder in folders:
        with storage_errors(folder):
            sync(folder)
    return files, freed
