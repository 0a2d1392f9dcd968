"""The crawl behind `pixivcrawl doctor --live`: one request to each usable endpoint, at the pace of a crawl; keeps nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import DownloadFailedError, IgnoreRequest
from scrapy.settings import Settings

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.bodies.artworks import Comments, IllustDetail
from pixivcrawl.api.bodies.listings import Watchlist
from pixivcrawl.api.bodies.ranking import Ranking
from pixivcrawl.api.bodies.search import Search
from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import Auth, BodyRefused, Endpoint
from pixivcrawl.api.json_input import read_document
from pixivcrawl.configuration import Configuration
from pixivcrawl.doctor.fields import differences, known_fields
from pixivcrawl.doctor.findings import Finding, ok, problem, warning
from pixivcrawl.errors import NoAnswer, PixivcrawlError
from pixivcrawl.ledger.service import attach, detach
from pixivcrawl.run_ending import RunStopping
from pixivcrawl.runs.api_spider import ledger_for
from pixivcrawl.session import Session

FIRST = ("ranking", "search.illustrations", "illust.detail", "illust.comments", "watchlist.manga")
"""Endpoints whose answers have the ids for others."""

Say = Callable[[Finding], None]


def check_live(settings: Settings, configuration: Configuration, session: Session | None, say: Say) -> None:
    """Send the requests and report each answer as it arrives. Raises ArchiveInUse or StorageFailed before anything is sent."""
    with ledger_for(configuration, "doctor --live") as ledger:
        process = AsyncCrawlerProcess(settings)
        crawler = process.create_crawler(LiveCheck)
        attach(crawler, ledger)
        crawling = process.crawl(crawler, session=session, say=say)
        process.start()
        detach(crawler)
    if crawling.done() and not crawling.cancelled() and (raised := crawling.exception()):
        raise raised
    checking = crawler.spider.checking if isinstance(crawler.spider, LiveCheck) else None
    if checking is None or not checking.done() or checking.cancelled():
        raise KeyboardInterrupt
    if raised := checking.exception():
        raise raised


@dataclass(slots=True)
class KnownIds:
    """Ids from earlier answers, for the requests that need one."""

    reader: int | None
    work: int | None = None
    ugoira: int | None = None
    artist: int | None = None
    series: int | None = None
    comment: int | None = None
    word: str | None = None

    def look(self, body: Any) -> None:
        match body:
            case Ranking():
                for row in body.contents:
                    if self.work is None and not row.is_masked and row.tags:
                        self.work, self.artist, self.word = row.illust_id, row.user_id, row.tags[0]
                    self.series = self.series or row.series_id
            case Search() if body.illust is not None:
                self.ugoira = next((row.id for row in body.illust.data if row.kind == "ugoira"), None)
            case IllustDetail():
                self.series = self.series or body.series_id
            case Comments():
                self.comment = next((comment.id for comment in body.comments if comment.has_replies), None)
            case Watchlist():
                self.series = self.series or next(iter(body.page.watched_series_ids), None)

    def values(self, endpoint: Endpoint[Any]) -> dict[str, Any] | None:
        """The parameters for a request to `endpoint`; None if no fitting id is known."""
        values: dict[str, Any] = {
            param.name: self._value(endpoint, param.name) for param in endpoint.params if param.required
        }
        if endpoint.name == "search.illustrations":
            values["type"] = "ugoira"
        return None if None in values.values() else values

    def _value(self, endpoint: Endpoint[Any], name: str) -> Any:
        match endpoint.name.partition(".")[0], name:
            case _, "word" | "tag":
                return self.word
            case _, "ids" | "illust_ids":
                return None if self.work is None else [self.work]
            case "illust", "id" if endpoint.name == "illust.ugoira_meta":
                return self.ugoira
            case "illust", "id" | "illust_id":
                return self.work
            case "user", "id":
                return self.reader if endpoint.auth is Auth.SESSION else self.artist
            case "series", "id":
                return self.series
            case "comment", "comment_id":
                return self.comment
        return None


class LiveCheck(Spider):
    """Requests, compares, keeps nothing."""

    name = "doctor"
    custom_settings = {"ITEM_PIPELINES": {}, "EXTENSIONS": {}}  # noqa: RUF012 (Scrapy's own name, never changed)
    session: Session | None
    say: Say
    checking: asyncio.Task[None] | None = None

    async def start(self) -> AsyncIterator[Request]:
        # A task, because Scrapy would only log what is raised here.
        self.checking = asyncio.ensure_future(self.check())
        await asyncio.wait([self.checking])
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def check(self) -> None:
        seen = KnownIds(None if self.session is None else self.session.user_id)
        for name in dict.fromkeys([*FIRST, *ENDPOINTS]):
            endpoint = ENDPOINTS[name]
            if endpoint.method != "GET":
                continue
            if endpoint.auth is Auth.SESSION and self.session is None:
                self.say(ok(name, "not asked: it needs a session"))
            elif (values := seen.values(endpoint)) is None:
                self.say(ok(name, "not asked: nothing was found to ask it about"))
            else:
                self.say(await self.finding(endpoint, values, seen))

    async def finding(self, endpoint: Endpoint[Any], values: dict[str, Any], seen: KnownIds) -> Finding:
        """What the answer is like. It contains neither its values nor the request's, so it can be published."""
        configuration = Configuration.from_settings(self.settings)
        request = endpoint.request(configuration.base_url, configuration.lang, **values)
        try:
            response = await self.crawler.engine.download_async(request)
            document = read_document(response.body)
            seen.look(endpoint.parse(response.body, endpoint.canonical(values)))
        except BodyRefused as refused:
            return problem(endpoint.name, NoAnswer(f"refused: {refused.field or 'the body'} is not as it was"))
        except AnswerRefused as refused:
            return problem(endpoint.name, NoAnswer(f"refused: {refused.answer}"))
        except (PixivcrawlError, RunStopping):
            raise
        except (DownloadFailedError, IgnoreRequest):
            return problem(endpoint.name, NoAnswer("no answer came"))
        found = differences(document["body"] if endpoint.envelope else document, known_fields()[endpoint.name])
        said = [
            f"{what}: {', '.join(paths)}" for what, paths in (("missing", found.missing), ("new", found.new)) if paths
        ]
        if found.missing:
            return problem(endpoint.name, NoAnswer("; ".join(said)))
        return warning(endpoint.name, said[0]) if found.new else ok(endpoint.name, "as known")
