"""What is due, and when: pure functions of the subscriptions, their runs and the time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from pixivcrawl.items import Artwork
from pixivcrawl.ledger.queries import RequiredDetail
from pixivcrawl.ledger.queries.subscriptions import NO_RUNS, Feed, ListRuns
from pixivcrawl.ledger.updates.crawls import list_key

EARLY = 10
"""A run may begin early by this fraction of its interval, since timers are not exact to the second; but by no more than `EARLIEST`."""

EARLIEST = timedelta(minutes=30)

UNFINISHED = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""How long a list waits whose works failed in one run, in two, in three, in more, unless its own interval is shorter."""

FIRST_RETRY = timedelta(hours=1)
LONGEST_RETRY = timedelta(days=30)
"""A list that cannot be read is tried again after the first of these, then after its interval, then less and less often, up to the last."""


@dataclass(frozen=True, slots=True)
class CrawlScope:
    """What a crawl brings of each work: see `queries.works_to_come`. `by_name`: earlier failures do not wait."""

    files: bool
    enough: RequiredDetail
    frames: bool
    again: bool
    by_name: bool


@dataclass(frozen=True, slots=True)
class WantedList:
    """A list that is to be read again and again.

    `arguments` are those of the command line, `canonical` those that the ledger knows the list by. `refresh` is None where known works
    are never compared. `artist` is the one whose every work the list holds, None for any other list; `fits` tells of a work on it
    whether it is wanted (None: cannot be told). `brings` is None where the rows of works are all of them.
    """

    name: str
    spider: str
    arguments: Mapping[str, str]
    canonical: Mapping[str, Any]
    every: timedelta
    refresh: timedelta | None
    artist: int | None = None
    brings: CrawlScope | None = None
    fits: Callable[[Artwork], bool | None] | None = field(default=None, compare=False, repr=False)

    @property
    def key(self) -> str:
        return list_key(self.spider, self.canonical)

    @property
    def is_limited(self) -> bool:
        """Whether only some of the list's works are wanted."""
        return "max_works" in self.arguments


@dataclass(frozen=True, slots=True)
class DueList:
    """A list that is to be read now, and since when; `since` is None for one that was never read.

    `compare`: it is to be read whole, and its known works compared; `extra`: for that alone, it would not be due otherwise.
    """

    wanted: WantedList
    since: datetime | None
    compare: bool = False
    extra: bool = False


def next_reading(wanted: WantedList, runs: ListRuns, now: datetime) -> datetime | None:
    """When a list is due; None for one that was never read, which is due at once."""
    if runs.failed:
        return _after(runs.failed[-1].started, _retry(wanted.every, len(runs.failed)), now)
    if runs.read is None:
        return None
    wait = min(wanted.every, UNFINISHED[min(runs.incomplete, len(UNFINISHED)) - 1]) if runs.incomplete else wanted.every
    return _after(runs.read.started, wait, now)


def next_comparison(wanted: WantedList, runs: ListRuns, now: datetime) -> datetime | None:
    """When a list is to be read whole and its works compared; None for never, and before it was read at all.

    The first time comes between half a period and a whole one after the first reading, each list at a point of its own, so that what
    was subscribed to together is not compared together.
    """
    if wanted.refresh is None or runs.first_read is None:
        return None
    if runs.compared is not None:
        return _after(runs.compared, wanted.refresh, now)
    return _after(runs.first_read, wanted.refresh * (1 + _share(wanted.name)) / 2, now)


def next_turn(wanted: WantedList, runs: ListRuns, now: datetime) -> datetime | None:
    """When a list is due, to be read or to be compared; None for one that was never read.

    A comparison that is due already and still waits for its share of a day's requests has no time of its own.
    """
    reading, comparison = next_reading(wanted, runs, now), next_comparison(wanted, runs, now)
    if reading is None or comparison is None or comparison <= now or runs.failed:
        return reading
    return min(reading, comparison)


def due(
    wanted: Iterable[WantedList], runs: Mapping[str, ListRuns], now: datetime, forced: Collection[str] = ()
) -> list[DueList]:
    """What is to be read now, including the lists whose keys are `forced`: the most overdue first, then those that only need comparing,
    then those that were never read.

    A first reading may be long, and what is new elsewhere shall not wait for it.
    """
    looked_at = (_due(one, runs.get(one.key, NO_RUNS), now, forced=one.key in forced) for one in wanted)
    found = [each for each in looked_at if each is not None]
    return sorted(found, key=lambda each: (each.since is None, each.extra, each.since or now))


def within_share(planned: Iterable[DueList], cost: Callable[[DueList], int], share: int) -> list[DueList]:
    """The plan with no more comparisons than a share of that many requests allows; the first comparison is always allowed."""
    left: float = max(share, 1)
    kept = []
    for each in planned:
        if not each.compare:
            kept.append(each)
        elif left > 0:
            left -= cost(each)
            kept.append(each)
        elif not each.extra:
            kept.append(replace(each, compare=False))
    return kept


def _due(wanted: WantedList, runs: ListRuns, now: datetime, *, forced: bool) -> DueList | None:
    reading, comparison = next_reading(wanted, runs, now), next_comparison(wanted, runs, now)
    if reading is None:
        return DueList(wanted, None)
    compare = comparison is not None and comparison <= now and (not runs.failed or reading <= now)
    if forced:
        return DueList(wanted, min(reading, now), compare)
    if reading > now and not compare:
        return None
    extra = reading > now
    return DueList(wanted, comparison if extra else reading, compare, extra)


def may_be_known_by_the_feed(wanted: WantedList, runs: ListRuns, feed: Feed) -> bool:
    """Whether the feed shows every work of an artist that is newer than the list's own last reading.

    It does when it was read from before that reading on without a gap, and the reader followed the artist all the time since.
    """
    read, since = runs.read, feed.followed.get(wanted.artist) if wanted.artist is not None else None
    return (
        read is not None
        and since is not None
        and read.outcome == "complete"
        and not runs.failed
        and feed.unbroken_from < read.crawl_id < feed.read.crawl_id
        and since < read.started
    )


def checked_by_the_feed(runs: ListRuns, feed: Feed) -> ListRuns:
    """The runs of a list for which the feed showed nothing new: it counts as read when the feed was read."""
    return replace(runs, read=feed.read)


def _after(last: datetime, wait: timedelta, now: datetime) -> datetime:
    """`last` plus an interval, or a little earlier. A time in the future counts as now; one further ahead than the interval was written
    before the clock was set back, and delays nothing.
    """
    if last > now + wait:
        return now
    return min(last, now) + wait - min(wait / EARLY, EARLIEST)


def _retry(every: timedelta, failures: int) -> timedelta:
    if failures == 1:
        return min(every, FIRST_RETRY)
    wait, longest = every, max(every, LONGEST_RETRY)
    for _ in range(failures - 2):
        if wait >= longest:
            break
        wait *= 2
    return min(wait, longest)


def _share(name: str) -> float:
    """A number from 0 to 1, always the same for a name."""
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:4]) / 2**32
