"""Requests in flight get a few seconds when the run is ending, and none when the crawl has lost its lane."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from scrapy.exceptions import DownloadFailedError

from pixivcrawl.run_ending import STOPPING_IS_SEEN_WITHIN, RunStopping

T = TypeVar("T")

LAST_SECONDS = 5.0
"""Seconds that a request in flight has left when the run is ending."""


class Deadline:
    """One for all requests of a crawl: while any is in flight, checks four times a second whether the run is ending or may not send."""

    def __init__(self, is_stopping: Callable[[], bool], may_send: Callable[[], bool]) -> None:
        self._is_stopping = is_stopping
        self._may_send = may_send
        self._under_way: set[asyncio.Timeout] = set()
        self._next_look: asyncio.TimerHandle | None = None

    async def kept(self, exchange: Awaitable[T]) -> T:
        """The result of `exchange`. Raises RunStopping if it does not end in time; DownloadFailedError if the crawl may no longer send."""
        limit = asyncio.timeout(None)
        try:
            async with limit:
                self._under_way.add(limit)
                self._look_later()
                return await exchange
        except TimeoutError:
            if limit.expired() and not self._is_stopping():
                raise DownloadFailedError("cut off, because the account's lane was lost") from None
            if limit.expired():
                raise RunStopping("cut off, because the run is ending") from None
            raise
        finally:
            self._under_way.discard(limit)

    def _look_later(self) -> None:
        if self._next_look is None:
            self._next_look = asyncio.get_running_loop().call_later(STOPPING_IS_SEEN_WITHIN, self._look)

    def _look(self) -> None:
        self._next_look = None
        if not self._may_send():
            for limit in self._under_way:
                limit.reschedule(asyncio.get_running_loop().time())
        elif self._is_stopping():
            end = asyncio.get_running_loop().time() + LAST_SECONDS
            for limit in self._under_way:
                if limit.when() is None:
                    limit.reschedule(end)
        if self._under_way:
            self._look_later()
