"""Sends requests: at the pace, over verified connections; a body marked for it is written to disk, not held in memory."""

from __future__ import annotations

import asyncio
import logging
from asyncio.sslproto import SSLProtocol
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import yarl
from scrapy import Request, signals
from scrapy.core.downloader.handlers.base import BaseDownloadHandler
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError, StopDownload
from scrapy.http import Headers, Response
from scrapy.utils._download_handlers import check_stop_download, make_response, normalize_bind_address
from scrapy.utils.python import global_object_name

from pixivcrawl.api.answers import asks_for_pause, retry_after
from pixivcrawl.archive.staging import Part, Received, forget, left_behind, left_part, left_whole
from pixivcrawl.configuration import Configuration
from pixivcrawl.downloadhandlers.browser import beside, in_order
from pixivcrawl.downloadhandlers.failures import failures_of
from pixivcrawl.downloadhandlers.proxies import environment_proxies, is_socks, proxy_of, socks_connector
from pixivcrawl.downloadhandlers.stopping import Deadline
from pixivcrawl.downloadhandlers.tls import trust_context
from pixivcrawl.downloadhandlers.transfer import (
    PARTIAL_CONTENT,
    IncomingBody,
    chunks,
    continuation,
    in_thread,
    read,
    receive,
)
from pixivcrawl.errors import PauseTooLong
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import ledger_of
from pixivcrawl.listeners import has_listeners
from pixivcrawl.origin import Origin, read_origin
from pixivcrawl.run_ending import ANSWERED, LOST, end_run, is_stopping
from pixivcrawl.session import reader_of, session_from_settings
from pixivcrawl.throttling.budget import spend
from pixivcrawl.throttling.lane import has_heard, is_sure_of_lane, lane_of, sure_of_lane
from pixivcrawl.throttling.rate_limiter import HOLDS_SLOT, RateLimiter, limiter_of

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT = 30.0
"""Seconds in which a connection must be established, with its proxy and its TLS, unless DOWNLOAD_TIMEOUT is less."""

SSLProtocol.max_size = 1 << 16
"""Bytes that asyncio decrypts at once, which no parameter sets. Its default of 256 KiB is held three times on the way into a file, for each
connection: 10 MB with 16 of them, at no gain in speed.
"""

STOPPED = "a handler of the signals of the download stopped it"

ANSWERS_A_WRITE = 100
"""After this many answers the learned pace is written, and what another process has learned is read."""

PAUSE_CHECK_SECONDS = 3.0
"""Seconds between two looks into the ledger for pauses found by other processes; a server reports one at once."""

OK = 200
TOO_MANY_REQUESTS = 429
RANGE_NOT_SATISFIABLE = 416


