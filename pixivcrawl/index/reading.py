"""Reads the index for the gallery: pages of works by key, counts, and names for completion."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import NamedTuple

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.filters import Filters, SavedFilters
from pixivcrawl.index import completions, duplicates, saved_filters, schema, sums
from pixivcrawl.index.matching import Condition, Match, artists_called, match_filters, match_query, tags_names
from pixivcrawl.index.schema import NamedKind
from pixivcrawl.index.search import Sort, WorksQuery
from pixivcrawl.index.updating import position_of
from pixivcrawl.ledger.queries import indexed
from pixivcrawl.ledger.service import Ledger

MOST_SORTED = 2_000
"""Up to this many matching works are sorted (some 5 ms); for more, the order is read until enough match (30,000: 5 ms, 400,000: 70)."""

MOST_MATCHED = 200
"""Up to this many works with a rare number are matched with words or tags one by one (0.2 ms each)."""

MOST_LOOKED_AT = 50_000
"""How many works that may not match a page examines before it says how far it looked back."""

MOST_CHANGES = 100_000
"""The most changes that are counted by which an index is behind its ledger."""

_KEY = re.compile(r"(?:(?P<value>-?[0-9]{1,18})\.)?(?P<id>[0-9]{1,18})")

ORDERS: dict[Sort, str] = {"new": "id", "uploaded": "uploaded", "archived": "archived", "bookmarks": "bookmarks"}
"""The column of `works` by which each order goes down."""


@dataclass(frozen=True, slots=True)
class WorksPage:
    """The ids of a page's works. `older` and `newer` are the keys of the neighbouring pages; None if there is none.

    `looked_back_to` is the id of the last work that was examined, if the page is not full only because the search stopped there: the page
    after `older` continues from there.
    """

    ids: list[int]
    newer: str | None = None
    older: str | None = None
    looked_back_to: int | None = None


class Subject(NamedTuple):
    """A tag or an artist with its number of works; `name` is None if the ledger has none."""

    id: int
    name: str | None
    works: int


class Index:
    """The index in a folder, read by any number of threads while it is written. A missing one counts as empty."""

    def __init__(self, folder: Path, ledger: Ledger, saved: SavedFilters | None = None) -> None:
        self._path = folder / schema.NAME
        self._ledger = ledger
        self.saved = saved or SavedFilters(folder)
        self._of_thread = local()

    def works(
        self, query: WorksQuery, *, before: str | None = None, after: str | None = None, limit: int = 60
    ) -> WorksPage:
        """The next works in the query's order, `before` a key (older, or less) or `after` one.

        Raises ConfigurationError for an invalid key.
        """
        connection = self._connection()
        walk = _Walk(connection, self._match(connection, query), query.sort, upwards=after is not None)
        page = walk.page(after or before, limit)
        if after is not None:
            # From below the page was found last work first.
            page = WorksPage(page.ids[::-1], page.older, page.newer, page.looked_back_to)
        return page

    def count(self, query: WorksQuery, most: int = 10_000) -> int:
        """How many works match, `most` + 1 if there are more."""
        connection = self._connection()
        found = self._match(connection, query)
        return len(_ids(connection, found, most + 1))

    def hidden(self, query: WorksQuery, most: int = 10_000) -> int:
        """How many matching works the query's filter hides, `most` + 1 if there are more."""
        connection = self._connection()
        filters = self._filters(query)
        if filters is None:
            return 0
        hidden: set[int] = set()
        for found in match_query(connection, query).but_not(match_filters(connection, filters)):
            hidden.update(_ids(connection, found, most + 1))
        return min(len(hidden), most + 1)

    def neighbours(self, query: WorksQuery, work_id: int) -> tuple[int | None, int | None]:
        """The works before and after one in the query's order; None if there is none."""
        connection = self._connection()
        column = ORDERS[query.sort]
        row = connection.execute(f"SELECT {column} FROM works WHERE id = ?", (work_id,)).fetchone()
        if row is None:
            return None, None
        key = _key(query.sort, row[0], work_id)
        newer, older = self.works(query, after=key, limit=1), self.works(query, before=key, limit=1)
        return next(iter(newer.ids), None), next(iter(older.ids), None)

    def complete(self, text: str, kinds: Sequence[NamedKind], limit: int) -> list[completions.Completion]:
        """As `completions.complete`."""
        return completions.complete(self._connection(), text, kinds, limit)

    def tags(self, *, before: str | None = None, limit: int = 100) -> tuple[list[Subject], str | None]:
        """The tags with the most works, and the key of the next ones."""
        return self._subjects("tag", before, limit)

    def artists(self, *, before: str | None = None, limit: int = 100) -> tuple[list[Subject], str | None]:
        """The artists with the most works, and the key of the next ones."""
        return self._subjects("artist", before, limit)

    def months(self) -> list[tuple[int, int]]:
        """Each month (yyyymm, in Japan) in which works were made, and how many, newest first."""
        return (
            self._connection()
            .execute("SELECT id, works FROM subjects WHERE kind = 'month' ORDER BY id DESC")
            .fetchall()
        )

    def same_bytes(self, sha256: str) -> list[tuple[int, int]]:
        """The works and pages that have a stored file with this SHA-256."""
        return duplicates.places(self._connection(), schema.digest_of(sha256))

    def as_filter(self, query: WorksQuery) -> Filters:
        """A search as a filter to save. Raises ConfigurationError for what a filter cannot express."""
        connection = self._connection()
        return saved_filters.as_filter(
            query,
            self._filters(query),
            artists=[] if query.artist is None else artists_called(connection, query.artist),
            tags=[_only(tag, tags_names(connection, tag)) for tag in query.tags],
            without_tags=[name for tag in query.without_tags for name in tags_names(connection, tag) or [tag]],
        )

    def sums(self) -> sums.Sums | None:
        """The archive's totals as last counted; None if never counted."""
        return sums.kept(self._connection())

    def duplicates(
        self, show: duplicates.Show, *, artist: int | None, across_works: bool, after: int, limit: int
    ) -> tuple[list[duplicates.Group], int | None]:
        """As `duplicates.groups`."""
        return duplicates.groups(
            self._connection(), show, artist=artist, across_works=across_works, after=after, limit=limit
        )

    def unseen(self) -> int:
        """How many pictures have not been analysed yet."""
        return int(self._connection().execute("SELECT count(*) FROM unseen").fetchone()[0])

    def behind(self) -> int:
        """How many works and changes of the ledger are not in the index yet."""
        place = position_of(self._connection())
        if place is None:
            return self._ledger.read_now(indexed.number_of_works, 2**63 - 1)
        return place.works_left + self._ledger.read_now(indexed.number_of_changes, place.last, MOST_CHANGES)

    def _match(self, connection: sqlite3.Connection, query: WorksQuery) -> Match:
        found = match_query(connection, query)
        filters = self._filters(query)
        return found if filters is None else found & match_filters(connection, filters)

    def _filters(self, query: WorksQuery) -> Filters | None:
        saved = self.saved
        return saved.named(saved.show if query.filter is None else query.filter)

    def _connection(self) -> sqlite3.Connection:
        """This thread's own connection to the file that has the index's name now."""
        try:
            found = self._path.stat()
            file = found.st_dev, found.st_ino
        except FileNotFoundError:
            file = None
        if getattr(self._of_thread, "file", ()) != file:
            self._of_thread.connection = schema.open_for_reading(self._path)
            # A damaged file is not held open, and the one that takes its place may get its number: it is looked at again.
            self._of_thread.file = file if file is None or _is_of_a_file(self._of_thread.connection) else ()
        connection: sqlite3.Connection = self._of_thread.connection
        return connection

    def _subjects(self, kind: str, before: str | None, limit: int) -> tuple[list[Subject], str | None]:
        works, subject_id = (2**63 - 1, 0) if before is None else _read_key(before)
        rows = self._connection().execute(
            "SELECT id, name, works FROM subjects WHERE kind = ? AND (works, id) < (?, ?) ORDER BY works DESC, id DESC LIMIT ?",
            (kind, works, subject_id, limit + 1),
        )
        subjects = [Subject(*row) for row in rows]
        more = f"{subjects[limit - 1].works}.{subjects[limit - 1].id}" if len(subjects) > limit else None
        return subjects[:limit], more


