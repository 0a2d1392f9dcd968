"""Manga series and the works in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from pixivcrawl.items import Series, SeriesPlace
from pixivcrawl.ledger.models import SeriesArtworkRow, SeriesRow, table
from pixivcrawl.ledger.updates.readings import record_unlisted
from pixivcrawl.ledger.updates.upsert import keep_known, may_be_unsaid, rows_of, upsert

_SERIES, _PLACES = table(SeriesRow), table(SeriesArtworkRow)


def record_series(
    connection: Connection, series: Sequence[Series], places: Sequence[SeriesPlace], now: datetime
) -> None:
    """Record series, and the places of works in them; what is not given (None) never replaces what is known."""
    keep_known(connection, _SERIES, rows_of(series, first_seen=now, last_seen=now), ("id",), may_be_unsaid(Series))
    upsert(connection, _PLACES, rows_of(places, seen=now, unlisted=None), ("series_id", "artwork_id"))


def record_unlisted_in_series(
    connection: Connection, series_id: int, since: datetime, total: int, now: datetime
) -> int:
    """Record works as no longer in a series: those that a whole reading of it, begun at `since`, did not show.

    See `record_unlisted`.
    """
    of_series = _PLACES.c.series_id == series_id
    return record_unlisted(connection, _PLACES, of_series, _PLACES.c.seen, since, total, now)
