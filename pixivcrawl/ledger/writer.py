"""The one thread that writes: all queued changes go into one transaction, and each caller gets its result after the commit."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine

from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.changes import entry_of, is_fatal, make_change, make_together
from pixivcrawl.ledger.continuity import next_order, note_position, position_of
from pixivcrawl.ledger.engine import DatabaseFiles
from pixivcrawl.ledger.failures import BUSY_TIMEOUT, is_busy_or_lost, patiently, place_of, storage_failed
from pixivcrawl.ledger.journal import Entry, Journal, located
from pixivcrawl.ledger.updates.answers import note_answers
from pixivcrawl.ledger.updates.archive_name import write_for
from pixivcrawl.ledger.updates.tags import forget_tags, remember_tags

BATCH = 256
"""How many changes one transaction takes."""

DELAY = 0.005
"""Seconds from the end of one commit to the next one, in which changes gather, up to ENOUGH; one that comes later is committed at once."""

FULL_BATCH = 16
"""This many changes do not wait for more: each bears little of a commit's cost, and the waiting callers may have no others to send."""

Loop = asyncio.AbstractEventLoop


@dataclass(slots=True)
class Change:
    """One queued change: the function, its arguments, and the future of its caller (one of `loop`, or a blocking one)."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: dict[str, Any]
    future: asyncio.Future[Any] | Future[Any]
    loop: Loop | None = None
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Owns the writing engine and the `journal`. `broken` says why nothing can be written any more."""

    def __init__(self, engine: Engine, journal: Journal | None) -> None:
        self.broken: StorageFailed | None = None
        self._engine = engine
        self._files = DatabaseFiles(engine.url)
        self.journal = journal
        self._changes: queue.SimpleQueue[Change | None] = queue.SimpleQueue()
        self._ending = False
        self._rests_until = 0.0
        self._has_enough = threading.Event()
        self._entrance = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, change: Change) -> None:
        """Queue a change. Raises StorageFailed when the ledger is broken or closed."""
        with self._entrance:
            if self.broken is not None:
                raise StorageFailed(str(self.broken))
            if self._ending:
                raise StorageFailed("the ledger was closed before everything was recorded: run the same command again")
            self._changes.put(change)
        if self._changes.qsize() >= FULL_BATCH:
            self._has_enough.set()

    def close(self) -> None:
        """Write the queued changes, then end."""
        with self._entrance:
            if not self._ending:
                self._ending = True
                self._changes.put(None)
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._write(batch)
            _deliver(batch)
            self._rests_until = time.monotonic() + DELAY

    def _next_batch(self) -> list[Change]:
        """The queued changes, after a short wait for more if something was written just now; empty if the writer is to end."""
        change = self._changes.get()
        if change is None:
            return []
        batch = [change]
        # Not `get` with a timeout, which sometimes waits forever: it takes a time that is already over for no timeout.
        self._has_enough.wait(max(0.0, self._rests_until - time.monotonic()))
        self._has_enough.clear()
        with contextlib.suppress(queue.Empty):
            while len(batch) < BATCH:
                change = self._changes.get_nowait()
                if change is None:
                    self._changes.put(None)
                    break
                batch.append(change)
        return _alike_together(batch)

    def _write(self, batch: Sequence[Change]) -> None:
        """Commit the batch; when that fails, every change of it fails and the ledger is broken."""
        failure = self.broken
        try:
            if failure is None:
                self._commit_patiently(batch)
        except StorageFailed as error:
            failure = error
        except Exception as error:  # noqa: BLE001 (whatever it is, who waits must hear of it)
            failure = storage_failed(error, place_of(self._engine.url))
            failure.__cause__ = error
        if failure is not None:
            self.broken = failure
            for change in batch:
                change.error = StorageFailed(str(failure))
                change.error.__cause__ = failure.__cause__

    def _commit_patiently(self, batch: Sequence[Change]) -> None:
        patiently(lambda: self._commit(batch), BUSY_TIMEOUT, is_busy_or_lost)
        # A commit to a file that has been removed is lost.
        self._files.refuse_others()

    def _commit(self, batch: Sequence[Change]) -> None:
        with self._engine.connect() as connection:
            remember_tags(connection)
            write_for(connection, self.journal.known_as if self.journal is not None else "")
            try:
                with connection.begin():
                    if not self._was_committed(connection):
                        _apply_all(connection, batch)
                        self._append_to_journal(connection, batch)
                if self.journal is not None:
                    self.journal.settle()
            except BaseException:
                forget_tags(connection)
                raise

    def _was_committed(self, connection: Connection) -> bool:
        """Whether the earlier try of the batch was journaled and committed, and only the server's confirmation was lost."""
        if self.journal is None or not self.journal.is_ahead:
            return False
        if position_of(connection, self.journal.known_as, settled=True) == self.journal.position:
            return True
        self.journal.take_back()
        return False

    def _append_to_journal(self, connection: Connection, batch: Sequence[Change]) -> None:
        """Before the commit, so that the ledger never knows what the journal does not."""
        if self.journal is None:
            return
        name, entries = self.journal.known_as, _entries(batch)
        if entries:
            after = self.journal.append(entries, datetime.now(UTC), next_order(connection))
            note_answers(connection, name, located(self.journal.appended))
            note_position(connection, name, after)


def _alike_together(batch: Sequence[Change]) -> list[Change]:
    """Changes of one kind next to each other, because those cost less in a row.

    None of them waited for another one of the batch, so any order is right; those of one kind keep theirs.
    """
    kinds: dict[Callable[..., Any], int] = {}
    for change in batch:
        kinds.setdefault(change.function, len(kinds))
    return sorted(batch, key=lambda change: kinds[change.function])


def _apply_all(connection: Connection, batch: Sequence[Change]) -> None:
    """Make the changes at once; when one of them raises, each by itself."""
    calls = [(change.function, change.arguments, change.named) for change in batch]
    if (results := make_together(connection, calls)) is None:
        for change in batch:
            _apply(connection, change)
    else:
        for change, result in zip(batch, results, strict=True):
            change.result, change.error = result, None


def _apply(connection: Connection, change: Change) -> None:
    change.result = change.error = None
    try:
        change.result = make_change(connection, change.function, change.arguments, change.named)
    except Exception as error:
        if is_fatal(error):
            raise
        change.error = error


def _entries(batch: Sequence[Change]) -> list[Entry]:
    """The changes that succeeded, for the journal; failed ones were undone."""
    made = [change for change in batch if change.error is None]
    entries = (entry_of(change.function, change.arguments, change.named, change.result) for change in made)
    return [entry for entry in entries if entry is not None]


def _deliver(batch: Sequence[Change]) -> None:
    """Give every waiting caller its result, with one wake-up for each event loop."""
    waiting: dict[Loop, list[Change]] = {}
    for change in batch:
        if change.loop is None:
            _settle(change)
        else:
            waiting.setdefault(change.loop, []).append(change)
    for loop, changes in waiting.items():
        # A loop that has ended has no waiting callers.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_settle_all, changes)


def _settle_all(changes: Sequence[Change]) -> None:
    for change in changes:
        _settle(change)


def _settle(change: Change) -> None:
    """Resolve the future unless its caller has given up."""
    if change.future.done():
        return
    with contextlib.suppress(InvalidStateError):
        if change.error is None:
            change.future.set_result(change.result)
        else:
            change.future.set_exception(change.error)
