"""Estimates a crawl's progress: what is done, how fast, and how long the rest will take at the pace it must keep."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from scrapy.crawler import Crawler
from sqlalchemy import Connection

from pixivcrawl.api.text import plural, size, spoken
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.queries import account_of_reader
from pixivcrawl.ledger.service import ledger_of
from pixivcrawl.session import reader_of, session_from_settings
from pixivcrawl.throttling.costs import ANSWER, REQUESTS_A_WORK
from pixivcrawl.throttling.rate_limiter import pauses, rest_of_api
from pixivcrawl.throttling.waits import waits_of

LEAST_FOR_AN_ESTIMATE = 10
"""From this many works, or files, the speed of the next ones is estimated."""

RECOUNT_SECONDS, RECOUNT_SOON_SECONDS = 5.0, 0.5
"""Seconds between two looks into the ledger at what is left, and when more works were listed meanwhile; more where a look takes long."""

RECOUNT_COST_FACTOR = 20
"""This many times as long as a count took passes before the next one: counting must cost next to nothing, however long the list is."""

RATE_WINDOW_SECONDS = 60.0
"""Seconds over which a rate is measured."""


class Lane:
    """One of the two things that a run does side by side, reading works' own pages and fetching their files: its progress, in works.

    `parts` is what the works consist of that take the time: requests, or files.
    """

    def __init__(self, began: float) -> None:
        self.began = began
        self.done = self._left = self._done_when_looked = 0
        self._parts = 0.0

    def looked(self, left: int, done: int, parts: float) -> None:
        """Note that the ledger had this many left, with this many parts, when that many were done."""
        self._left, self._done_when_looked, self._parts = left, done, parts

    @property
    def left(self) -> int:
        return max(0, self._left - (self.done - self._done_when_looked))

    @property
    def parts_left(self) -> float:
        return self._parts * self.left / self._left if self._left else 0.0

    def seconds_left(self, now: float) -> float:
        """As long as the ones before took; 0 if too few are done to tell."""
        return self.left * (now - self.began) / self.done if self.done >= LEAST_FOR_AN_ESTIMATE else 0.0


class Moment(NamedTuple):
    time: float
    works: int
    bytes: int


class ProgressEstimate:
    """The counts and estimates of one crawl; call `note` now and then."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._configuration = Configuration.from_settings(crawler.settings)
        self._account = account_of_reader(reader_of(session_from_settings(crawler.settings)))
        self._began = time.monotonic()
        self._noted = self._began
        self._paused = 0.0
        self._moments: deque[Moment] = deque([Moment(self._began, 0, 0)])
        self.details, self.pictures = Lane(self._began), Lane(self._began)
        self._listed_when_looked = 0
        self._has_looked = False
        self._look_at = self._look_soon = 0.0
        self._looking: asyncio.Future[None] | None = None

    @property
    def _spider(self) -> Any:
        """Any spider; only one that fetches works has `asking` and `in_progress`."""
        return self._crawler.spider

    def note(self, *, paused: bool) -> None:
        """Remember the current progress; `paused`: nothing could be requested since the last time."""
        now = time.monotonic()
        self._paused += (now - self._noted) * paused
        self._noted = now
        self._count_done()
        if not self.details.done:
            self.details.began = now - self._paused
        self._moments.append(Moment(now, self.done, self._count("bytes_stored")))
        while len(self._moments) > 2 and self._moments[1].time < now - RATE_WINDOW_SECONDS:
            self._moments.popleft()

    def _count_done(self) -> None:
        spider = self._spider
        if getattr(spider, "in_progress", None) is not None:
            self.details.done, self.pictures.done = spider.asking.settled, spider.in_progress.settled

    async def count_what_is_left(self) -> None:
        """Count in the ledger what is left, when it is time to."""
        if self._looking is not None and not self._looking.done():
            return
        has_more = self._count("works_listed") != self._listed_when_looked
        due = self._look_soon if has_more else self._look_at
        if time.monotonic() >= due and getattr(self._spider, "in_progress", None) is not None:
            self._looking = asyncio.ensure_future(self._look(self._spider))

    async def _look(self, spider: Any) -> None:
        self._count_done()
        asking, fetching = spider.asking.works, spider.in_progress.works
        crawl, done, listed = getattr(spider, "crawl", None), self.done, self._count("works_listed")
        if crawl is None or (wanted := spider.wanted) is None:
            return
        details, pictures = self.details.done, self.pictures.done
        took, is_sure = 0.0, True
        with suppress(PixivcrawlError):
            # The ledger may already count some of those under way as done; they are counted here.
            left, took = await ledger_of(self._crawler).read(
                _timed_works_left, crawl.crawl_id, **wanted, asking=asking, fetching=fetching
            )
            requests = left.requests + REQUESTS_A_WORK * left.untold + len(asking)
            self.details.looked(left.to_ask + len(asking), details, requests)
            self.pictures.looked(left.to_fetch + len(fetching), pictures, left.files + len(fetching))
            self._listed_when_looked = listed
            self._count_done()
            # Of a work that was both begun and done meanwhile, the ledger may or may not have counted it as left.
            ended = [work not in spider.asking for work in asking] + [
                work not in spider.in_progress for work in fetching
            ]
            is_sure = self.done - done <= sum(ended)
            # Before the list has said anything, nothing being left says nothing either.
            self._has_looked = bool(listed or self._left)
        self._look_soon = time.monotonic() + max(RECOUNT_SOON_SECONDS, RECOUNT_COST_FACTOR * took)
        # What was listed may not have been recorded yet.
        is_enough = is_sure and self._left
        self._look_at = max(self._look_soon, time.monotonic() + RECOUNT_SECONDS) if is_enough else self._look_soon

    @property
    def done(self) -> int:
        """Works whose own pages were read, and works whose files were fetched."""
        return self.details.done + self.pictures.done

    @property
    def total(self) -> int | None:
        """All that this run has to do, including what is done; None if unknown."""
        return self.done + self._left if self._has_looked else None

    @property
    def _left(self) -> int:
        args = getattr(self._spider, "args", None)
        each = (getattr(args, "enough", None) == "full") + getattr(args, "files", True)
        return self.details.left + self.pictures.left + self._rows_ahead * each

    @property
    def _rows_ahead(self) -> int:
        """Works on pages that are still to be read, as far as the list says how long it is."""
        ahead: int = getattr(self._spider, "rows_ahead", 0)
        most = getattr(getattr(self._spider, "args", None), "max_works", None)
        return ahead if most is None else max(0, min(ahead, most - self._count("works_listed")))

    @property
    def requests_left(self) -> float:
        """About how many API requests the rest takes."""
        ahead = self._rows_ahead
        args = getattr(self._spider, "args", None)
        details = ahead * REQUESTS_A_WORK * (getattr(args, "enough", None) == "full")
        return self.details.parts_left + details + ahead / max(1, getattr(self._spider, "rows_a_page", 1))

    @property
    def seconds_left(self) -> float | None:
        """About how long the rest takes: requests at the pace, or as long as they have taken, and pictures at the same time. None if
        unknown.

        It comes after what is waited for now.
        """
        if not self._has_looked or not self._left:
            return self.wait or None
        rest, answer = rest_of_api(self._configuration, self._account)
        request = (rest + (ANSWER if answer is None else answer)) / self._configuration.api_concurrency
        details = max(self.requests_left * request, self.details.seconds_left(self._noted - self._paused))
        return max(details, self._seconds_of_pictures) + self.wait

    @property
    def _seconds_of_pictures(self) -> float:
        """As long as those before took; 0 if too few are done to tell."""
        files = self._count("files_stored")
        seconds: float = self._spider.in_progress.seconds if files >= LEAST_FOR_AN_ESTIMATE else 0.0
        return self.pictures.parts_left * seconds / max(1, files)

    @property
    def wait(self) -> float:
        """Seconds for which the crawl is waiting now, for a pause to end or to ask again, as far as known."""
        now = datetime.now(UTC)
        ends = [(until - now).total_seconds() for until in pauses().values()]
        return max([0.0, *ends, *(wait.left or 0.0 for wait in waits_of(self._crawler))])

    def parts(self) -> list[str]:
        """The counts so far, the most important first."""
        left, files = self.seconds_left, self._count("files_stored")
        failed = self._count("files_failed") + self._count("works_failed")
        works, bytes_a_second = self._rates()
        # The details, which take longest, come before the time, what is less important after it.
        lanes = self._of_lanes()
        told = {
            **dict.fromkeys(lanes[:1], True),
            f"{plural(self._count('works_listed'), 'work')} listed": not self.total and self._count("works_listed"),
            f"{plural(self._count('people_listed'), 'person', 'people')}": self._count("people_listed"),
            f"about {spoken(left or 0)} left": left,
            **dict.fromkeys(lanes[1:], True),
            f"{failed:,} failed": failed,
            f"{plural(files, 'file')}, {size(self._count('bytes_stored'))}": files,
            f"{plural(round(works), 'work')} a minute, {size(round(bytes_a_second))}/s": works,
        }
        return [part for part, is_worth_saying in told.items() if is_worth_saying] or ["asking pixiv"]

    def _of_lanes(self) -> list[str]:
        """How many works are done, and where pictures come alongside details, how many works have those."""
        told: list[str] = []
        for lane in (self.details, self.pictures) if self._has_looked else ():
            total = lane.done + lane.left + self._rows_ahead
            if lane.done or lane.left:
                told.append(f"{'pictures of ' if told else ''}{lane.done:,} of {plural(total, 'work')}")
        return told

    def _rates(self) -> tuple[float, float]:
        """Works a minute and bytes a second over the last minutes."""
        first, last = self._moments[0], self._moments[-1]
        seconds = max(1.0, last.time - first.time)
        return 60 * (last.works - first.works) / seconds, (last.bytes - first.bytes) / seconds

    def _count(self, name: str) -> int:
        return int(self._crawler.stats.get_value(f"pixiv/{name}", 0))


def _timed_works_left(connection: Connection, /, crawl_id: int, **which: Any) -> tuple[queries.WorksLeft, float]:
    """What is left, and the processor seconds that it took to find out."""
    began = time.thread_time()
    return queries.works_left(connection, crawl_id, **which), time.thread_time() - began
