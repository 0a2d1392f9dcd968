"""What a reader of another tool's folder provides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pixivcrawl.exchange.names import CONVERTED, PICTURES, ending
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
    """A file that is left in its place, and the reason in a few words: `reduced to 1200 pixels`, `a sidecar that cannot be read`.

    `converted_of`: the work that it was made of by a tool.
    """

    path: Path
    reason: str
    converted_of: int | None = None


Found = Claim | Entry | Passed
Files = Sequence[os.DirEntry[str]]


@dataclass(slots=True)
class Contents:
    """What lies in a folder and in those below it: pictures by their endings, others (notes, databases), and what is not read."""

    folder: Path
    by_folder: list[Files] = field(default_factory=list)
    pictures: list[os.DirEntry[str]] = field(default_factory=list)
    others: list[os.DirEntry[str]] = field(default_factory=list)
    passed: list[Passed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Source:
    """A tool whose folders are read. Nothing in them is written, and no symlink is followed.

    `shows_itself` tells by the files of one folder whether the tool made it. `read` gives what some pictures of the contents claim, what
    the tool's lists name, and what is passed over; of notes and databases that say nothing about these pictures it says nothing.
    """

    name: str
    shows_itself: Callable[[Files], bool]
    read: Callable[[Contents, Files], Iterator[Found]]


def contents_of(folder: Path) -> Contents:
    """What lies in a folder, by name, one folder after the other; links and unreadable folders are left out."""
    contents = Contents(folder)
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        try:
            with os.scandir(place) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            contents.passed.append(Passed(place, f"cannot be read: {error.strerror}"))
            continue
        contents.passed += (
            Passed(Path(entry.path), "a link, which is not followed") for entry in entries if entry.is_symlink()
        )
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        contents.by_folder.append(files)
        for entry in files:
            (contents.pictures if ending(entry.name) in PICTURES | CONVERTED else contents.others).append(entry)
        waiting += [Path(entry.path) for entry in reversed(entries) if entry.is_dir(follow_symlinks=False)]
    return contents


def ending_in(entries: Iterable[os.DirEntry[str]], endings: frozenset[str]) -> Iterator[Path]:
    """The paths of the files with one of these endings, in lower case."""
    return (Path(entry.path) for entry in entries if ending(entry.name) in endings)
