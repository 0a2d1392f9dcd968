"""Checks whether a file can be put at its final path before it is fetched, so that an unusable path costs no transfer."""

from __future__ import annotations

import os
from pathlib import Path

from pixivcrawl.archive.layout import Archive, refuse_two_disks
from pixivcrawl.archive.stores import store_of
from pixivcrawl.archive.stores.placing import frames_listed, frames_text, holds_text
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import Original


class Destinations:
    """The final paths in `archive`, for one run.

    An artist's folder that was found usable is not checked again, and a folder that this run creates is not checked at all.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._good: set[str] = set()
        self._begun: set[str] = set()

    def trouble(self, original: Original) -> str | None:
        """Why the original cannot be put at its final path, and what to do, in one line; None if it can.

        An object store is not asked: it refuses the file itself on upload, and there a name can be taken only by other bytes.
        """
        if self._archive.bucket is not None:
            return None
        path = self._archive.relative_path(original, original.extension)
        folder, _, _ = path.rpartition("/")
        if folder not in self._good:
            if (why := _trouble_with_folder(self._archive, folder)) is not None:
                return why
            self._good.add(folder)
            if not os.path.lexists(self._archive.root / folder):
                self._begun.add(folder)
        if folder in self._begun:
            return None
        in_the_way = store_of(self._archive).in_the_way
        if (why := in_the_way(path)) is not None or original.kind != "ugoira":
            return why
        beside = self._archive.frames_path(original)
        why = in_the_way(beside)
        return None if why is None or self._is_its_timing(original, self._archive.root / beside) else why

    def _is_its_timing(self, original: Original, place: Path) -> bool:
        if original.frames is not None:
            return holds_text(place, frames_text(original.frames))
        # Until the zip's timing is known, any list of frames may be the right one: a killed run may have placed it.
        return frames_listed(place) is not None


def _trouble_with_folder(archive: Archive, relative: str) -> str | None:
    try:
        folder = archive.resolve_folder(relative)
    except ValueError as error:
        return str(error)
    if not os.path.lexists(folder):
        # Made with its first file; that files can be made in `originals` was tried at the start.
        return None
    if not folder.is_dir():
        return f"something other than a folder is at {relative}: move it away"
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        return f"no permission for {relative}: give this user the right to read and write there"
    return _trouble_with_disk(archive, folder)


def _trouble_with_disk(archive: Archive, folder: Path) -> str | None:
    try:
        refuse_two_disks(archive.staging, folder)
    except StorageFailed as failure:
        return str(failure)
    return None
