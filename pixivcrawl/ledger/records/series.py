"""Manga series and the works in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from pixivcrawl.items import Series, SeriesPlace
from pixivcrawl.ledger.models import SeriesArtworkRow, SeriesRow, table
from pixivcrawl.ledger.records.upsert import keep_known, upsert

_SERIES = table(SeriesRow)


def record_series(
    connection: Connection, series: Sequence[Series], places: Sequence[SeriesPlace], now: datetime
) -> None:
    """Series, and the places of works in them; what is not told (None) never replaces what is known."""
    rows = [
        {
            "id": one.series_id,
            "user_id": one.user_id,
            "title": one.title,
            "caption": one.caption,
            "total": one.total,
            "first_seen": now,
            "last_seen": now,
        }
        for one in series
    ]
    keep_known(
        connection, _SERIES, rows, key=("id",), replace=("user_id", "title", "last_seen"), keep=("caption", "total")
    )
    entries = [
        {"series_id": place.series_id, "artwork_id": place.work_id, "position": place.position, "seen": now}
        for place in places
    ]
    upsert(connection, table(SeriesArtworkRow), entries, ("series_id", "artwork_id"))
