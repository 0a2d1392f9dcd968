"""What the four pipelines share: the archive, the ledger, and how a file that failed is parked."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Self

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem, NotConfigured

from pixivcrawl.api.text import one_line
from pixivcrawl.configuration import Configuration
from pixivcrawl.items import Original
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger, is_archiving, ledger_of
from pixivcrawl.ledger.updates.doubtful import DoubtfulBody

LONGEST_REASON = 400
"""Characters; the text may contain parts that come from outside."""


class FilePipeline:
    """One step on a file's way. An item of another type than the step's own passes untouched."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.configuration = Configuration.from_settings(crawler.settings)
        self.archive = self.configuration.archive

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        if not is_archiving(crawler):
            raise NotConfigured
        return cls(crawler)

    @property
    def ledger(self) -> Ledger:
        return ledger_of(self.crawler)

    def count(self, what: str, number: int = 1) -> None:
        self.crawler.stats.inc_value(f"pixiv/{what}", number)

    async def park(
        self,
        original: Original,
        reason: str,
        *,
        came: DoubtfulBody | None = None,
        counted: bool = True,
        waits: bool = True,
    ) -> DropItem:
        """Record why a file is not in place, and which doubtful body came; returns the exception that drops the item.

        With `waits`, the time to the next try grows; otherwise every run tries again, because that costs nothing.
        """
        if counted:
            self.count("files_failed")
        reason = one_line(reason, LONGEST_REASON)
        now = datetime.now(UTC) if came is None else came.last
        doubtful = {} if came is None else came.as_told
        spider: Any = self.crawler.spider
        await self.ledger.write(
            updates.record_file_failed, original, reason, now, waits=waits, **doubtful, crawl_id=spider.crawl.crawl_id
        )
        return DropItem(f"{original}: {reason}", log_level="WARNING")

    async def park_and_ask(self, original: Original, reason: str) -> DropItem:
        """Have the spider ask for the work again, which says whether anything is missing; returns the exception to raise.

        The file is parked first: after a kill in between it has its reason, and is fetched once more.
        """
        parked = await self.park(original, reason, counted=False)
        await self.ledger.write(updates.mark_stale, original.work_id, datetime.now(UTC))
        return parked

    async def leave_to_pixiv(self, original: Original, reason: str) -> DropItem:
        """Have the spider ask for the work itself, because its row does not settle what this file is; returns the exception to raise."""
        await self.ledger.write(updates.mark_stale, original.work_id, datetime.now(UTC))
        return DropItem(f"{original}: {reason}", log_level="INFO")
