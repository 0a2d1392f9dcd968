"""Copies a ledger that is in use, as of one moment, checked for damage, never over another file; and the journal up to that moment."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.syncing import sync
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger.failures import DAMAGED, sqlite_code, storage_failed
from pixivcrawl.ledger.integrity import fault_of
from pixivcrawl.ledger.journal import files_of
from pixivcrawl.sqlite import SPOILT, connect

PIECE = 1 << 20
"""Bytes of the journal that are copied at once."""

PAGES = 1024
"""Pages that are copied in one step; Ctrl-C takes effect between two steps."""


def copy_ledger(database: Path, copy: Path) -> None:
    """Copy the SQLite ledger `database` to `copy`, which gets its name once it is whole, checked and synced.

    Raises ConfigurationError if `copy` exists already or its folder does not, StorageFailed if the disk fails or the ledger is
    damaged; nothing is left then.
    """
    if not copy.parent.is_dir():
        raise ConfigurationError(f"there is no folder {copy.parent}: make it, or name another")
    if copy.exists() or copy.is_symlink():
        raise _taken(copy)
    with _temporary(copy) as part:
        with closing(_snapshot(database)) as source:
            _copy_pages(source, database, part, copy)
        with storage_errors(copy):
            sync(part)
            _give_name(part, copy)
            sync(copy.parent)


def copy_journal(journal: Path, copy: Path, ledger: Path) -> int:
    """Copy the files of a journal into the folder `copy`, as far as the copied `ledger` knows them; gives how many bytes were copied.

    Files only grow, so one that is there with the right length is left. Raises ConfigurationError if `copy` holds another journal.
    """
    with closing(connect(f"{ledger.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        left = int(connection.execute("SELECT coalesce(max(bytes), 0) FROM journal").fetchone()[0])
    copied = 0
    with storage_errors(copy):
        copy.mkdir(exist_ok=True)
        for path in files_of(journal):
            length = min(left, path.stat().st_size)
            left -= length
            if length:
                copied += _copy_part(path, copy / path.name, length)
        sync(copy)
    return copied


def _copy_part(path: Path, copy: Path, length: int) -> int:
    there = copy.stat().st_size if copy.exists() else 0
    if there > length:
        raise ConfigurationError(f"{copy} is of another journal, or of a later time: name another folder")
    if there == length:
        return 0
    part = copy.with_name(f"{copy.name}.part")
    with path.open("rb") as source, part.open("wb") as target:
        while length > (done := target.tell()):
            target.write(source.read(min(PIECE, length - done)))
    sync(part)
    part.replace(copy)
    return length


def _give_name(part: Path, copy: Path) -> None:
    """Raises ConfigurationError where the name was taken meanwhile."""
    try:
        os.link(part, copy)
    except FileExistsError:
        raise _taken(copy) from None
    except OSError:
        # A disk without hard links, such as exFAT.
        if copy.exists():
            raise _taken(copy) from None
        part.rename(copy)


def _snapshot(database: Path) -> sqlite3.Connection:
    """A connection that sees one moment of the ledger for as long as it is open, whatever is written meanwhile."""
    try:
        source = connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        # Without it the copy would start again after each commit of a crawl, and might never end.
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        raise storage_failed(error, str(database)) from error
    return source


def _copy_pages(source: sqlite3.Connection, database: Path, part: Path, copy: Path) -> None:
    try:
        with closing(connect(part)) as target:
            source.backup(target, pages=PAGES, progress=lambda *_: None)
            # One file, that a read-only disk can hold.
            target.execute("PRAGMA journal_mode = DELETE")
            fault = fault_of(target, "integrity_check")
    except sqlite3.Error as error:
        of_ledger = sqlite_code(error) in SPOILT
        raise storage_failed(error, str(database if of_ledger else copy)) from error
    if fault is not None:
        raise StorageFailed(DAMAGED.format(place=database))


@contextmanager
def _temporary(copy: Path) -> Iterator[Path]:
    """A name beside `copy` for as long as it is not whole."""
    with storage_errors(copy):
        descriptor, name = tempfile.mkstemp(prefix=f"{copy.name}.", suffix=".part", dir=copy.parent)
        os.close(descriptor)
    try:
        yield Path(name)
    finally:
        for part in ("", "-journal", "-wal", "-shm"):
            Path(f"{name}{part}").unlink(missing_ok=True)


def _taken(copy: Path) -> ConfigurationError:
    return ConfigurationError(f"{copy} is there already: name another file, or a folder")
