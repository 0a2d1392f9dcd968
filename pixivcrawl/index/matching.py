"""Translates a query for SQLite: FTS5 expressions for words and marks, and conditions for numbers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from pixivcrawl.filters import RATINGS, Filters
from pixivcrawl.folding import fold
from pixivcrawl.index.days import number_of_day
from pixivcrawl.index.search import RANGES, Days, Numbers, WorksQuery
from pixivcrawl.index.words import mark, phrase

MADE_BY_AI = mark("ai2")
"""Pixiv: aiType 0 unknown, 1 not AI, 2 AI."""

MOST_YEARS = 50
"""Longer spans leave out so little that it is not worth an expression of hundreds of marks."""

MOST_ARTISTS = 100
"""Up to this many artists are found by their marks; more are checked in the works' own rows."""

Value = int | float | str


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition on a row of `works`, and its values; `index` finds the works that meet it, if there is one."""

    text: str
    values: tuple[Value, ...] = ()
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The expressions that a work must match and must not match, and its conditions."""

    all_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()

    def __and__(self, other: Match) -> Match:
        return Match(self.all_of + other.all_of, self.none_of + other.none_of, self.conditions + other.conditions)

    def but_not(self, other: Match) -> list[Match]:
        """The works that match this and not the other, as alternatives."""
        unlike = [Match(none_of=(each,)) for each in other.all_of] + [Match(all_of=(each,)) for each in other.none_of]
        unlike += [Match(conditions=(Condition(f"NOT {each.text}", each.values),)) for each in other.conditions]
        return [self & each for each in unlike]

    @property
    def expression(self) -> str | None:
        """One FTS5 expression; None if nothing is required or excluded."""
        if not self.all_of and not self.none_of:
            return None
        wanted = " AND ".join(self.all_of or (mark("all"),))
        return f"({wanted}) NOT ({' OR '.join(self.none_of)})" if self.none_of else wanted

    @property
    def condition(self) -> str:
        return " AND ".join(each.text for each in self.conditions) or "1"

    @property
    def values(self) -> tuple[Value, ...]:
        return tuple(value for each in self.conditions for value in each.values)


def match_query(connection: sqlite3.Connection, query: WorksQuery) -> Match:
    """The match for a query, without its filter."""
    all_of = [phrase(word) for word in map(fold, query.words) if word]
    all_of += [any_of(_tag_marks(tags_called(connection, tag))) for tag in query.tags]
    none_of = [each for tag in query.without_tags for each in _tag_marks(tags_called(connection, tag))]
    if query.artist is not None:
        all_of.append(any_of(mark(f"user{user_id}") for user_id in artists_called(connection, query.artist)))
    if query.kinds:
        all_of.append(any_of(mark(f"kind{kind}") for kind in query.kinds))
    if query.ratings:
        all_of.append(any_of(mark(f"rating{RATINGS.index(rating)}") for rating in query.ratings))
    if query.ai is not None:
        (all_of if query.ai else none_of).append(MADE_BY_AI)
    all_of += [mark(name) for name in ("revised", "gone") if getattr(query, f"is_{name}")]
    conditions = [_within(name, numbers) for name in RANGES if (numbers := getattr(query, name)) is not None]
    if query.dates is not None:
        if query.dates.last.year - query.dates.first.year < MOST_YEARS:
            all_of.append(any_of(_months(query.dates)))
        days = tuple(map(number_of_day, query.dates))
        conditions.append(Condition("(works.day IS NOT NULL AND works.day BETWEEN ? AND ?)", days))
    return Match(tuple(all_of), tuple(none_of), tuple(conditions))


def _within(name: str, numbers: Numbers) -> Condition:
    ends = {">=": numbers.least, "<=": numbers.most}
    given = {sign: end for sign, end in ends.items() if end is not None}
    text = " AND ".join([f"works.{name} IS NOT NULL", *(f"works.{name} {sign} ?" for sign in given)])
    return Condition(f"({text})", tuple(given.values()), f"works_{name}")


def match_filters(connection: sqlite3.Connection, filters: Filters) -> Match:
    """The match for works that filters do not leave out: those for which `filters.fits` is not False."""
    all_of: list[str] = []
    none_of: list[str] = []
    if filters.tags:
        borne = [any_of(_tag_marks(_tags_of_filter(connection, tag))) for tag in filters.tags]
        all_of.append(any_of([f"({' AND '.join(borne)})", mark("untagged")]))
    for tag in filters.exclude_tags or ():
        none_of += _tag_marks(_tags_of_filter(connection, tag))
    if filters.kinds:
        all_of.append(any_of(mark(f"kind{kind}") for kind in filters.kinds))
    if filters.rating:
        all_of.append(any_of([*(mark(f"rating{RATINGS.index(each)}") for each in filters.rating), mark("unrated")]))
    if filters.ai:
        (none_of if filters.ai == "exclude" else all_of).append(
            MADE_BY_AI if filters.ai == "exclude" else any_of([MADE_BY_AI, mark("ainone")])
        )
    if words := [phrase(folded) for word in filters.words or () if (folded := fold(word))]:
        all_of.append(any_of([f"({' AND '.join(words)})", mark("partial")]))
    none_of += [phrase(folded) for word in filters.exclude_words or () if (folded := fold(word))]
    if filters.artists and len(filters.artists) <= MOST_ARTISTS:
        all_of.append(any_of(mark(f"user{user_id}") for user_id in filters.artists))
    return Match(tuple(all_of), tuple(none_of), tuple(_conditions(filters)))


