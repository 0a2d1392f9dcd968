"""The search language: queries to the index, and their text in the search box."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.items import Kind

Rating = Literal["safe", "r18", "r18g"]
Sort = Literal["new", "uploaded", "archived", "bookmarks"]

_PART = re.compile(r'(?P<head>-?#|[a-z]+:)?(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>\S+))', re.DOTALL)
_NUMBERS = re.compile(r"(?P<sign>>=|<=|>|<)?(?P<first>[0-9]{1,9})(?:\.\.(?P<last>[0-9]{1,9}))?")
_BARE = re.compile(r'[^\s":#\\-][^\s":\\]*')
_LARGEST = 999_999_999
_DAY = r"[0-9]{4}(?:-[0-9]{2}){0,2}"
_DAYS = re.compile(rf"(?P<first>{_DAY})(?:\.\.(?P<last>{_DAY}))?")


class Numbers(NamedTuple):
    """A range including both ends; None for an open end."""

    least: int | None
    most: int | None

    def __str__(self) -> str:
        if self.least == self.most:
            return str(self.least)
        if self.most is None:
            return f">={self.least}"
        return f"<={self.most}" if self.least is None else f"{self.least}..{self.most}"


class Days(NamedTuple):
    """The days from one to another, inclusive, in Japan."""

    first: date
    last: date

    def __str__(self) -> str:
        day = self.first.isoformat()
        for text in (day[: len("2021")], day[: len("2021-05")], day):
            if days_of(text) == self:
                return text
        return f"{self.first}..{self.last}"


@dataclass(frozen=True, slots=True)
class WorksQuery:
    """Which works to find, and in which order. A work must match everything that is given.

    `words` may be anywhere in its title, caption or tags. `artist` is an id, or an artist's present or former name. `is_revised`: its
    pictures were replaced; `is_gone`: it is gone from pixiv. `filter` names a saved filter; None is the default one, and
    "none" is no filter.
    """

    words: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    without_tags: tuple[str, ...] = ()
    artist: str | None = None
    kinds: tuple[Kind, ...] = ()
    ratings: tuple[Rating, ...] = ()
    ai: bool | None = None
    pages: Numbers | None = None
    bookmarks: Numbers | None = None
    width: Numbers | None = None
    height: Numbers | None = None
    dates: Days | None = None
    is_revised: bool = False
    is_gone: bool = False
    sort: Sort = "new"
    filter: str | None = None

    def text(self) -> str:
        """The query as text; `parse` gives the same query again."""
        parts = [_quoted("", word) for word in self.words]
        parts += [_quoted("#", tag) for tag in self.tags]
        parts += [_quoted("-#", tag) for tag in self.without_tags]
        parts += [_quoted("user:", self.artist)] if self.artist is not None else []
        parts += [f"kind:{kind}" for kind in self.kinds]
        parts += [f"rating:{rating}" for rating in self.ratings]
        parts += [f"ai:{'yes' if self.ai else 'no'}"] if self.ai is not None else []
        parts += [f"{name}:{value}" for name in RANGES if (value := getattr(self, name)) is not None]
        parts += [f"date:{self.dates}"] if self.dates is not None else []
        parts += [f"is:{name}" for name in ("revised", "gone") if getattr(self, f"is_{name}")]
        parts += [f"sort:{self.sort}"] if self.sort != "new" else []
        parts += [_quoted("filter:", self.filter)] if self.filter is not None else []
        return " ".join(parts)


RANGES = ("pages", "bookmarks", "width", "height")


def parse(text: str) -> WorksQuery:
    """Parse the text of a query. Raises ConfigurationError, in one line, for what is not understood."""
    query = WorksQuery()
    for part in _PART.finditer(text):
        head, bare = part["head"] or "", part["bare"]
        value = re.sub(r"\\(.)", r"\1", part["quoted"], flags=re.DOTALL) if bare is None else bare
        if head.endswith(":") and head[:-1] not in _READERS:
            head, value = "", head + value
        query = _with(query, head, value)
    return query


def days_of(text: str) -> Days:
    """The days of a year, a month or a day. Raises ValueError."""
    if not re.fullmatch(_DAY, text):
        raise ValueError(text)
    year, *rest = (int(number) for number in text.split("-"))
    first = (year, *rest, 1, 1)[:3]
    month = rest[0] if rest else 12
    day = rest[1] if len(rest) > 1 else calendar.monthrange(year, month)[1]
    return Days(date(*first), date(year, month, day))


def _quoted(head: str, value: str) -> str:
    if _BARE.fullmatch(value):
        return head + value
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'{head}"{escaped}"'


def _with(query: WorksQuery, head: str, value: str) -> WorksQuery:
    if not value:
        return query
    if head.endswith(":"):
        return _READERS[head[:-1]](query, head, value)
    name = {"": "words", "#": "tags", "-#": "without_tags"}[head]
    return _adding(query, name, (value,))


def _adding(query: WorksQuery, name: str, values: tuple[str, ...]) -> WorksQuery:
    changes: dict[str, Any] = {name: tuple(dict.fromkeys((*getattr(query, name), *values)))}
    return replace(query, **changes)


def _setting(name: str, read: Callable[[str], Any] = str) -> Callable[[WorksQuery, str, str], WorksQuery]:
    """A part that may be given once; the last one counts."""

    def with_value(query: WorksQuery, head: str, value: str) -> WorksQuery:
        try:
            changes: dict[str, Any] = {name: read(value)}
        except ValueError as error:
            raise _not_understood(head, value, str(error)) from None
        return replace(query, **changes)

    return with_value


def _one_of(choices: Mapping[str, Any]) -> Callable[[str], Any]:
    def read(value: str) -> Any:
        if value not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return choices[value]

    return read


def _several_of(name: str, choices: tuple[str, ...]) -> Callable[[WorksQuery, str, str], WorksQuery]:
    def with_values(query: WorksQuery, head: str, value: str) -> WorksQuery:
        values = tuple(value.split(","))
        if not set(values) <= set(choices):
            raise _not_understood(head, value, f"one or more of {', '.join(choices)}, with commas between them")
        return _adding(query, name, values)

    return with_values


def _numbers(value: str) -> Numbers:
    wanted = "a number, or one as in >20, <=5 or 2..9"
    if not (read := _NUMBERS.fullmatch(value)) or (read["sign"] and read["last"]):
        raise ValueError(wanted)
    first = int(read["first"])
    least, most = {
        None: (first, int(read["last"] or first)),
        ">": (first + 1, None),
        ">=": (first, None),
        "<": (None, first - 1),
        "<=": (None, first),
    }[read["sign"]]
    if not 0 <= (least or 0) <= (_LARGEST if most is None else most):
        raise ValueError(f"{wanted}, with something in between")
    return Numbers(least, most)


def _days(value: str) -> Days:
    wanted = "a day, month or year as in 2021-05-03, 2021-05 or 2021, or two with .. between them"
    if not (read := _DAYS.fullmatch(value)):
        raise ValueError(wanted)
    try:
        days = Days(days_of(read["first"]).first, days_of(read["last"] or read["first"]).last)
    except ValueError:
        raise ValueError(wanted) from None
    if days.last < days.first:
        raise ValueError(f"{wanted}, the earlier first")
    return days


def _is(query: WorksQuery, head: str, value: str) -> WorksQuery:
    if value not in ("revised", "gone"):
        raise _not_understood(head, value, "one of revised, gone")
    return replace(query, is_revised=True) if value == "revised" else replace(query, is_gone=True)


def _not_understood(head: str, value: str, wanted: str) -> ConfigurationError:
    return ConfigurationError(f"{head}{quoted(value, 40)} is not understood: {head} takes {wanted}")


_READERS: Mapping[str, Callable[[WorksQuery, str, str], WorksQuery]] = {
    "user": _setting("artist"),
    "kind": _several_of("kinds", get_args(Kind)),
    "rating": _several_of("ratings", get_args(Rating)),
    "ai": _setting("ai", _one_of({"yes": True, "no": False})),
    **{name: _setting(name, _numbers) for name in RANGES},
    "date": _setting("dates", _days),
    "is": _is,
    "sort": _setting("sort", _one_of({sort: sort for sort in get_args(Sort)})),
    "filter": _setting("filter"),
}
"""What may stand before a colon; any other word with a colon in it is a word."""
