"""Checks whether pixiv accepts the session, with one request, at the pace and over the connections of a crawl."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import DownloadFailedError, IgnoreRequest
from scrapy.http import Response
from scrapy.settings import Settings

from pixivcrawl.api.answers import Answer, AnswerKind, classify
from pixivcrawl.api.catalogue import ME_EXTRA
from pixivcrawl.configuration import Configuration
from pixivcrawl.doctor.findings import Finding, ok, problem, warning
from pixivcrawl.errors import NoAnswer, PixivcrawlError
from pixivcrawl.ledger.scratch import scratch_ledger
from pixivcrawl.ledger.service import attach, detach
from pixivcrawl.session import Session
from pixivcrawl.throttling.account import REFUSED, account_refused
from pixivcrawl.throttling.rate_limiter import pauses

CHECK_SECONDS = 0.1
"""Seconds between two checks of whether pixiv asks for a pause."""


@dataclass(slots=True)
class SessionAnswer:
    """The result of the request, at the time `at`: an answer, or a pause that pixiv asked for, or why nothing came. `served` is pixiv's
    time.
    """

    at: datetime
    answer: Answer | None = None
    served: datetime | None = None
    paused_until: datetime | None = None
    error: PixivcrawlError | None = None


def ask(settings: Settings) -> SessionAnswer:
    """Send the request. Nothing is kept: the pace is that of this process, and its ledger is temporary."""
    with scratch_ledger(Configuration.from_settings(settings)) as ledger:
        process = AsyncCrawlerProcess(settings)
        crawler = process.create_crawler(SessionSpider)
        attach(crawler, ledger)
        crawling = process.crawl(crawler)
        process.start()
        detach(crawler)
    if isinstance(crawler.spider, SessionSpider) and crawler.spider.answered is not None:
        return crawler.spider.answered
    raised = crawling.exception() if crawling.done() and not crawling.cancelled() else None
    if isinstance(raised, PixivcrawlError):
        return SessionAnswer(datetime.now(UTC), error=raised)
    if raised is not None:
        raise raised
    raise KeyboardInterrupt


class SessionSpider(Spider):
    """Sends the cheapest request that needs a session, and keeps the answer."""

    name = "doctor"
    custom_settings = {"ITEM_PIPELINES": {}, "EXTENSIONS": {}}  # noqa: RUF012 (Scrapy's own name, never changed)
    answered: SessionAnswer | None = None

    async def start(self) -> AsyncIterator[Request]:
        self.answered = await self.answer()
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def answer(self) -> SessionAnswer:
        configuration = Configuration.from_settings(self.settings)
        request = ME_EXTRA.request(configuration.base_url, configuration.lang)
        # What the answer means is for this spider alone to say.
        del request.meta["endpoint"]
        asking = asyncio.ensure_future(self.crawler.engine.download_async(request))
        try:
            while not (await asyncio.wait([asking], timeout=CHECK_SECONDS))[0]:
                if until := next(iter(pauses().values()), None):
                    return SessionAnswer(datetime.now(UTC), paused_until=until)
            response = asking.result()
        except PixivcrawlError as error:
            return SessionAnswer(datetime.now(UTC), error=error)
        except (DownloadFailedError, IgnoreRequest) as error:
            why = f"pixiv cannot be asked ({error}): look at the network, the proxy and the certificates"
            return SessionAnswer(datetime.now(UTC), error=NoAnswer(why))
        finally:
            asking.cancel()
        return SessionAnswer(datetime.now(UTC), judged(response), served_at(response))


def judged(response: Response) -> Answer:
    location = response.headers.get("Location")
    return classify(
        response.status,
        (response.headers.get("Content-Type") or b"").decode("latin-1"),
        response.body,
        with_session=True,
        needs_session=True,
        location=location.decode("latin-1") if location else None,
    )


def served_at(response: Response) -> datetime | None:
    """The time in the answer itself; None if it has none."""
    with suppress(ValueError, OverflowError):
        moment = parsedate_to_datetime((response.headers.get("Date") or b"").decode("latin-1"))
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return None


def check_session(session: Session, answered: SessionAnswer) -> Finding:
    """What the answer says about the session."""
    if answered.error is not None:
        return problem("session", answered.error)
    if answered.paused_until is not None:
        return paused(answered.paused_until)
    answer = answered.answer
    assert answer is not None
    if answer.kind is AnswerKind.BODY:
        return ok("session", f"pixiv accepts the session of {reader(session)}")
    if answer.kind in REFUSED:
        return problem("session", account_refused(answer))
    said = f": {answer.message}" if answer.message else ""
    return problem("session", NoAnswer(f"pixiv answers {answer}{said}: ask again later"))


def paused(until: datetime) -> Finding:
    return warning(
        "session",
        f"not asked: pixiv asks for a pause until {until.astimezone():%Y-%m-%d %H:%M:%S}; runs wait for it, ask again then",
    )


def reader(session: Session) -> str:
    return "a reader whose id it does not tell" if session.user_id is None else f"reader {session.user_id}"
