"""Lists everything in originals/ and users/; the only links followed are those to artists' folders (see archive/layout.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import store_of
from pixivcrawl.verification.files import why_unreadable
from pixivcrawl.verification.findings import Finding


@dataclass(frozen=True, slots=True)
class FolderContents:
    """The names in a folder that are not folders, and its folders; sorted. `problem`: why it could not be read."""

    names: list[str]
    folders: list[str]
    problem: Finding | None = None


def listed(archive: Archive, folder: str) -> FolderContents:
    """What is in a folder, given relative to the archive; a missing folder is empty. A link that is not followed counts as a name."""
    try:
        return FolderContents(*store_of(archive).listed(folder))
    except OSError as error:
        return FolderContents([], [], Finding("unreadable", folder, why_unreadable(error)))


def files_below(archive: Archive, folder: str) -> Iterator[str | Finding]:
    """Every file in a folder and in its folders, relative to the archive, or what kept a folder from being read."""
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        found = listed(archive, place)
        if found.problem is not None:
            yield found.problem
        yield from (f"{place}/{name}" for name in found.names)
        waiting += (f"{place}/{name}" for name in reversed(found.folders))
