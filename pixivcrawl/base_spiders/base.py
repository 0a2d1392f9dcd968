"""The base of every spider: its arguments, the ledger, the session, and how it sends requests to pixiv."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from time import monotonic
from typing import Any, ClassVar, Self, TypeVar, cast

from pydantic import ValidationError
from scrapy import Request, Spider
from scrapy.crawler import Crawler
from scrapy.http import Response
from scrapy.settings import BaseSettings
from scrapy_spider_metadata import Args

from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.api.bodies.users import ProfileAll
from pixivcrawl.api.catalogue import asked
from pixivcrawl.api.endpoint import BodyRefused, Endpoint
from pixivcrawl.api.paging import came
from pixivcrawl.api.parameters import ParameterRefused
from pixivcrawl.api.text import quoted
from pixivcrawl.api.trimming import without_other_works
from pixivcrawl.base_spiders.params import Arguments, explain
from pixivcrawl.base_spiders.rechecks import (
    RECHECKS_DEFERRED,
    RecheckDeferred,
    defers_rechecks,
    seconds_until_recheck,
)
from pixivcrawl.configuration import Configuration, filters_file
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.facts_from import facts_of
from pixivcrawl.filters import read_filters
from pixivcrawl.item_batches import through_pipelines
from pixivcrawl.items import Facts, Snapshot
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.answer import StoredAnswer, answer_to
from pixivcrawl.ledger.service import Ledger, has_ledger, is_archiving, ledger_of
from pixivcrawl.reader import Reader
from pixivcrawl.run_ending import STOPPING_IS_SEEN_WITHIN, TRIES, RunStopping, is_stopping
from pixivcrawl.session import Session, reader_of, session_from_settings
from pixivcrawl.throttling.account import BELIEVED_FOR, account_of
from pixivcrawl.throttling.rate_limiter import HOLDS_SLOT, release_slot
from pixivcrawl.throttling.waits import waiting

Body = TypeVar("Body")

ROWS_NAMED = 10
"""How many odd rows of one answer are reported, each by a line."""

SHORTEST_WAIT_SAID = 5.0
"""Seconds of waiting from which a line is logged."""

ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)


class PixivSpider(Args[ArgumentsT], Spider):
    """Sends requests through the catalogue and keeps every body that it reads in the ledger's journal.

    A spider is a `PixivSpider[ItsArguments]`: `Args` (scrapy-spider-metadata) validates the arguments into `self.args`.
    """

    archives: ClassVar[bool] = True
    """Whether its crawls open the archive (`is_archiving`)."""
    sample: ClassVar[str] = ""
    """A default argument for `scrapy parse`, `check` and `shell`, which need a spider but do not run it."""

    args: ArgumentsT
    configuration: Configuration
    session: Session | None
    artists_told: set[int]
    """The artists whose list of works this run has kept."""
    ignored_parameters: set[str]
    """The parameters that pixiv was seen to ignore."""
    held_back: list[Callable[[], Awaitable[Any]]]

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        """Raises ConfigurationError, in one line, for arguments that the spider does not take or a session that it lacks."""
        # Scrapyd adds `_job`; names that begin with an underscore are never ours.
        given = {name: value for name, value in kwargs.items() if not name.startswith("_")}
        if not given and cls.sample and not is_archiving(crawler):
            given = dict([cls.sample.split("=", 1)])
        try:
            spider = super().from_crawler(crawler, *args, **cls.with_filter(given, crawler.settings))
        except ValidationError as error:
            raise ConfigurationError(explain(cls.name, cls.arguments(), error)) from None
        spider.configuration = Configuration.from_settings(crawler.settings)
        spider.session = session_from_settings(crawler.settings)
        spider.ignored_parameters = set()
        spider.artists_told = set()
        spider.held_back = []
        spider.require_session()
        return spider

    def require_session(self) -> None:
        """Raises ConfigurationError if there is no session and the arguments need one."""
        if self.session is None and (what := self.session_needed_for()):
            raise ConfigurationError(f"{self.name}: {what} needs a session: set PIXIV_PHPSESSID or PIXIV_COOKIE_FILE")

    filters_by_default: ClassVar[bool] = True
    """Whether the filter that `[default] fetch` names applies if no other is given."""

    @classmethod
    def with_filter(cls, given: Mapping[str, Any], settings: BaseSettings) -> dict[str, Any]:
        """The arguments with the saved filter itself instead of its name. Raises ConfigurationError."""
        if "filter" not in cls.arguments().model_fields:
            return dict(given)
        saved = read_filters(filters_file(settings))
        name = given.get("filter", saved.fetch if cls.filters_by_default else None)
        return {**given, "filter": saved.named(name)}

    @classmethod
    def arguments(cls) -> type[Arguments]:
        """The model of the spider's arguments: the type parameter of its base."""
        return cast("type[Arguments]", cls.__orig_bases__[0].__args__[0])  # type: ignore[attr-defined]

    def session_needed_for(self) -> str | None:
        """The argument for which pixiv requires a session, or None."""
        return None

    @property
    def ledger(self) -> Ledger:
        return ledger_of(self.crawler)

    @property
    def reader(self) -> Reader:
        return reader_of(self.session)

    def now(self) -> datetime:
        return datetime.now(UTC)

    defers_rechecks = False
    """Whether this run has something else to do before it waits for rechecks."""

    def count(self, what: str, number: int = 1) -> None:
        self.crawler.stats.inc_value(f"pixiv/{what}", number)

    def api_request(self, endpoint: Endpoint[Body], **parameters: Any) -> Request:
        """A request whose answer is for `read`. Raises ParameterRefused."""
        request = endpoint.request(self.configuration.base_url, self.configuration.lang, **parameters)
        request.meta[HOLDS_SLOT] = True
        return request

    async def fetch(
        self,
        endpoint: Endpoint[Body],
        *,
        snapshot: bool = False,
        beside: Mapping[str, Any] | None = None,
        **parameters: Any,
    ) -> Body:
        """Send one request and return the body of its answer, journaled and with its facts recorded; with `snapshot`, also kept as a dated
        snapshot.

        `beside` is what must be known to read the answer (`facts_of`).
        Raises AnswerRefused when the answer is not a body (not found, login needed ...), BodyRefused when the body would make a wrong
        row, ParameterRefused before anything is sent.
        """
        if is_stopping(self.crawler):
            raise RunStopping("not asked, because the run is ending")
        request = self.api_request(endpoint, **parameters)
        if endpoint.second_hand:
            request.meta[TRIES] = self.configuration.api_retries
        response = await self.crawler.engine.download_async(request)
        return await self.read(endpoint, response, snapshot=snapshot, beside=beside)

    async def fetch_page(
        self, endpoint: Endpoint[Body], *, snapshot: bool = False, was_empty: bool = False, **parameters: Any
    ) -> Body:
        """As `fetch`, for a page of a list. An empty page is accepted if it `was_empty` before, or still is after the throttle time.

        pixiv: a throttled list answers with no rows, as one that has ended does.
        """
        body = await self.fetch(endpoint, snapshot=snapshot, **parameters)
        if was_empty or endpoint.paging is None or came(endpoint.paging.rows(body)) > 0:
            return body
        return await self.recheck_empty(endpoint, body, snapshot=snapshot, **parameters)

    async def recheck_empty(
        self, endpoint: Endpoint[Body], empty: Body, *, snapshot: bool = False, **parameters: Any
    ) -> Body:
        """The answer, after the throttle time, to a request that was just answered with `empty`; `empty` itself if that was the
        recheck.

        Raises RecheckDeferred when the recheck is deferred to the end of the command.
        """
        if await self.is_known_to_be_empty(endpoint, parameters):
            return empty
        wait = seconds_until_recheck(endpoint.name, endpoint.canonical(parameters), self.configuration.throttle_wait)
        if not wait:
            return empty
        if defers_rechecks(self.crawler):
            self.count(RECHECKS_DEFERRED)
        if self.defers_rechecks or defers_rechecks(self.crawler):
            raise RecheckDeferred(endpoint.name)
        if wait >= SHORTEST_WAIT_SAID:
            self.logger.warning("%s came back empty: asking again in %.0f s", endpoint.name, wait)
        with waiting(self.crawler, f"{endpoint.name} came back empty and is asked for again", wait):
            await self.sleep(wait)
        return await self.fetch(endpoint, snapshot=snapshot, **parameters)

    async def is_known_to_be_empty(self, endpoint: Endpoint[Any], parameters: Mapping[str, Any]) -> bool:
        """Whether something else confirms that an empty list is empty."""
        return False

    @property
    def is_in_doubt(self) -> bool:
        """Whether the last answers may have been a visitor's, although a session was sent."""
        return self.session is not None and account_of(self.crawler).in_doubt

    async def confirm_reader(self) -> bool:
        """Whether all answers so far were for this run's reader; asks pixiv if the last of them may have been a visitor's.

        A session that it does not know ends the run (AccountRefused, exit code 4), here with RunStopping.
        """
        taken = await account_of(self.crawler).is_taken() if self.is_in_doubt else True
        if taken is False:
            raise RunStopping("pixiv does not know the session")
        if taken is None:
            self.count("reader_unconfirmed")
            self.logger.error("%s: pixiv does not say whether it knows the session", self.name)
            return False
        while self.held_back:
            await self.held_back.pop(0)()
        return True

    async def once_confirmed(self, record: Callable[[], Awaitable[Any]]) -> None:
        """Record what is valid only if pixiv accepted the session: at once if that is certain, otherwise once it is confirmed, or never.

        Pixiv is asked for it no more than once in BELIEVED_FOR seconds.
        """
        self.held_back.append(record)
        if not (self.is_in_doubt and account_of(self.crawler).was_taken_within(BELIEVED_FOR)):
            await self.confirm_reader()

    async def sleep(self, seconds: float) -> None:
        """Raises RunStopping if the run ends first."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            await asyncio.sleep(min(left, STOPPING_IS_SEEN_WITHIN))
            if is_stopping(self.crawler):
                raise RunStopping("not asked for again, because the run is ending")

    async def parse(self, response: Response) -> AsyncIterator[dict[str, Any]]:
        """Any answer of pixiv's web API, read as its endpoint declares: what `scrapy parse` shows without a callback.

        @asks user.full id=11
        @returns items 1
        @scrapes endpoint parameters body
        """
        endpoint = asked(response.url)
        if endpoint is None or response.request is None:
            raise ParameterRefused(f"{quoted(response.url)} is not a known address of pixiv's web API")
        body = await self.read(endpoint, response)
        yield {"endpoint": endpoint.name, "parameters": endpoint.parameters_of(response.request), "body": body}

    async def read(
        self,
        endpoint: Endpoint[Body],
        response: Response,
        *,
        snapshot: bool = False,
        beside: Mapping[str, Any] | None = None,
    ) -> Body:
        """The body of a response to `endpoint`, journaled, with its facts recorded and, with `snapshot`, kept by date.

        Raises BodyRefused.
        """
        assert response.request is not None
        parameters = endpoint.parameters_of(response.request)
        # Scrapy's own commands make requests from an address alone.
        response.request.meta.update(endpoint=endpoint.name, parameters=parameters)
        try:
            odd_rows: list[BodyRefused] = []
            body = endpoint.parse(response.body, parameters, odd_rows)
            answer = answer_to(response.request, response, self.reader, self.now())
            answer = self.without_repeats(replace(answer, snapshot=snapshot, beside=beside or {}), body)
            facts = facts_of(endpoint.name, {**parameters, **answer.beside}, body, self.reader)
            if not await self.learn(facts, body, response, answer):
                await self.ledger.write(updates.record_answer, answer)
        except BodyRefused:
            # A later version may be able to read it.
            if has_ledger(self.crawler):
                answer = answer_to(response.request, response, self.reader, self.now(), is_refusal=True)
                await self.ledger.write(updates.record_answer, replace(answer, unread=True))
            raise
        finally:
            release_slot(response.request)
        if odd_rows and not endpoint.second_hand:
            self.say_odd_rows(odd_rows)
        if snapshot:
            kept_answer = Snapshot(endpoint.name, parameters, self.now(), response.text)
            await through_pipelines(self.crawler, [kept_answer], response)
            self.count("snapshots_kept")
        return body

    async def learn(
        self, facts: Facts, body: Any = None, response: Response | None = None, answer: StoredAnswer | None = None
    ) -> bool:
        """Send the facts of an answer through the item pipelines; returns whether any was recorded, and with it the answer.

        They are committed before anything follows from them.
        """
        return await through_pipelines(self.crawler, facts.items(), response, answer)

    def without_repeats(self, answer: StoredAnswer, body: Any) -> StoredAnswer:
        """The answer to keep: the list of all of an artist's works, which every answer about one of them contains, is kept once a run."""
        artist = body.user_id if isinstance(body, IllustDetail) else None
        if artist in self.artists_told:
            return replace(answer, payload=without_other_works(answer.payload), reduced="userIllusts")
        told = answer.parameters["id"] if isinstance(body, ProfileAll) else artist
        if told is not None:
            self.artists_told.add(told)
        return answer

    def say_odd_rows(self, odd_rows: Sequence[BodyRefused]) -> None:
        """Report rows that could not be read, which are missing from the archive; the journal keeps their answer."""
        self.count("rows_refused", len(odd_rows))
        for refusal in odd_rows[:ROWS_NAMED]:
            self.logger.error("a row is left out: %s", refusal)
        if len(odd_rows) > ROWS_NAMED:
            self.logger.error("and %d more rows of that answer", len(odd_rows) - ROWS_NAMED)

    async def pages_of(
        self, endpoint: Endpoint[Body], *, snapshot: bool = False, **parameters: Any
    ) -> AsyncIterator[Body]:
        """Every page of a list, until its declaration says that it has ended, or the same page comes again."""
        assert endpoint.paging is not None
        following: dict[str, Any] | None = {name: value for name, value in parameters.items() if value is not None}
        before: Any = None
        while following is not None:
            body = await self.fetch_page(endpoint, snapshot=snapshot, **following)
            rows = endpoint.paging.rows(body)
            if before is not None and rows == before:
                return
            yield body
            following, before = endpoint.next_page(following, body), rows
