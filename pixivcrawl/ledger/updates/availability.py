"""Works that are unavailable: gone, withheld, failed for now, or no longer as the ledger knows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, and_, select, update

from pixivcrawl.batched import batched
from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, table
from pixivcrawl.ledger.updates.change_log import note_changes
from pixivcrawl.ledger.updates.state import (
    FINAL_AVAILABILITY,
    NOT_FAILED,
    failed_again,
    refresh_files,
    refresh_unsettled,
    this_run,
)
from pixivcrawl.ledger.updates.works import IDS_A_QUERY, is_settled, known_rows, record_stubs
from pixivcrawl.reader import Reader

Availability = Literal["gone", "login needed", "forbidden", "masked"]
"""Only old journals have login needed and forbidden: works that were withheld from an unknown reader."""

ARTIST_LEFT = "its artist left pixiv"

NOT_FOUND_ONCE = "not found once (404): looked at again before it counts as gone"

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
    """Record a tombstone: since when and why the work is unavailable. Its files and everything known of it stay.

    gone settles a work until it is marked stale. masked (a list's row without content) has the work asked for once, however often the row
    comes again. `with_session` is from older journals: a work that needed a session; that is no longer final.
    """
    if availability in ("login needed", "forbidden"):
        record_withheld(connection, work_id, reason, now)
        return
    record_stubs(connection, [work_id], now)
    known = known_rows(connection, [work_id])[work_id]
    was = known["availability"]
    if availability == "masked" and (known["masked_since"] is not None or was in FINAL_AVAILABILITY):
        return
    values: dict[str, Any] = {"availability": availability, "unavailable_reason": reason, **NOT_FAILED}
    if was != availability or known["unavailable_since"] is None:
        values["unavailable_since"] = now
    if availability == "masked":
        values["masked_since"] = now
    else:
        values |= {"stale_since": None, "missing_since": None}
    connection.execute(update(_ARTWORKS).where(_ARTWORKS.c.id == work_id).values(**values))
    refresh_files(connection, work_id)


def record_withheld(
    connection: Connection, work_id: int, reason: str, now: datetime, reader: Reader | None = None
) -> None:
    """Record that the work exists but is not shown to `reader` (None: unknown reader). A fully known, complete work stays available.

    Another reader or session asks for it again, and this one does so once a day.
    """
    reader = reader or Reader()
    record_stubs(connection, [work_id], now)
    known = known_rows(connection, [work_id])[work_id]
    if is_settled(known):
        return
    values: dict[str, Any] = {"availability": "withheld", "unavailable_reason": reason, "stale_since": None}
    values |= {"withheld_from": reader.user_id, "withheld_session": reader.session, "withheld_at": now}
    if known["availability"] != "withheld" or known["unavailable_since"] is None:
        values["unavailable_since"] = now
    change = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id)
    connection.execute(change.values(**values, missing_since=None, **NOT_FAILED))
    refresh_files(connection, work_id)


def record_not_found(
    connection: Connection,
    work_id: int,
    reason: str,
    now: datetime,
    *,
    apart: float,
    is_unlisted: bool = False,
    crawl_id: int | None = None,
) -> bool:
    """Record a 404, which becomes a tombstone if it happens again at least `apart` seconds after the first time; returns whether it is one.

    One answer is enough if a list confirms it: it no longer names the work (`is_unlisted`), or shows it without content.
    """
    record_stubs(connection, [work_id], now)
    known = known_rows(connection, [work_id])[work_id]
    first = known["missing_since"]
    # A clock that was set back must not delay the tombstone forever.
    is_again = first is not None and not first <= now < first + timedelta(seconds=apart)
    if is_again or is_unlisted or known["availability"] in ("masked", *FINAL_AVAILABILITY):
        record_unavailable(connection, work_id, "gone", reason, now)
        return True
    first = first or now
    run = this_run(connection, crawl_id)
    failed = {"failed_runs": 1, "failed_crawl_id": run, "failed_reason": NOT_FOUND_ONCE}
    change = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id)
    connection.execute(change.values(missing_since=first, next_attempt=first + timedelta(seconds=apart), **failed))
    refresh_files(connection, work_id)
    return False


def record_artist_left(connection: Connection, user_id: int, now: datetime) -> None:
    """Record a tombstone for each work of an artist who left; a work that has one keeps it."""
    works = and_(_ARTWORKS.c.user_id == user_id, _ARTWORKS.c.availability.not_in(FINAL_AVAILABILITY))
    unsettled = _CRAWL_ARTWORKS.c.artwork_id.in_(select(_ARTWORKS.c.id).where(works))
    connection.execute(update(_CRAWL_ARTWORKS).where(unsettled).values(unsettled=False))
    tombstone = {
        "availability": "gone",
        "unavailable_reason": ARTIST_LEFT,
        "unavailable_since": now,
        "stale_since": None,
        "missing_since": None,
    }
    note_changes(connection, "work", connection.execute(select(_ARTWORKS.c.id).where(works)).scalars())
    connection.execute(update(_ARTWORKS).where(works).values(**tombstone, **NOT_FAILED))


def record_work_failed(
    connection: Connection, work_id: int, reason: str, now: datetime, crawl_id: int | None = None
) -> None:
    """Record that the work could not be read in run `crawl_id`; a later one tries again."""
    record_stubs(connection, [work_id], now)
    known = known_rows(connection, [work_id])[work_id]
    failure = failed_again(connection, known["failed_runs"], known["failed_crawl_id"], now, crawl_id)
    change = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id)
    connection.execute(change.values(failed_reason=reason, **failure))
    refresh_files(connection, work_id)


def mark_stale(connection: Connection, work_id: int, now: datetime) -> None:
    """Record that pixiv may have something newer than the ledger (an original answered 404, a refresh): the work is asked for again."""
    change = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id, _ARTWORKS.c.stale_since.is_(None))
    connection.execute(change.values(stale_since=now))
    refresh_unsettled(connection, work_id)


def record_told_to_ask(connection: Connection, work_ids: Sequence[int], now: datetime) -> None:
    """Record that the user named the works: those that were unavailable, or failed, are asked for again without waiting."""
    for some in batched(work_ids, IDS_A_QUERY):
        for work_id, known in known_rows(connection, some).items():
            is_away = known["availability"] in ("gone", "withheld", "masked") or known["failed_crawl_id"] is not None
            if is_away:
                change = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id)
                connection.execute(change.values(stale_since=known["stale_since"] or now, **NOT_FAILED))
                refresh_files(connection, work_id)
