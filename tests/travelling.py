"""A crawl that only sends the requests it is given, through the real engine, middlewares, handler and ledger."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerRunner, Crawler
from scrapy.http import Response
from scrapy.settings import Settings, default_settings

from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.extensions.run_record import RunRecord
from pixivcrawl.sandbox.addresses import Addresses
from settings import base
from tests.sandbox.serving import Sandbox

PIXIV = "https://www.pixiv.net/"


@dataclass
class Journey:
    """What came of each request, in their order; `ended_by` is the error that stopped the run."""

    answers: list[Response | BaseException] = field(default_factory=list)
    stats: dict[str, Any] = field(default_factory=dict)
    ended_by: PixivcrawlError | None = None

    @property
    def only(self) -> Any:
        [answer] = self.answers
        return answer


class Traveller(Spider):
    name = "traveller"
    archives = True
    journey: Journey
    way: Callable[[Crawler], Awaitable[list[Response | BaseException]]]

    async def start(self) -> AsyncIterator[Any]:
        self.journey.answers = await self.way(self.crawler)
        return
        yield  # makes it the generator that Scrapy wants


def of_the_project(values: Mapping[str, Any]) -> Settings:
    """The project's own settings, and these as of a command line."""
    settings = Settings()
    settings.setmodule("settings.base", priority="project")
    settings.update(values, priority="cmdline")
    return settings


def own_settings() -> dict[str, Any]:
    """Those of the project's settings that are none of Scrapy's, for a crawler that is made of nothing else."""
    own = {name: value for name, value in vars(base).items() if name.isupper() and name not in default_settings.__all__}
    return own | {"USER_AGENT": base.USER_AGENT}


def settings_for(archive: Path, sandbox: Sandbox | None = None, **more: Any) -> Settings:
    """The project's own settings, without pace, for a crawl in this process."""
    chosen: dict[str, Any] = {
        "ARCHIVE_DIR": str(archive),
        "PIXIV_API_DELAY": 0,
        "PIXIV_API_RETRY_DELAY": 0.01,
        "PIXIV_RATE_LIMIT_WAIT": 0.3,
        "TWISTED_REACTOR_ENABLED": False,
        "SPIDER_MODULES": [],
        "ITEM_PIPELINES": {},
        "EXTENSIONS": {
            "pixivcrawl.extensions.ledger.LedgerExtension": 0,
            "pixivcrawl.extensions.run_record.RunRecord": 500,
        },
    }
    return of_the_project(chosen | (sandbox.settings() if sandbox else {}) | more)


def travel(settings: Settings, *requests: Request, at_once: bool = False) -> Journey:
    """Send the requests, one after another or all at once, and say what came of each."""

    async def way(crawler: Crawler) -> list[Response | BaseException]:
        if at_once:
            return await asyncio.gather(
                *(crawler.engine.download_async(each) for each in requests), return_exceptions=True
            )
        answers: list[Response | BaseException] = []
        for request in requests:
            answers += await asyncio.gather(crawler.engine.download_async(request), return_exceptions=True)
        return answers

    return go(settings, way)


def go(settings: Settings, way: Callable[[Crawler], Awaitable[list[Response | BaseException]]]) -> Journey:
    """Run a crawl that does `way`."""
    journey = Journey()

    class Spider(Traveller):
        pass

    Spider.journey, Spider.way = journey, staticmethod(way)

    async def run() -> None:
        runner = AsyncCrawlerRunner(settings)
        crawler = runner.create_crawler(Spider)
        await runner.crawl(crawler)
        journey.stats = crawler.stats.get_stats()
        record = crawler.get_extension(RunRecord)
        assert record is not None
        journey.ended_by = record.error

    asyncio.run(run())
    return journey


def original_url(sandbox: Sandbox, work_id: int, page: int = 0) -> str:
    work = sandbox.world.work(work_id)
    assert work is not None
    scheme = sandbox.base_url.partition(":")[0]
    return Addresses(f"{scheme}://{sandbox.image_host}").original(work, page)


def to_stage(url: str, path: Path) -> Request:
    """The request for an original, as a pipeline makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return Request(url, headers={"Referer": PIXIV}, meta={"stage_to": str(path)}, dont_filter=True)
