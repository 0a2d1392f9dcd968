"""Fetch each original to staging."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from scrapy import Request, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, DropItem
from scrapy.http import Response

from pixivcrawl.api.transfers import original_request, validators_of
from pixivcrawl.archive.destination import Destinations
from pixivcrawl.archive.staging import LengthMismatch, Received, TooLarge
from pixivcrawl.errors import AccountRefused, NoAnswer
from pixivcrawl.items import OF_USERS, Original, StagedOriginal
from pixivcrawl.ledger.updates.files import GONE, GONE_WITH_FIRST
from pixivcrawl.listeners import send
from pixivcrawl.run_ending import RunStopping, end_run

from .base import FilePipeline
from .extension_probe import ExtensionProbe, FirstIsMissing, NoSuchAddress

TRIES = 3
BACKOFF_FACTOR = 4
"""Each pause before another try is this many times the one before."""

FORBIDDEN, NOT_FOUND = 403, 404

UNANSWERED = 20
"""After this many works in a row of which the image host sent nothing, it is out of order, or refuses this address."""

_UNANSWERED: WeakKeyDictionary[Crawler, set[int]] = WeakKeyDictionary()
"""The works of which nothing was received since the last file that was."""


class TransferFailed(Exception):
    """The image host did not send the whole body; the message says why. `is_refused`: it has the body, but refuses it to this address."""

    def __init__(self, reason: str, *, is_refused: bool = False) -> None:
        super().__init__(reason)
        self.is_refused = is_refused


class OriginalsPipeline(FilePipeline):
    """`Original` -> `StagedOriginal`: the whole body, as long as declared and synced, in the staging folder."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        # Waiting here costs only a coroutine; waiting in the downloader costs a request and everything that it refers to.
        self._room = asyncio.Semaphore(2 * self.configuration.image_concurrency)
        self._guesses = ExtensionProbe()
        self._destinations = Destinations(self.archive)

    async def process_item(self, item: Any) -> Any:
        return await self.found(item) if isinstance(item, Original) else item

    async def found(self, original: Original) -> StagedOriginal:
        """As `fetched`, for an original whose extension may be a guess."""
        if not original.guessed:
            return await self.fetched(original)
        try:
            if original.kind == "ugoira":
                return await self.fetched(original)
            return await self._guesses.fetched(original, self.fetched)
        except NoSuchAddress as missing:
            if original.kind == "frame":
                reason = GONE_WITH_FIRST if isinstance(missing, FirstIsMissing) else GONE
                raise await self._gone(original, reason) from None
            raise await self.leave_to_pixiv(
                original, "nothing lies at the address that follows from its work's row"
            ) from None

    async def fetched(self, original: Original) -> StagedOriginal:
        """Raises DropItem, after recording the reason, when the original cannot be fetched now; NoSuchAddress for a wrong guess."""
        if (why := self.configuration.why_not_fetched(original.url)) is not None:
            raise await self.park(original, why)
        if (trouble := self._destinations.trouble(original)) is not None:
            raise await self.park(original, trouble, waits=False)
        async with self._room:
            for tried in range(1, TRIES + 1):
                try:
                    return await self._transfer(original)
                except RunStopping:
                    raise DropItem(f"{original}: left for the next run") from None
                except TransferFailed as failure:
                    if tried == TRIES:
                        parked = await self.park(original, str(failure))
                        self._give_up(original, failure)
                        raise parked from None
                    await asyncio.sleep(self.configuration.image_retry_delay * BACKOFF_FACTOR ** (tried - 1))
        raise AssertionError("the last try either returns or raises")

    async def _transfer(self, original: Original) -> StagedOriginal:
        if not self.crawler.engine.running:
            raise RunStopping("not fetched, because the run is ending")
        path = self.archive.staging_path(original)
        page = f"{'users' if original.kind in OF_USERS else 'artworks'}/{original.work_id}"
        request = original_request(original.url, page, path, past_caches=original.retried)
        try:
            response = await self._download(request)
        except (DownloadFailedError, LengthMismatch) as failure:
            raise TransferFailed(str(failure)) from None
        except TooLarge as refusal:
            raise await self.park(original, f"{refusal}: raise PIXIV_FILE_SIZE_LIMIT") from None
        received = request.meta.get("received")
        if isinstance(received, Received):
            _UNANSWERED.pop(self.crawler, None)
            return StagedOriginal(
                original, str(received.path), received.sha256, received.bytes, *validators_of(response)
            )
        await self._refused(original, response)
        raise TransferFailed(f"the image host answered {response.status}", is_refused=response.status == FORBIDDEN)

    def _give_up(self, original: Original, failure: TransferFailed) -> None:
        """Count a file that could not be fetched; ends the run after many in a row, because all further requests would fail too."""
        works = _UNANSWERED.setdefault(self.crawler, set())
        works.add(original.work_id)
        if len(works) >= UNANSWERED:
            what = f"no file of {UNANSWERED} works in a row came (the last time: {failure})"
            instead = "see whether pixiv's pictures show in a browser on this machine, then run the same command again"
            end_run(self.crawler, (AccountRefused if failure.is_refused else NoAnswer)(f"{what}: {instead}"))

    async def _download(self, request: Request) -> Response:
        """Like Scrapy's downloader, with its signals, but without the middlewares and its slots.

        The middlewares handle the API's session and answers, and cost as much as everything else about a small file.
        """
        send(self.crawler, signals.request_reached_downloader, request=request)
        response = await self.crawler.engine.downloader.handlers.download_request_async(request)
        response.request = request
        # The response's body is empty, because it was written to disk.
        for signal in (signals.response_downloaded, signals.response_received):
            send(self.crawler, signal, request=request, response=response)
        return response

    async def _refused(self, original: Original, response: Response) -> None:
        if response.status == NOT_FOUND and original.guessed:
            raise NoSuchAddress
        if response.status == NOT_FOUND:
            raise await self._gone(original, GONE)
        if 300 <= response.status < 400:
            raise await self.park(original, "the image host redirected elsewhere, which is not followed")

    async def _gone(self, original: Original, reason: str) -> DropItem:
        """Record that pixiv has no such file any more; returns the exception to raise."""
        if original.kind in OF_USERS:
            return await self.park(
                original, "its address answers 404: changed or removed since the user's page was read"
            )
        return await self.park_and_ask(original, reason)
