"""Completes what a person types to names of tags and artists."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pixivcrawl.folding import fold
from pixivcrawl.index.schema import NamedKind
from pixivcrawl.index.words import phrase

MOST_SORTED = 2_000
"""Up to this many names with the text in them are sorted (some 5 ms). If there are more, the tags and artists with the most works are read
until enough match.
"""

MOST_WALKED = 5_000
"""How many of each kind are read (some 10 ms)."""


class Completion(NamedTuple):
    """A name with what was typed in it: `name` is what matched (perhaps a translation or a former name), `now` the present name."""

    kind: NamedKind
    id: int
    name: str
    now: str | None
    works: int


class _Names(NamedTuple):
    """Names with a text in them: the tables that have just these, the condition and its values, and what says it of any name."""

    table: str
    condition: str
    values: tuple[str, ...]
    of_any: str


def complete(connection: sqlite3.Connection, text: str, kinds: Sequence[NamedKind], limit: int) -> list[Completion]:
    """Tags and artists with `text` in a name, translation or former name: first those that begin with it, those with most works first."""
    folded = fold(text)
    if not folded:
        return []
    ends = (folded, folded + "\U0010ffff")
    beginning = _Names("names INDEXED BY names_folded", "folded >= ? AND folded < ?", ends, "instr(folded, ?) = 1")
    within = _Names(
        "parts CROSS JOIN names ON number = parts.rowid", "parts MATCH ?", (phrase(folded),), "instr(folded, ?)"
    )
    found: dict[tuple[NamedKind, int], Completion] = {}
    for names in (beginning, within):
        if len(found) < limit:
            best = [each for kind in kinds for each in _best(connection, names, folded, kind, limit)]
            for each in sorted(best, key=lambda each: (-each.works, each.kind, each.id)):
                found.setdefault((each.kind, each.id), each)
    return [*found.values()][:limit]


def _best(
    connection: sqlite3.Connection, names: _Names, folded: str, kind: NamedKind, limit: int
) -> Iterator[Completion]:
    """The ones with most works. If there are many, those without many works are not looked at."""
    query = f"SELECT count(*) FROM (SELECT 1 FROM {names.table} WHERE {names.condition} LIMIT ?)"
    (number,) = connection.execute(query, (*names.values, MOST_SORTED + 1)).fetchone()
    values: tuple[str | int, ...]
    if number <= MOST_SORTED:
        table = f"{names.table} CROSS JOIN subjects ON subjects.kind = names.kind AND id = subject_id"
        condition, values = f"{names.condition} AND names.kind = ?", (*names.values, kind)
    else:
        table = (
            "(SELECT * FROM subjects WHERE kind = ? ORDER BY works DESC, id DESC LIMIT ?) AS subjects "
            "CROSS JOIN names ON names.kind = subjects.kind AND subject_id = id"
        )
        condition, values = names.of_any, (kind, MOST_WALKED, folded)
    query = (
        f"SELECT subjects.kind, id, min(names.name), subjects.name, works FROM {table} WHERE {condition} "
        "GROUP BY id ORDER BY works DESC, id LIMIT ?"
    )
    return map(Completion._make, connection.execute(query, (*values, limit)))
