"""Bookmarks: which works are on whose list, in which order, and which no longer are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, select, update

from pixivcrawl.items import Bookmark
from pixivcrawl.ledger.models import BookmarkRow, table
from pixivcrawl.ledger.updates.availability import record_unavailable
from pixivcrawl.ledger.updates.readings import record_unlisted
from pixivcrawl.ledger.updates.upsert import keep_known, may_be_unsaid, rows_of

_BOOKMARKS = table(BookmarkRow)


def record_bookmarks(
    connection: Connection, bookmarks: Sequence[Bookmark], now: datetime, *, position: int | None = None
) -> None:
    """Record bookmarks in the order of their list, from `position` downwards; without one (a part of the list) the order stays.

    What a list does not say (None) never replaces what is known.
    """
    rows = rows_of(bookmarks, first_seen=now, last_seen=now, unlisted=None)
    for place, row in enumerate(rows):
        row["position"] = None if position is None else position - place
    keep_known(connection, _BOOKMARKS, rows, ("user_id", "artwork_id"), (*may_be_unsaid(Bookmark), "position"))


def record_bookmark_order(connection: Connection, user_id: int, work_ids: Sequence[int], position: int) -> None:
    """Record that a user's bookmarks are in this order on their list, from `position` downwards."""
    moved = and_(_BOOKMARKS.c.user_id == user_id, _BOOKMARKS.c.artwork_id == bindparam("work_id"))
    places = [{"work_id": work_id, "place": position - place} for place, work_id in enumerate(work_ids)]
    if places:
        connection.execute(update(_BOOKMARKS).where(moved).values(position=bindparam("place")), places)


def record_unlisted_bookmarks(
    connection: Connection, user_id: int, since: datetime, total: int, now: datetime, *, private: bool
) -> int:
    """Record bookmarks as no longer listed: those that a whole reading of the public or private list, begun at `since`, did not show.

    See `record_unlisted`.
    """
    of_list = and_(_BOOKMARKS.c.user_id == user_id, _BOOKMARKS.c.private == private)
    return record_unlisted(connection, _BOOKMARKS, of_list, _BOOKMARKS.c.last_seen, since, total, now)


def settle_bookmark_order(connection: Connection, user_id: int, *, private: bool) -> None:
    """Number a list's bookmarks from 1, the oldest first, however many runs it took to read them."""
    of_list = and_(_BOOKMARKS.c.user_id == user_id, _BOOKMARKS.c.private == private, _BOOKMARKS.c.position.is_not(None))
    place = func.row_number().over(order_by=(_BOOKMARKS.c.position, _BOOKMARKS.c.artwork_id)).label("place")
    ordered = select(_BOOKMARKS.c.artwork_id, place).where(of_list).subquery("ordered")
    moved = and_(of_list, _BOOKMARKS.c.artwork_id == ordered.c.artwork_id, _BOOKMARKS.c.position != ordered.c.place)
    connection.execute(update(_BOOKMARKS).where(moved).values(position=ordered.c.place))


def record_masked(connection: Connection, reasons: Mapping[int, str], now: datetime) -> None:
    """Record works that a list shows without content ({work id: placeholder}): each is lost, or no longer shown to this reader."""
    for work_id, reason in reasons.items():
        record_unavailable(connection, work_id, "masked", reason, now)
