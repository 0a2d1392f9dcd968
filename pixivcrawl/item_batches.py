"""Groups the items of one answer on their way through the item pipelines, so that they are recorded together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any

from scrapy.crawler import Crawler
from scrapy.http import Response

from pixivcrawl.ledger.answer import StoredAnswer


class ItemBatch:
    """Collects items until each has either arrived or left the pipelines, then has the arrived ones recorded together.

    `answer` is what all of them were read from.
    """

    def __init__(self, items: Sequence[Any], answer: StoredAnswer | None) -> None:
        self.answer = answer
        self.sent = items
        self._under_way = len(items)
        self._came: list[Any] = []
        self._all_came = asyncio.Event()
        self._recording: asyncio.Future[None] | None = None

    async def recorded(self, item: Any, record: Callable[[Sequence[Any]], Awaitable[None]]) -> None:
        """Wait until `record` was given this item with the others. Raises what it raises."""
        self._came.append(item)
        self._recording = self._recording or asyncio.ensure_future(self._record(record))
        self._look()
        await self._recording

    def left(self) -> None:
        """An item is done: recorded, dropped or failed."""
        self._under_way -= 1
        self._look()

    @property
    def is_whole(self) -> bool:
        """Whether all items arrived as they were sent: no pipeline dropped or changed one."""
        return len(self._came) == len(self.sent) and {*map(id, self._came)} == {*map(id, self.sent)}

    async def end(self) -> bool:
        """Whether items were recorded. Raises what prevented it."""
        if self._recording is not None:
            await self._recording
        return self._recording is not None

    async def _record(self, record: Callable[[Sequence[Any]], Awaitable[None]]) -> None:
        await self._all_came.wait()
        await record(self._came)

    def _look(self) -> None:
        if len(self._came) >= self._under_way:
            self._all_came.set()


BATCH: ContextVar[ItemBatch | None] = ContextVar("batch", default=None)
"""The batch of the item being processed; None for an item that a callback yielded."""


async def send(crawler: Crawler, item: Any, response: Response | None = None) -> None:
    """Send an item through the item pipelines as if it had been yielded, and wait until it is recorded, dropped or failed."""
    scraper = crawler.engine.scraper
    await scraper.start_itemproc_async(item, response=response)
    if scraper.slot is not None and scraper.slot.closing is not None and not scraper.slot.closing.called:
        # Scrapy asks whether the items of a closing spider are done when a response is.
        scraper._check_if_closing()  # noqa: SLF001 (there is no public word for it)


async def through_pipelines(
    crawler: Crawler, items: Sequence[Any], response: Response | None = None, answer: StoredAnswer | None = None
) -> bool:
    """Send items together, and wait until they are recorded; returns whether any was. Raises what prevents that."""
    batch = ItemBatch(items, answer)

    async def send_one(item: Any) -> None:
        BATCH.set(batch)
        try:
            await send(crawler, item, response)
        finally:
            batch.left()

    await asyncio.gather(*(send_one(item) for item in items))
    return await batch.end()
