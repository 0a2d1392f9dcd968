"""The pace: how many requests to a host are in flight, how long each slot rests, and the pause after a 429.

How the first two adapt is in `learning`.

It applies where requests leave, and is shared by all crawls of an event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from weakref import WeakKeyDictionary

from scrapy import Request

from pixivcrawl.api.answers import LONGEST_RETRY_AFTER
from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger.updates.hosts import Pace
from pixivcrawl.run_ending import STOPPING_IS_SEEN_WITHIN, RunStopping
from pixivcrawl.throttling.learning import (
    Bounds,
    Places,
    pace_after_answer,
    pace_after_refusal,
    pace_within,
    places_after_answer,
    places_after_trouble,
)

logger = logging.getLogger(__name__)

LONGEST_PAUSE = 1800.0
"""Seconds after which a pause that pixiv gave no length for grows no further."""

HOLDS_SLOT = "holds_slot"
"""The key in a request's `meta` that asks for its slot to be held until `release_slot` is called for its answer."""

ANSWERS = 50
"""How many answers show what is typical: some of the first ones wait for the start of the run."""

LONGEST_HOLD = 10.0
"""Seconds after which a slot is free although the answer was never reported as recorded."""

_WORTH_SAYING = 5.0


class RateLimiter:
    """One host's pace. At most `at_once` requests are in flight; a slot rests for `delay` seconds after its answer.

    A free slot goes to the request with the highest priority; among equals, to the first. `pace` is what an account has learned of the
    API's host, `places` what was learned of an image host; None where the two numbers above are fixed.
    """

    def __init__(self, host: str) -> None:
        self.host = host
        self.at_once = 1
        self.delay = 0.0
        self.rate_limit_wait = 0.0
        self.bounds = Bounds(0.0, 0.0)
        self.pace: Pace | None = None
        self.places: Places | None = None
        self._answers: deque[float] = deque(maxlen=ANSWERS)
        self.paused_until: datetime | None = None
        self._open_at = 0.0
        self._paused_at = 0.0
        self._pauses_in_a_row = 0
        self._in_flight = 0
        self._cooling: list[float] = []
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrivals = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._least_priority: int | None = None

    @asynccontextmanager
    async def slot(self, priority: int, is_stopping: Callable[[], bool]) -> AsyncIterator[float]:
        """Wait for a slot for one request; gives the time at which it was entered, for `pause`.

        Raises RunStopping, within a quarter of a second, when the run stops before there is a slot.
        """
        await self._wait_for_slot(priority, is_stopping)
        try:
            yield _now()
        finally:
            self._in_flight -= 1
            if self.delay:
                heapq.heappush(self._cooling, _now() + self.delay)
            self._let_go()

    def hold_slot(self, sent: float | None = None) -> Callable[[], None]:
        """Keep the slot of a request that was `sent` until the returned function is called or LONGEST_HOLD is over.

        So no request leaves before the last answer is recorded, and a kill loses at most one answer per slot.
        """
        self._in_flight += 1
        timer = asyncio.get_running_loop().call_later(LONGEST_HOLD, self._give_back)

        def free() -> None:
            if not timer.cancelled() and _now() < timer.when():
                timer.cancel()
                if sent is not None:
                    self._answers.append(_now() - sent)
                self._give_back()

        return free

    @property
    def answer_seconds(self) -> float | None:
        """The typical recent time until an answer is recorded, for requests whose slot was held."""
        return median(self._answers) if self._answers else None

    def rest_within(self, bounds: Bounds) -> None:
        """Adapt the rest after each answer, within these bounds."""
        self.bounds = bounds
        self.take_pace(self.pace or Pace(bounds.usual, bounds.usual))

    def take_pace(self, pace: Pace) -> None:
        """Take over a pace that was learned elsewhere, as far as it holds here and now."""
        self.pace = pace_within(pace, self.bounds, datetime.now(UTC))
        self.delay = self.pace.delay

    def send_at_once(self, least: int, most: int) -> None:
        """Adapt how many requests may be in flight at once, within these bounds."""
        if self.places is None or (self.places.least, self.places.most) != (least, most):
            self.places = Places(least, most, least)
        self.at_once = self.places.at_once

    def answer_began(self, sent: float, seconds: float) -> None:
        """Note that a request that left at `sent` was answered after so many seconds."""
        if self.places is not None:
            is_full = self._next_may_leave()
            self.places = places_after_answer(self.places, seconds, sent=sent, now=_now(), is_full=is_full)
            self.at_once = self.places.at_once

    def trouble(self, sent: float) -> None:
        """Note that a request that left at `sent` was refused or not answered."""
        if self.places is not None:
            self.places = places_after_trouble(self.places, sent=sent, now=_now())
            self.at_once = self.places.at_once

    def pause(self, asked: float | None, sent: float) -> float | None:
        """Pause, because the host asked for it in answer to a request that left at `sent`, for so many seconds or without a length.

        Nothing leaves until then. Returns the pause in seconds, None if an earlier one lasts longer.
        """
        if sent >= self._paused_at:
            # Those that travelled together say the same thing once.
            self._paused_at = _now()
            self._pauses_in_a_row += 1
            if self.pace is not None:
                before = self.delay
                self.take_pace(pace_after_refusal(self.pace, self.bounds, datetime.now(UTC)))
                if self.delay > before:
                    logger.warning("%s: for a day %.3g s of rest after each answer", self.host, self.delay)
        if asked is None:
            seconds = min(self.rate_limit_wait * 2.0 ** min(self._pauses_in_a_row - 1, 10), LONGEST_PAUSE)
        else:
            # One that asks for no time at all, again and again, is not taken at its word.
            least = min(2.0 ** min(self._pauses_in_a_row - 1, 10), LONGEST_PAUSE)
            seconds = min(max(asked, self.delay, least), LONGEST_RETRY_AFTER)
        return seconds if self._hold(seconds) else None

    def go_on_with_pause(self, seconds: float) -> None:
        """Continue a pause from an earlier run that has so many seconds left."""
        self._pauses_in_a_row = max(self._pauses_in_a_row, 1)
        self._hold(min(seconds, LONGEST_RETRY_AFTER))

    @property
    def pause_left(self) -> float:
        """Seconds until something may leave again."""
        return max(0.0, self._open_at - _now())

    @contextmanager
    def reserved_for(self, priority: int) -> Iterator[None]:
        """Meanwhile only requests of at least this priority leave; the others keep their places."""
        self._least_priority = priority
        try:
            yield
        finally:
            self._least_priority = None
            self._let_go()

    def good_answer(self) -> bool:
        """Note that the host answers again, so the next pause counts as a first one. False if there was no pause."""
        if self.pace is not None:
            self.take_pace(pace_after_answer(self.pace, self.bounds, datetime.now(UTC)))
        if not self._pauses_in_a_row or _now() < self._open_at:
            return False
        self._pauses_in_a_row = 0
        self.paused_until = None
        return True

    def _give_back(self) -> None:
        self._in_flight -= 1
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

    async def _wait_for_slot(self, priority: int, is_stopping: Callable[[], bool]) -> None:
        self._refuse_when(is_stopping)
        slot = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-priority, next(self._arrivals), slot))
        self._let_go()
        if slot.done():
            return
        try:
            while not slot.done():
                await asyncio.wait([slot], timeout=STOPPING_IS_SEEN_WITHIN)
                self._refuse_when(is_stopping)
        except BaseException:
            if not slot.cancel():
                self._give_back()
            raise

    def _refuse_when(self, is_stopping: Callable[[], bool]) -> None:
        if is_stopping():
            raise RunStopping(f"{self.host}: not sent, because the run is ending")

    def _let_go(self) -> None:
        """Give free slots to waiting requests, and schedule the next check."""
        now = _now()
        while self._next_may_leave() and now >= self._open_at and self._has_free_slot(now):
            _, _, slot = heapq.heappop(self._waiting)
            if not slot.done():
                self._in_flight += 1
                slot.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._next_may_leave() and self._in_flight < self.at_once:
            due = max(self._open_at, self._cooling[0] if self._cooling else 0.0)
            self._timer = asyncio.get_running_loop().call_at(due, self._let_go)

    def _next_may_leave(self) -> bool:
        return bool(self._waiting) and (self._least_priority is None or -self._waiting[0][0] >= self._least_priority)

    def _has_free_slot(self, now: float) -> bool:
        while self._cooling and self._cooling[0] <= now:
            heapq.heappop(self._cooling)
        return self._in_flight + len(self._cooling) < self.at_once


