"""What a sync looks at for itself: whether pixiv still takes the session, and who of those followed has something new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, IgnoreRequest

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.catalogue import ME_EXTRA
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.configuration import Configuration
from pixivcrawl.items import Artwork
from pixivcrawl.spiders.arguments import Arguments
from pixivcrawl.spiders.feed import FeedSpider
from pixivcrawl.spiders.pixiv import PixivSpider

WORKS_BETWEEN = 300
"""How many works are asked for between two looks."""


class LookArguments(Arguments):
    """None."""


class LookSpider(PixivSpider[LookArguments]):
    """Asks pixiv for what only the signed-in may ask; one that is refused ends the run (AccountRefused), as everywhere."""

    name = "session"

    def session_needed_for(self) -> str | None:
        return "this sync"

    async def start(self) -> AsyncIterator[Request]:
        try:
            await self.ask(ME_EXTRA)
        except (AnswerRefused, BodyRefused) as refusal:
            self.not_answered(refusal)
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def not_answered(self, refusal: Exception) -> None:
        """That says nothing of the session."""
        self.count("lists_failed")
        self.logger.error("%s: %s", self.name, refusal)


class NewsSpider(FeedSpider):
    """Reads the feed for its rows, from its head down to what was seen before; the first time only its head."""

    name = "news"
    # Two, so that a page that ends among what was seen before shows some of it whatever comes in between.
    pages_at_first = 2


class Looks:
    """Looks again whenever so many works have been asked for, in whichever crawl that is."""

    def __init__(self) -> None:
        self._works = 0

    def during(self, crawler: Crawler) -> None:
        async def item_scraped(item: Any) -> None:
            if isinstance(item, Artwork):
                await self._work_archived(crawler)

        # Scrapy would not keep it.
        crawler.signals.connect(item_scraped, signals.item_scraped, weak=False)

    async def _work_archived(self, crawler: Crawler) -> None:
        self._works += 1
        if self._works % WORKS_BETWEEN:
            return
        request = ME_EXTRA.request(Configuration.from_settings(crawler.settings).base_url)
        # What refuses the session has ended the run when it comes here; anything else says nothing of it.
        with suppress(AnswerRefused, DownloadFailedError, IgnoreRequest):
            await crawler.engine.download_async(request)
