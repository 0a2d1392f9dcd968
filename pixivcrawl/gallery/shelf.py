"""The shelf: the person's own marks, in `shelf.sqlite` beside the ledger; the only data of its own that the gallery writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.sqlite import connect

NAME = "shelf.sqlite"

LONGEST_NOTE = 10_000

IDS_A_QUERY = 500

_TABLE = """CREATE TABLE IF NOT EXISTS works (
    work_id INTEGER PRIMARY KEY, favourite INTEGER NOT NULL DEFAULT 0, hidden INTEGER NOT NULL DEFAULT 0,
    note TEXT NOT NULL DEFAULT '', read_page INTEGER NOT NULL DEFAULT 0, changed TEXT NOT NULL)"""


@dataclass(frozen=True, slots=True)
class Mark:
    """A work's marks; `read_page` is the page at which reading stopped, from 1, or 0 for none."""

    favourite: bool = False
    hidden: bool = False
    note: str = ""
    read_page: int = 0


NOTHING = Mark()

_COLUMNS = "favourite, hidden, note, read_page"

_MARKED = {"favourites": "favourite", "hidden": "hidden", "notes": "note != ''"}


class Shelf:
    """The marks in an archive's folder; thread-safe. The file is created with the first mark."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def mark_of(self, work_id: int) -> Mark:
        return self.marks_of([work_id]).get(work_id, NOTHING)

    def marks_of(self, work_ids: Iterable[int]) -> dict[int, Mark]:
        """The marks of those works that have any; at most a few hundred at once."""
        wanted = list(work_ids)[:IDS_A_QUERY]
        places = ",".join("?" * len(wanted))
        return dict(self._read(f"SELECT work_id, {_COLUMNS} FROM works WHERE work_id IN ({places})", wanted))  # noqa: S608

    def marked(self, what: str, *, before: int, limit: int) -> list[int]:
        """Works that are favourites, hidden or have notes, newest first, before an id."""
        query = (
            f"SELECT work_id, {_COLUMNS} FROM works WHERE {_MARKED[what]} AND work_id < ? ORDER BY work_id DESC LIMIT ?"  # noqa: S608
        )
        return [work_id for work_id, _ in self._read(query, [before, limit])]

    def mark(self, work_id: int, field: str, value: bool | int | str) -> None:
        """Set one field of a work's mark. Raises ConfigurationError for an invalid field or value, and StorageFailed."""
        if field not in ("favourite", "hidden", "note", "read_page"):
            raise ConfigurationError(f"{quoted(field, 40)} cannot be marked")
        if isinstance(value, str) and len(value) > LONGEST_NOTE:
            raise ConfigurationError(f"a note of {len(value):,} characters is longer than {LONGEST_NOTE:,}: shorten it")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._errors(), self._connected("rwc") as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            with connection:
                connection.execute(_TABLE)
                connection.execute(
                    f"INSERT INTO works (work_id, {field}, changed) VALUES (?, ?, ?) "  # noqa: S608 (one of four words)
                    f"ON CONFLICT (work_id) DO UPDATE SET {field} = excluded.{field}, changed = excluded.changed",
                    (work_id, value, now),
                )

    def _read(self, query: str, values: list[int]) -> Iterator[tuple[int, Mark]]:
        if not self.path.is_file():
            return
        with self._errors(), self._connected("ro") as connection:
            # A disk that was full at the first mark left a file without the table.
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'works'").fetchone():
                return
            for work_id, favourite, hidden, note, read_page in connection.execute(query, values).fetchall():
                yield work_id, Mark(bool(favourite), bool(hidden), note, read_page)

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        with closing(connect(f"{self.path.absolute().as_uri()}?mode={mode}", uri=True)) as connection:
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StorageFailed(
                f"the shelf {self.path} cannot be used ({error}): free the disk, let it be written, or move the file away"
            ) from error
