"""The interface to the ledger: queries run in threads of their own, changes go through the one writer."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from scrapy.crawler import Crawler
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import DBAPIError

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.claims import Claims
from pixivcrawl.ledger.continuity import agreed, name_of, require_none
from pixivcrawl.ledger.engine import (
    TO_UPGRADE,
    check,
    prepare,
    read_url,
    reading_engine,
    refuse_links,
    writing_engine,
)
from pixivcrawl.ledger.failures import (
    BUSY_TIMEOUT,
    is_busy,
    is_busy_or_lost,
    is_the_end,
    patiently,
    place_of,
    storage_failed,
)
from pixivcrawl.ledger.integrity import require_sound
from pixivcrawl.ledger.journal import Journal, body_of, is_of_old, packed_at
from pixivcrawl.ledger.presence import alone
from pixivcrawl.ledger.queries.works import answer_location
from pixivcrawl.ledger.shared_journals import packed_in_store
from pixivcrawl.ledger.writer import Change, Writer

P = ParamSpec("P")
T = TypeVar("T")

NO_NAME = "an archive without a name"
"""The name of an unknown archive in a ledger on a server: no file is recorded in it."""

READERS = 2
"""Threads that read."""


class Ledger:
    """A query or a change is a plain function that takes a `Connection` first; `read` and `write` call it in the right thread."""

    def __init__(
        self, reading: Engine, writer: Writer | None, archive: Archive | None = None, known_as: str = ""
    ) -> None:
        self.known_as = known_as
        """The name in the ledger of the archive that uses this; "" in SQLite, and if no archive does."""
        self.claims: Claims | None = None
        """The claims on files that this process fetches; None in SQLite, which one crawl uses at a time."""
        self._reading = reading
        self._writer = writer
        self._archive = archive
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="ledger-reader")
        self._closed = False

    @classmethod
    def open(
        cls, url: str, *, archive: Archive | None = None, read_only: bool = False, after_a_kill: bool = False
    ) -> Ledger:
        """Open the ledger at DATABASE_URL `url`, made or brought up to date when it must be; changes go to the journal of `archive` too,
        of which all is read.

        One that is missing where `archive` shows that there was one, or does not belong to its journal, is refused (StorageFailed).
        `after_a_kill`: the last process that had it open did not close it, so it is checked for damage first.
        Raises ConfigurationError (a wrong URL, a ledger from a newer version) or StorageFailed, each in one line without a password.
        """
        target = read_url(url)
        refuse_links(target)
        if read_only:
            if target.get_backend_name() == "sqlite" and not Path(target.database or "").is_file():
                raise ConfigurationError(f"there is no ledger at {target.database}: begin one with pixivcrawl user ID")
            reading = reading_engine(target, READERS + 1, read_only=True)
            _made_ready(reading, check)
            known_as = name_of(archive, target) if archive is not None else ""
            return cls(reading, None, archive, NO_NAME if known_as is None else known_as)
        if after_a_kill:
            require_sound(target)
        writing = writing_engine(target)
        journal = _made_ready(writing, lambda engine: _prepared(engine, archive))
        writer = Writer(writing, journal)
        # One connection more than threads, for a blocking question.
        reading = reading_engine(target, READERS + 1, read_only=False)
        ledger = cls(reading, writer, archive, journal.known_as if journal is not None else "")
        if target.get_backend_name() != "sqlite":
            ledger.claims = Claims(target)
        return ledger

    @property
    def url(self) -> URL:
        return self._reading.url

    @property
    def broken(self) -> StorageFailed | None:
        """Why nothing can be written any more; None as long as writing works."""
        return self._writer.broken if self._writer is not None else None

    def on_journal_rotation(self, call: Callable[[], object]) -> None:
        """Have `call` called, in the writer's thread, whenever a file of the journal is finished."""
        if self._writer is not None and self._writer.journal is not None:
            self._writer.journal.on_rotation = call

    async def read(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `query` answers, asked in a thread. Raises StorageFailed."""
        if self._closed:
            raise StorageFailed("the ledger was closed before everything was looked up: run the same command again")
        ask = partial(self._ask, lambda connection: query(connection, *args, **kwargs))
        return await asyncio.get_running_loop().run_in_executor(self._readers, ask)

    def read_now(self, query: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, in the caller's thread."""
        return self._ask(lambda connection: query(connection, *args, **kwargs))

    def alone(self, what: str) -> AbstractContextManager[bool]:
        """As `presence.alone`, with this ledger."""
        return alone(self.url, what)

    async def kept_answer(self, endpoint: str, subject_id: int, after: datetime | None = None) -> bytes | None:
        """The body of the last answer to `endpoint` about a work or a user, if it was read after that time and is still there."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self.kept_answer_now, endpoint, subject_id, after)

    def kept_answer_now(self, endpoint: str, subject_id: int, after: datetime | None = None) -> bytes | None:
        """As `kept_answer`, in the caller's thread."""
        if self._archive is None or (found := self.read_now(answer_location, endpoint, subject_id, after)) is None:
            return None
        packed = self.packed_answer(*found)
        return body_of(packed) if packed is not None else None

    def packed_answer(self, name: str, location: Location) -> bytes | None:
        """The packed record at a place in the journal of the archive `name`; None if it is not to be had. Raises StorageFailed."""
        if self._archive is None:
            return None
        try:
            if name == self.known_as:
                return packed_at(self._archive.journal, location)
            return packed_in_store(self._archive, name, location)
        except OSError:
            return None

    async def write(self, change: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `change` returns, once it is committed. Raises what it raised, which undoes it alone, or StorageFailed."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._submit(Change(change, args, kwargs, done, loop))
        return await done

    def write_now(self, change: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `write`, waiting in the caller's thread."""
        done: Future[T] = Future()
        self._submit(Change(change, args, kwargs, done))
        return done.result()

    def close(self) -> None:
        """Write what is queued, then let go of the database. May be called again."""
        self._closed = True
        self._readers.shutdown()
        if self._writer is not None:
            self._writer.close()
        if self.claims is not None:
            self.claims.close()
        self._reading.dispose()

    def _ask(self, query: Callable[[Connection], T]) -> T:
        def ask() -> T:
            with self._reading.connect() as connection:
                return query(connection)

        try:
            # A command that only reads fails at once without a server; a run that has begun waits for it.
            return ask() if self._writer is None else patiently(ask, BUSY_TIMEOUT, is_busy_or_lost)
        except DBAPIError as error:
            if is_the_end(error) or is_busy(error):
                raise storage_failed(error, place_of(self._reading.url)) from error
            raise

    def _submit(self, change: Change) -> None:
        if self._writer is None:
            raise StorageFailed("the ledger was opened for reading alone")
        self._writer.submit(change)


def _prepared(engine: Engine, archive: Archive | None) -> Journal | None:
    """The journal of an archive, of which the ledger has all."""
    if archive is None:
        prepare(engine)
        return None
    if is_of_old(archive.journal):
        raise ConfigurationError(TO_UPGRADE.format(what=f"the journal {archive.journal}"))
    prepare(engine, lambda: require_none(archive, place_of(engine.url)))
    return agreed(engine, archive)


def _made_ready(engine: Engine, make_ready: Callable[[Engine], T]) -> T:
    try:
        return make_ready(engine)
    except BaseException:
        engine.dispose()
        raise


_LEDGERS: weakref.WeakKeyDictionary[Crawler, Ledger] = weakref.WeakKeyDictionary()


def attach(crawler: Crawler, ledger: Ledger) -> None:
    """Make `ledger` the one of this crawl from now on."""
    _LEDGERS[crawler] = ledger


def detach(crawler: Crawler) -> None:
    _LEDGERS.pop(crawler, None)


def has_ledger(crawler: Crawler) -> bool:
    return crawler in _LEDGERS


def ledger_of(crawler: Crawler) -> Ledger:
    """The ledger of a crawl. Raises ConfigurationError when it has none."""
    try:
        return _LEDGERS[crawler]
    except KeyError:
        raise ConfigurationError(
            "this crawl has no ledger: keep pixivcrawl.extensions.ledger.LedgerExtension in EXTENSIONS"
        ) from None


def is_archiving(crawler: Crawler) -> bool:
    """Whether a crawl that begins keeps what it finds: it runs a spider of ours, by the spider's own `start`.

    `scrapy fetch`, `view`, `parse` and `check` put another in its place; `scrapy shell` begins no crawl.
    """
    spider = crawler.spidercls
    begins_otherwise = spider.start.__module__.startswith("scrapy.commands.")
    return crawler.crawling and getattr(spider, "archives", False) and not begins_otherwise
