"""Follows: who follows whom, and who no longer does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from pixivcrawl.items import Follow
from pixivcrawl.ledger.models import FollowRow, table
from pixivcrawl.ledger.updates.people import record_user_name
from pixivcrawl.ledger.updates.upsert import keep_known, may_be_unsaid, rows_of

_FOLLOWS = table(FollowRow)


def record_follows(connection: Connection, follows: Sequence[Follow], names: Mapping[int, str], now: datetime) -> None:
    """Record follows, and the names ({user id: name}) of the users on the list."""
    for user_id, name in names.items():
        record_user_name(connection, user_id, name, now)
    rows = rows_of(follows, first_seen=now, last_seen=now, unlisted=None)
    keep_known(connection, _FOLLOWS, rows, ("follower_id", "followed_id"), may_be_unsaid(Follow))


def record_unlisted_following(
    connection: Connection, follower_id: int, since: datetime, total: int, now: datetime, *, private: bool
) -> int:
    """After a whole reading, begun at `since`, of whom a user follows: the others are no longer followed.

    Nothing is said when fewer or more people were seen than `total`. Gives how many were marked.
    """
    kept = _FOLLOWS.c.private.is_(True) if private else _FOLLOWS.c.private.is_not(True)
    return _record_unlisted(connection, kept & (_FOLLOWS.c.follower_id == follower_id), since, total, now)


def record_unlisted_followers(
    connection: Connection, followed_id: int, since: datetime, total: int, now: datetime
) -> int:
    """As `record_unlisted_following`, of who follows a user. Those who follow in private are on no such list."""
    of_list = _FOLLOWS.c.private.is_not(True) & (_FOLLOWS.c.followed_id == followed_id)
    return _record_unlisted(connection, of_list, since, total, now)


def _record_unlisted(
    connection: Connection, of_list: ColumnElement[bool], since: datetime, total: int, now: datetime
) -> int:
    seen = select(func.count()).select_from(_FOLLOWS).where(of_list, _FOLLOWS.c.last_seen >= since)
    if connection.execute(seen).scalar_one() != total:
        return 0
    unseen = and_(of_list, _FOLLOWS.c.last_seen < since, _FOLLOWS.c.unlisted.is_(None))
    return connection.execute(update(_FOLLOWS).where(unseen).values(unlisted=now)).rowcount
