"""A query as SQLite is asked: an expression of FTS5 for all that works bear, and conditions for what is a number."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from pixivcrawl.index.search import RANGES, Days, WorksQuery
from pixivcrawl.index.words import fold, mark, phrase

RATINGS = {"safe": ("rating0",), "r18": ("rating1",), "r18g": ("rating2",)}
"""Pixiv: xRestrict 0, 1, 2."""

MADE_BY_AI = "ai2"
"""Pixiv: aiType 0 unknown, 1 not AI, 2 AI."""

MOST_YEARS = 50
"""Longer spans leave out so little that it is not worth an expression of hundreds of marks."""


@dataclass(frozen=True, slots=True)
class Match:
    """`expression`, None where every work fits it, and `condition` on `works`, with its values; None where nothing can fit."""

    expression: str | None
    condition: str = "1"
    values: tuple[int, ...] = ()


NOTHING = Match(mark("nothing"))


def match(connection: sqlite3.Connection, query: WorksQuery) -> Match:
    """What finds the works that a query asks for."""
    all_of = [phrase(word) for word in map(fold, query.words) if word]
    all_of += [any_of(f"tag{tag_id}" for tag_id in tags_called(connection, tag)) for tag in query.tags]
    none_of = [mark(f"tag{tag_id}") for tag in query.without_tags for tag_id in tags_called(connection, tag)]
    if query.artist is not None:
        all_of.append(any_of(f"user{user_id}" for user_id in artists_called(connection, query.artist)))
    if query.kinds:
        all_of.append(any_of(f"kind{kind}" for kind in query.kinds))
    if query.ratings:
        all_of.append(any_of(name for rating in query.ratings for name in RATINGS[rating]))
    if query.ai is not None:
        (all_of if query.ai else none_of).append(mark(MADE_BY_AI))
    all_of += [mark(name) for name in ("revised", "gone") if getattr(query, f"is_{name}")]
    conditions: list[str] = []
    values: list[int] = []
    for name in RANGES:
        if (numbers := getattr(query, name)) is not None:
            for sign, end in ((">=", numbers.least), ("<=", numbers.most)):
                if end is not None:
                    conditions.append(f"works.{name} {sign} ?")
                    values.append(end)
    if query.dates is not None:
        if query.dates.last.year - query.dates.first.year < MOST_YEARS:
            all_of.append(any_of(_months(query.dates)))
        conditions.append("works.day BETWEEN ? AND ?")
        values += [int(f"{day:%Y%m%d}") for day in query.dates]
    return Match(expression(all_of, none_of), " AND ".join(conditions) or "1", tuple(values))


def expression(all_of: Iterable[str], none_of: Iterable[str]) -> str | None:
    """One expression of FTS5; None where nothing is asked."""
    wanted, unwanted = list(all_of), list(none_of)
    if not wanted and not unwanted:
        return None
    positive = " AND ".join(wanted or [mark("all")])
    return f"({positive}) NOT ({' OR '.join(unwanted)})" if unwanted else positive


def any_of(names: Iterable[str]) -> str:
    """The expression of one of these marks; of none it finds nothing."""
    return "(" + (" OR ".join(mark(name) for name in names) or mark("nothing")) + ")"


def tags_called(connection: sqlite3.Connection, text: str) -> list[int]:
    """The tags of this name, or else those of which it is a translation, whatever its case, width or kana."""
    found = connection.execute(
        "SELECT subject_id, subjects.name FROM names JOIN subjects ON subjects.kind = names.kind AND id = subject_id "
        "WHERE folded = ? AND names.kind = 'tag'",
        (fold(text),),
    ).fetchall()
    named = [tag_id for tag_id, name in found if fold(name) == fold(text)]
    return sorted(set(named or (tag_id for tag_id, _ in found)))


def artists_called(connection: sqlite3.Connection, text: str) -> list[int]:
    """The artist with this id, or those who bear or bore this name."""
    if text.isascii() and text.isdecimal():
        return [int(text)]
    found = connection.execute("SELECT subject_id FROM names WHERE folded = ? AND kind = 'artist'", (fold(text),))
    return sorted({row[0] for row in found})


def _months(days: Days) -> list[str]:
    """The marks of the years that lie within these days, and of the months at their ends."""
    marks = []
    for year in range(days.first.year, days.last.year + 1):
        first = days.first.month if year == days.first.year else 1
        last = days.last.month if year == days.last.year else 12
        if (first, last) == (1, 12):
            marks.append(f"year{year}")
        else:
            marks += [f"month{year}{month:02}" for month in range(first, last + 1)]
    return marks
