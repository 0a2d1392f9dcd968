"""What earlier runs show of lists that are read regularly: when each was last read, compared, and tried without success."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, case, cast, func, or_, select

from pixivcrawl.batched import batched
from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, CrawlRow, FollowRow
from pixivcrawl.ledger.updates.crawls import is_read_by
from pixivcrawl.ledger.updates.readings import whole_reading_began
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY
from pixivcrawl.ledger.updates.works import IDS_A_QUERY
from pixivcrawl.reader import Reader

KEYS_A_QUERY = 500

UNREACHABLE = "unreachable"
"""A run's count of requests that did not reach pixiv, if none did; such a run says nothing about its list."""


@dataclass(frozen=True, slots=True)
class ListRun:
    """A run of a list, as far as its next one depends on it. Without an `outcome` it is under way, or was killed."""

    crawl_id: int
    started: datetime
    outcome: str | None
    reason: str | None
    counts: dict[str, Any]
    saw_the_list: bool


@dataclass(frozen=True, slots=True)
class ListRuns:
    """The runs of one list.

    `read` is the last one that saw the list to its end (or as far as it was asked to), `incomplete` how many such in a row ended with
    works that failed. `failed` are those since then that could not read it. `first_read` and `compared` are when it was first read, and
    last read whole with its known works compared. `last` is the last one of all.
    """

    read: ListRun | None = None
    incomplete: int = 0
    failed: tuple[ListRun, ...] = ()
    first_read: datetime | None = None
    compared: datetime | None = None
    last: ListRun | None = None


NO_RUNS = ListRuns()

_COMPLETE = CrawlRow.outcome == "complete"


def runs_of_lists(
    connection: Connection, reader: Reader, keys: Collection[str], limited: Collection[str] = ()
) -> dict[str, ListRuns]:
    """{list key: its runs by this reader} of those lists that ever had one; see `updates.list_key`.

    Lists whose keys are in `limited` are read only up to a number of works: a run that saw that many has read such a list.
    """
    found: dict[str, ListRuns] = {}
    for some in batched(sorted(keys), KEYS_A_QUERY):
        found |= _runs_of_lists(connection, reader, some, limited)
    return found


def _runs_of_lists(
    connection: Connection, reader: Reader, keys: Sequence[str], limited: Collection[str]
) -> dict[str, ListRuns]:
    of_lists = CrawlRow.list_key.in_(keys) & is_read_by(reader)
    saw_the_list = CrawlRow.read_to_end | (_COMPLETE & CrawlRow.list_key.in_(limited))
    marks = (
        select(
            CrawlRow.list_key,
            func.max(case((_COMPLETE & saw_the_list, CrawlRow.id))).label("complete"),
            func.min(case((saw_the_list, CrawlRow.id))).label("first"),
            func.max(case((saw_the_list & CrawlRow.full_reading, CrawlRow.id))).label("compared"),
        )
        .where(of_lists)
        .group_by(CrawlRow.list_key)
        .subquery()
    )
    ends = {
        row.list_key: row for row in connection.execute(select(marks.c.list_key, marks.c.first, marks.c.compared)).all()
    }
    moments = {id_ for row in ends.values() for id_ in (row.first, row.compared) if id_ is not None}
    started = _started(connection, moments)
    since = select(
        CrawlRow.list_key,
        CrawlRow.id,
        CrawlRow.started,
        CrawlRow.outcome,
        CrawlRow.reason,
        CrawlRow.counts,
        saw_the_list.label("saw_the_list"),
    ).join(marks, marks.c.list_key == CrawlRow.list_key)
    runs: dict[str, list[ListRun]] = {}
    later = (is_read_by(reader), CrawlRow.id >= func.coalesce(marks.c.complete, 0))
    for row in connection.execute(since.where(*later).order_by(CrawlRow.id)):
        run = ListRun(row.id, row.started, row.outcome, row.reason, row.counts or {}, bool(row.saw_the_list))
        runs.setdefault(row.list_key, []).append(run)
    return {
        key: _summed_up(of_list, started.get(ends[key].first), started.get(ends[key].compared))
        for key, of_list in runs.items()
    }


def _started(connection: Connection, crawl_ids: Collection[int]) -> dict[int | None, datetime]:
    """{run: when it began}; at most two runs for each of `KEYS_A_QUERY` lists."""
    found = connection.execute(select(CrawlRow.id, CrawlRow.started).where(CrawlRow.id.in_(crawl_ids)))
    return {row.id: row.started for row in found}


def _summed_up(runs: Sequence[ListRun], first_read: datetime | None, compared: datetime | None) -> ListRuns:
    """`runs` are all runs from the last complete one on, in their order."""
    seen = [run for run in runs if run.saw_the_list]
    read = seen[-1] if seen else None
    after = read.crawl_id if read else 0
    return ListRuns(
        read=read,
        incomplete=sum(run.outcome != "complete" for run in seen),
        failed=tuple(run for run in runs if run.crawl_id > after and _failed(run)),
        first_read=first_read,
        compared=compared,
        last=runs[-1],
    )


