"""What lies in originals/ and users/, whatever it is; of links only those of artists' folders are followed (see archive/layout.py)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from pixivcrawl.archive.layout import Archive, is_artist
from pixivcrawl.verification.files import why_unreadable
from pixivcrawl.verification.findings import Finding

ORIGINALS, USERS = "originals", "users"


LITTER = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "@eadir", ".nomedia", "lost+found"})
"""What systems and NAS leave in any folder, in lower case: no files of an archive, and nothing to be told of."""


@dataclass(frozen=True, slots=True)
class FolderContents:
    """The names in a folder that are no folders, and its folders; sorted, without LITTER. `problem`: it could not be read."""

    names: list[str]
    folders: list[str]
    problem: Finding | None = None


def listed(archive: Archive, folder: str) -> FolderContents:
    """What lies in a folder, given relative to the archive; a folder that is not there is empty. A link that is not followed is a name."""
    if archive.bucket is not None:
        # Only here: who has no object store need not have boto3.
        from pixivcrawl.archive.stores.s3 import object_store_of

        return FolderContents(*object_store_of(archive).listed(folder))
    names: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(archive.root / folder) as entries:
            for entry in entries:
                if entry.name.lower() in LITTER:
                    continue
                (folders if is_followed(archive, folder, entry) else names).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return FolderContents([], [])
    except OSError as error:
        return FolderContents([], [], Finding("unreadable", folder, why_unreadable(error)))
    return FolderContents(sorted(names), sorted(folders))


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
