"""A server that is away, or takes connections and never answers: a person is told, and whoever waits for it has an end.

No timeout of the system's sees the second: the machine of a server that was stopped still acknowledges what it is sent, and a local
socket has none at all.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Generator
from functools import cache, partial
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready, Wait, wait_async
from sqlalchemy import URL, Engine, event

from pixivcrawl.ledger.failures import BUSY_TIMEOUT, GivenUp, place_of

T = TypeVar("T")

ASKED_AFTER = 6.0
"""Seconds without a word of the server after which it is asked on another connection whether it is there."""

ANSWERS_WITHIN = 5
"""Seconds in which it takes that one; else a person is told."""

ANOTHER_SILENCE = 15.0
"""Seconds in which nobody asked, after which a silence is another one: two tries are less apart."""

LOG = logging.getLogger(__name__)


class NeverAnswered(GivenUp, psycopg.OperationalError):
    """Nobody waits for the server any more."""


class Server:
    """What this process hears of a server, on whatever connection."""

    def __init__(self, url: URL) -> None:
        self._place = place_of(url)
        self._silent_since: float | None = None
        self._awaited_at = 0.0
        self._is_said = False

    def heard(self) -> None:
        self._silent_since = None

    def silent_for(self) -> float:
        """How many seconds somebody, who asks now, has waited for a word of it."""
        now = time.monotonic()
        if self._silent_since is None or now - self._awaited_at > ANOTHER_SILENCE:
            self._silent_since, self._is_said = now, False
        self._awaited_at = now
        return now - self._silent_since

    def not_there(self, error: psycopg.Error) -> None:
        """Note that it took no connection. Raises NeverAnswered after BUSY_TIMEOUT."""
        silent_for = self.silent_for()
        if silent_for > ASKED_AFTER and not self._is_said:
            self._is_said = True
            LOG.warning("the ledger %s does not answer, and is waited for", self._place)
        if silent_for > BUSY_TIMEOUT:
            raise NeverAnswered(f"it has not answered for {BUSY_TIMEOUT:.0f} s") from error


class Connection(psycopg.Connection[Any]):
    """A connection that does not wait without an end."""

    server: Server
    another: Callable[[], psycopg.Connection[Any]]

    def wait(self, gen: PQGen[T], *args: Any, **named: Any) -> T:
        return super().wait(self._watched(gen), *args, **named)

    def _watched(self, gen: PQGen[T]) -> Generator[Wait, Ready | int, T]:
        """What psycopg waits for; ten times a second it looks whether anything came."""
        try:
            awaited = next(gen)
            while True:
                ready = yield awaited
                if ready and ready & Ready.R:
                    self.server.heard()
                elif not ready and self.server.silent_for() > ASKED_AFTER:
                    self._see_whether_anybody_is_there()
                awaited = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result
        except NeverAnswered:
            self.close()
            raise

    def _see_whether_anybody_is_there(self) -> None:
        """Raises NeverAnswered after BUSY_TIMEOUT. One that takes connections has much to do, or another holds a lock there."""
        try:
            self.another().close()
        except psycopg.OperationalError as error:
            # That it has as many as it may have is a word, too.
            if "FATAL" not in str(error):
                self.server.not_there(error)
                return
        self.server.heard()


class AsyncConnection(psycopg.AsyncConnection[Any]):
    """As `Connection`, for coroutines. One that is cancelled does not ask a server, which may be silent, to cancel its query."""

    async def wait(self, gen: PQGen[T], *args: Any, **named: Any) -> T:
        try:
            async with asyncio.timeout(BUSY_TIMEOUT):
                return await wait_async(gen, self.pgconn.socket, *args, **named)
        except TimeoutError:
            self.pgconn.finish()
            raise NeverAnswered(f"it has not answered for {BUSY_TIMEOUT:.0f} s") from None
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise


def watch(engine: Engine) -> None:
    """Have no connection of an engine wait for its server without an end."""
    server = _server_of(engine.url)

    def connect(_dialect: object, _record: object, args: Any, named: Any) -> Connection:
        briefly = named | {"connect_timeout": ANSWERS_WITHIN}
        is_given_up = server.silent_for() > BUSY_TIMEOUT
        try:
            connection = Connection.connect(*args, **(briefly if is_given_up else named))
        except psycopg.OperationalError as error:
            server.not_there(error)
            raise
        server.heard()
        connection.server = server
        connection.another = partial(psycopg.connect, *args, **briefly)
        return connection

    event.listen(engine, "do_connect", connect)


@cache
def _server_of(url: URL) -> Server:
    return Server(url)
