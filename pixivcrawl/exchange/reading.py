"""Reads the contents of imported folders: claims, entries of lists, and what is left out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.archive.layout import Archive
from pixivcrawl.batched import batched
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.source import Contents, Entry, Files, Passed, Source, contents_of
from pixivcrawl.exchange.sources import SOURCES, source_of
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.queries import Came
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.verification.claims import Claim

LOOKED_UP = 2000
"""Files that are looked up in the ledger together."""


@dataclass(frozen=True, slots=True)
class Offered:
    """A file that claims to be a page: `source` is its name in the ledger, `size` is in bytes, `written` its own time."""

    claim: Claim
    source: str
    size: int
    written: datetime


@dataclass(slots=True)
class Holding:
    """What a folder contains. `here`: files that an earlier import took in their present state."""

    here: int = 0
    offered: list[Offered] = field(default_factory=list)
    entries: dict[int, int | None] = field(default_factory=dict)
    """Works that lists name, each with its artist if given."""
    passed: list[Passed] = field(default_factory=list)


def read_folders(
    places: Sequence[Path], archive: Archive, named: Source | None, ledger: Ledger | None
) -> Iterator[tuple[Path, Source, Holding]]:
    """What each folder contains that is not here yet, and the tool that made it: the `named` one, or the one that recognizes it.

    Raises ConfigurationError for anything but a folder, and for one that contains the archive.
    """
    for place in places:
        require_apart(place, archive)
    for place in places:
        contents = contents_of(place)
        source = named or source_of(contents)
        yield place, source, _held(source, contents, ledger)


def source_named(name: str) -> Source:
    """The source of this name. Raises ConfigurationError, which lists the known ones."""
    for source in SOURCES:
        if source.name == name:
            return source
    raise ConfigurationError(f"--from takes {', '.join(source.name for source in SOURCES)}, and not {name!r}")


def require_apart(place: Path, archive: Archive) -> None:
    if not place.is_dir():
        raise ConfigurationError(f"{place} is no folder: name the folder that the other tool filled")
    inside, root = place.resolve(), archive.root.resolve()
    if root.is_relative_to(inside) or inside.is_relative_to(root):
        raise ConfigurationError(
            f"{place} {'holds' if inside != root and root.is_relative_to(inside) else 'lies in'} the archive {archive.root}: "
            "name a folder beside it; pixivcrawl verify --repair looks after what lies in the archive"
        )


def _held(source: Source, contents: Contents, ledger: Ledger | None) -> Holding:
    pending = _not_here(source, contents, ledger)
    holding = Holding(len(contents.pictures) - len(pending), passed=contents.passed)
    for found in source.read(contents, pending):
        match found:
            case Entry():
                holding.entries[found.work_id] = found.artist or holding.entries.get(found.work_id)
            case Passed():
                holding.passed.append(found)
                if found.converted_of is not None:
                    holding.entries.setdefault(found.converted_of, None)
            case Claim():
                offered = _offered(source, contents.folder, found)
                if isinstance(offered, Passed):
                    holding.passed.append(offered)
                else:
                    holding.offered.append(offered)
    return holding


def _not_here(source: Source, contents: Contents, ledger: Ledger | None) -> Files:
    """The pictures that no earlier import took in their present state: for these alone notes are read.

    One that was adopted is looked at again if a note has changed since, which may show its revision.
    """
    if ledger is None:
        return contents.pictures
    pending: list[os.DirEntry[str]] = []
    told: float | None = None
    for some in batched(contents.pictures, LOOKED_UP):
        names = [_name_in_ledger(source, contents.folder, entry.path) for entry in some]
        came = ledger.read_now(queries.imported_from, names)
        if told is None and any(each.is_adopted for each in came.values()):
            told = max(map(_changed, contents.others), default=0)
        pending += (
            entry
            for entry, name in zip(some, names, strict=True)
            if name not in came or not _is_as_it_was(entry, came[name], told or 0)
        )
    return pending


def _is_as_it_was(entry: os.DirEntry[str], came: Came, told: float) -> bool:
    try:
        found = os.lstat(entry.path)
    except OSError:
        return False
    since = came.imported.timestamp()
    return found.st_size == came.bytes and found.st_ctime <= since and not (came.is_adopted and told > since)


def _changed(entry: os.DirEntry[str]) -> float:
    """When anything of a file last changed, even its name or owner; 0 if it is gone."""
    try:
        return os.lstat(entry.path).st_ctime
    except OSError:
        return 0


def _name_in_ledger(source: Source, folder: Path, path: str) -> str:
    within = path.removeprefix(str(folder)).lstrip(os.sep).replace(os.sep, "/")
    return storable(f"{source.name}: {within}")


def _offered(source: Source, folder: Path, claim: Claim) -> Offered | Passed:
    try:
        found = claim.path.stat(follow_symlinks=False)
    except OSError as error:
        return Passed(claim.path, f"cannot be read: {error.strerror}")
    name = _name_in_ledger(source, folder, str(claim.path))
    return Offered(claim, name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))