def _is_of_a_file(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("PRAGMA database_list").fetchone()[2])


class _Walk:
    """Examines works in an order until a page is full."""

    def __init__(self, connection: sqlite3.Connection, found: Match, sort: Sort, *, upwards: bool) -> None:
        self._connection = connection
        self._match = found
        self._sort = sort
        self._upwards = upwards

    def page(self, key: str | None, limit: int) -> WorksPage:
        found: list[tuple[int, int]] = []
        looked_at = 0
        last = (0, 0)
        for value, work_id, fits in self._rows(key):
            if fits and len(found) == limit:
                break
            looked_at, last = looked_at + 1, (value, work_id)
            if fits:
                found.append(last)
            if looked_at >= MOST_LOOKED_AT:
                break
        else:
            return WorksPage([work_id for _, work_id in found], self._newer(key, found))
        looked_back_to = last[1] if looked_at >= MOST_LOOKED_AT else None
        behind = last if looked_back_to is not None else found[-1]
        return WorksPage(
            [work_id for _, work_id in found], self._newer(key, found), _key(self._sort, *behind), looked_back_to
        )

    def _newer(self, key: str | None, found: list[tuple[int, int]]) -> str | None:
        """The key for the page on the newer side."""
        if key is None:
            return None
        return _key(self._sort, *found[0]) if found else key

    def _rows(self, key: str | None) -> Iterator[tuple[int, int, int]]:
        """For each work: the value it is ordered by, its id, and whether it matches."""
        place: tuple[int, ...] = () if key is None else _read_key(key)
        column = ORDERS[self._sort]
        down, sign = ("", ">") if self._upwards else (" DESC", "<")
        expression, condition, values = self._match.expression, self._match.condition, self._match.values
        matched = () if expression is None else (expression,)
        if (rare := _rare(self._connection, self._match)) is not None:
            bound = f" AND (works.{column}, works.id) {sign} (?, ?)" if place else ""
            query = f"SELECT works.{column}, works.id, 1 FROM {rare.text}{bound} ORDER BY works.{column}{down}, works.id{down}"
            return self._connection.execute(query, (*rare.values, *(place[1:] * 2 if self._sort == "new" else place)))
        if self._sort == "new":
            table = "works" if expression is None else "texts CROSS JOIN works ON works.id = texts.rowid"
            rowid = "works.id" if expression is None else "texts.rowid"
            inside = "1" if expression is None else "texts MATCH ?"
            bound = f" AND {rowid} {sign} ?" if place else ""
            query = f"SELECT works.id, works.id, {condition} FROM {table} WHERE {inside}{bound} ORDER BY {rowid}{down}"
            return self._connection.execute(query, (*values, *matched, *place[1:]))
        bound = f" AND (works.{column}, works.id) {sign} (?, ?)" if place else ""
        order = f"ORDER BY works.{column}{down}, works.id{down}"
        if expression is None:
            query = f"SELECT works.{column}, works.id, {condition} FROM works WHERE 1{bound} {order}"
            return self._connection.execute(query, (*values, *place))
        if self._are_few():
            query = (
                f"SELECT works.{column}, works.id, 1 FROM texts CROSS JOIN works ON works.id = texts.rowid "
                f"WHERE texts MATCH ? AND {condition}{bound} {order}"
            )
            return self._connection.execute(query, (expression, *values, *place))
        # SQLite takes the ids that fit into a table of its own, and passes by those of the order's index that are not in it.
        query = (
            f"SELECT works.{column}, works.id, {condition} FROM works INDEXED BY works_{column} "
            f"WHERE works.id IN (SELECT rowid FROM texts WHERE texts MATCH ?){bound} {order}"
        )
        return self._connection.execute(query, (*values, expression, *place))

    def _are_few(self) -> bool:
        """Whether so few works match that sorting them is cheaper."""
        query = "SELECT count(*) FROM (SELECT 1 FROM texts WHERE texts MATCH ? LIMIT ?)"
        number = self._connection.execute(query, (self._match.expression, MOST_SORTED + 1)).fetchone()[0]
        return int(number) <= MOST_SORTED


