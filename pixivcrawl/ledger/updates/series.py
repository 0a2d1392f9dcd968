"""Manga series and the works in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, func, select, update

from pixivcrawl.items import Series, SeriesPlace
from pixivcrawl.ledger.models import SeriesArtworkRow, SeriesRow, table
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
    """After a whole reading of a series that began at `since`: the works that it did not show are no longer in it.

    Nothing is said when fewer or more works were seen than `total`. Gives how many were marked.
    """
    of_series = _PLACES.c.series_id == series_id
    seen = select(func.count()).select_from(_PLACES).where(of_series, _PLACES.c.seen >= since)
    if connection.execute(seen).scalar_one() != total:
        return 0
    unseen = and_(of_series, _PLACES.c.seen < since, _PLACES.c.unlisted.is_(None))
    return connection.execute(update(_PLACES).where(unseen).values(unlisted=now)).rowcount
