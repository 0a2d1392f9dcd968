"""Days as numbers, yyyymmdd, in Japan's time zone, which is pixiv's."""

from __future__ import annotations

from datetime import date, datetime

from pixivcrawl.filters import day_in_japan


def number_of_day(day: date) -> int:
    return day.year * 10_000 + day.month * 100 + day.day


def day_of(moment: datetime | None) -> int | None:
    """The day of a moment in Japan."""
    return None if moment is None else number_of_day(day_in_japan(moment))
