"""A lane on the ledger's server: a lock that the server drops when its holder's connection ends.

The connection has its own thread, which checks every second that the server still answers. If it does not, nothing may be sent:
the server may have given the lane to another process.
"""

from __future__ import annotations

import logging
import os
import platform
import select
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from math import inf

from sqlalchemy import URL, Connection, func, text
from sqlalchemy import select as query
from sqlalchemy.exc import DBAPIError

from pixivcrawl.api.text import spoken
from pixivcrawl.errors import ArchiveInUse, ConfigurationError, PixivcrawlError, StorageFailed
from pixivcrawl.ledger.engine import session_engine
from pixivcrawl.ledger.failures import BUSY_TIMEOUT, has_given_up, place_of, storage_failed
from pixivcrawl.ledger.presence import holders_of
from pixivcrawl.ledger.updates.hosts import CHANNEL

LOG = logging.getLogger(__name__)

LOOKS_EVERY = 1.0
"""Seconds between two looks at the connection; that it has ended is seen at once."""

SILENT_FOR = 5.0
"""Seconds without a word of the server after which nothing is sent: it gives a lane away 25 s after its holder's machine is gone."""

TRIES_EVERY = 0.5
"""Seconds between two tries to get a lane."""

CLOCKS_DIFFER = timedelta(minutes=1)
"""By how much this machine's clock may differ from the server's: what all machines write into one ledger is compared by its times."""


class LaneInUse(ArchiveInUse):
    """Another run has the lane or the last place of the address; `waits_for` says what has to end first."""

    def __init__(self, what: str, waits_for: str) -> None:
        super().__init__(f"{what}: wait for it, or add --wait")
        self.waits_for = waits_for

    @classmethod
    def by(cls, whose: str, holder: str) -> LaneInUse:
        return cls(f"{whose} is in use by {holder}", holder)

    @classmethod
    def of_address(cls, places: int) -> LaneInUse:
        accounts = f"as many other accounts as PIXIV_LANES_PER_ADDRESS allows ({places})"
        return cls(f"{accounts} are read from this address", "another account that is read from this address")


