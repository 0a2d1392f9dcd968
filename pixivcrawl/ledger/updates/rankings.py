"""Places in rankings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from pixivcrawl.items import RankingEntry
from pixivcrawl.ledger.models import RankingEntryRow, table
from pixivcrawl.ledger.updates.upsert import rows_of, upsert


def record_ranking(connection: Connection, entries: Sequence[RankingEntry], now: datetime) -> None:
    """Record places of works, archived or not; the same ranking read again replaces them."""
    rows = rows_of(entries, seen=now)
    for row in rows:
        # Journals of earlier versions have pixiv's older word.
        row["content"] = "all" if row["content"] == "complex" else row["content"]
    upsert(connection, table(RankingEntryRow), rows, ("mode", "content", "date", "artwork_id"))
