"""`python -m benchmarks.paced`: the sandbox with the app's API, as slow as pixiv is and with its limits as they are described."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from benchmarks.app_api import AppApi
from pixivcrawl import sandbox
from pixivcrawl.sandbox.__main__ import main
from pixivcrawl.sandbox.addresses import Addresses, ImageRequest
from pixivcrawl.sandbox.delivery import Delivery
from pixivcrawl.sandbox.http import refused
from pixivcrawl.sandbox.images import ImageHost, Sent
from pixivcrawl.sandbox.log import HostKind
from pixivcrawl.sandbox.pictures import Content
from pixivcrawl.sandbox.server import Answering
from pixivcrawl.sandbox.works import Work

API_SECONDS, IMAGE_SECONDS = 0.15, 0.02
BYTES_A_SECOND = 20e6 / 8
"""Of one connection to the image host."""


@dataclass
class Allowance:
    """How many API requests are answered: a bucket of tokens, and nothing for a while once it was empty. Times are in seconds.

    One public measurement: a 429 about every 187 requests without a pause, none with 1.2 s after each answer, some with 1.1 s; the wait
    takes about 200 s. With 150 ms an answer these are 187 requests, never, and one in some thousand.
    """

    most: float = 165
    seconds_a_token: float = 1.3
    closed: float = 200
    tokens: float = 165
    counted: float = 0
    closed_until: float = 0

    def takes(self, now: float) -> bool:
        """Whether the request that comes `now` is answered."""
        self.tokens = min(self.most, self.tokens + (now - self.counted) / self.seconds_a_token)
        self.counted = now
        if now < self.closed_until:
            return False
        if self.tokens < 1:
            self.closed_until = now + self.closed
            return False
        self.tokens -= 1
        return True


@dataclass(frozen=True)
class PacedApi(AppApi):
    allowance: Allowance

    async def answer(self, request: web.BaseRequest, sent: Sent) -> web.StreamResponse:
        await asyncio.sleep(API_SECONDS)
        if not self.allowance.takes(asyncio.get_running_loop().time()):
            return self.document(sent, refused(429, "Rate Limit"), None)
        return await super().answer(request, sent)


@dataclass(frozen=True)
class PacedImages(ImageHost):
    async def of_work(
        self, path: str, work: Work, wanted: ImageRequest, content: Content, honest: Delivery
    ) -> Delivery:
        await asyncio.sleep(IMAGE_SECONDS)
        return replace(honest, rate=BYTES_A_SECOND)


class Sandbox(sandbox.Sandbox):
    """Each answer of the API after 150 ms, each image after 20 ms at 20 Mbit/s."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.allowance = Allowance()

    def host(self, kind: HostKind, scheme: str) -> Answering:
        if kind == "api":
            return PacedApi(self.world, Addresses(f"{scheme}://{self.image_host}"), self.allowance).answer
        return PacedImages(self.world).answer


if __name__ == "__main__":
    sys.exit(main(Sandbox))
