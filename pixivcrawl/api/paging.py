"""The kinds of paging: how each kind of list continues, and how it says that it has ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Body = TypeVar("Body")
Row = TypeVar("Row")
Values = Mapping[str, Any]


class PartOf(list[Row]):
    """The rows of a list that could be read; `came` counts all that pixiv sent, odd ones included."""

    def __init__(self, rows: Iterable[Row], came: int) -> None:
        super().__init__(rows)
        self.came = came


def came(rows: Sized) -> int:
    """How many rows pixiv sent, readable or not."""
    return rows.came if isinstance(rows, PartOf) else len(rows)


def _goes_on(said: bool | None, rows: Sized) -> bool:
    return came(rows) > 0 if said is None else said


def below(place: int, total: int | None) -> bool | None:
    """Whether rows follow the first `place` of `total`; None if there is no total."""
    return None if total is None else place < total


@dataclass(frozen=True, slots=True)
class PageNumber(Generic[Body]):
    """Pages counted from 1. `more` says from a body and its page number whether another page follows.

    None: the body does not say, and whether the next page has rows, or others, tells.
    """

    rows: Callable[[Body], Sized]
    more: Callable[[Body, int], bool | None]
    total: Callable[[Body], int | None] | None = None
    parameter: str = "p"

    def next_page(self, values: Values, body: Body) -> dict[str, Any] | None:
        page = values.get(self.parameter, 1)
        return {**values, self.parameter: page + 1} if _goes_on(self.more(body, page), self.rows(body)) else None


@dataclass(frozen=True, slots=True)
class Offset(Generic[Body]):
    """`offset` and `limit`; `more` says from a body and the offset after its rows whether anything follows (as above).

    The next offset counts the rows that came, not those that were asked for: pixiv may send fewer than `limit`, and a
    row that comes twice is harmless where a row that is passed over is not.
    """

    rows: Callable[[Body], Sized]
    more: Callable[[Body, int], bool | None]
    total: Callable[[Body], int | None] | None = None

    def next_page(self, values: Values, body: Body) -> dict[str, Any] | None:
        following = values["offset"] + (came(self.rows(body)) or values["limit"])
        said = self.more(body, following)
        if self.total is not None and (self.total(body) or 0) < following:
            # More came than there should be: the next page shows whether anything follows.
            said = None
        return {**values, "offset": following} if _goes_on(said, self.rows(body)) else None


@dataclass(frozen=True, slots=True)
class Cursor(Generic[Body]):
    """Each page names where the next one begins; a page without rows, or one that names its own beginning, is the last."""

    rows: Callable[[Body], Sized]
    cursor: Callable[[Body], int | None]
    parameter: str
    total: None = None

    def next_page(self, values: Values, body: Body) -> dict[str, Any] | None:
        following = self.cursor(body)
        if not came(self.rows(body)) or not following or following == values[self.parameter]:
            return None
        return {**values, self.parameter: following}


@dataclass(frozen=True, slots=True)
class NextIds(Generic[Body]):
    """The answer names the ids that follow; `continues` is the endpoint that gives their rows, `limit` ids a request.

    Only the first such request is given; the caller asks for the other ids.
    """

    rows: Callable[[Body], Sized]
    ids: Callable[[Body], Sequence[int]]
    continues: str
    parameter: str
    total: None = None

    def next_page(self, values: Values, body: Body) -> dict[str, Any] | None:
        ids = self.ids(body)
        return {self.parameter: list(ids[: values["limit"]])} if ids else None


Paging = PageNumber[Body] | Offset[Body] | Cursor[Body] | NextIds[Body]
