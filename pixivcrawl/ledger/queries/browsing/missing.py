"""What is not here yet, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from pixivcrawl.ledger.models import (
    MISSING_FILE,
    OPEN_USER_FILE,
    UNSETTLED_WORK,
    ArtworkRow,
    CrawlArtworkRow,
    CrawlRow,
    FileRow,
    UserFileRow,
)
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY, FORGOTTEN

LISTS_LOOKED_AT = 200
"""How many of the last runs have their lists searched for works with something left to do."""


def files_missing(connection: Connection, before: int | None = None, limit: int = 60) -> Sequence[Any]:
    """Available works that lack files, the newest first, before an id.

    `missing` is how many files, `failed` how many of them failed, `reason` why one of those did, `next_attempt` the next time.
    """
    found = (
        select(
            FileRow.artwork_id,
            func.count().label("missing"),
            func.count(FileRow.failed_reason).label("failed"),
            func.max(func.coalesce(FileRow.failed_reason, ArtworkRow.failed_reason)).label("reason"),
            func.min(
                func.coalesce(FileRow.next_attempt, ArtworkRow.next_attempt), type_=ArtworkRow.next_attempt.type
            ).label("next_attempt"),
        )
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(MISSING_FILE, ArtworkRow.availability.not_in(FINAL_AVAILABILITY), ~FORGOTTEN)
    )
    if before is not None:
        found = found.where(FileRow.artwork_id < before)
    grouped = found.group_by(FileRow.artwork_id).order_by(FileRow.artwork_id.desc()).limit(limit)
    return connection.execute(grouped).all()


def works_failed(connection: Connection, after: tuple[datetime, int] | None = None, limit: int = 60) -> Sequence[Any]:
    """Works that could not be read (`id`, `failed_reason`, `failed_runs`, `next_attempt`), what is due first comes first, after a key."""
    found = select(ArtworkRow.id, ArtworkRow.failed_reason, ArtworkRow.failed_runs, ArtworkRow.next_attempt).where(
        ArtworkRow.next_attempt.is_not(None), ~FORGOTTEN
    )
    if after is not None:
        found = found.where(tuple_(ArtworkRow.next_attempt, ArtworkRow.id) > after)
    return connection.execute(found.order_by(ArtworkRow.next_attempt, ArtworkRow.id).limit(limit)).all()


def pictures_missing(connection: Connection, limit: int = 60) -> Sequence[Any]:
    """Pictures of people (`user_id`, `kind`, `failed_reason`) that are not here, by their ids."""
    found = select(UserFileRow.user_id, UserFileRow.kind, UserFileRow.failed_reason).where(OPEN_USER_FILE)
    return connection.execute(found.order_by(UserFileRow.user_id, UserFileRow.kind).limit(limit)).all()


def lists_left(connection: Connection, most: int) -> list[tuple[str, dict[str, Any], int]]:
    """(spider, arguments, how many works) of lists with something left to do, the last read first; at most `most` + 1."""
    recent = select(CrawlRow.list_id).order_by(CrawlRow.id.desc()).limit(LISTS_LOOKED_AT)
    left = []
    for list_id in dict.fromkeys(connection.execute(recent).scalars()):
        some = (
            select(CrawlArtworkRow.position)
            .where(CrawlArtworkRow.list_id == list_id, CrawlArtworkRow.position > 0, UNSETTLED_WORK)
            .limit(most + 1)
            .subquery("some")
        )
        if number := connection.execute(select(func.count()).select_from(some)).scalar_one():
            of_list = select(CrawlRow.spider, CrawlRow.arguments).where(CrawlRow.id == list_id)
            spider, arguments = connection.execute(of_list).one()
            left.append((spider, arguments, number))
    return left
