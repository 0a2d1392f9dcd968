"""A rebuilt ledger, made beside the old one, takes its name; the old one is kept under another. Only for SQLite's files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.syncing import sync

_PARTS = ("", "-wal", "-shm", "-journal")
"""The endings of a SQLite database's files. A `-wal` beside another database would be read as part of it."""


def begin_beside(database: Path) -> Path:
    """Where the new ledger is made; what an earlier try left there is removed, since it was never more than a part."""
    beside = database.with_name(f"{database.name}.rebuilding")
    with storage_errors(beside):
        for part in _parts(beside):
            part.unlink()
    return beside


def put_in_place(beside: Path, database: Path) -> Path | None:
    """Give the new ledger, closed and whole, its name. Gives where the old one is now; None where there was none.

    A kill leaves the old one in place, or neither, with both under their other names; the same command again finishes it.
    """
    with storage_errors(database):
        sync(beside)
        replaced = _put_aside(database)
        beside.rename(database)
        sync(database.parent)
    return replaced


def _put_aside(database: Path) -> Path | None:
    if not _parts(database):
        return None
    # Moved as they are: a checkpoint by SQLite would discard what it cannot read.
    aside = _free_name(database)
    for part in _parts(database):
        part.rename(f"{aside}{part.name.removeprefix(database.name)}")
    sync(database.parent)
    return aside


def _free_name(database: Path) -> Path:
    name = f"{database.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    number = 0
    while _parts(aside := database.with_name(f"{name}~{number}" if number else name)):
        number += 1
    return aside


def _parts(database: Path) -> list[Path]:
    """The files of a database that are there."""
    paths = [database.with_name(f"{database.name}{part}") for part in _PARTS]
    return [path for path in paths if path.exists()]
