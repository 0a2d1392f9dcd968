"""Adds the session to requests to the API's origin and to no others; stops requests to hosts that are not allowed."""

from __future__ import annotations

import asyncio
import html
import logging
import re
from typing import Self

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest
from scrapy.http import Response

from pixivcrawl.api.answers import Answer, AnswerKind, AnswerRefused
from pixivcrawl.api.endpoint import PIXIV
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.origin import Origin, read_origin
from pixivcrawl.session import session_from_settings

logger = logging.getLogger(__name__)

SECRETS = ("Cookie", "X-CSRF-Token", "Authorization")
"""Headers that only this middleware may set."""

# The number of backslashes before a quotation mark shows how deep its JSON is nested. Without bounds a page of backslashes would take
# forever.
_QUOTE = r'\\{0,8}"'
_TOKEN = re.compile(rf"{_QUOTE}token{_QUOTE}\s{{0,8}}:\s{{0,8}}{_QUOTE}([0-9a-f]{{32}}){_QUOTE}")


class HostRefused(IgnoreRequest):
    """A request to a host that is neither the API's, nor pixiv.me, nor one of PIXIV_IMAGE_HOSTS."""


class SessionMiddleware:
    """Raises HostRefused for foreign hosts; a POST without a session ends in ConfigurationError."""

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.configuration = Configuration.from_settings(crawler.settings)
        self.session = session_from_settings(crawler.settings)
        self._token: str | None = None
        self._asking_for_token = asyncio.Lock()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        needs_none = self.configuration.is_pixiv_me(request.url)
        is_api = self.configuration.is_api(request.url) and not needs_none
        origin = read_origin(request.url)
        if origin is None or not (is_api or needs_none or self.configuration.may_fetch_image(request.url)):
            refused = f"{_named(origin)} is neither PIXIV_BASE_URL nor in PIXIV_IMAGE_HOSTS: nothing is sent there"
            # Logged here, because Scrapy says nothing about a request that a middleware has dropped.
            logger.error(refused)
            raise HostRefused(refused)
        for name in SECRETS:
            request.headers.pop(name, None)
        if not is_api:
            return
        if "Accept" not in request.headers:
            # Made from an address alone, as by `scrapy fetch`: pixiv then takes it for a request of its own pages.
            request.headers.update({"Accept": "application/json", "Referer": PIXIV})
        if self.session is not None:
            request.headers["Cookie"] = self.session.cookie
        if request.method != "GET":
            request.headers["X-CSRF-Token"] = await self.token()

    async def token(self) -> str:
        """What pixiv wants with every POST, asked for once a run.

        pixiv: the front page may be closed to clients other than browsers while the pages of artists are open.
        Raises ConfigurationError without a session, AnswerRefused when none of these pages holds a token.
        """
        if self.session is None:
            raise ConfigurationError("this needs a session: set PIXIV_PHPSESSID or PIXIV_COOKIE_FILE")
        async with self._asking_for_token:
            if self._token is None:
                self._token = await self._token_on("/") or await self._token_on(
                    f"/en/users/{self.session.user_id or 11}"
                )
            if self._token is None:
                said = "its pages have no token; check whether the session still works in a browser"
                raise AnswerRefused("pixiv", Answer(AnswerKind.REFUSED, 200, said))
        return self._token

    async def _token_on(self, page: str) -> str | None:
        address = f"{self.configuration.base_url}{page}"
        return token_in(
            await self.crawler.engine.download_async(
                Request(address, headers={"Accept": "text/html"}, dont_filter=True)
            )
        )


def token_in(response: Response) -> str | None:
    """The token in one of pixiv's pages; None when there is none.

    pixiv: 32 hexadecimal digits, in JSON in `<meta id="meta-global-data" content='{"token":"..."}'>` or in `__NEXT_DATA__`.
    """
    found = _TOKEN.search(html.unescape(response.body.decode("utf-8", errors="replace")))
    return None if found is None else found[1]


def _named(origin: Origin | None) -> str:
    return "an address that cannot be read" if origin is None else origin.key
