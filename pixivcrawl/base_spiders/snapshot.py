"""The base of the spiders that keep answers as they come, by date, and archive no works."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self, TypeVar

from scrapy import Request
from scrapy.crawler import Crawler

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.endpoint import BodyRefused, Endpoint
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.params import Arguments
from pixivcrawl.ledger import updates

SnapshotArgumentsT = TypeVar("SnapshotArgumentsT", bound=Arguments)


class SnapshotSpider(PixivSpider[SnapshotArgumentsT]):
    """Sends every request of `api_requests()` and keeps each answer as a dated snapshot; a failure does not affect the others."""

    crawl: updates.Crawl
    read_to_end: bool

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.read_to_end = False
        return spider

    @abstractmethod
    def api_requests(self) -> Iterator[tuple[Endpoint[Any], dict[str, Any]]]:
        """The requests, with their parameters."""

    async def start(self) -> AsyncIterator[Request]:
        self.crawl = await self.ledger.write(
            updates.begin_crawl, self.name, self.args.canonical(), self.now(), self.reader
        )
        for endpoint, parameters in self.api_requests():
            try:
                await self._ask_every_page(endpoint, parameters)
            except (AnswerRefused, BodyRefused) as refusal:
                self.request_failed(refusal)
        self.read_to_end = await self.confirm_reader() and not self.crawler.stats.get_value("pixiv/lists_failed")
        # Nothing is left for the scheduler, but Scrapy wants a generator.
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    def request_failed(self, refusal: Exception) -> None:
        self.count("lists_failed")
        self.logger.error("%s: %s", self.name, refusal)

    async def _ask_every_page(self, endpoint: Endpoint[Any], parameters: dict[str, Any]) -> None:
        following: dict[str, Any] | None = parameters
        while following is not None:
            body = await self.fetch(endpoint, snapshot=True, **following)
            following = endpoint.next_page(following, body)
