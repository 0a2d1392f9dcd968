"""Receives bodies: into memory, or, if marked for it, into a staging file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from scrapy.exceptions import DownloadFailedError

from pixivcrawl.archive.staging import Entity, LengthMismatch, Part, Received, Receiver, TooLarge, forget

P = ParamSpec("P")
T = TypeVar("T")

PARTIAL_CONTENT = 206

_CONTENT_RANGE = re.compile(r"bytes (?P<start>[0-9]{1,18})-[0-9]{1,18}/(?P<length>[0-9]{1,18})")

_NOT_UNPACKED = "the body cannot be unpacked: it is damaged, or not packed as the answer says"

_PIECE = 3 << 16
"""Bytes that are passed to a thread at once: few enough to hold, and enough that most originals take one or a few such steps."""

_AHEAD = 1 << 16
"""Bytes that a TLS connection receives while its last ones wait for the disk, and decrypts all at once when that wait is over.

asyncio's default of 256 KiB is held twice: 7 MB with 16 connections.
"""

_THREADS = ThreadPoolExecutor(2, thread_name_prefix="staging")
"""These threads wait for the disk and hash, both without the interpreter's lock; syncing in several is faster than in one."""


async def chunks(
    response: aiohttp.ClientResponse, floor: int, window: float, longest_wait: float
) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises TimeoutError when nothing comes for `longest_wait` seconds, DownloadFailedError when, over `window` seconds of waiting, fewer
    than `floor` bytes a second come.
    """
    loop = asyncio.get_running_loop()
    waited, brought = 0.0, 0
    while not response.content.at_eof():
        asked = loop.time()
        # Much of a small body comes with its head, without waiting.
        if not (chunk := response.content.read_nowait()):
            async with asyncio.timeout(longest_wait):
                chunk = await response.content.readany()
        if not chunk:
            return
        # The time until the next chunk is asked for is ours, not the server's.
        waited += loop.time() - asked
        brought += len(chunk)
        yield chunk
        if waited >= window:
            if brought < floor * waited:
                raise DownloadFailedError(f"too slow: {brought:,} bytes in {waited:.0f} s")
            waited, brought = 0.0, 0


async def read(response: aiohttp.ClientResponse, body: AsyncIterator[bytes], limit: int) -> bytes:
    """The body in memory. Raises DownloadFailedError past `limit` bytes, when it is cut short, or cannot be unpacked."""
    held = bytearray()
    try:
        async for chunk in body:
            held += chunk
            if len(held) > limit:
                raise DownloadFailedError(f"the body is longer than the limit of {limit:,} bytes")
    except aiohttp.ClientPayloadError as error:
        raise _broken(response, len(held), error) from None
    if not held and response.content_length and "Content-Encoding" in response.headers:
        raise DownloadFailedError(_NOT_UNPACKED)
    return bytes(held)


class IncomingBody:
    """A body on its way into the file `path`. Its bytes are held until there are enough to be worth a call in a thread.

    `came` counts the bytes that were received. Raises StorageFailed, and TooLarge past `limit` bytes.
    """

    def __init__(
        self, path: Path, limit: int, length: int | None, *, resume: bool = False, entity: Entity | None = None
    ) -> None:
        self.path = path
        self.came = 0
        self._limit = limit
        self._length = length
        self._resume = resume
        self._entity = entity
        self._held: list[bytes] = []
        self._size = 0
        self._receiver: Receiver | None = None
        self._writing: asyncio.Future[Receiver] | None = None

    async def add(self, chunk: bytes) -> None:
        self.came += len(chunk)
        self._held.append(chunk)
        self._size += len(chunk)
        if self._size >= _PIECE:
            self._writing = asyncio.ensure_future(in_thread(self._receive_what_is_held))
            await asyncio.shield(self._writing)

    async def finish(self) -> Received:
        """The body is whole: all of it in its file, synced. Raises LengthMismatch when it is not as long as announced."""
        return await in_thread(self._finish)

    async def give_up(self) -> None:
        """Keep what was received for another try if the server identified the body, otherwise remove it."""
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await in_thread(self._leave if self._entity is not None else self._abort)

    async def forget(self) -> None:
        self._entity = None
        await self.give_up()

    def _receive_what_is_held(self) -> Receiver:
        """Called by one thread at a time."""
        piece, self._held, self._size = b"".join(self._held), [], 0
        if self._receiver is None:
            self._receiver = Receiver(self.path, self._limit, resume=self._resume, entity=self._entity)
        self._receiver.write(piece)
        return self._receiver

    def _finish(self) -> Received:
        try:
            return self._receive_what_is_held().finish(self._length)
        except (TooLarge, LengthMismatch):
            self._abort()
            raise
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        try:
            if self._held:
                self._receive_what_is_held()
        finally:
            if self._receiver is not None:
                self._receiver.close()

    def _abort(self) -> None:
        if self._receiver is not None:
            self._receiver.abort()
        else:
            forget(self.path)


async def receive(
    response: aiohttp.ClientResponse, body: AsyncIterator[bytes], path: Path, limit: int, part: Part | None
) -> IncomingBody:
    """The whole body, of which the last bytes are still to be written. Raises LengthMismatch, TooLarge, DownloadFailedError, StorageFailed.

    `part` is what the server was asked to continue. After a failure the part stays for another try if the server identified the body.
    """
    start, length = await _extent(response, path, part)
    if length is not None and length > limit:
        raise TooLarge(limit)
    _take_little_ahead(response)
    arrival = IncomingBody(path, limit, length, resume=start > 0, entity=_entity(response, length))
    try:
        async for chunk in body:
            await arrival.add(chunk)
    except aiohttp.ClientPayloadError as error:
        await arrival.give_up()
        if length is not None:
            raise LengthMismatch(length, start + arrival.came) from None
        raise _broken(response, arrival.came, error) from None
    except TooLarge:
        await arrival.forget()
        raise
    except BaseException:
        await arrival.give_up()
        raise
    return arrival


def _take_little_ahead(response: aiohttp.ClientResponse) -> None:
    # A small body has arrived whole by now, and its connection already serves another request.
    transport = None if response.connection is None else response.connection.transport
    # Of asyncio's transports only those over TLS read ahead.
    if (set_limits := getattr(transport, "set_read_buffer_limits", None)) is not None:
        set_limits(_AHEAD)


def continuation(part: Part) -> dict[str, str]:
    """The headers that ask for the rest of a body, or for all of it when it is another one by now (RFC 9110, 13.1.5)."""
    return {"Range": f"bytes={part.bytes}-", "If-Range": part.entity.validator}


async def _extent(response: aiohttp.ClientResponse, path: Path, part: Part | None) -> tuple[int, int | None]:
    """At which byte the answer begins, and the length of the whole body in bytes. A part that cannot be continued is removed."""
    if response.status != PARTIAL_CONTENT:
        return 0, response.content_length
    said = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if part is None or said is None or int(said["start"]) != part.bytes or said["length"] != str(part.entity.length):
        await in_thread(forget, path)
        raise DownloadFailedError("the image host sent another part than it was asked for")
    return part.bytes, part.entity.length


def _entity(response: aiohttp.ClientResponse, length: int | None) -> Entity | None:
    """The body as the server identifies it; None if it does not, or gives no length, without which the end is uncertain. A weak ETag is not
    used: it does not promise the same bytes."""
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    return Entity(str(response.url), validator, length) if validator and length is not None else None


def _broken(response: aiohttp.ClientResponse, got: int, error: aiohttp.ClientPayloadError) -> DownloadFailedError:
    if isinstance(error.__cause__, ContentEncodingError):
        return DownloadFailedError(_NOT_UNPACKED)
    # Received bytes are counted after decompression, the announced length is not.
    place = "within a packed body" if "Content-Encoding" in response.headers else f"after {got:,} bytes"
    length = response.content_length
    return DownloadFailedError(f"the connection broke {place}" + ("" if length is None else f" of {length:,}"))


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work that waits for the disk, off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, lambda: work(*args, **kwargs))
