"""Reads the contents of imported folders: claims, entries of lists, and what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.source import Entry, Passed, Source
from pixivcrawl.exchange.sources import SOURCES, source_of
from pixivcrawl.ledger.columns import storable
from pixivcrawl.verification.claims import Claim


@dataclass(frozen=True, slots=True)
class Offered:
    """A file that claims to be a page: `source` is its name in the ledger, `size` is in bytes; it was last `written`,
    and last `touched` (anything changed, even its name or owner), at these times.
    """

    claim: Claim
    source: str
    size: int
    written: datetime
    touched: datetime


@dataclass(slots=True)
class Holding:
    """What the folders contain."""

    offered: list[Offered] = field(default_factory=list)
    entries: dict[int, int | None] = field(default_factory=dict)
    """Works that lists name, each with its artist if given."""
    passed: list[Passed] = field(default_factory=list)


def read_folders(
    places: Sequence[Path], archive: Archive, named: Source | None
) -> Iterator[tuple[Path, Source, Holding]]:
    """What each folder contains, and the tool that made it: the `named` one, or the one that recognizes it.

    Raises ConfigurationError for anything but a folder, and for one that contains the archive.
    """
    for place in places:
        require_apart(place, archive)
    for place in places:
        source = named or source_of(place)
        yield place, source, _held(place, source)


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


def _held(place: Path, source: Source) -> Holding:
    holding = Holding()
    for found in source.read(place):
        match found:
            case Entry():
                holding.entries[found.work_id] = found.artist or holding.entries.get(found.work_id)
            case Passed():
                holding.passed.append(found)
            case Claim():
                offered = _offered(place, source, found)
                if isinstance(offered, Passed):
                    holding.passed.append(offered)
                else:
                    holding.offered.append(offered)
    return holding


def _offered(place: Path, source: Source, claim: Claim) -> Offered | Passed:
    try:
        found = claim.path.stat(follow_symlinks=False)
    except OSError as error:
        return Passed(claim.path, f"cannot be read: {error.strerror}")
    within = claim.path.as_posix().removeprefix(f"{place.as_posix()}/")
    name = storable(f"{source.name}: {within}")
    written, touched = (datetime.fromtimestamp(seconds, UTC) for seconds in (found.st_mtime, found.st_ctime))
    return Offered(claim, name, found.st_size, written, touched)
