"""Where a page of a list ends, as it stands in the address of the next one: one number, or two with a dot between."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.asked import Asked

_PAIR = re.compile(r"(?a:(\d{1,18})\.(\d{1,18}))")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def pair(asked: Asked, name: str) -> tuple[int, int] | None:
    """The two numbers under a name of the query; None where it is not there. Raises ConfigurationError."""
    given = asked.query.get(name)
    if given is None:
        return None
    if (found := _PAIR.fullmatch(given)) is None:
        raise ConfigurationError(f"{name}={given[:40]!r} is not where a page ends: begin with the first one")
    return int(found[1]), int(found[2])


def as_text(key: tuple[int | datetime, int]) -> str:
    """A key as `pair` or `moment` reads it."""
    first, second = key
    if isinstance(first, datetime):
        first = (first - _EPOCH) // _MICROSECOND
    return f"{first}.{second}"


def moment(asked: Asked, name: str) -> tuple[datetime, int] | None:
    """The time and the number under a name of the query, as `pair`."""
    if (found := pair(asked, name)) is None:
        return None
    microseconds, number = found
    try:
        return _EPOCH + microseconds * _MICROSECOND, number
    except OverflowError:
        raise ConfigurationError(f"{name}: no such time: begin with the first page") from None
