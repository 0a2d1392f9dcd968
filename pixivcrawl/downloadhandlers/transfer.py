"""Bodies on their way in: into memory, or, flagged for it, into a staging file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

import aiohttp
from scrapy.exceptions import DownloadFailedError

from pixivcrawl.archive.staging import LengthMismatch, Received, Receiver, TooLarge

P = ParamSpec("P")
T = TypeVar("T")

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


async def stage(response: aiohttp.ClientResponse, body: AsyncIterator[bytes], path: Path, limit: int) -> Received:
    """The body in the file `path`, synced. Raises LengthMismatch, TooLarge, DownloadFailedError, StorageFailed.

    What failed leaves no file.
    """
    declared = response.content_length
    if declared is not None and declared > limit:
        raise TooLarge(limit)
    receiver = await _in_thread(Receiver, path, limit)
    try:
        async for piece in _pieces(body):
            await _in_thread(receiver.write, piece)
        return await _in_thread(receiver.finish, declared)
    except aiohttp.ClientPayloadError:
        await _in_thread(receiver.abort)
        if declared is not None:
            raise LengthMismatch(declared, receiver.bytes) from None
        raise _cut_short(response, receiver.bytes) from None
    except BaseException:
        await _in_thread(receiver.abort)
        raise


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
    except aiohttp.ClientPayloadError:
        yield b"".join(held)
        raise
    if held:
        yield b"".join(held)


def _cut_short(response: aiohttp.ClientResponse, got: int) -> DownloadFailedError:
    declared = response.content_length
    announced = "" if declared is None else f" of {declared:,}"
    return DownloadFailedError(f"the connection broke after {got:,} bytes{announced}")


async def _in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, lambda: work(*args, **kwargs))