def release_slot(request: Request) -> None:
    """Free a request's slot, because its answer is recorded or never will be."""
    if callable(free := request.meta.get(HOLDS_SLOT)):
        free()


_LIMITERS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], RateLimiter]] = WeakKeyDictionary()


def limiter_of(host: str, configuration: Configuration, account: int = 0) -> RateLimiter:
    """A host's limiter (`Origin.key`; for the API one for each account), with the configuration of the crawl that asked last."""
    is_api = host == configuration.api.key
    limiters, key = _limiters(), (host, account if is_api else 0)
    if (limiter := limiters.get(key)) is None:
        limiter = limiters[key] = RateLimiter(host)
    if is_api:
        limiter.at_once = configuration.api_concurrency
        limiter.rest_within(Bounds(configuration.api_delay, configuration.api_delay_least))
    else:
        limiter.send_at_once(configuration.image_concurrency, configuration.image_concurrency_most)
        limiter.delay = configuration.image_delay
    limiter.rate_limit_wait = configuration.rate_limit_wait
    return limiter


def rest_of_api(configuration: Configuration, account: int) -> tuple[float, float | None]:
    """This process's learned seconds of rest after an answer, and until one is recorded; None before the first."""
    limiter = _limiters().get((configuration.api.key, account))
    return (configuration.api_delay, None) if limiter is None else (limiter.delay, limiter.answer_seconds)


def pauses() -> dict[str, datetime]:
    """The hosts that are paused now, and until when."""
    now = datetime.now(UTC)
    return {
        host: limiter.paused_until
        for (host, _), limiter in _limiters().items()
        if limiter.paused_until and limiter.paused_until > now
    }


def _limiters() -> dict[tuple[str, int], RateLimiter]:
    return _LIMITERS.setdefault(asyncio.get_running_loop(), {})


def _now() -> float:
    """Monotonic, so that setting the clock changes no pause."""
    return asyncio.get_running_loop().time()
