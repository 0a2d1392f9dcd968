"""`python -m benchmarks.paced`: the sandbox, as slow as pixiv is and with its limits as they are described.

Beside the web's API it answers what gallery-dl asks of the app's.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import web

from pixivcrawl import sandbox
from pixivcrawl.sandbox.__main__ import main
from pixivcrawl.sandbox.addresses import Addresses, Wanted
from pixivcrawl.sandbox.api import ApiHost
from pixivcrawl.sandbox.delivery import Delivery
from pixivcrawl.sandbox.exchange import Answer, Json, refused
from pixivcrawl.sandbox.images import ImageHost, Sent
from pixivcrawl.sandbox.log import HostKind
from pixivcrawl.sandbox.pictures import Content
from pixivcrawl.sandbox.server import Answering
from pixivcrawl.sandbox.works import ILLUST, UGOIRA, Work, frames_of
from pixivcrawl.sandbox.world import World

API_SECONDS, IMAGE_SECONDS = 0.15, 0.02
BYTES_A_SECOND = 20e6 / 8
"""Of one connection to the image host."""

APP_ROWS = 30
"""pixiv: so many works a page of the app's."""


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
class PacedApi(ApiHost):
    allowance: Allowance

    async def answer(self, request: web.BaseRequest, sent: Sent) -> web.StreamResponse:
        await asyncio.sleep(API_SECONDS)
        if not self.allowance.takes(asyncio.get_running_loop().time()):
            return self.document(sent, refused(429, "Rate Limit"), None)
        if request.headers.get("User-Agent", "").startswith("PixivIOSApp/"):
            return self.document(sent, app_answer(self.world, self.addresses, request.path, request.query), None)
        return await super().answer(request, sent)


@dataclass(frozen=True)
class PacedImages(ImageHost):
    async def of_work(self, path: str, work: Work, wanted: Wanted, content: Content, honest: Delivery) -> Delivery:
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


def app_answer(world: World, addresses: Addresses, path: str, query: Mapping[str, str]) -> Answer:
    """What the app's API says, as far as gallery-dl asks it for an artist's works."""
    if path == "/auth/token":
        return Answer({"response": {"access_token": "a", "refresh_token": "b", "user": {"id": "901"}}})
    if path == "/v1/user/illusts":
        artist, start = int(query["user_id"]), int(query.get("offset", 0))
        works = world.works_of(artist, world.readers[0])
        end = start + APP_ROWS
        following = f"https://app-api.pixiv.net{path}?user_id={artist}&offset={end}" if end < len(works) else None
        rows = [_app_row(addresses, work) for work in works[start:end]]
        return Answer({"user": {"id": artist}, "illusts": rows, "next_url": following})
    if path == "/v1/ugoira/metadata" and (work := world.work(int(query["illust_id"]))) is not None:
        zips = {"medium": addresses.zip(work, "600x600")}
        return Answer({"ugoira_metadata": {"zip_urls": zips, "frames": frames_of(work)}})
    return Answer({"error": {"message": "There is no such endpoint."}}, 404)


def _app_row(addresses: Addresses, work: Work) -> Json:
    """pixiv: a work of several pages names them all, one of a single page its original apart; the app's API tells the caption too."""
    originals = [addresses.original(work, number) for number in range(len(work.pages))]
    is_single = len(originals) == 1
    return {
        "id": work.id,
        "title": work.title,
        "type": "ugoira" if work.kind == UGOIRA else "illust" if work.kind == ILLUST else "manga",
        "image_urls": {"large": addresses.master(work)},
        "caption": work.caption,
        "restrict": work.restrict,
        "user": {"id": work.artist_id, "name": f"artist {work.artist_id}", "account": f"artist_{work.artist_id}"},
        "tags": [{"name": tag, "translated_name": None} for tag in work.tags],
        "create_date": work.created.isoformat(),
        "page_count": len(work.pages),
        "width": work.first.width,
        "height": work.first.height,
        "sanity_level": work.sanity_level,
        "x_restrict": work.x_restrict,
        "meta_single_page": {"original_image_url": originals[0]} if is_single else {},
        "meta_pages": [] if is_single else [{"image_urls": {"original": url}} for url in originals],
        "total_view": work.view_count,
        "total_bookmarks": work.bookmark_count,
        "total_comments": work.comment_count,
        "is_bookmarked": False,
        "illust_ai_type": work.ai_type,
    }


if __name__ == "__main__":
    sys.exit(main(Sandbox))
