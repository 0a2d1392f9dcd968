"""What a reading of a list says beyond its rows: that it compared everything, and who was missing from the one before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select, update

from pixivcrawl.items import Follow
from pixivcrawl.ledger.models import CrawlRow, FollowRow, table

_CRAWLS, _FOLLOWS = table(CrawlRow), table(FollowRow)


def record_full_reading(connection: Connection, crawl_id: int) -> None:
    """The run was to read its list whole, and to compare the works that were known."""
    connection.execute(update(_CRAWLS).where(_CRAWLS.c.id == crawl_id).values(full_reading=True))


def record_gaps_in_following(connection: Connection, crawl_id: int, follows: Sequence[Follow], now: datetime) -> None:
    """Before follows that run `crawl_id` sees are recorded: those that the last whole reading of its list did not see are there again.

    At most a few hundred follows at once.
    """
    key = select(CrawlRow.list_key).where(CrawlRow.id == crawl_id).scalar_subquery()
    last = connection.execute(
        select(CrawlRow.started)
        .where(CrawlRow.list_key == key, CrawlRow.id < crawl_id, CrawlRow.read_to_end, CrawlRow.full_reading)
        .order_by(CrawlRow.id.desc())
        .limit(1)
    ).scalar()
    if last is None or not follows:
        return
    seen = _FOLLOWS.c.follower_id.in_({follow.follower_id for follow in follows}) & _FOLLOWS.c.followed_id.in_(
        {follow.followed_id for follow in follows}
    )
    connection.execute(update(_FOLLOWS).where(seen, _FOLLOWS.c.last_seen < last).values(again_since=now))
