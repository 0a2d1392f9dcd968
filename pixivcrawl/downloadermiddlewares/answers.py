"""What an API answer means: a body goes on to the spider, what may pass is tried again, everything else is said as AnswerRefused."""

from __future__ import annotations

import asyncio
import random
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response

from pixivcrawl.api.answers import Answer, AnswerKind, AnswerRefused, judge
from pixivcrawl.api.catalogue import find
from pixivcrawl.api.endpoint import Auth
from pixivcrawl.configuration import Configuration
from pixivcrawl.downloadermiddlewares.account import BELIEVED_FOR, CHECKING, REFUSED, account_of, account_refused
from pixivcrawl.downloadhandlers.pace import STOPPING_IS_SEEN_WITHIN, free_place, is_stopping
from pixivcrawl.errors import AccountRefused, NoAnswer, PixivcrawlError
from pixivcrawl.extensions.run_record import RunRecord
from pixivcrawl.extensions.waiting import waiting
from pixivcrawl.run_stopping import RunStopping

MAY_PASS = {AnswerKind.SERVER_ERROR, AnswerKind.NOT_JSON}
"""Answers that say nothing about what was asked for."""

UNAUTHORIZED, FORBIDDEN = 401, 403

UNANSWERED = 10
"""So many questions in a row, each tried as often as it may be, that found no answer: pixiv is out of order."""

REFUSALS = 5
"""So many refusals in a row to a reader without a session are meant for the reader, not for the works."""

GROWTH = 4
"""Each pause before another try is so many times the last one."""


class AnswersMiddleware:
    """Reads the answers to requests that the catalogue made (`meta["endpoint"]`); all others pass.

    A 429 never comes here: the download handler waits and sends again.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.configuration = Configuration.from_settings(crawler.settings)
        self._unanswered = 0
        self._refusals = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        """Raises AnswerRefused, and ends the run when it is the account that is refused, or when pixiv does not answer at all."""
        if "endpoint" not in request.meta:
            return response
        answer = self._judged(request, response)
        if answer.kind is AnswerKind.BODY:
            self._note_body(request)
            return response
        free_place(request)
        refusal = AnswerRefused(request.meta["endpoint"], answer)
        if CHECKING in request.meta and answer.kind in REFUSED:
            raise refusal
        if answer.kind is AnswerKind.NOT_JSON or answer.status in (UNAUTHORIZED, FORBIDDEN):
            await self._doubt(request, refusal)
        if answer.kind in MAY_PASS:
            return await self._again(request, refusal)
        raise refusal

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:
        if isinstance(exception, PixivcrawlError):
            self._end(exception)
        if isinstance(exception, DownloadFailedError) and "endpoint" in request.meta:
            answer = Answer(AnswerKind.SERVER_ERROR, 0, str(exception))
            return await self._again(request, AnswerRefused(request.meta["endpoint"], answer))
        return None

    def _note_body(self, request: Request) -> None:
        self._unanswered = self._refusals = 0
        if self._has_session(request) and _needs_session(request):
            account_of(self.crawler).has_worked = True

    async def _doubt(self, request: Request, refusal: AnswerRefused) -> None:
        """401, 403 and pages in place of data are about what was asked for, or about the one who asks. Ends the run for the latter."""
        answer = refusal.answer
        if not self._has_session(request):
            self._count_refusal(answer)
            return
        # What belongs to a signed-in reader alone, and is refused, needs no second opinion.
        if answer.kind is AnswerKind.LOGIN_NEEDED and _needs_session(request):
            self._end(account_refused(answer))
        believed_for = 0.0 if answer.status in (UNAUTHORIZED, FORBIDDEN) else BELIEVED_FOR
        if not await account_of(self.crawler).is_taken(believed_for=believed_for):
            raise RunStopping(str(refusal)) from refusal

    def _count_refusal(self, answer: Answer) -> None:
        self._refusals += answer.status in (UNAUTHORIZED, FORBIDDEN)
        if self._refusals >= REFUSALS:
            self._end(
                AccountRefused(
                    f"pixiv refuses one request after another (status {answer.status}): open pixiv in a browser, see what it says, "
                    "then run the same command again"
                )
            )

    def _judged(self, request: Request, response: Response) -> Answer:
        location = response.headers.get("Location")
        return judge(
            response.status,
            (response.headers.get("Content-Type") or b"").decode("latin-1"),
            response.body,
            with_session=self._has_session(request),
            location=location.decode("latin-1") if location else None,
        )

    async def _again(self, request: Request, refusal: AnswerRefused) -> Request:
        """The request, after a pause, to be sent once more; raises the refusal when it was tried often enough."""
        tries = request.meta.get("tries", 0)
        if tries >= self.configuration.api_retries or request.method != "GET":
            self._give_up(request, refusal)
            raise refusal
        request.meta["tries"] = tries + 1
        seconds = self.configuration.api_retry_delay * GROWTH**tries * random.uniform(0.75, 1.25)
        with waiting(self.crawler, f"asking again, after {refusal}", seconds):
            await self._sleep(seconds)
        return request

    def _give_up(self, request: Request, refusal: AnswerRefused) -> None:
        """One question stays without an answer; ends the run when it is one of many."""
        self._unanswered += CHECKING not in request.meta
        if self._unanswered >= UNANSWERED:
            self._end(
                NoAnswer(
                    f"pixiv left {UNANSWERED} questions in a row without an answer (the last one: {refusal}): "
                    "see whether it works in a browser, then run the same command again"
                )
            )

    async def _sleep(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            await asyncio.sleep(min(left, STOPPING_IS_SEEN_WITHIN))
            if is_stopping(self.crawler):
                raise RunStopping("not sent again, because the run is ending")

    def _has_session(self, request: Request) -> bool:
        return "Cookie" in request.headers

    def _end(self, error: PixivcrawlError) -> None:
        """End the run in good order because of `error`; nothing is recorded of what was asked for."""
        record = self.crawler.get_extension(RunRecord)
        if record is None:
            raise error
        record.end(error)
        raise RunStopping(str(error)) from error


def _needs_session(request: Request) -> bool:
    return find(request.meta["endpoint"]).auth in {Auth.SESSION, Auth.SESSION_AND_TOKEN}
