"""Classifies API answers: a body goes on to the spider, a temporary failure is tried again, anything else raises AnswerRefused."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response

from pixivcrawl.api.answers import Answer, AnswerKind, AnswerRefused, classify
from pixivcrawl.api.catalogue import ME_EXTRA, find
from pixivcrawl.api.endpoint import Auth
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import AccountRefused, ConfigurationError, NoAnswer, PixivcrawlError
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.answer import answer_to
from pixivcrawl.ledger.service import has_ledger, ledger_of
from pixivcrawl.reader import VISITOR
from pixivcrawl.run_ending import STOPPING_IS_SEEN_WITHIN, TRIES, RunStopping, end_run, is_stopping
from pixivcrawl.session import reader_of, session_from_settings
from pixivcrawl.throttling.account import (
    BELIEVED_FOR,
    CHECKING,
    REFUSED,
    Account,
    account_of,
    account_refused,
    page_refused,
)
from pixivcrawl.throttling.rate_limiter import release_slot
from pixivcrawl.throttling.waits import waiting

TEMPORARY = {AnswerKind.SERVER_ERROR, AnswerKind.NOT_JSON}
"""Kinds of answers that say nothing about the subject of the request."""

CHANGE_REFUSED = "if what was asked is right, log in again in a browser and renew PIXIV_PHPSESSID or the cookie file"
"""What to do when pixiv refuses a request that changes something. pixiv: it does if the token belongs to another session."""

BAD_REQUEST, FORBIDDEN = 400, 403

UNANSWERED = 10
"""After this many requests in a row without an answer, each tried as often as allowed, pixiv is out of order."""

REFUSALS = 5
"""This many refusals in a row to a reader without a session are meant for the reader, not for the works."""

MOST_BLOCK_PAGES = 3
"""This many pages with status 403 in a row come from pixiv's guard, which no further request will pass."""

BACKOFF_FACTOR = 4
"""Each pause before another try is this many times the one before."""


