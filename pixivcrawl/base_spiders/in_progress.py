"""The works, or artists, that a spider has begun and whose files are not all settled: few at a time, so that memory stays flat."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from functools import partial
from time import monotonic
from typing import Any

from scrapy.crawler import Crawler

from pixivcrawl.errors import StorageFailed
from pixivcrawl.item_batches import send
from pixivcrawl.items import Original
from pixivcrawl.ledger.claims import Claims
from pixivcrawl.ledger.service import ledger_of
from pixivcrawl.run_ending import end_run, is_stopping


class WorksInProgress:
    """Counts the open parts (the request, each file) of every work begun; at most `limit` works are open at once.

    `settled` is how many works have none left, and are not looked at again; `seconds`, for how long any was open.
    """

    def __init__(self, crawler: Crawler, limit: int) -> None:
        self.settled = 0
        self._seconds = 0.0
        self._open_since: float | None = None
        self.beside: WorksInProgress | None = None
        self._crawler = crawler
        self._under_way: set[asyncio.Task[None]] = set()
        self._limit = limit
        self._parts: dict[int, int] = {}
        self._looked_at_again: set[int] = set()
        self._changed = asyncio.Condition()

    def __contains__(self, work_id: int) -> bool:
        return work_id in self._parts

    @property
    def works(self) -> list[int]:
        """Those that are open."""
        return list(self._parts)

    @property
    def seconds(self) -> float:
        return self._seconds + (0.0 if self._open_since is None else monotonic() - self._open_since)

    async def begin(self, work_id: int) -> bool:
        """Open a work with one part, waiting until there is room for it; False if it is already open in one of `beside`."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._parts) < self._limit)
            if self.beside is not None and work_id in self.beside:
                return False
            if self._open_since is None:
                self._open_since = monotonic()
            self._parts[work_id] = self._parts.get(work_id, 0) + 1
            return True

    async def fetch(self, work_id: int, originals: Sequence[Original]) -> None:
        """Send a work's files through the item pipelines, as if they had been yielded, and close the part that asked for them."""
        self._parts[work_id] = self._parts.get(work_id, 0) + len(originals)
        claims = ledger_of(self._crawler).claims
        if claims is None or not originals:
            for original in originals:
                self._begin(self._fetch(work_id, original))
        else:
            self._begin(self._fetch_claimed(claims, work_id, originals))
        await self.settle(work_id)

    def _begin(self, fetching: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(fetching)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task

    async def _fetch_claimed(self, claims: Claims, work_id: int, originals: Sequence[Original]) -> None:
        """Those that no other crawl has stored by the time at which none fetches files of the work."""
        left = len(originals)
        try:
            async with claims.of(originals, partial(is_stopping, self._crawler)) as missing:
                fetching = [self._begin(self._fetch(work_id, original)) for original in missing]
                left -= len(fetching)
                if fetching:
                    await asyncio.wait(fetching)
        except StorageFailed as failure:
            end_run(self._crawler, failure)
        finally:
            for _ in range(left):
                await self.settle(work_id)

    async def _fetch(self, work_id: int, original: Original) -> None:
        try:
            await send(self._crawler, original)
        finally:
            await self.settle(work_id)

    def look_again(self, work_id: int) -> None:
        """Note that an open work will be looked at again."""
        self._looked_at_again.add(work_id)

    async def settle(self, work_id: int) -> None:
        """Close one part of a work; the last one makes room for another work."""
        parts = self._parts.get(work_id, 0) - 1
        if parts > 0:
            self._parts[work_id] = parts
            return
        async with self._changed:
            is_last_look = work_id not in self._looked_at_again
            self._looked_at_again.discard(work_id)
            self.settled += self._parts.pop(work_id, None) is not None and is_last_look
            if not self._parts:
                self._seconds, self._open_since = self.seconds, None
            self._changed.notify_all()

    async def settled_of(self, work_id: int) -> None:
        """Wait until a work has no open part."""
        async with self._changed:
            await self._changed.wait_for(lambda: work_id not in self._parts)

    async def all_settled(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._parts)
