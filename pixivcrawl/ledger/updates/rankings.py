"""Places in rankings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from pixivcrawl.items import RankingEntry
from pixivcrawl.ledger.models import RankingEntryRow, table
from pixivcrawl.ledger.updates.upsert import upsert


def record_ranking(connection: Connection, entries: Sequence[RankingEntry], now: datetime) -> None:
    """Places of works, archived or not; the same ranking read again replaces them."""
    rows = [
        {
            "mode": entry.mode,
            # Journals of earlier versions have pixiv's older word.
            "content": "all" if entry.content == "complex" else entry.content,
            "date": entry.date,
            "artwork_id": entry.work_id,
            "rank": entry.rank,
            "previous_rank": entry.previous_rank,
            "seen": now,
        }
        for entry in entries
    ]
    upsert(connection, table(RankingEntryRow), rows, ("mode", "content", "date", "artwork_id"))
