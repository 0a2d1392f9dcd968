"""Works that cannot be had: gone, hidden, failed for now, or no longer what the ledger knows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, and_, select, update

from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, table
from pixivcrawl.ledger.records.state import (
    NOT_FAILED,
    SETTLED_AVAILABILITY,
    failed_again,
    refresh_files,
    refresh_unsettled,
)
from pixivcrawl.ledger.records.works import known_rows, record_stubs

Availability = Literal["gone", "login needed", "forbidden", "masked"]

ARTIST_LEFT = "its artist left pixiv"

_ARTWORKS, _CRAWL_ARTWORKS = table(ArtworkRow), table(CrawlArtworkRow)


def record_unavailable(
    connection: Connection,
    work_id: int,
    availability: Availability,
    reason: str,
    now: datetime,
    *,
    with_session: bool = False,
) -> None:
    """A tombstone: since when and why the work cannot be had. Its files and all that is known of it stay.

    gone and forbidden settle a work until it is marked stale. A login needed `with_session` is not asked for by a session again.
    masked (a list's row without content) has the work asked for once, however often the row comes again. A complete work that now
    needs a session stays available.
    """
    record_stubs(connection, [work_id], now)
    known = known_rows(connection, [work_id])[work_id]
    was = known["availability"]
    if availability == "masked" and (known["masked_since"] is not None or was in SETTLED_AVAILABILITY):
        return
    if availability == "login needed" and known["files_state"] == "complete" and known["stale_since"] is None:
        return
    values: dict[str, Any] = {"availability": availability, "unavailable_reason": reason, **NOT_FAILED}
    if was != availability or known["unavailable_since"] is None:
        values["unavailable_since"] = now
    if availability == "masked":
        values["masked_since"] = now
    elif availability == "login needed":
        values["refused_with_session"] = with_session
    else:
        values["stale_since"] = None
    connection.execute(update(_ARTWORKS).where(_ARTWORKS.c.id == work_id).values(**values))
    refresh_files(connection, work_id)


def record_artist_left(connection: Connection, user_id: int, now: datetime) -> None:
    """A tombstone for each work of an artist who left; a work that had one keeps its own."""
    works = and_(_ARTWORKS.c.user_id == user_id, _ARTWORKS.c.availability.not_in(SETTLED_AVAILABILITY))
    unsettled = _CRAWL_ARTWORKS.c.artwork_id.in_(select(_ARTWORKS.c.id).where(works))
    connection.execute(update(_CRAWL_ARTWORKS).where(unsettled).values(unsettled=False))
    tombstone = {
        "availability": "gone",
        "unavailable_reason": ARTIST_LEFT,
        "unavailable_since": now,
        "stale_since": None,
    }
    connection.execute(update(_ARTWORKS).where(works).values(**tombstone, **NOT_FAILED))


def record_work_failed(connection: Connection, work_id: int, reason: str, now: datetime) -> None:
    """The work could not be read in this run; a later one tries again."""
    record_stubs(connection, [work_id], now)
    known = known_rows(connection, [work_id])[work_id]
    failure = failed_again(connection, known["failed_runs"], known["failed_crawl_id"], now)
    change = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id)
    connection.execute(change.values(failed_reason=reason, **failure))
    refresh_files(connection, work_id)


def mark_stale(connection: Connection, work_id: int, now: datetime) -> None:
    """Pixiv may hold something newer than the ledger knows (an original answered 404, a refresh): the work is asked for again."""
    change = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id, _ARTWORKS.c.stale_since.is_(None))
    connection.execute(change.values(stale_since=now, refused_with_session=False))
    refresh_unsettled(connection, work_id)
