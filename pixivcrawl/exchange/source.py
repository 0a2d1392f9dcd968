"""What a reader of another tool's folder provides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pixivcrawl.verification.claims import Claim


@dataclass(frozen=True, slots=True)
class Entry:
    """A work on the tool's own list, whether or not its file is there: it becomes known, and is never skipped because of it.

    `artist` is None where the list does not say whose it is.
    """

    work_id: int
    artist: int | None = None


@dataclass(frozen=True, slots=True)
class Passed:
    """A file that is left in its place, and the reason in a few words: `reduced to 1200 pixels`, `a sidecar that cannot be read`."""

    path: Path
    reason: str


Found = Claim | Entry | Passed


@dataclass(frozen=True, slots=True)
class Source:
    """A tool whose folders are read. Nothing in them is written, and no symlink is followed.

    `is_its_own` tells by what lies in a folder whether the tool made it. `read` gives what its files claim, what its lists name,
    and what is passed over; of what is no picture (notes, sidecars, databases) it says nothing.
    """

    name: str
    is_its_own: Callable[[Path], bool]
    read: Callable[[Path], Iterator[Found]]


def files_in(folder: Path) -> Iterator[list[os.DirEntry[str]] | Passed]:
    """The files below `folder`, by name, one folder at a time; links and unreadable folders are left out."""
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            yield Passed(place, f"cannot be read: {error.strerror}")
            continue
        yield from (
            Passed(Path(entry.path), "a link, which is not followed") for entry in entries if entry.is_symlink()
        )
        yield [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        waiting += [Path(entry.path) for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]