def _failed(run: ListRun) -> bool:
    """A run that was stopped, interrupted or killed, or had no network, says nothing about its list."""
    return run.outcome == "finished with failures" and UNREACHABLE not in run.counts


def followed_by(connection: Connection, follower_id: int) -> list[int]:
    """Whom a user follows, as far as the ledger knows."""
    followed = select(FollowRow.followed_id).where(FollowRow.follower_id == follower_id, FollowRow.unlisted.is_(None))
    return list(connection.execute(followed.order_by(FollowRow.followed_id)).scalars())


FEED_GAPS = "feed_gaps"
"""A run's count of feed readings that ended before they met works of the previous reading."""


@dataclass(frozen=True, slots=True)
class Feed:
    """How far the reader's feed is known. `read` is its last reading; from run `unbroken_from` on each met the one before it.

    `followed` holds everyone whom the reader followed when it was read, and since when that has been so without a gap.
    """

    list_id: int
    read: ListRun
    unbroken_from: int
    followed: dict[int, datetime]


def feed(connection: Connection, feed_key: str, following_key: str, reader: Reader) -> Feed | None:
    """None if the feed was never read after a whole reading of the list of those whom the reader follows."""
    of_feed = (CrawlRow.list_key == feed_key, CrawlRow.read_to_end, is_read_by(reader))
    has_gap = cast(CrawlRow.counts, Text).like(f'%"{FEED_GAPS}":%')
    first, last, gap = connection.execute(
        select(func.min(CrawlRow.id), func.max(CrawlRow.id), func.max(case((has_gap, CrawlRow.id)))).where(*of_feed)
    ).one()
    if last is None:
        return None
    people_read = whole_reading_began(connection, following_key, last)
    if people_read is None:
        return None
    followed = select(
        FollowRow.followed_id, func.coalesce(FollowRow.again_since, FollowRow.first_seen).label("since")
    ).where(FollowRow.follower_id == reader.user_id, FollowRow.last_seen >= people_read)
    row = connection.execute(select(CrawlRow.__table__).where(CrawlRow.id == last)).one()
    return Feed(
        list_id=row.list_id,
        read=ListRun(row.id, row.started, row.outcome, row.reason, row.counts or {}, saw_the_list=True),
        unbroken_from=gap or first,
        followed={row.followed_id: row.since for row in connection.execute(followed)},
    )


def seen_in_feed(connection: Connection, feed: Feed, after: int) -> dict[int, dict[int, int]]:
    """{artist: {work: run}} of what runs after `after` saw in the feed, each work with the last of them; not those that are gone."""
    seen = (
        select(ArtworkRow.user_id, ArtworkRow.id, CrawlArtworkRow.crawl_id)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(
            CrawlArtworkRow.list_id == feed.list_id,
            CrawlArtworkRow.crawl_id > after,
            ArtworkRow.availability.not_in(FINAL_AVAILABILITY),
        )
    )
    found: dict[int, dict[int, int]] = {}
    for artist, work_id, crawl_id in connection.execute(seen):
        if artist is not None:
            found.setdefault(artist, {})[work_id] = crawl_id
    return found


def not_on_list(connection: Connection, key: str, work_ids: Collection[int]) -> set[int]:
    """Those of some works of one artist that are not on a list."""
    first = select(func.min(CrawlRow.id)).where(CrawlRow.list_key == key).scalar_subquery()
    missing = set(work_ids)
    for some in batched(sorted(missing), IDS_A_QUERY):
        listed = select(CrawlArtworkRow.artwork_id).where(
            CrawlArtworkRow.list_id == first, CrawlArtworkRow.artwork_id.in_(some)
        )
        missing.difference_update(connection.execute(listed).scalars())
    return missing


def list_sizes(connection: Connection, keys: Collection[str]) -> dict[str, int]:
    """{list key: how many works are on it}."""
    found: dict[str, int] = {}
    for some in batched(sorted(keys), KEYS_A_QUERY):
        lists = (
            select(CrawlRow.list_key, func.min(CrawlRow.list_id).label("list_id"))
            .where(CrawlRow.list_key.in_(some))
            .group_by(CrawlRow.list_key)
            .subquery()
        )
        sizes = (
            select(lists.c.list_key, func.count().label("works"))
            .join(CrawlArtworkRow, CrawlArtworkRow.list_id == lists.c.list_id)
            .group_by(lists.c.list_key)
        )
        found |= {row.list_key: row.works for row in connection.execute(sizes)}
    return found


def api_requests_since(
    connection: Connection, since: datetime, reader: Reader | None = None, *, full_readings: bool = False
) -> int:
    """How many API requests were spent by the runs that began since then, of one reader; by those that compared everything alone."""
    runs = select(CrawlRow.counts).where(CrawlRow.started >= since, CrawlRow.counts.is_not(None))
    if reader is not None:
        # Runs of earlier versions do not say who read.
        runs = runs.where(or_(CrawlRow.reader == reader.user_id, CrawlRow.reader.is_(None)))
    if full_readings:
        runs = runs.where(CrawlRow.full_reading)
    return sum(counts.get("api_requests", 0) for counts in connection.execute(runs).scalars() if counts)
