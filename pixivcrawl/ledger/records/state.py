"""What a work's rows say together: which of its files are there, whether anything is left to do, and when it is due."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select, update

from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, CrawlRow, FileRow, table

WAITS = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""How long a thing waits that failed in one run, in two, in three, in more; within a run it is not tried again."""

_ARTWORKS, _FILES, _CRAWL_ARTWORKS = table(ArtworkRow), table(FileRow), table(CrawlArtworkRow)

SETTLED_AVAILABILITY = ("gone", "forbidden")

UNSETTLED: ColumnElement[bool] = or_(
    ArtworkRow.stale_since.is_not(None),
    and_(
        ArtworkRow.availability.not_in(SETTLED_AVAILABILITY),
        or_(ArtworkRow.availability == "masked", ArtworkRow.detail.is_(None), ArtworkRow.detail != "full")
        | (ArtworkRow.files_state != "complete"),
    ),
)
"""There may be something left to do for the work, now or later."""

_FILES_OF_WORK = (
    select(
        _FILES.c.state,
        func.count(),
        func.coalesce(func.sum(case((_FILES.c.kind != "frames", 1), else_=0)), 0),
        func.coalesce(func.sum(_FILES.c.bytes), 0),
    )
    .where(_FILES.c.artwork_id == bindparam("work_id"))
    .group_by(_FILES.c.state)
)
_FAILED_REASON = select(_ARTWORKS.c.failed_reason).where(_ARTWORKS.c.id == bindparam("work_id"))
_SET_FILES = (
    update(_ARTWORKS)
    .where(_ARTWORKS.c.id == bindparam("work_id"))
    .values(files_state=bindparam("state"), files_stored=bindparam("stored"), bytes_stored=bindparam("size"))
)
_IS_UNSETTLED = select(UNSETTLED).where(ArtworkRow.id == bindparam("work_id"))
_SET_UNSETTLED = (
    update(_CRAWL_ARTWORKS)
    .where(
        _CRAWL_ARTWORKS.c.artwork_id == bindparam("work_id"), _CRAWL_ARTWORKS.c.unsettled != bindparam("is_unsettled")
    )
    .values(unsettled=bindparam("is_unsettled"))
)
_NEWEST_CRAWL = select(func.coalesce(func.max(CrawlRow.id), 0))


def refresh_files(connection: Connection, work_id: int) -> None:
    """Bring what the work's row says of its files in line with the files' rows, and then `refresh_unsettled`."""
    found = {row[0]: row for row in connection.execute(_FILES_OF_WORK, {"work_id": work_id})}
    if "wanted" in found or "intent" in found:
        state = "found"
    elif "parked" in found:
        state = "parked"
    elif "stored" in found:
        state = "complete"
    else:
        failed = connection.execute(_FAILED_REASON, {"work_id": work_id}).scalar()
        state = "found" if failed is None else "parked"
    _, _, stored, size = found.get("stored", ("stored", 0, 0, 0))
    connection.execute(_SET_FILES, {"work_id": work_id, "state": state, "stored": stored, "size": int(size)})
    refresh_unsettled(connection, work_id)


def refresh_unsettled(connection: Connection, work_id: int) -> None:
    """Repeat on every list that holds the work whether anything is left to do for it."""
    unsettled = connection.execute(_IS_UNSETTLED, {"work_id": work_id}).scalar()
    connection.execute(_SET_UNSETTLED, {"work_id": work_id, "is_unsettled": unsettled})


def newest_crawl(connection: Connection) -> int:
    """The run that is under way (the youngest, when there are several); 0 before the first."""
    return int(connection.execute(_NEWEST_CRAWL).scalar_one())


def failed_again(
    connection: Connection, failed_runs: int, failed_crawl_id: int | None, now: datetime
) -> dict[str, Any]:
    """The values of `failed_runs`, `failed_crawl_id` and `next_attempt` after one more failure; a run counts once."""
    crawl_id = newest_crawl(connection)
    runs = failed_runs if failed_crawl_id == crawl_id and failed_runs else failed_runs + 1
    wait = WAITS[min(runs, len(WAITS)) - 1]
    return {"failed_runs": runs, "failed_crawl_id": crawl_id, "next_attempt": now + wait}


NOT_FAILED: dict[str, Any] = {"failed_runs": 0, "failed_crawl_id": None, "failed_reason": None, "next_attempt": None}


def is_due(row: Any, crawl_id: int, now: datetime) -> bool:
    """Whether what failed (`row` has `failed_crawl_id` and `next_attempt`) is to be tried in run `crawl_id`."""
    if row.failed_crawl_id is None:
        return True
    # A longer wait than there is was written before the clock was set back.
    return bool(row.failed_crawl_id < crawl_id and not now < row.next_attempt <= now + WAITS[-1])


def due(model: type[ArtworkRow] | type[FileRow], crawl_id: int, now: datetime) -> ColumnElement[bool]:
    """`is_due` as a condition."""
    waits = and_(model.next_attempt > now, model.next_attempt <= now + WAITS[-1])
    return or_(model.failed_crawl_id.is_(None), and_(model.failed_crawl_id < crawl_id, ~waits))
