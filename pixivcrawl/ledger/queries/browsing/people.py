"""People: artists, and who follows whom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from pixivcrawl.ledger.models import FollowRow, UserRow
from pixivcrawl.ledger.updates.works import IDS_A_QUERY


def people(connection: Connection, user_ids: Iterable[int]) -> dict[int, Row[Any]]:
    """What is known of each of these people, by their ids; at most a few hundred at once."""
    wanted = list(user_ids)
    assert len(wanted) <= IDS_A_QUERY
    rows = connection.execute(select(UserRow.__table__).where(UserRow.id.in_(wanted)))
    return {row.id: row for row in rows}


def followers_after(connection: Connection, after: int, limit: int = 60) -> list[int]:
    """The next people after `after` (0 for the first) whose follows are known, by their ids."""
    return distinct(connection, FollowRow.follower_id, after, limit=limit)


def follows_of(connection: Connection, user_id: int, after: int = 0, limit: int = 60) -> Sequence[Any]:
    """Whom a user follows or followed, with their `name` and `availability`, by their ids from after `after` on."""
    rows = connection.execute(
        select(FollowRow.__table__, UserRow.name, UserRow.availability)
        .join(UserRow, UserRow.id == FollowRow.followed_id, isouter=True)
        .where(FollowRow.follower_id == user_id, FollowRow.followed_id > after)
        .order_by(FollowRow.followed_id)
        .limit(limit)
    )
    return rows.all()


def distinct(
    connection: Connection,
    column: ColumnElement[Any],
    start: Any,
    *where: ColumnElement[bool],
    limit: int | None = None,
    backwards: bool = False,
) -> list[Any]:
    """The different values of a column after `start`, or before it, in that order.

    Each costs one look into the column's index, however often the value occurs.
    """
    found: list[Any] = []
    while limit is None or len(found) < limit:
        step = select(func.max(column) if backwards else func.min(column))
        next_ones = column < start if backwards else column > start
        if (value := connection.execute(step.where(*where, next_ones)).scalar()) is None:
            break
        found.append(value)
        start = value
    return found
