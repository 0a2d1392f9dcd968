"""The crawl behind `pixivcrawl api`: one request, with the settings, the session and the pace of every crawl."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import DownloadFailedError, IgnoreRequest
from scrapy.settings import Settings

from pixivcrawl.api.answers import AnswerKind, AnswerRefused, classify_body
from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import BodyRefused, Endpoint
from pixivcrawl.api.json_input import read_document
from pixivcrawl.api.paging import NextIds
from pixivcrawl.archive.lock import lock
from pixivcrawl.batched import batched
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.extensions.run_record import COMPLETE, FAILED, INTERRUPTED
from pixivcrawl.ledger.scratch import scratch_ledger
from pixivcrawl.ledger.service import Ledger, attach, detach
from pixivcrawl.run_ending import RunStopping
from pixivcrawl.runs.exit_codes import complain

Form = Literal["indented", "lines", "raw"]

_HIDDEN = re.compile(r"[^\x20-\x7e\n]")


@dataclass(frozen=True, slots=True)
class ApiQuery:
    """What to request, with canonical values; the most pages to read; and how to print the answers."""

    endpoint: Endpoint[Any]
    values: dict[str, Any]
    pages: int = 1
    form: Form = "indented"


def run_query(question: ApiQuery, settings: Settings, configuration: Configuration, *, with_session: bool) -> int:
    """Send the request and print the answer; returns the exit code. Raises ArchiveInUse or StorageFailed before anything is sent."""
    with ledger_for(configuration, f"api {question.endpoint.name}") as ledger:
        process = AsyncCrawlerProcess(settings)
        crawler = process.create_crawler(ApiSpider)
        attach(crawler, ledger)
        process.crawl(crawler, question=question, with_session=with_session)
        process.start()
        detach(crawler)
    assert isinstance(crawler.spider, ApiSpider)
    return exit_code(crawler.spider.asking)


def exit_code(asking: asyncio.Task[None] | None) -> int:
    """The exit code of the process; prints an error in one line. Raises on bugs of ours."""
    if asking is None or not asking.done() or asking.cancelled():
        return INTERRUPTED
    match asking.exception():
        case None:
            return COMPLETE
        case PixivcrawlError() as error:
            return complain(error)
        case RunStopping():
            return INTERRUPTED
        case BodyRefused() as refused:
            return _failed(f"{refused}; --raw prints the answer as it is")
        case AnswerRefused() | DownloadFailedError() | IgnoreRequest() as refused:
            return _failed(str(refused))
        case error:
            raise error


def _failed(why: str) -> int:
    say(why)
    return FAILED


def say(text: str) -> None:
    """Print a note on standard error; standard output belongs to the answer."""
    print(f"pixivcrawl: {text}", file=sys.stderr, flush=True)


@contextmanager
def ledger_for(configuration: Configuration, task: str) -> Iterator[Ledger]:
    """The archive's ledger under its lock, so that two processes never ask pixiv at once and a pause outlives this one; if there is no
    archive yet, a temporary ledger.
    """
    archive = configuration.archive
    with ExitStack() as until_the_end:
        if archive.lock_file.exists():
            until_the_end.enter_context(lock(archive, task))
            ledger = Ledger.open(configuration.database_url, archive=archive)
            until_the_end.callback(ledger.close)
        else:
            ledger = until_the_end.enter_context(scratch_ledger(configuration))
        yield ledger


class ApiSpider(Spider):
    """Sends one request and prints each page of the answer; keeps nothing."""

    name = "api"
    custom_settings = {"ITEM_PIPELINES": {}, "EXTENSIONS": {}}  # noqa: RUF012 (Scrapy's own name, never changed)
    question: ApiQuery
    with_session: bool
    asking: asyncio.Task[None] | None = None

    async def start(self) -> AsyncIterator[Request]:
        # A task, because Scrapy would only log what is raised here.
        self.asking = asyncio.ensure_future(self.print_pages())
        await asyncio.wait([self.asking])
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def print_pages(self) -> None:
        """Raises whatever the requests raise."""
        before = None
        async for endpoint, payload in self.payloads():
            if payload == before:
                # pixiv: past the end of some lists the last page comes again and again.
                return
            _print(endpoint, payload, self.question.form, first=before is None)
            before = payload

    async def payloads(self) -> AsyncIterator[tuple[Endpoint[Any], bytes]]:
        """The pages, each with the endpoint that gave it."""
        question = self.question
        body = None
        following: list[dict[str, Any]] = [question.values]
        endpoint = question.endpoint
        for _ in range(question.pages):
            values = following.pop(0)
            payload = await self.answer(endpoint, values)
            if question.form != "raw" or question.pages > 1:
                odd_rows: list[BodyRefused] = []
                body = endpoint.parse(payload, values, odd_rows)
                for refusal in odd_rows:
                    say(f"a row cannot be read: {refusal}")
                self.remark(endpoint, body)
            yield endpoint, payload
            if not following:
                following = next_questions(endpoint, values, body)
                endpoint = ENDPOINTS[endpoint.continued_by]
            if not following:
                return

    async def answer(self, endpoint: Endpoint[Any], values: dict[str, Any]) -> bytes:
        configuration = Configuration.from_settings(self.settings)
        request = endpoint.request(configuration.base_url, configuration.lang, **values)
        return (await self.crawler.engine.download_async(request)).body

    def remark(self, endpoint: Endpoint[Any], body: Any) -> None:
        """Note what the body does not show by itself: that the reader may not see the work, or that a list may be throttled."""
        answer = classify_body(endpoint, body, with_session=self.with_session)
        if answer.kind is AnswerKind.THROTTLED:
            say(
                f"{endpoint.name}: no rows; pixiv also answers like this when asked too often: ask again in a few minutes"
            )
        elif answer.kind is not AnswerKind.BODY:
            say(f"{endpoint.name}: {answer.kind}: {answer.message}")


def next_questions(endpoint: Endpoint[Any], values: dict[str, Any], body: Any) -> list[dict[str, Any]]:
    """The values for the pages after `body`: the next page, or every batch of the ids that it names."""
    if body is None or endpoint.paging is None:
        return []
    if isinstance(endpoint.paging, NextIds):
        return [{endpoint.paging.parameter: some} for some in batched(endpoint.paging.ids(body), values["limit"])]
    following = endpoint.next_page(values, body)
    return [] if following is None else [following]


def _print(endpoint: Endpoint[Any], payload: bytes, form: Form, *, first: bool) -> None:
    if form == "raw":
        sys.stdout.buffer.write(payload if first else b"\n" + payload)
        sys.stdout.buffer.flush()
        return
    document = read_document(payload)
    content = document["body"] if endpoint.envelope else document
    separators = (",", ":") if form == "lines" else None
    text = json.dumps(content, ensure_ascii=False, indent=None if form == "lines" else 2, separators=separators)
    print(_HIDDEN.sub(_visible, text), flush=True)


def _visible(found: re.Match[str]) -> str:
    """A character that a terminal would act on, or could not show, in JSON's own escaped form; any other as it is."""
    character = found[0]
    shows = character.isprintable() or unicodedata.category(character) == "Zs"
    return character if shows else json.dumps(character)[1:-1]