def _rare(connection: sqlite3.Connection, found: Match) -> Condition | None:
    """The tables and conditions for a match that asks for a number which few works have: no others are looked at."""
    most = MOST_SORTED if found.expression is None else MOST_MATCHED
    for each in found.conditions:
        if each.index is not None:
            table = f"works INDEXED BY {each.index}"
            query = f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {each.text} LIMIT ?)"
            if connection.execute(query, (*each.values, most + 1)).fetchone()[0] <= most:
                if found.expression is None:
                    return Condition(f"{table} WHERE {found.condition}", found.values)
                matches = "EXISTS (SELECT 1 FROM texts WHERE texts MATCH ? AND texts.rowid = works.id)"
                return Condition(f"{table} WHERE {found.condition} AND {matches}", (*found.values, found.expression))
    return None


def _ids(connection: sqlite3.Connection, found: Match, most: int) -> list[int]:
    """The ids of matching works, at most so many."""
    if (rare := _rare(connection, found)) is not None:
        query, values = f"SELECT id FROM {rare.text} LIMIT ?", rare.values
    elif found.expression is None:
        query, values = f"SELECT id FROM works NOT INDEXED WHERE {found.condition} LIMIT ?", found.values
    elif not found.conditions:
        query, values = "SELECT rowid FROM texts WHERE texts MATCH ? LIMIT ?", (found.expression,)
    else:
        # A work whose words are found is looked up, never the other way round.
        query = (
            "SELECT works.id FROM texts CROSS JOIN works ON works.id = texts.rowid "
            f"WHERE texts MATCH ? AND {found.condition} LIMIT ?"
        )
        values = (found.expression, *found.values)
    return [row[0] for row in connection.execute(query, (*values, most))]


def _only(text: str, names: list[str]) -> str:
    """The only tag with this name. Raises ConfigurationError if there are several, because a filter requires all of its tags."""
    if len(names) > 1:
        raise ConfigurationError(
            f"several tags are called {quoted(text, 40)}: name one of them as pixiv does, and save that"
        )
    return names[0] if names else text


def _key(sort: Sort, value: int, work_id: int) -> str:
    return f"{work_id}" if sort == "new" else f"{value}.{work_id}"


def _read_key(key: str) -> tuple[int, int]:
    if not (read := _KEY.fullmatch(key)):
        raise ConfigurationError(f"{quoted(key, 40)} is not where a page begins: begin with the first one")
    return int(read["value"] or 0), int(read["id"])
