"""The pace: how many requests travel to a host at once, how long each place rests, and the pause that a 429 asks for.

It is kept where requests leave, and shared by every crawl of an event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from scrapy import Request
from scrapy.crawler import Crawler

from pixivcrawl.api.answers import LONGEST_RETRY_AFTER
from pixivcrawl.configuration import Configuration
from pixivcrawl.run_stopping import RunStopping

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 1800.0
"""Seconds after which a pause that pixiv gave no length for grows no further."""

KEEPS_PLACE = "keeps_place"
"""The key in a request's `meta` that asks for its place to be kept until `free_place` is called for its answer."""

LONGEST_KEPT = 10.0
"""Seconds after which a place is free although nobody said that the answer was recorded."""

STOPPING_IS_SEEN_WITHIN = 0.25
"""Seconds between two looks of one who waits at whether the run is ending."""

_WORTH_SAYING = 5.0


class Pace:
    """One host's pace. At most `at_once` requests travel; each one's place rests `delay` seconds after its answer.

    Requests leave by priority, then first come, first served.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.at_once = 1
        self.delay = 0.0
        self.rate_limit_wait = 0.0
        self.paused_until: datetime | None = None
        self._open_at = 0.0
        self._paused_at = 0.0
        self._pauses_in_a_row = 0
        self._travelling = 0
        self._resting: list[float] = []
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._least_priority: int | None = None

    @asynccontextmanager
    async def turn(self, priority: int, is_stopping: Callable[[], bool]) -> AsyncIterator[float]:
        """A place to travel in; gives the time at which it was entered, for `pause`.

        Raises RunStopping, within a quarter of a second, when the run stops before there is a place.
        """
        await self._wait_for_place(priority, is_stopping)
        try:
            yield _now()
        finally:
            self._travelling -= 1
            if self.delay:
                heapq.heappush(self._resting, _now() + self.delay)
            self._let_go()

    def keep_place(self) -> Callable[[], None]:
        """For one whose turn is ending: the place stays taken until the function that this gives is called, or LONGEST_KEPT is over.

        So no question leaves before the last answer is recorded, and a kill loses no more answers than there are places.
        """
        self._travelling += 1
        timer = asyncio.get_running_loop().call_later(LONGEST_KEPT, self._give_back)

        def free() -> None:
            if not timer.cancelled() and _now() < timer.when():
                timer.cancel()
                self._give_back()

        return free

    def pause(self, asked: float | None, sent: float) -> float | None:
        """The host asked to be left alone in answer to a request that left at `sent`: for so many seconds, or gave no length.

        Nothing leaves until then. Gives the length of the pause in seconds, None where an earlier one lasts longer.
        """
        if sent >= self._paused_at:
            # Those that travelled together say the same thing once.
            self._paused_at = _now()
            self._pauses_in_a_row += 1
        if asked is None:
            seconds = min(self.rate_limit_wait * 2.0 ** min(self._pauses_in_a_row - 1, 10), LONGEST_PAUSE)
        else:
            # One that asks for no time at all, again and again, is not taken at its word.
            least = min(2.0 ** min(self._pauses_in_a_row - 1, 10), LONGEST_PAUSE)
            seconds = min(max(asked, self.delay, least), LONGEST_RETRY_AFTER)
        return seconds if self._hold(seconds) else None

    def go_on_with_pause(self, seconds: float) -> None:
        """A pause that began in an earlier run has so many seconds left."""
        self._pauses_in_a_row = max(self._pauses_in_a_row, 1)
        self._hold(min(seconds, LONGEST_RETRY_AFTER))

    @property
    def pause_left(self) -> float:
        """Seconds until something may leave again."""
        return max(0.0, self._open_at - _now())

    @contextmanager
    def kept_for(self, priority: int) -> Iterator[None]:
        """Meanwhile only requests of at least this priority leave; the others keep their turn."""
        self._least_priority = priority
        try:
            yield
        finally:
            self._least_priority = None
            self._let_go()

    def good_answer(self) -> bool:
        """The host answers again: the next pause is a first one. False where there was no pause."""
        if not self._pauses_in_a_row or _now() < self._open_at:
            return False
        self._pauses_in_a_row = 0
        self.paused_until = None
        return True

    def _give_back(self) -> None:
        self._travelling -= 1
        self._let_go()

    def _hold(self, seconds: float) -> bool:
        open_at = _now() + seconds
        if open_at <= self._open_at:
            return False
        self._open_at = open_at
        self.paused_until = datetime.now(UTC) + timedelta(seconds=seconds)
        if seconds >= _WORTH_SAYING:
            until = f"{self.paused_until.astimezone():%Y-%m-%d %H:%M:%S}"
            logger.warning("%s asks for a pause: nothing is sent there for %.0f s, until %s", self.host, seconds, until)
        return True

    async def _wait_for_place(self, priority: int, is_stopping: Callable[[], bool]) -> None:
        self._refuse_when(is_stopping)
        place = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-priority, next(self._arrivals), place))
        self._let_go()
        if place.done():
            return
        try:
            while not place.done():
                await asyncio.wait([place], timeout=STOPPING_IS_SEEN_WITHIN)
                self._refuse_when(is_stopping)
        except BaseException:
            if not place.cancel():
                self._give_back()
            raise

    def _refuse_when(self, is_stopping: Callable[[], bool]) -> None:
        if is_stopping():
            raise RunStopping(f"{self.host}: not sent, because the run is ending")

    def _let_go(self) -> None:
        """Give the free places to those who wait, and come back when the next one is due."""
        now = _now()
        while self._next_may_leave() and now >= self._open_at and self._has_free_place(now):
            _, _, place = heapq.heappop(self._waiting)
            if not place.done():
                self._travelling += 1
                place.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._next_may_leave() and self._travelling < self.at_once:
            due = max(self._open_at, self._resting[0] if self._resting else 0.0)
            self._timer = asyncio.get_running_loop().call_at(due, self._let_go)

    def _next_may_leave(self) -> bool:
        return bool(self._waiting) and (self._least_priority is None or -self._waiting[0][0] >= self._least_priority)

    def _has_free_place(self, now: float) -> bool:
        while self._resting and self._resting[0] <= now:
            heapq.heappop(self._resting)
        return self._travelling + len(self._resting) < self.at_once


def free_place(request: Request) -> None:
    """The answer to the request is recorded, or will not be: another may leave."""
    if callable(free := request.meta.get(KEEPS_PLACE)):
        free()


_PACES: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Pace]] = WeakKeyDictionary()


def pace_of(host: str, configuration: Configuration) -> Pace:
    """The pace of a host (`Origin.key`), by the configuration of the crawl that asked last."""
    pace = _paces().setdefault(host, Pace(host))
    is_api = host == configuration.api.key
    pace.at_once = configuration.api_concurrency if is_api else configuration.image_concurrency
    pace.delay = configuration.api_delay if is_api else configuration.image_delay
    pace.rate_limit_wait = configuration.rate_limit_wait
    return pace


def is_stopping(crawler: Crawler) -> bool:
    """Whether the run takes no new work: a request that has not left stays."""
    engine = crawler.engine
    # Scrapy has no public word for a spider that is being closed while the engine still runs.
    slot = engine._slot  # noqa: SLF001
    return not engine.running or slot is None or slot.closing is not None


def pauses() -> dict[str, datetime]:
    """The hosts to which nothing is sent now, and until when."""
    now = datetime.now(UTC)
    return {host: pace.paused_until for host, pace in _paces().items() if pace.paused_until and pace.paused_until > now}


def _paces() -> dict[str, Pace]:
    return _PACES.setdefault(asyncio.get_running_loop(), {})


def _now() -> float:
    """Monotonic, so that a clock that is set changes no pause."""
    return asyncio.get_running_loop().time()
