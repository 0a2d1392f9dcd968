"""Claims of the works whose files a crawl is fetching, when several share a ledger on a server: no other crawl fetches those meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from math import inf
from typing import TypeVar

from sqlalchemy import URL, Connection, func, select
from sqlalchemy.exc import DBAPIError

from pixivcrawl.console import say
from pixivcrawl.items import OF_USERS, Original
from pixivcrawl.ledger.engine import session_engine
from pixivcrawl.ledger.failures import BUSY_TIMEOUT, is_lost, patiently, place_of, storage_failed
from pixivcrawl.ledger.presence import holders_of
from pixivcrawl.ledger.updates.files import not_stored

T = TypeVar("T")

TRIES_EVERY = 0.5
"""Seconds between two tries to claim what another crawl has."""

SAID_AFTER, SAID_EVERY = 10.0, 600.0
"""Seconds of waiting after which a line is logged, and between two such lines."""


class Claims:
    """The works and users whose files this process fetches, each a lock of a connection that has a thread of its own.

    The server drops them if the connection ends. A file in flight may then be fetched twice: the same bytes, and one row.
    """

    def __init__(self, url: URL) -> None:
        self._url = url
        self._engine = session_engine(url, f"pixivcrawl files (process {os.getpid()} on {platform.node()})"[:63])
        self._connection: Connection | None = None
        self._is_closed = False
        self._said_at = -inf
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="claims")

    @asynccontextmanager
    async def of(self, originals: Sequence[Original], is_stopping: Callable[[], bool]) -> AsyncIterator[list[Original]]:
        """Claim the work or user whose files these are, once no other crawl has it; yields those that are not stored by then.

        Yields none if the run is stopping before that. Raises StorageFailed.
        """
        key, since = _key(originals[0]), time.monotonic()
        while not await self._do(partial(_is_claimed, key=key)):
            now = time.monotonic()
            if not is_stopping() and now - since >= SAID_AFTER and now - self._said_at >= SAID_EVERY:
                await self._say_who_has(key, _owner(originals[0]))
            if not is_stopping():
                await asyncio.sleep(TRIES_EVERY)
            # By then the run may have ended, and closed this.
            if is_stopping():
                yield []
                return
        try:
            yield await self._do(partial(not_stored, originals=originals))
        finally:
            # The claim ended with the connection.
            if not self._is_closed:
                await self._do(partial(_let_go, key=key))

    def close(self) -> None:
        self._is_closed = True
        self._thread.shutdown()
        # A checked-out connection is not closed with the engine.
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    async def _say_who_has(self, key: int, owner: str) -> None:
        # No holder: the claim was released since the last try.
        if (holder := (await self._do(partial(holders_of, keys=[key]))).get(key)) is not None:
            self._said_at = time.monotonic()
            say(f"the files of {owner} are waited for: {holder}, is fetching them")

    async def _do(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do_now, work)

    def _do_now(self, work: Callable[[Connection], T]) -> T:
        def do() -> T:
            if self._connection is None:
                self._connection = self._engine.connect()
            try:
                return work(self._connection)
            except DBAPIError:
                self._connection.close()
                self._connection = None
                raise

        try:
            return patiently(do, BUSY_TIMEOUT, is_lost)
        except DBAPIError as error:
            raise storage_failed(error, place_of(self._url)) from error


def _is_claimed(connection: Connection, key: int) -> bool:
    return bool(connection.execute(select(func.pg_try_advisory_lock(key))).scalar())


def _let_go(connection: Connection, key: int) -> None:
    connection.execute(select(func.pg_advisory_unlock(key)))


def _key(original: Original) -> int:
    digest = hashlib.blake2b(f"files of {_owner(original)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


def _owner(original: Original) -> str:
    return f"{'user' if original.kind in OF_USERS else 'work'} {original.work_id}"
