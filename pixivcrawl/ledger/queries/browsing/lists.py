"""Lists of pixiv's: series, rankings, bookmarks, requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, case, func, select, tuple_

from pixivcrawl.ledger.models import (
    ArtworkRow,
    BookmarkRow,
    CommissionRequestRow,
    RankingEntryRow,
    SeriesArtworkRow,
    SeriesRow,
    UserRow,
    table,
)
from pixivcrawl.ledger.queries.browsing.people import distinct

_PLACES = table(RankingEntryRow).c

UNORDERED = 0
"""The position of a bookmark whose place on its list is not known: after all others."""


def facts_of_series(connection: Connection, series_id: int) -> Row[Any] | None:
    """What is known of a series, with its artist's `user_name`."""
    return connection.execute(
        select(SeriesRow.__table__, UserRow.name.label("user_name"))
        .join(UserRow, UserRow.id == SeriesRow.user_id, isouter=True)
        .where(SeriesRow.id == series_id)
    ).first()


def works_of_series(
    connection: Connection, series_id: int, after: tuple[int, int] = (0, 0), limit: int = 60
) -> Sequence[Any]:
    """The works of a series in its order, after a (position, work); one that is `unlisted` was taken out of it."""
    place = tuple_(SeriesArtworkRow.position, SeriesArtworkRow.artwork_id)
    rows = connection.execute(
        select(SeriesArtworkRow.artwork_id, SeriesArtworkRow.position, SeriesArtworkRow.unlisted)
        .where(SeriesArtworkRow.series_id == series_id, place > after)
        .order_by(SeriesArtworkRow.position, SeriesArtworkRow.artwork_id)
        .limit(limit)
    )
    return rows.all()


def rankings(connection: Connection) -> list[tuple[str, str, str]]:
    """Every (mode, content) with a known ranking, and its latest date."""
    return [
        (mode, content, date)
        for mode in distinct(connection, _PLACES.mode, "")
        for content in distinct(connection, _PLACES.content, "", _PLACES.mode == mode)
        for date in connection.execute(
            select(func.max(_PLACES.date)).where(_PLACES.mode == mode, _PLACES.content == content)
        ).scalars()
    ]


def ranking_date(connection: Connection, mode: str, content: str, date: str, *, later: bool) -> str | None:
    """The date nearest to `date` of which this ranking is known, before it or `later`; None if there is none."""
    nearest, beyond = (func.min, _PLACES.date > date) if later else (func.max, _PLACES.date < date)
    found = select(nearest(_PLACES.date)).where(_PLACES.mode == mode, _PLACES.content == content, beyond)
    return connection.execute(found).scalar()


def ranking_of(
    connection: Connection, mode: str, content: str, date: str, after: tuple[int, int] = (0, 0), limit: int = 60
) -> Sequence[Any]:
    """The places of a day's ranking (`artwork_id`, `rank`, `previous_rank`), after a (rank, work)."""
    rows = connection.execute(
        select(RankingEntryRow.__table__)
        .where(
            _PLACES.mode == mode,
            _PLACES.content == content,
            _PLACES.date == date,
            tuple_(RankingEntryRow.rank, RankingEntryRow.artwork_id) > after,
        )
        .order_by(RankingEntryRow.rank, RankingEntryRow.artwork_id)
        .limit(limit)
    )
    return rows.all()


def ranked(connection: Connection, mode: str, content: str, date: str) -> tuple[int, int]:
    """How many places of a day's ranking are known, and how many of these works have files here."""
    archived = func.count(case((ArtworkRow.files_stored > 0, 1)))
    known, here = connection.execute(
        select(func.count(), archived)
        .select_from(RankingEntryRow)
        .join(ArtworkRow, ArtworkRow.id == RankingEntryRow.artwork_id, isouter=True)
        .where(_PLACES.mode == mode, _PLACES.content == content, _PLACES.date == date)
    ).one()
    return known, here


def bookmark_owners(connection: Connection, after: int = 0, limit: int = 60) -> list[int]:
    """The next people after `after` whose bookmarks are known, by their ids."""
    return distinct(connection, BookmarkRow.user_id, after, limit=limit)


def bookmarks_of(
    connection: Connection, user_id: int, before: tuple[int, int] | None = None, limit: int = 60
) -> Sequence[Any]:
    """A user's bookmarks, the newest first, before a (`place`, work); `unlisted` ones are no longer on the list."""
    place: ColumnElement[int] = func.coalesce(BookmarkRow.position, UNORDERED)
    found = select(BookmarkRow.__table__, place.label("place")).where(BookmarkRow.user_id == user_id)
    if before is not None:
        found = found.where(tuple_(place, BookmarkRow.artwork_id) < before)
    rows = connection.execute(found.order_by(place.desc(), BookmarkRow.artwork_id.desc()).limit(limit))
    return rows.all()


def requests_before(connection: Connection, before: int | None = None, limit: int = 60) -> Sequence[Any]:
    """Requests with the `creator` and `requester` by name, the latest first, before an id."""
    creator, requester = table(UserRow).alias("creator"), table(UserRow).alias("requester")
    found = (
        select(CommissionRequestRow.__table__, creator.c.name.label("creator"), requester.c.name.label("requester"))
        .join(creator, creator.c.id == CommissionRequestRow.creator_id, isouter=True)
        .join(requester, requester.c.id == CommissionRequestRow.requester_id, isouter=True)
    )
    if before is not None:
        found = found.where(CommissionRequestRow.id < before)
    return connection.execute(found.order_by(CommissionRequestRow.id.desc()).limit(limit)).all()