def _conditions(filters: Filters) -> Iterable[Condition]:
    """Conditions that are never NULL, so that an unknown value leaves nothing out."""
    ratio = "(1.0 * works.width / works.height)"
    for column, sign, end in (
        ("bookmarks", ">=", filters.min_bookmarks),
        ("pages", ">=", filters.min_pages),
        ("pages", "<=", filters.max_pages),
        ("width", ">=", filters.min_width),
        ("height", ">=", filters.min_height),
        (ratio, ">=", filters.min_ratio),
        (ratio, "<=", filters.max_ratio),
        ("day", ">=", _day(filters.since)),
        ("day", "<=", _day(filters.until)),
    ):
        if end is not None:
            value = column if column == ratio else f"works.{column}"
            is_open = "NOT works.bookmarks_known" if column == "bookmarks" else f"{value} IS NULL"
            yield Condition(f"({is_open} OR {value} {sign} ?)", (end,))
    if filters.artists:
        yield Condition(
            "(coalesce(works.user_id, 0) IN (SELECT value FROM json_each(?)))", (json.dumps(filters.artists),)
        )
    if filters.exclude_artists:
        excluded = json.dumps(filters.exclude_artists)
        yield Condition("(coalesce(works.user_id, 0) NOT IN (SELECT value FROM json_each(?)))", (excluded,))


def _day(day: date | None) -> int | None:
    return None if day is None else number_of_day(day)


def any_of(expressions: Iterable[str]) -> str:
    """The expression for at least one of these; for none, it finds nothing."""
    return "(" + (" OR ".join(expressions) or mark("nothing")) + ")"


def tags_called(connection: sqlite3.Connection, text: str) -> list[int]:
    """The tags with this name, otherwise those with this translation, ignoring case, width and kind of kana."""
    return sorted({tag_id for tag_id, _ in _tags_meant(connection, text)})


def tags_names(connection: sqlite3.Connection, text: str) -> list[str]:
    """The names of those tags."""
    return sorted({name for _, name in _tags_meant(connection, text) if name is not None})


def _tags_meant(connection: sqlite3.Connection, text: str) -> list[tuple[int, str | None]]:
    found = _tags_named(connection, text)
    return [each for each in found if each[1] is not None and fold(each[1]) == fold(text)] or found


def _tags_of_filter(connection: sqlite3.Connection, text: str) -> list[int]:
    """The tags of a filter, compared as `Filters` does: only by their own names, ignoring case."""
    found = _tags_named(connection, text)
    return sorted({tag_id for tag_id, name in found if name is not None and name.casefold() == text.casefold()})


def _tags_named(connection: sqlite3.Connection, text: str) -> list[tuple[int, str | None]]:
    """The tags with this name or translation, and their names."""
    return connection.execute(
        "SELECT subject_id, subjects.name FROM names JOIN subjects ON subjects.kind = names.kind AND id = subject_id "
        "WHERE folded = ? AND names.kind = 'tag'",
        (fold(text),),
    ).fetchall()


def _tag_marks(tag_ids: Sequence[int]) -> list[str]:
    return [mark(f"tag{tag_id}") for tag_id in tag_ids]


def artists_called(connection: sqlite3.Connection, text: str) -> list[int]:
    """The artist with this id, or those with this name, now or formerly."""
    if text.isascii() and text.isdecimal():
        return [int(text)]
    found = connection.execute("SELECT subject_id FROM names WHERE folded = ? AND kind = 'artist'", (fold(text),))
    return sorted({row[0] for row in found})


def _months(days: Days) -> list[str]:
    """The marks of the years within these days, and of the months at both ends."""
    marks: list[str] = []
    for year in range(days.first.year, days.last.year + 1):
        first = days.first.month if year == days.first.year else 1
        last = days.last.month if year == days.last.year else 12
        if (first, last) == (1, 12):
            marks.append(mark(f"year{year:04}"))
        else:
            marks += [mark(f"month{year * 100 + month}") for month in range(first, last + 1)]
    return marks
