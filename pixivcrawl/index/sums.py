"""The archive's totals, counted when something changed and kept in the index; counting takes a second for a million works."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pixivcrawl.errors import StorageFailed
from pixivcrawl.index import schema
from pixivcrawl.ledger.queries import indexed
from pixivcrawl.ledger.queries.status import ArtistStatus, Totals, status_of_works
from pixivcrawl.ledger.service import Ledger

MOST_PEOPLE = 20
"""Artists with the most works who are shown."""

RECOUNT_COST_FACTOR = 50
"""Times as long as counting took until the next time, so that beside a crawl it takes 2 % of a processor at most."""

MOST_AGE = 600
"""Seconds after which totals are counted again even without a known change: a work that waits for another try is noted nowhere."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Totals of the archive, the artists with the most works, and the time of counting."""

    totals: Totals
    artists: list[ArtistStatus]
    counted: datetime


def keep(ledger: Ledger, folder: Path) -> None:
    """Count again if something changed since the last count, unless that was just now. Raises StorageFailed."""
    path = folder / schema.NAME
    if not path.exists():
        return
    try:
        with closing(schema.open_for_writing(path)) as connection:
            told, last = _told(connection), list(ledger.read_now(indexed.last_change))
            if told is not None:
                age = (datetime.now(UTC) - datetime.fromisoformat(told["counted"])).total_seconds()
                # A clock that was set back does not keep it from being counted.
                if 0 <= age < (MOST_AGE if told["last"] == last else RECOUNT_COST_FACTOR * told["seconds"]):
                    return
            began = time.perf_counter()
            totals, artists = ledger.read_now(status_of_works, MOST_PEOPLE)
            sums = Sums(totals, artists, datetime.now(UTC))
            said = asdict(sums) | {
                "counted": sums.counted.isoformat(),
                "last": last,
                "seconds": time.perf_counter() - began,
            }
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('sums', ?)", (json.dumps(said),))
    except sqlite3.Error as error:
        raise StorageFailed(
            f"the index {path} cannot be written ({error}): check its disk; the index may be deleted"
        ) from error


def kept(connection: sqlite3.Connection) -> Sums | None:
    """The last count."""
    told = _told(connection)
    if told is None:
        return None
    artists = [ArtistStatus(**each) for each in told["artists"]]
    return Sums(Totals(**told["totals"]), artists, datetime.fromisoformat(told["counted"]))


def _told(connection: sqlite3.Connection) -> dict[str, Any] | None:
    row = connection.execute("SELECT value FROM facts WHERE name = 'sums'").fetchone()
    told: dict[str, Any] | None = None if row is None else json.loads(row[0])
    return told
