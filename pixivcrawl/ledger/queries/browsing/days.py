"""What happened, by day: works that were met, changed or lost; and the runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, NotNullable, case, func, select, tuple_

from pixivcrawl.ledger.models import ArtworkRow, ArtworkVersionRow, CrawlRow, UserNameRow, UserRow
from pixivcrawl.ledger.queries.crawls import CrawlRecord, record_of
from pixivcrawl.ledger.queries.reports import LOST, Span

Key = tuple[datetime, int]
"""Where a page by time ends: the time and the id of its last row."""

LOOKED_AT = 5_000
"""The most unavailable works that are read for one page of those of one kind."""

_MOMENTS: tuple[ColumnElement[Any], ...] = (
    ArtworkRow.first_seen,
    ArtworkVersionRow.true_to,
    ArtworkRow.unavailable_since,
    UserNameRow.first_seen,
)
"""The columns that say when something happened; each is the first column of an index."""


def last_moment(connection: Connection, before: datetime | None = None) -> datetime | None:
    """When something happened last, or last before a time."""
    found = [
        connection.execute(
            select(func.max(each)).where(each.is_not(None), *([each < before] if before is not None else []))
        ).scalar()
        for each in _MOMENTS
    ]
    return max((each for each in found if each is not None), default=None)


def first_moment(connection: Connection, after: datetime) -> datetime | None:
    """When something happened first at a time or later."""
    found = [connection.execute(select(func.min(each)).where(each >= after)).scalar() for each in _MOMENTS]
    return min((each for each in found if each is not None), default=None)


def new_on(connection: Connection, span: Span, after: Key | None = None, limit: int = 60) -> list[tuple[datetime, int]]:
    """The works that were met for the first time within the span, as (when, id), after a key."""
    seen = ArtworkRow.first_seen
    found = select(seen, ArtworkRow.id).where(seen >= span.since, seen < span.until)
    if after is not None:
        found = found.where(tuple_(seen, ArtworkRow.id) > after)
    return [(when, work_id) for when, work_id in connection.execute(found.order_by(seen, ArtworkRow.id).limit(limit))]


def changed_on(connection: Connection, span: Span, after: Key | None = None, limit: int = 60) -> Sequence[Any]:
    """What was found changed of works within the span (`id`, `artwork_id`, `field`, `value` until then, `true_to`), after a key."""
    seen = ArtworkVersionRow.true_to
    found = (
        select(ArtworkVersionRow.__table__, ArtworkRow.title, ArtworkRow.user_id, UserRow.name.label("user_name"))
        .join(ArtworkRow, ArtworkRow.id == ArtworkVersionRow.artwork_id)
        .join(UserRow, UserRow.id == ArtworkRow.user_id, isouter=True)
        .where(seen >= span.since, seen < span.until)
    )
    if after is not None:
        found = found.where(tuple_(seen, ArtworkVersionRow.id) > after)
    return connection.execute(found.order_by(seen, ArtworkVersionRow.id).limit(limit)).all()


def lost_on(
    connection: Connection, span: Span, after: Key | None = None, limit: int = 60
) -> list[tuple[datetime, int]]:
    """The works that were found gone within the span and still are, as (when, id), after a key."""
    since = NotNullable(ArtworkRow.unavailable_since)
    found = select(since, ArtworkRow.id).where(
        since >= span.since, since < span.until, ArtworkRow.availability.in_(LOST)
    )
    if after is not None:
        found = found.where(tuple_(since, ArtworkRow.id) > after)
    return [(when, work_id) for when, work_id in connection.execute(found.order_by(since, ArtworkRow.id).limit(limit))]


def unavailable_before(
    connection: Connection, availabilities: tuple[str, ...], before: Key | None = None, limit: int = 60
) -> tuple[list[tuple[datetime, int]], Key | None]:
    """Unavailable works of these kinds, the latest loss first, as (since when, id), before a key; and the key of the next page, None after
    the last one.

    A page may hold fewer than `limit`, because at most `LOOKED_AT` works are read for it.
    """
    since = ArtworkRow.unavailable_since
    among = select(NotNullable(since), ArtworkRow.id, ArtworkRow.availability).where(since.is_not(None))
    if before is not None:
        among = among.where(tuple_(since, ArtworkRow.id) < before)
    looked_at = connection.execute(among.order_by(since.desc(), ArtworkRow.id.desc()).limit(LOOKED_AT)).all()
    found = [(when, work_id) for when, work_id, availability in looked_at if availability in availabilities]
    if len(found) > limit:
        return found[:limit], found[limit - 1]
    return found, (looked_at[-1][0], looked_at[-1][1]) if len(looked_at) == LOOKED_AT else None


def losses(connection: Connection) -> Sequence[Any]:
    """How many works are unavailable, by `availability` and `reason`, and how many of them have `kept` files; the most first."""
    number = func.count().label("works")
    alike = (ArtworkRow.availability, ArtworkRow.unavailable_reason.label("reason"))
    kept = func.count(case((ArtworkRow.files_stored > 0, 1))).label("kept")
    lost = select(*alike, number, kept).where(ArtworkRow.unavailable_since.is_not(None))
    return connection.execute(lost.group_by(*alike).order_by(number.desc(), *alike)).all()


def runs_before(connection: Connection, before: int | None = None, limit: int = 60) -> list[CrawlRecord]:
    """Runs, the last one first, before an id."""
    found = select(CrawlRow.__table__).order_by(CrawlRow.id.desc()).limit(limit)
    if before is not None:
        found = found.where(CrawlRow.id < before)
    return [record_of(row) for row in connection.execute(found)]