class ServerLane:
    """The lane `key` on the server of `url`, and one of `places` of the network address.

    The crawls of this process hold it together.
    """

    def __init__(self, url: URL, key: int, whose: str) -> None:
        self.places: Sequence[int] = ()
        self._url = url
        self._key = key
        self._whose = whose
        self._holders = 0
        self._heard = False
        self._failed: StorageFailed | None = None
        self._confirmed_at = -inf
        self._thread: threading.Thread | None = None

    @contextmanager
    def held(self, task: str, *, wait: bool = False) -> Iterator[None]:
        """Hold the lane meanwhile. Raises ArchiveInUse if another holds it, unless it should wait, and StorageFailed."""
        if not self._holders:
            if self._thread is not None and self._thread.is_alive():
                raise StorageFailed(f"the ledger {place_of(self._url)} does not answer: check the database")
            taken: Future[None] = Future()
            # Writing to one wakes the thread that waits at the other.
            self._alarm, self._asleep = socket.socketpair()
            self._failed = None
            self._thread = threading.Thread(target=self._keep, args=(task, wait, taken), name="lane", daemon=True)
            self._thread.start()
            taken.result()
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if not self._holders:
                self._let_go()

    @property
    def is_sure(self) -> bool:
        """Whether the server has recently confirmed that this process holds the lane."""
        return _now() - self._confirmed_at < SILENT_FOR

    @property
    def lost(self) -> StorageFailed | None:
        """Why the lane is permanently lost."""
        if self._failed is None and BUSY_TIMEOUT < _now() - self._confirmed_at < inf:
            return StorageFailed(
                f"the ledger {place_of(self._url)} has not answered for {BUSY_TIMEOUT:.0f} s, so that {self._whose} may be "
                "another run's by now: check the database, then run the same command again"
            )
        return self._failed

    def has_heard(self) -> bool:
        """Whether the server has reported a pause since the last call."""
        heard, self._heard = self._heard, False
        return heard

    def _keep(self, task: str, wait: bool, taken: Future[None]) -> None:
        """Take the lane and keep it until it is released; after a loss, try for a while to get it back."""
        engine = session_engine(self._url, f"pixivcrawl {task} (process {os.getpid()} on {platform.node()})"[:63])
        tries_until = 0.0
        while True:
            try:
                with engine.connect() as connection:
                    self._take(connection, wait=wait and not taken.done())
                    self._confirmed_at = _now()
                    tries_until = 0.0
                    if not taken.done():
                        taken.set_result(None)
                    self._watch(connection)
                    return
            except (DBAPIError, PixivcrawlError) as error:
                why = storage_failed(error, place_of(self._url)) if isinstance(error, DBAPIError) else error
                if not taken.done():
                    taken.set_exception(why)
                    return
                if not tries_until:
                    tries_until = _now() + BUSY_TIMEOUT
                    LOG.warning(
                        "%s: the lane is lost, and nothing is sent until it is ours again: %s", self._whose, why
                    )
                self._confirmed_at = -inf
                if _now() > tries_until or has_given_up(error):
                    self._failed = StorageFailed(f"{self._whose}: the lane was lost: {why}")
                    return
            finally:
                engine.dispose()
            if self._is_told_to_end(TRIES_EVERY):
                return

    def _take(self, connection: Connection, *, wait: bool) -> None:
        _refuse_other_clock(connection, self._url)
        while (in_use := self._tried(connection)) is not None:
            if not wait:
                raise in_use
            time.sleep(TRIES_EVERY)

    def _tried(self, connection: Connection) -> LaneInUse | None:
        """Try to lock the lane and one of the places; returns who has it if that fails."""
        if not _locked(connection, self._key):
            return LaneInUse.by(self._whose, holders_of(connection, [self._key]).get(self._key, "another run"))
        if any(_locked(connection, place) for place in self.places):
            return None
        connection.execute(query(func.pg_advisory_unlock(self._key)))
        return LaneInUse.of_address(len(self.places))

    def _watch(self, connection: Connection) -> None:
        """Check the connection until the lane is released. Raises DBAPIError when the connection has ended."""
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.add_notify_handler(self._hear)
        connection.execute(text(f"LISTEN {CHANNEL}"))
        # Notifications from before the connection were missed.
        self._hear()
        while True:
            asked = _now()
            connection.execute(text("SELECT 1"))
            self._confirmed_at = asked
            if self._is_told_to_end(LOOKS_EVERY, driver.fileno()):
                # Not left to the end of the connection, which the server may see later than the next crawl asks.
                connection.execute(query(func.pg_advisory_unlock_all()))
                return

    def _hear(self, *_: object) -> None:
        self._heard = True

    def _is_told_to_end(self, seconds: float, *others: int) -> bool:
        """Whether the lane is released within so many seconds; returns earlier if something arrives from `others`."""
        awaited: list[socket.socket | int] = [self._asleep, *others]
        ready, _, _ = select.select(awaited, [], [], seconds)
        if self._asleep not in ready:
            return False
        self._asleep.recv(1)
        return True

    def _let_go(self) -> None:
        self._confirmed_at = -inf
        assert self._thread is not None
        self._alarm.send(b".")
        # A server that does not answer is not waited for: it drops the lane with the connection.
        self._thread.join(SILENT_FOR)


def _locked(connection: Connection, key: int) -> bool:
    return bool(connection.execute(query(func.pg_try_advisory_lock(key))).scalar())


def _refuse_other_clock(connection: Connection, url: URL) -> None:
    """Raises ConfigurationError if the clocks of this machine and the server disagree."""
    ahead = datetime.now(UTC) - connection.execute(query(func.clock_timestamp())).scalar_one()
    if abs(ahead) > CLOCKS_DIFFER:
        side = "ahead of" if ahead > timedelta() else "behind"
        raise ConfigurationError(
            f"this machine's clock is {spoken(abs(ahead).total_seconds())} {side} that of the ledger {place_of(url)}: "
            "set whichever is wrong, then run the same command again"
        )


def _now() -> float:
    """A clock that also runs during sleep where the system has one, because a machine that wakes up has lost its lane."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
