"""What lies in originals/, whatever it is; nothing is followed out of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pixivcrawl.archive.layout import Archive
from pixivcrawl.verification.files import why_unreadable
from pixivcrawl.verification.findings import Finding

ORIGINALS = "originals"
_ARTIST = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Listed:
    """The names in a folder that are no folders, and its folders; sorted. `problem`: it could not be read."""

    names: list[str]
    folders: list[str]
    problem: Finding | None = None


def listed(archive: Archive, folder: str) -> Listed:
    """What lies in a folder, given relative to the archive; a folder that is not there is empty. A symlink to a folder is a name."""
    names: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(archive.root / folder) as entries:
            for entry in entries:
                (folders if entry.is_dir(follow_symlinks=False) else names).append(entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return Listed([], [])
    except OSError as error:
        return Listed([], [], Finding("unreadable", folder, why_unreadable(error)))
    return Listed(sorted(names), sorted(folders))


def is_artist(name: str) -> bool:
    """Whether a folder's name is that of an artist's folder."""
    return _ARTIST.fullmatch(name) is not None and int(name) < 2**63


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
