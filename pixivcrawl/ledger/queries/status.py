"""What `scrapy status` shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, NotNullable, and_, case, exists, func, literal, or_, select

from pixivcrawl.ledger.models import (
    MISSING_FILE,
    ROW_LEVEL_WORK,
    UNSETTLED_WORK,
    ArtworkRow,
    CrawlArtworkRow,
    CrawlRow,
    FileRow,
    UserRow,
)
from pixivcrawl.ledger.records.state import SETTLED_AVAILABILITY

UNAVAILABLE = ("gone", "forbidden", "login needed", "masked")


@dataclass(frozen=True, slots=True)
class Totals:
    """The archive in numbers. `works` is the sum of the four that follow it; `files` and `bytes` are what is in place."""

    artists: int
    works: int
    complete: int
    to_do: int
    parked: int
    unavailable: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class ArtistStatus:
    """One artist's works; `works` is the sum of complete, missing (to do or parked) and unavailable ones."""

    user_id: int
    name: str | None
    availability: str
    works: int
    complete: int
    missing: int
    unavailable: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Missing:
    """What a later run tries again. `page` is None when the work itself could not be read; no `reason`: not tried yet."""

    work_id: int
    page: int | None
    kind: str
    reason: str | None
    failed_runs: int
    next_attempt: datetime | None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A work that cannot be had, since when and why; `files` of it are kept."""

    work_id: int
    user_id: int | None
    title: str | None
    availability: str
    reason: str | None
    since: datetime
    files: int


_COMPLETE = ArtworkRow.files_state == "complete"
_UNAVAILABLE = ArtworkRow.availability.in_(UNAVAILABLE)


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def status_totals(connection: Connection) -> Totals:
    """The whole archive in numbers. A complete work that has gone since counts as complete."""
    row = connection.execute(
        select(
            func.count(ArtworkRow.user_id.distinct()).label("artists"),
            func.count().label("works"),
            _count(_COMPLETE).label("complete"),
            _count(~_COMPLETE & _UNAVAILABLE).label("unavailable"),
            _count((ArtworkRow.files_state == "parked") & ~_UNAVAILABLE).label("parked"),
            func.coalesce(func.sum(ArtworkRow.files_stored), 0).label("files"),
            func.coalesce(func.sum(ArtworkRow.bytes_stored), 0).label("bytes"),
        )
    ).one()
    return Totals(
        artists=row.artists,
        works=row.works,
        complete=row.complete,
        to_do=row.works - row.complete - row.unavailable - row.parked,
        parked=row.parked,
        unavailable=row.unavailable,
        files=int(row.files),
        bytes=int(row.bytes),
    )


def status_artists(connection: Connection, limit: int | None) -> list[ArtistStatus]:
    """Artists, those with most works first."""
    works = func.count().label("works")
    sums = (
        select(
            ArtworkRow.user_id,
            works,
            _count(_COMPLETE).label("complete"),
            _count(~_COMPLETE & _UNAVAILABLE).label("unavailable"),
            func.sum(ArtworkRow.files_stored).label("files"),
            func.sum(ArtworkRow.bytes_stored).label("bytes"),
        )
        .where(ArtworkRow.user_id.is_not(None))
        .group_by(ArtworkRow.user_id)
        .order_by(works.desc(), ArtworkRow.user_id)
        .limit(limit)
        .subquery("sums")
    )
    rows = connection.execute(
        select(sums, UserRow.name, UserRow.availability)
        .join(UserRow, UserRow.id == sums.c.user_id)
        .order_by(sums.c.works.desc(), sums.c.user_id)
    )
    return [
        ArtistStatus(
            user_id=row.user_id,
            name=row.name,
            availability=row.availability,
            works=row.works,
            complete=row.complete,
            missing=row.works - row.complete - row.unavailable,
            unavailable=row.unavailable,
            files=int(row.files),
            bytes=int(row.bytes),
        )
        for row in rows
    ]


def status_missing(connection: Connection, limit: int | None) -> list[Missing]:
    """What is missing: works that could not be read, then files of works that can be had; what is due first comes first."""
    works = connection.execute(
        select(
            ArtworkRow.id,
            literal(None).label("page"),
            literal("work").label("kind"),
            ArtworkRow.failed_reason,
            ArtworkRow.failed_runs,
            ArtworkRow.next_attempt,
        )
        .where(ArtworkRow.next_attempt.is_not(None))
        .order_by(ArtworkRow.next_attempt, ArtworkRow.id)
        .limit(limit)
    ).all()
    left = None if limit is None else limit - len(works)
    files = connection.execute(
        select(
            FileRow.artwork_id,
            FileRow.page,
            FileRow.kind,
            FileRow.failed_reason,
            FileRow.failed_runs,
            FileRow.next_attempt,
        )
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(MISSING_FILE, ArtworkRow.availability.not_in(SETTLED_AVAILABILITY))
        # What failed before what was not tried yet, in the same words for both databases.
        .order_by(FileRow.next_attempt.is_(None), FileRow.next_attempt, FileRow.artwork_id, FileRow.page)
        .limit(left)
    ).all()
    return [Missing(*row) for row in (*works, *files)]


def status_unavailable(connection: Connection, limit: int | None) -> list[Unavailable]:
    """Works that cannot be had, the latest loss first."""
    rows = connection.execute(
        select(
            ArtworkRow.id,
            ArtworkRow.user_id,
            ArtworkRow.title,
            ArtworkRow.availability,
            ArtworkRow.unavailable_reason,
            NotNullable(ArtworkRow.unavailable_since),
            ArtworkRow.files_stored,
        )
        .where(ArtworkRow.unavailable_since.is_not(None))
        .order_by(ArtworkRow.unavailable_since.desc(), ArtworkRow.id)
        .limit(limit)
    )
    return [Unavailable(*row) for row in rows]


def status_to_ask(connection: Connection) -> int:
    """How many works on the lists are not known well enough and may be had, as far as the ledger sees."""
    no_file = ~exists().where(FileRow.artwork_id == ArtworkRow.id, FileRow.state != "superseded")
    too_little = or_(
        ArtworkRow.detail.is_(None),
        and_(ArtworkRow.detail == "listing", or_(CrawlRow.suffices != "listing", no_file)),
    )
    may_be_had = ArtworkRow.availability.not_in((*SETTLED_AVAILABILITY, "login needed"))
    return connection.execute(
        select(func.count(CrawlArtworkRow.artwork_id.distinct()))
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .join(CrawlRow, CrawlRow.id == CrawlArtworkRow.list_id)
        .where(UNSETTLED_WORK, or_(ArtworkRow.stale_since.is_not(None), and_(may_be_had, too_little)))
    ).scalar_one()


def status_of_rows(connection: Connection) -> int:
    """How many works are archived from lists' rows alone: what `backfill=true` completes."""
    listed = exists().where(CrawlArtworkRow.artwork_id == ArtworkRow.id)
    archived = select(func.count()).select_from(ArtworkRow).where(ROW_LEVEL_WORK, listed)
    return connection.execute(archived.where(ArtworkRow.availability == "available")).scalar_one()
