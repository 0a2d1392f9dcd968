"""Bodies on their way in: into memory, or, flagged for it, into a staging file."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import aiohttp
from scrapy.exceptions import DownloadFailedError

from pixivcrawl.archive.staging import Entity, LengthMismatch, Part, Received, Receiver, TooLarge, forget

P = ParamSpec("P")
T = TypeVar("T")

PARTIAL_CONTENT = 206

_CONTENT_RANGE = re.compile(r"bytes (?P<start>[0-9]{1,18})-[0-9]{1,18}/(?P<length>[0-9]{1,18})")

_PIECE = 1 << 16
"""Bytes that are handed to a thread at once: few enough to hold, enough to be worth the hand-over."""

_THREADS = ThreadPoolExecutor(2, thread_name_prefix="staging")
"""They wait for the disk and hash, both without the interpreter's lock; syncing in several is faster than in one."""


async def chunks(response: aiohttp.ClientResponse, floor: int, window: float) -> AsyncIterator[bytes]:
    """The body as it comes.

    Raises DownloadFailedError when, over `window` seconds of waiting, fewer than `floor` bytes a second come.
    """
    loop = asyncio.get_running_loop()
    waited, brought = 0.0, 0
    while True:
        asked = loop.time()
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
    """The body in memory. Raises DownloadFailedError past `limit` bytes, or when it is cut short."""
    held = bytearray()
    try:
        async for chunk in body:
            held += chunk
            if len(held) > limit:
                raise DownloadFailedError(f"the body is longer than the limit of {limit:,} bytes")
    except aiohttp.ClientPayloadError:
        raise _cut_short(response, len(held)) from None
    return bytes(held)


async def stage(
    response: aiohttp.ClientResponse, body: AsyncIterator[bytes], path: Path, limit: int, part: Part | None
) -> Received:
    """The body in the file `path`, synced. Raises LengthMismatch, TooLarge, DownloadFailedError, StorageFailed.

    `part` is what the server was asked to continue. What fails leaves its part for another try where the server named the body.
    """
    start, length = await _extent(response, path, part)
    if length is not None and length > limit:
        raise TooLarge(limit)
    entity = _entity(response, length)
    receiver = await in_thread(Receiver, path, limit, resume=start > 0, entity=entity)
    try:
        async for piece in _pieces(body):
            await in_thread(receiver.write, piece)
        return await in_thread(receiver.finish, length)
    except aiohttp.ClientPayloadError:
        await in_thread(receiver.close if entity else receiver.abort)
        if length is not None:
            raise LengthMismatch(length, receiver.bytes) from None
        raise _cut_short(response, receiver.bytes) from None
    except (TooLarge, LengthMismatch):
        await in_thread(receiver.abort)
        raise
    except BaseException:
        await in_thread(receiver.close if entity else receiver.abort)
        raise


def continuation(part: Part) -> dict[str, str]:
    """The headers that ask for the rest of a body, or for all of it when it is another one by now (RFC 9110, 13.1.5)."""
    return {"Range": f"bytes={part.bytes}-", "If-Range": part.entity.validator}


async def _extent(response: aiohttp.ClientResponse, path: Path, part: Part | None) -> tuple[int, int | None]:
    """Where what comes begins, and the length of the whole body in bytes. A part that cannot be continued is forgotten."""
    if response.status != PARTIAL_CONTENT:
        return 0, response.content_length
    said = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if part is None or said is None or int(said["start"]) != part.bytes or said["length"] != str(part.entity.length):
        await in_thread(forget, path)
        raise DownloadFailedError("the image host sent another part than it was asked for")
    return part.bytes, part.entity.length


def _entity(response: aiohttp.ClientResponse, length: int | None) -> Entity | None:
    """The body as the server names it; a weak ETag does not promise the same bytes, and a body of unknown length never ends for sure."""
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    return Entity(str(response.url), validator, length) if validator and length is not None else None


async def _pieces(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    held: list[bytes] = []
    size = 0
    try:
        async for chunk in body:
            held.append(chunk)
            size += len(chunk)
            if size >= _PIECE:
                yield b"".join(held)
                held, size = [], 0
    except (aiohttp.ClientError, TimeoutError, DownloadFailedError):
        yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


def _cut_short(response: aiohttp.ClientResponse, got: int) -> DownloadFailedError:
    declared = response.content_length
    announced = "" if declared is None else f" of {declared:,}"
    return DownloadFailedError(f"the connection broke after {got:,} bytes{announced}")


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work that waits for the disk, off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_THREADS, lambda: work(*args, **kwargs))
