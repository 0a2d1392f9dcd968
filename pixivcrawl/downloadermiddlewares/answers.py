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
from pixivcrawl.downloadhandlers.pace import STOPPING_IS_SEEN_WITHIN, is_stopping
from pixivcrawl.errors import AccountRefused, PixivcrawlError, RunStopping
from pixivcrawl.extensions.run_record import RunRecord

MAY_PASS = {AnswerKind.SERVER_ERROR, AnswerKind.NOT_JSON}
"""Answers that say nothing about what was asked for."""

GROWTH = 4
"""Each pause before another try is so many times the last one."""


class AnswersMiddleware:
    """Reads the answers to requests that the catalogue made (`meta["endpoint"]`); all others pass.

    A 429 never comes here: the download handler waits and sends again.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.configuration = Configuration.from_settings(crawler.settings)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_response(self, request: Request, response: Response) -> Response | Request:
        """Raises AnswerRefused, and ends the run when it is the account that is refused."""
        if "endpoint" not in request.meta:
            return response
        answer = self._judged(request, response)
        if answer.kind is AnswerKind.BODY:
            return response
        refusal = AnswerRefused(request.meta["endpoint"], answer)
        if answer.kind in MAY_PASS:
            return await self._again(request, refusal)
        refused = answer.kind is AnswerKind.LOGIN_NEEDED and self._has_session(request) and _needs_session(request)
        if refused and not request.meta.get("refusal_goes_on"):
            self._end(account_refused(answer))
        raise refusal

    async def process_exception(self, request: Request, exception: Exception) -> Request | None:
        if isinstance(exception, PixivcrawlError):
            self._end(exception)
        if isinstance(exception, DownloadFailedError) and "endpoint" in request.meta:
            answer = Answer(AnswerKind.SERVER_ERROR, 0, str(exception))
            return await self._again(request, AnswerRefused(request.meta["endpoint"], answer))
        return None

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
            raise refusal
        request.meta["tries"] = tries + 1
        await self._sleep(self.configuration.api_retry_delay * GROWTH**tries * random.uniform(0.75, 1.25))
        return request

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


def account_refused(answer: Answer) -> AccountRefused:
    """What to say when pixiv does not take the session that was sent."""
    said = f" ({answer.message})" if answer.message else ""
    return AccountRefused(
        f"pixiv no longer takes the session{said}: log in again in a browser, renew PIXIV_PHPSESSID or the cookie file, "
        "then run the same command again"
    )
