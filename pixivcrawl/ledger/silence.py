"""Handles a server that is away, or accepts connections and never answers: the user is informed, and no caller waits forever.

No timeout of the system detects the second case: the machine of a stopped server still acknowledges packets, and a local socket has no
timeout at all.
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
"""Seconds without data from the server after which another connection tests whether it is there."""

ANSWERS_WITHIN = 5
"""Seconds in which the server must accept that connection; otherwise the user is informed."""

ANOTHER_SILENCE = 15.0
"""Seconds without a query after which a new silence begins: two tries are closer together."""

LOG = logging.getLogger(__name__)


class NeverAnswered(GivenUp, psycopg.OperationalError):
    """The server has not answered for too long; no caller waits for it any more."""


class Server:
    """When this process last received anything from a server, on any connection."""

    def __init__(self, url: URL) -> None:
        self._place = place_of(url)
        self._silent_since: float | None = None
        self._awaited_at = 0.0
        self._is_said = False

    def heard(self) -> None:
        self._silent_since = None

    def silent_for(self) -> float:
        """For how many seconds the present caller has waited for an answer."""
        now = time.monotonic()
        if self._silent_since is None or now - self._awaited_at > ANOTHER_SILENCE:
            self._silent_since, self._is_said = now, False
        self._awaited_at = now
        return now - self._silent_since

    def not_there(self, error: psycopg.Error) -> None:
        """Note that the server accepted no connection. Raises NeverAnswered after BUSY_TIMEOUT."""
        silent_for = self.silent_for()
        if silent_for > ASKED_AFTER and not self._is_said:
            self._is_said = True
            LOG.warning("the ledger %s does not answer, and is waited for", self._place)
        if silent_for > BUSY_TIMEOUT:
            raise NeverAnswered(f"it has not answered for {BUSY_TIMEOUT:.0f} s") from error


class Connection(psycopg.Connection[Any]):
    """A connection that does not wait forever."""

    server: Server
    another: Callable[[], psycopg.Connection[Any]]

    def wait(self, gen: PQGen[T], *args: Any, **named: Any) -> T:
        return super().wait(self._watched(gen), *args, **named)

    def _watched(self, gen: PQGen[T]) -> Generator[Wait, Ready | int, T]:
        """Pass on what psycopg waits for, and check ten times a second whether anything was received."""
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
        """Raises NeverAnswered after BUSY_TIMEOUT. A server that accepts connections is only busy, or another client holds a lock."""
        try:
            self.another().close()
        except psycopg.OperationalError as error:
            # An answer that it has too many connections counts too.
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
    """Let no connection of an engine wait for its server forever."""
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