class PixivDownloadHandler(BaseDownloadHandler):
    """Handles http and https. A request is never lost to a 429: it waits and is sent again, until the run stops.

    `meta["stage_to"]` (a path) sends the body of a 200 there; `meta["received"]` then holds what came (`Received`), and
    the body of the response is empty. Any other answer is an ordinary response. What an earlier try left of such a body is used: a whole
    one costs no request, and of a part only the rest is requested.

    Originals come here without passing downloader middlewares, so everything that each request needs is done here: the usual headers, the
    environment's proxy, the note whether any answer came at all.

    Raises DownloadFailedError for any failure on the way, in one line; LengthMismatch, TooLarge and
    StorageFailed for a body to be staged; and RunStopping when the run ends before the request has left.
    """

    lazy = True

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.configuration = Configuration.from_settings(crawler.settings)
        self._is_stopping = partial(is_stopping, crawler)
        self._deadline = Deadline(self._is_stopping, partial(is_sure_of_lane, crawler))
        self._connect_timeout = min(CONNECT_TIMEOUT, self.configuration.answer_timeout)
        settings = crawler.settings
        self._reader = reader_of(session_from_settings(settings))
        self._account = queries.account_of_reader(self._reader)
        self._heeded_at = 0.0
        self._usual_headers = _usual_headers(crawler, self.configuration)
        self._local_address = normalize_bind_address(settings.get("DOWNLOAD_BIND_ADDRESS"))
        self._warn_above = settings.getint("DOWNLOAD_WARNSIZE") or self.configuration.memory_limit
        has_proxies, encoding = settings.getbool("HTTPPROXY_ENABLED"), settings["HTTPPROXY_AUTH_ENCODING"]
        self._proxies = environment_proxies(encoding) if has_proxies else None
        self._has_stats = settings.getbool("DOWNLOADER_STATS")
        # Kept because looking it up takes as long as calling it.
        self._inc = crawler.stats.inc_value
        self._clients: dict[str | None, aiohttp.ClientSession] = {}
        self._left: set[str] | None = None
        self._remembering: asyncio.Future[None] | None = None

    async def download_request(self, request: Request) -> Response:
        origin = read_origin(request.url)
        if origin is None:
            raise DownloadFailedError("an address that cannot be asked")
        path = Path(request.meta["stage_to"]) if "stage_to" in request.meta else None
        if path is not None and (received := await self._left_whole(path, request.url)) is not None:
            request.meta["received"] = received
            return Response(request.url)
        if origin.is_loopback:
            # A proxy elsewhere cannot reach this machine's sandbox.
            request.meta.setdefault("proxy", None)
        if self._proxies is not None:
            self._proxies.process_request(request)
        await self._others()
        is_api = self.configuration.is_api(request.url) or self.configuration.is_pixiv_me(request.url)
        limiter = self._limiter(origin.key)
        while True:
            self._end_for_long_pause(limiter)
            async with limiter.slot(request.priority, self._is_stopping) as sent:
                await sure_of_lane(self.crawler, self._is_stopping)
                if is_api:
                    await spend(self.crawler, self.configuration, self._account)
                self._count("api_requests" if is_api else "image_requests")
                try:
                    response, arrival = await self._answer(request, origin, path)
                except DownloadFailedError:
                    limiter.trouble(sent)
                    raise
                self._learn(limiter, request, response, sent)
                if asks_for_pause(response.status, response.body if is_api else b""):
                    await self._pause(limiter, response, sent)
                    continue
                if response.status >= 400 and "Retry-After" in response.headers:
                    await self._pause(limiter, response, sent)
                else:
                    await self._answered(limiter, response)
                if HOLDS_SLOT in request.meta and response.status == OK:
                    request.meta[HOLDS_SLOT] = limiter.hold_slot(sent)
                if arrival is not None:
                    # Finished while the slot is held, so that a kill costs no more than the requests in flight.
                    request.meta["received"] = await arrival.finish()
                    self._left_behind().discard(arrival.path.name)
                return response

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def _answer(
        self, request: Request, origin: Origin, path: Path | None
    ) -> tuple[Response, IncomingBody | None]:
        """The answer, with its body on its way into the file `path`; counts for the run's record whether any answer came."""
        try:
            with failures_of(origin.key):
                answer = await self._deadline.kept(self._exchange(request, path))
        except DownloadFailedError as failure:
            self._inc(LOST)
            if self._has_stats:
                self._inc("downloader/exception_count")
                self._inc(f"downloader/exception_type_count/{global_object_name(type(failure))}")
            raise
        self._inc(ANSWERED)
        return answer

    async def _exchange(self, request: Request, path: Path | None) -> tuple[Response, IncomingBody | None]:
        request.meta.pop("received", None)
        floor, window = self.configuration.throughput_floor, self.configuration.throughput_window
        part = await self._left_part(path, request.url) if path is not None else None
        async with await self._sent(request, continuation(part) if part else {}) as response:
            body = chunks(response, floor, window, self.configuration.answer_timeout)
            stops: list[StopDownload] = []
            if has_listeners(self.crawler, signals.headers_received):
                headers, length = Headers(response.raw_headers), response.content_length
                stops += self._stops(signals.headers_received, request, headers=headers, body_length=length)
            if has_listeners(self.crawler, signals.bytes_received):
                body = self._told(request, body, stops)
            if path is None or response.status not in (OK, PARTIAL_CONTENT):
                content = b"" if stops else await read(response, body, self.configuration.memory_limit)
                self._count_response(response, len(content))
                if path is not None and part is not None and response.status == RANGE_NOT_SATISFIABLE:
                    await in_thread(forget, path)
                    raise DownloadFailedError("the image host does not know the part of the body that is here already")
                if len(content) > self._warn_above:
                    logger.warning(
                        "%s: a body of %s bytes, more than DOWNLOAD_WARNSIZE", request.url, f"{len(content):,}"
                    )
                headers = Headers(response.raw_headers)
                # The body that is passed on is decompressed.
                headers.pop("Content-Encoding", None)
                return make_response(
                    request.url, response.status, headers, content, stop_download=next(iter(stops), None)
                ), None
            if stops:
                raise DownloadFailedError(STOPPED)
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise DownloadFailedError("the image host packed a body that was asked for as it is")
            # Until the body is whole, a part of it may be in the staging folder.
            self._left_behind().add(path.name)
            arrival = await receive(response, body, path, self.configuration.file_size_limit, part)
            if stops:
                await arrival.give_up()
                raise DownloadFailedError(STOPPED)
            self._count("image_bytes", arrival.came)
            self._count_response(response, arrival.came)
            return Response(request.url, response.status, response.raw_headers), arrival

    def _stops(self, signal: object, request: Request, **told: object) -> list[StopDownload]:
        """The StopDownload of a signal's listener that wants no more of an answer; empty if there is none."""
        stop = check_stop_download(signal, self.crawler, request, **told)
        return [] if stop is None else [stop]

    async def _told(
        self, request: Request, body: AsyncIterator[bytes], stops: list[StopDownload]
    ) -> AsyncIterator[bytes]:
        """The body, announced to the signal's listeners; it ends when one of them wants no more, whose StopDownload is put into `stops`."""
        async for chunk in body:
            yield chunk
            stops += self._stops(signals.bytes_received, request, data=chunk)
            if stops:
                return

    async def _left_whole(self, path: Path, url: str) -> Received | None:
        """The body, if an earlier run received all of it and ended before it was in its place."""
        if path.name not in self._left_behind():
            return None
        return await in_thread(left_whole, path, self.configuration.file_size_limit, url)

    async def _left_part(self, path: Path, url: str) -> Part | None:
        return await in_thread(left_part, path, url) if path.name in self._left_behind() else None

    def _left_behind(self) -> set[str]:
        """The names of bodies of which the staging folder may hold something: listed once, then kept in memory."""
        if self._left is None:
            self._left = left_behind(self.configuration.archive.staging)
        return self._left

    async def _sent(self, request: Request, more: Mapping[str, str]) -> aiohttp.ClientResponse:
        """The answer, once its head has arrived."""
        staged = "stage_to" in request.meta
        # Read from the underlying dict: Scrapy's own `items` normalizes each name again.
        headers: dict[bytes, list[bytes]] = dict(request.headers)
        proxy, authorization = proxy_of(request), headers.pop(b"Proxy-Authorization", [b""])[0].decode("latin-1")
        for name, values in self._usual_headers:
            headers.setdefault(name, values)
        sent = [(name.decode(), value.decode("latin-1")) for name, values in headers.items() for value in values]
        told = {name.lower(): value for name, value in sent}
        browser = beside(told["user-agent"], told.get("accept"))
        sent += [(name, value) for name, value in browser.items() if name.lower() not in told]
        sent.append(("Accept-Encoding", "identity" if staged else "gzip, deflate"))
        through_socks = is_socks(proxy)
        client = self._client(proxy if through_socks else None, authorization)
        self._count_request(request, sent)
        left: list[float] = []
        # Until the whole head of the answer is here, however slowly its bytes come and whatever (1xx) comes before it.
        async with asyncio.timeout(self._connect_timeout + self.configuration.answer_timeout):
            response = await client.request(
                request.method,
                # Unchanged: yarl would resolve the dots that the catalogue has escaped.
                yarl.URL(request.url, encoded=True),
                trace_request_ctx=left,
                data=request.body or None,
                headers=in_order([*sent, *more.items()]),
                allow_redirects=False,
                auto_decompress=not staged,
                proxy=None if through_socks else proxy,
                # For the tunnel alone: unencrypted requests stay on this machine.
                proxy_headers={"Proxy-Authorization": authorization} if authorization and not through_socks else None,
            )
        request.meta["download_latency"] = asyncio.get_running_loop().time() - left[-1]
        return response

    def _client(self, socks_proxy: str | None, authorization: str) -> aiohttp.ClientSession:
        """The client for a proxy, made on first use, because no event loop is running when Scrapy makes the handler."""
        if (client := self._clients.get(socks_proxy)) is not None:
            return client
        client = self._clients[socks_proxy] = aiohttp.ClientSession(
            # The pace decides how many connections there are.
            connector=aiohttp.TCPConnector(ssl=trust_context(), limit=0, local_addr=self._local_address)
            if socks_proxy is None
            else socks_connector(socks_proxy, authorization, trust_context()),
            cookie_jar=aiohttp.DummyCookieJar(),
            # The most that a connection holds while its last bytes are still being written: more is not faster.
            read_bufsize=1 << 14,
            trace_configs=[_noting_when_requests_leave()],
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            # Without `sock_read`: with a small `read_bufsize` its timer keeps running in an idle connection, and the next request on
            # it then fails at once.
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_timeout),
        )
        # When a connection breaks, aiohttp would send its request again without regard to the pace.
        client._retry_connection = False  # noqa: SLF001
        return client

    async def _others(self) -> None:
        """Before anything is sent, take over pauses and pace from the ledger; later, the pauses that other processes add."""
        now = asyncio.get_running_loop().time()
        if self._remembering is None:
            self._remembering = asyncio.ensure_future(self._remember())
        elif self._remembering.done() and (now - self._heeded_at > PAUSE_CHECK_SECONDS or has_heard(self.crawler)):
            self._remembering.result()
            self._remembering = asyncio.ensure_future(self._heed(()))
        await asyncio.shield(self._remembering)

    async def _remember(self) -> None:
        lane = lane_of(self.crawler)
        await self._heed(lane.pauses() if lane is not None else ())
        api = self._limiter(self.configuration.api.key)
        if (kept := await ledger_of(self.crawler).read(queries.kept_pace, api.host, self._reader)) is not None:
            api.take_pace(kept)
            if api.delay != self.configuration.api_delay:
                logger.info("%s: %.3g s of rest after each answer, as earlier runs have learned", api.host, api.delay)

    async def _heed(self, of_lane: Sequence[queries.HostPause]) -> None:
        """Take over the pauses that hosts asked other runs or processes for."""
        self._heeded_at = asyncio.get_running_loop().time()
        now = datetime.now(UTC)
        left = [(pause.host, pause.left(now)) for pause in of_lane]
        left += (await ledger_of(self.crawler).read(queries.pauses_left, self._account, now)).items()
        for host, seconds in left:
            if seconds > 0:
                self._limiter(host).go_on_with_pause(seconds)

    def _limiter(self, host: str) -> RateLimiter:
        return limiter_of(host, self.configuration, self._account)

    def _whose_pause(self, limiter: RateLimiter) -> int | None:
        """The account that a host's pause applies to; None for a host without accounts, whose pause applies to every reader."""
        return self._account if limiter.host == self.configuration.api.key else None

    async def _share_pace(self, limiter: RateLimiter) -> None:
        """Write the learned pace of the API to the ledger, and take over what another process has learned as this reader."""
        if limiter.pace is not None:
            shared = await ledger_of(self.crawler).write(updates.share_pace, limiter.host, self._reader, limiter.pace)
            limiter.take_pace(shared)

    def _learn(self, limiter: RateLimiter, request: Request, response: Response, sent: float) -> None:
        """Learn from how soon the host answered, and whether it did."""
        if response.status == TOO_MANY_REQUESTS or response.status >= 500:
            limiter.trouble(sent)
        else:
            limiter.answer_began(sent, request.meta["download_latency"])

    def _end_for_long_pause(self, limiter: RateLimiter) -> None:
        """End the run, in good order, if the host's pause is longer than a run may wait."""
        if (left := limiter.pause_left) > self.configuration.longest_wait:
            until = (datetime.now(UTC) + timedelta(seconds=left)).astimezone()
            raise end_run(
                self.crawler,
                PauseTooLong(
                    f"{limiter.host} asks for a pause until {until:%Y-%m-%d %H:%M:%S}, longer than a run waits (LONGEST_WAIT): "
                    "the same command goes on then"
                ),
            )

    async def _pause(self, limiter: RateLimiter, response: Response, sent: float) -> None:
        now = datetime.now(UTC)
        header, date = ((response.headers.get(name) or b"").decode("latin-1") for name in ("Retry-After", "Date"))
        seconds = limiter.pause(retry_after(header, date, now), sent)
        if seconds is not None:
            until = now + timedelta(seconds=seconds)
            await ledger_of(self.crawler).write(
                updates.pause_host, limiter.host, until, now, self._whose_pause(limiter)
            )
            if (lane := lane_of(self.crawler)) is not None:
                lane.pause(limiter.host, until, now)
        await self._share_pace(limiter)

    async def _answered(self, limiter: RateLimiter, response: Response) -> None:
        if response.status < 500 and limiter.good_answer():
            await ledger_of(self.crawler).write(updates.clear_pause, limiter.host, self._whose_pause(limiter))
            if (lane := lane_of(self.crawler)) is not None:
                lane.clear_pause(limiter.host)
        if limiter.pace is not None and limiter.pace.answers % ANSWERS_A_WRITE == 0:
            await self._share_pace(limiter)

    def _count_request(self, request: Request, headers: Sequence[tuple[str, str]]) -> None:
        """As Scrapy's DownloaderStats, which originals bypass. Calling it took 4 % of a run of small files, half of that its wrapper."""
        if self._has_stats:
            size = len(request.method) + len(request.url) + len(request.body) + _size(headers)
            self._inc("downloader/request_count")
            self._inc(f"downloader/request_method_count/{request.method}")
            self._inc("downloader/request_bytes", size)

    def _count_response(self, response: aiohttp.ClientResponse, body: int) -> None:
        if self._has_stats:
            self._inc("downloader/response_count")
            self._inc(f"downloader/response_status_count/{response.status}")
            self._inc("downloader/response_bytes", body + _size(response.raw_headers))

    def _count(self, what: str, number: int = 1) -> None:
        self._inc(f"pixiv/{what}", number)


def _noting_when_requests_leave() -> aiohttp.TraceConfig:
    """So that the time until an answer begins does not include the time to connect."""
    trace = aiohttp.TraceConfig()

    async def left(_: aiohttp.ClientSession, context: Any, __: aiohttp.TraceRequestHeadersSentParams) -> None:
        context.trace_request_ctx.append(asyncio.get_running_loop().time())

    trace.on_request_headers_sent.append(left)
    return trace


def _size(headers: Sequence[tuple[str, str]] | Sequence[tuple[bytes, bytes]]) -> int:
    """The size of headers in bytes, with the colon, the space and the line end of each."""
    return sum([len(name) + len(value) + 4 for name, value in headers])


def _usual_headers(crawler: Crawler, configuration: Configuration) -> list[tuple[bytes, list[bytes]]]:
    """The headers that are sent with a request unless it sets them itself."""
    usual = Headers(crawler.settings.getdict("DEFAULT_REQUEST_HEADERS"))
    usual.setdefault("User-Agent", configuration.user_agent)
    return list(usual.items())
