"""The image host: originals, reduced pictures, zips and portraits, for those who name pixiv as their Referer."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime

from aiohttp import web

from pixivcrawl.sandbox.addresses import ImageRequest, read
from pixivcrawl.sandbox.delivery import WEB_PAGE, Delivery, whole
from pixivcrawl.sandbox.pictures import Content
from pixivcrawl.sandbox.works import Work, revision_of
from pixivcrawl.sandbox.world import World

REFERERS = ("https://www.pixiv.net/", "https://app-api.pixiv.net/")
COPIED_BYTES = 1_000_000
SECONDS_A_PIECE = 0.025
"""So much of a body leaves at once whose rate is bounded."""

Sent = Callable[[int, int], Callable[[int], None]]
"""Called with the status and the planned number of bytes before the answer leaves; what it returns, with the real
number after."""


@dataclass(frozen=True)
class ImageHost:
    """Answers requests."""

    world: World

    async def answer(self, request: web.BaseRequest, sent: Sent) -> web.StreamResponse:
        delivery = await self._delivery(request)
        if request.method == "HEAD":
            delivery = Delivery(
                Content((), delivery.content.media_type), delivery.declared, 0, delivery.status, delivery.headers
            )
        finish = sent(delivery.status, delivery.sent)
        if delivery.declared == delivery.sent <= COPIED_BYTES and delivery.rate is None and request.method != "HEAD":
            finish(delivery.sent)
            return _plain(delivery)
        return await _stream(request, delivery, finish)

    async def _delivery(self, request: web.BaseRequest) -> Delivery:
        if not request.headers.get("Referer", "").startswith(REFERERS):
            return whole(WEB_PAGE, 403)
        wanted = read(request.path)
        if wanted is None or request.method not in ("GET", "HEAD"):
            return whole(WEB_PAGE, 404)
        if wanted.sort == "placeholder":
            return whole(self.world.pictures.placeholder())
        if wanted.sort in ("portrait", "background"):
            return await self._of_artist(wanted)
        work = self.world.work(wanted.id)
        if work is None or not _is_current(work, wanted):
            return whole(WEB_PAGE, 404)
        content = await asyncio.to_thread(self._content, work, wanted)
        return await self.of_work(request.path, work, wanted, content, _ranged(request, content, work, wanted))

    async def of_work(
        self, path: str, work: Work, wanted: ImageRequest, content: Content, honest: Delivery
    ) -> Delivery:
        """What is sent of a work's image: the `honest` answer."""
        return honest

    async def of_artist(self, wanted: ImageRequest, content: Content) -> Delivery:
        """What is sent of an artist's picture: all of it."""
        return whole(content)

    async def _of_artist(self, wanted: ImageRequest) -> Delivery:
        artist, pictures = self.world.artist(wanted.id), self.world.pictures
        if artist is None:
            return whole(WEB_PAGE, 404)
        is_portrait = wanted.sort == "portrait"
        make, chosen = (pictures.portrait, artist.pictured) if is_portrait else (pictures.background, artist.backed)
        if revision_of(chosen) != wanted.revision:
            return whole(WEB_PAGE, 404)
        return await self.of_artist(wanted, await asyncio.to_thread(make, artist, wanted.box))

    def _content(self, work: Work, wanted: ImageRequest) -> Content:
        pictures = self.world.pictures
        match wanted.sort:
            case "zip":
                return pictures.zip(work, wanted.box)
            case "reduced":
                return pictures.reduced(work, wanted.page, wanted.box)
            case "frame":
                return pictures.frame(work, wanted.page)
        return pictures.original(work, wanted.page)


def _is_current(work: Work, wanted: ImageRequest) -> bool:
    """pixiv: after a revision, the old addresses answer 404; so does a work that is gone."""
    if work.gone or wanted.revision != work.revision:
        return False
    if wanted.sort == "frame":
        return wanted.page < len(work.delays) and wanted.extension == work.frame(wanted.page).extension
    if wanted.sort == "zip":
        return work.is_ugoira
    if wanted.page >= len(work.pages):
        return False
    if wanted.sort == "reduced":
        return True
    return not work.is_ugoira and wanted.extension == work.pages[wanted.page].extension


def _ranged(request: web.BaseRequest, content: Content, work: Work, wanted: ImageRequest) -> Delivery:
    etag = f'"{hashlib.sha256(f"{request.path}:{work.revision}".encode()).hexdigest()[:32]}"'
    headers = {
        "ETag": etag,
        "Last-Modified": format_datetime(work.uploaded, usegmt=True),
        "Accept-Ranges": "bytes",
        "Cache-Control": "max-age=31536000",
    }
    total = content.length
    asked = request.http_range if _wants_range(request, etag, work.uploaded) else slice(None, None, 1)
    if asked == slice(None, None, 1):
        return Delivery(content, total, total, 200, headers)
    start, stop, _ = asked.indices(total)
    if start >= stop:
        return Delivery(WEB_PAGE, WEB_PAGE.length, WEB_PAGE.length, 416, {"Content-Range": f"bytes */{total}"})
    part = Content(tuple(content.slices(start, stop)), content.media_type)
    return Delivery(
        part, stop - start, stop - start, 206, headers | {"Content-Range": f"bytes {start}-{stop - 1}/{total}"}
    )


def _wants_range(request: web.BaseRequest, etag: str, uploaded: datetime) -> bool:
    """If-Range names an ETag or a date; when it is another one, the whole body is due."""
    if "Range" not in request.headers:
        return False
    condition = request.headers.get("If-Range")
    if condition is None:
        return True
    if condition.startswith('"'):
        return condition == etag
    try:
        return parsedate_to_datetime(condition) == uploaded
    except ValueError:
        return False


def _plain(delivery: Delivery) -> web.Response:
    headers = {"Content-Type": delivery.content.media_type, **delivery.headers}
    body = b"".join(delivery.content.slices(0, delivery.sent))
    return web.Response(body=body, status=delivery.status, headers=headers)


async def _stream(request: web.BaseRequest, delivery: Delivery, finish: Callable[[int], None]) -> web.StreamResponse:
    response = web.StreamResponse(
        status=delivery.status, headers={"Content-Type": delivery.content.media_type, **delivery.headers}
    )
    if delivery.declared is None:
        response.enable_chunked_encoding()
    else:
        response.content_length = delivery.declared
    done = 0
    try:
        await response.prepare(request)
        for piece in delivery.content.slices(0, delivery.sent):
            done += await (_write(response, piece) if delivery.rate is None else _paced(response, piece, delivery.rate))
        if (
            delivery.declared is not None
            and delivery.sent < delivery.declared
            and request.method != "HEAD"
            and request.transport
        ):
            request.transport.close()
        await response.write_eof()
    finally:
        finish(done)
    return response


async def _write(response: web.StreamResponse, piece: memoryview) -> int:
    await response.write(piece)
    return len(piece)


async def _paced(response: web.StreamResponse, piece: memoryview, rate: float) -> int:
    loop = asyncio.get_running_loop()
    at_once, began = max(1, round(rate * SECONDS_A_PIECE)), loop.time()
    for place in range(0, len(piece), at_once):
        part = piece[place : place + at_once]
        await response.write(part)
        await asyncio.sleep(began + (place + len(part)) / rate - loop.time())
    return len(piece)