class AnswersMiddleware:
    """Reads the answers to requests that the catalogue made (`meta["endpoint"]`); all others pass.

    A 429 never comes here: the download handler waits and sends again.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.configuration = Configuration.from_settings(crawler.settings)
        self._reader = reader_of(session_from_settings(crawler.settings))
        self._unanswered = 0
        self._refusals = 0
        self._guards = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        """Raises AnswerRefused, and ends the run if the account is refused, or if pixiv does not answer at all."""
        if "endpoint" not in request.meta:
            return response
        account = account_of(self.crawler) if "Cookie" in request.headers else None
        if account is not None:
            self._note_reader(account, response)
        answer = self._judged(request, response)
        if answer.kind is AnswerKind.BODY:
            await self._note_body(request, account)
            return response
        release_slot(request)
        refusal = AnswerRefused(request.meta["endpoint"], answer)
        try:
            await self._look_at_reader(request, refusal, account)
        finally:
            # Not earlier: while the refusal is written, other requests would leave, which an ended run no longer sends.
            await self._keep(request, response)
        if answer.kind in TEMPORARY:
            return await self._again(request, refusal)
        if answer.status == BAD_REQUEST and account is not None:
            # The session is accepted, so pixiv refuses the request itself, or the token that its pages gave.
            message = answer.message if request.method == "GET" else f"{answer.message}; {CHANGE_REFUSED}"
            raise AnswerRefused(refusal.endpoint, replace(answer, kind=AnswerKind.REFUSED, message=message))
        raise refusal

    async def _look_at_reader(self, request: Request, refusal: AnswerRefused, account: Account | None) -> None:
        """Check whether a refusal is about the reader. Raises it if it answers the check of the session itself."""
        answer = refusal.answer
        if CHECKING in request.meta and answer.kind in REFUSED:
            raise refusal
        is_about_reader = answer.kind in (AnswerKind.NOT_JSON, AnswerKind.LOGIN_NEEDED) or answer.status in (
            BAD_REQUEST,
            FORBIDDEN,
        )
        # The check of the session cannot wait for itself.
        if is_about_reader and CHECKING not in request.meta:
            if account is None:
                self._refuse_visitor(request, answer)
            else:
                await self._doubt(request, refusal, account)
            if answer.status == FORBIDDEN and answer.kind is AnswerKind.NOT_JSON:
                self._count_guard(answer)

    async def _keep(self, request: Request, response: Response) -> None:
        """Journal a refusal, as bodies are; nothing is journaled without an archive (`scrapy fetch`)."""
        if has_ledger(self.crawler):
            reader = self._reader if "Cookie" in request.headers else VISITOR
            answer = answer_to(request, response, reader, datetime.now(UTC), is_refusal=True)
            await ledger_of(self.crawler).write(updates.record_answer, answer)

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:
        if isinstance(exception, PixivcrawlError):
            raise end_run(self.crawler, exception)
        if isinstance(exception, DownloadFailedError) and "endpoint" in request.meta:
            answer = Answer(AnswerKind.SERVER_ERROR, 0, str(exception))
            return await self._again(request, AnswerRefused(request.meta["endpoint"], answer))
        return None

    def _note_reader(self, account: Account, response: Response) -> None:
        try:
            account.note(response)
        except AccountRefused as refused:
            raise end_run(self.crawler, refused) from refused

    async def _note_body(self, request: Request, account: Account | None) -> None:
        self._unanswered = self._refusals = 0
        if CHECKING not in request.meta:
            self._guards = 0
        if account is None:
            return
        if _needs_session(request):
            account.prove()
        elif await account.is_to_be_asked() and await account.is_taken(answered=request) is False:
            raise RunStopping("its answer is not used: pixiv does not know the session")

    async def _doubt(self, request: Request, refusal: AnswerRefused, account: Account) -> None:
        """Find whether a refusal, or a page in place of data, is about the request or about the reader; ends the run for the latter."""
        answer = refusal.answer
        # A 401 to a request that needs a session needs no further check; a 400 may be about the request, if that can be wrong.
        is_about_session = answer.status != BAD_REQUEST or request.meta["endpoint"] == ME_EXTRA.name
        if answer.kind is AnswerKind.LOGIN_NEEDED and _needs_session(request) and is_about_session:
            raise end_run(self.crawler, account_refused(answer))
        # A redirect to the login page is among these.
        is_sure = answer.kind is AnswerKind.LOGIN_NEEDED or answer.status == FORBIDDEN
        # From now on every answer may be such a page, whatever the last answer was.
        is_new_page = answer.kind is AnswerKind.NOT_JSON and not account.was_asked_within(BELIEVED_FOR)
        if await account.is_taken(believed_for=0.0 if is_sure or is_new_page else BELIEVED_FOR) is False:
            raise RunStopping(str(refusal)) from refusal

    def _refuse_visitor(self, request: Request, answer: Answer) -> None:
        if answer.kind is AnswerKind.LOGIN_NEEDED and _needs_session(request):
            named = request.meta["endpoint"]
            raise end_run(
                self.crawler,
                ConfigurationError(f"{named} needs a signed-in reader: set PIXIV_PHPSESSID or PIXIV_COOKIE_FILE"),
            )
        self._refusals += answer.kind is AnswerKind.LOGIN_NEEDED or answer.status == FORBIDDEN
        if self._refusals >= REFUSALS:
            raise end_run(
                self.crawler,
                AccountRefused(
                    f"pixiv refuses one request after another (status {answer.status}): open pixiv in a browser, see what it says, "
                    "then run the same command again"
                ),
            )

    def _count_guard(self, answer: Answer) -> None:
        self._guards += 1
        if self._guards >= MOST_BLOCK_PAGES:
            raise end_run(self.crawler, page_refused(answer))

    def _judged(self, request: Request, response: Response) -> Answer:
        location = response.headers.get("Location")
        return classify(
            response.status,
            (response.headers.get("Content-Type") or b"").decode("latin-1"),
            response.body,
            with_session="Cookie" in request.headers,
            needs_session=_needs_session(request),
            location=location.decode("latin-1") if location else None,
        )

    async def _again(self, request: Request, refusal: AnswerRefused) -> Request:
        """The request to send again, after a pause; raises the refusal if it was tried often enough."""
        tries = request.meta.get(TRIES, 0)
        if tries >= self.configuration.api_retries or request.method != "GET":
            self._give_up(request, refusal)
            raise refusal
        request.meta[TRIES] = tries + 1
        seconds = self.configuration.api_retry_delay * BACKOFF_FACTOR**tries * random.uniform(0.75, 1.25)
        with waiting(self.crawler, f"asking again, after {refusal}", seconds):
            await self._sleep(seconds)
        return request

    def _give_up(self, request: Request, refusal: AnswerRefused) -> None:
        """Count a request that stays without an answer; ends the run after many in a row."""
        self._unanswered += CHECKING not in request.meta
        if self._unanswered >= UNANSWERED:
            raise end_run(
                self.crawler,
                NoAnswer(
                    f"pixiv left {UNANSWERED} requests in a row without an answer (the last one: {refusal}): "
                    "see whether it works in a browser, then run the same command again"
                ),
            )

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, STOPPING_IS_SEEN_WITHIN))
            if is_stopping(self.crawler):
                raise RunStopping("not sent again, because the run is ending")


def _needs_session(request: Request) -> bool:
    return find(request.meta["endpoint"]).auth is Auth.SESSION
