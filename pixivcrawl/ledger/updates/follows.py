"""Follows: who follows whom, and who no longer does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from pixivcrawl.items import Follow
from pixivcrawl.ledger.models import FollowRow, table
from pixivcrawl.ledger.updates.people import record_user_name
from pixivcrawl.ledger.updates.readings import record_unlisted
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
    """Record follows as ended: those that a whole reading of whom a user follows, begun at `since`, did not show.

    See `record_unlisted`.
    """
    kept = _FOLLOWS.c.private.is_(True) if private else _FOLLOWS.c.private.is_not(True)
    of_list = kept & (_FOLLOWS.c.follower_id == follower_id)
    return record_unlisted(connection, _FOLLOWS, of_list, _FOLLOWS.c.last_seen, since, total, now)


def record_unlisted_followers(
    connection: Connection, followed_id: int, since: datetime, total: int, now: datetime
) -> int:
    """Record follows as ended: those that a whole reading of who follows a user, begun at `since`, did not show.

    See `record_unlisted`. Those who follow in private are on no such list.
    """
    of_list = _FOLLOWS.c.private.is_not(True) & (_FOLLOWS.c.followed_id == followed_id)
    return record_unlisted(connection, _FOLLOWS, of_list, _FOLLOWS.c.last_seen, since, total, now)
