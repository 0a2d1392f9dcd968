"""Where a page of a list ends, as written in the next one's address: one number, or two with a dot between."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.request import PageRequest

_PAIR = re.compile(r"(?a:(\d{1,18})\.(\d{1,18}))")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def pair(asked: PageRequest, name: str) -> tuple[int, int] | None:
    """The two numbers under this name in the query; None if absent. Raises ConfigurationError."""
    given = asked.query.get(name)
    if given is None:
        return None
    if (found := _PAIR.fullmatch(given)) is None:
        raise ConfigurationError(f"{name}={quoted(given, 40)} is not where a page ends: begin with the first one")
    return int(found[1]), int(found[2])


def as_text(key: tuple[int | datetime, int]) -> str:
    """A key in the form that `pair` and `moment` read."""
    first, second = key
    if isinstance(first, datetime):
        first = (first - _EPOCH) // _MICROSECOND
    return f"{first}.{second}"


def moment(asked: PageRequest, name: str) -> tuple[datetime, int] | None:
    """The time and the number under this name in the query, as `pair` reads them."""
    if (found := pair(asked, name)) is None:
        return None
    microseconds, number = found
    try:
        return _EPOCH + microseconds * _MICROSECOND, number
    except OverflowError:
        raise ConfigurationError(f"{name}: no such time: begin with the first page") from None
