"""What a reading of a list says beyond its rows: that it compared everything, and who was missing from the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, and_, func, select, update

from pixivcrawl.items import Follow
from pixivcrawl.ledger.models import CrawlRow, FollowRow, table

_CRAWLS, _FOLLOWS = table(CrawlRow), table(FollowRow)


def record_full_reading(connection: Connection, crawl_id: int) -> None:
    """Record that the run was to read its whole list and to compare the known works."""
    connection.execute(update(_CRAWLS).where(_CRAWLS.c.id == crawl_id).values(full_reading=True))


def record_unlisted(
    connection: Connection,
    places: Table,
    of_list: ColumnElement[bool],
    seen: ColumnElement[datetime],
    since: datetime,
    total: int,
    now: datetime,
) -> int:
    """Mark as no longer listed, after a whole reading of a list that began at `since`, the rows that it did not show (`seen`: when each was
    last shown).

    Nothing is recorded if fewer or more rows were seen than `total`. Returns how many were marked.
    """
    number = select(func.count()).select_from(places).where(of_list, seen >= since)
    if connection.execute(number).scalar_one() != total:
        return 0
    unseen = and_(of_list, seen < since, places.c.unlisted.is_(None))
    return connection.execute(update(places).where(unseen).values(unlisted=now)).rowcount


def record_gaps_in_following(connection: Connection, crawl_id: int, follows: Sequence[Follow], now: datetime) -> None:
    """Record which of these follows have come back: the last whole reading of the list of run `crawl_id` did not see them.

    Called before the follows themselves are recorded; at most a few hundred at once.
    """
    key = connection.execute(select(CrawlRow.list_key).where(CrawlRow.id == crawl_id)).scalar()
    last = None if key is None else whole_reading_began(connection, key, crawl_id)
    if last is None or not follows:
        return
    seen = _FOLLOWS.c.follower_id.in_({follow.follower_id for follow in follows}) & _FOLLOWS.c.followed_id.in_(
        {follow.followed_id for follow in follows}
    )
    connection.execute(update(_FOLLOWS).where(seen, _FOLLOWS.c.last_seen < last).values(again_since=now))


def whole_reading_began(connection: Connection, key: str, before: int) -> datetime | None:
    """When the last whole reading of a list before run `before` began; it may consist of several runs, each continuing the one before. None
    if there was none.
    """
    whole = select(CrawlRow.id).where(
        CrawlRow.list_key == key, CrawlRow.id < before, CrawlRow.read_to_end, CrawlRow.full_reading
    )
    ended = connection.execute(whole.order_by(CrawlRow.id.desc()).limit(2)).scalars().all()
    if not ended:
        return None
    earlier = ended[1] if len(ended) > 1 else 0
    of_reading = (CrawlRow.list_key == key, CrawlRow.id > earlier, CrawlRow.id <= ended[0])
    return connection.execute(select(func.min(CrawlRow.started)).where(*of_reading)).scalar_one()
