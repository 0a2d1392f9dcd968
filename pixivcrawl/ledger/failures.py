"""What a database error means: wait and try again, the end of the ledger, or the fault of one change alone."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, exc

from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.models import Base
from pixivcrawl.sqlite import error_code

T = TypeVar("T")

BUSY_TIMEOUT = 60.0
"""Seconds in which a lock held by another program may go away, or a server come back."""

_AGAIN = "then run the same command again"
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_PASSING = {"40001", "40P01", "55P03", "23505"}
"""Of PostgreSQL: serialization failure, deadlock, lock not available; a row that another run has made since it was looked for."""
_SHUT_DOWN = {"57P01", "57P02", "57P03"}
"""Of PostgreSQL: shut down by its administrator or after a crash, cannot connect now."""
_LACKS = re.compile(r"no such (?:table|column): (\w+)(?:\.\w+)?|table (\w+) has no column named \w+")
DAMAGED = (
    "the ledger {place} is damaged: rebuild it with pixivcrawl rebuild --replace, or put a backup copy in its place "
    "(without the files {place}-wal and {place}-shm), " + _AGAIN
)
_EXPLANATIONS = {
    sqlite3.SQLITE_FULL: "the disk is full: free space for {place}, " + _AGAIN,
    sqlite3.SQLITE_IOERR: "the disk reports an error at {place}: check that it has space and is sound, " + _AGAIN,
    sqlite3.SQLITE_READONLY: "{place} cannot be written: make it and its folder writable, " + _AGAIN,
    sqlite3.SQLITE_PERM: "no permission for {place}: give this user the right to read and write there, " + _AGAIN,
    sqlite3.SQLITE_CANTOPEN: "{place} cannot be opened: see that its folder is there and can be written, " + _AGAIN,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: "{place} is not a ledger, or its beginning is damaged: correct DATABASE_URL, or rebuild it "
    "with pixivcrawl rebuild --replace, " + _AGAIN,
}


class GivenUp(Exception):
    """The error of a server after which no more tries are made: BUSY_TIMEOUT is over for every waiting caller."""


def place_of(url: URL) -> str:
    """Where a ledger lies, for a message: the file, or the server and database; never a user name or a password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    port = f":{url.port}" if url.port else ""
    return f"{url.host or 'the local server'}{port}/{url.database}"


def is_busy(error: BaseException) -> bool:
    """Whether another program holds a lock, or two blocked each other: a temporary error."""
    return sqlite_code(error) in _BUSY or _sqlstate(error) in _PASSING


def is_lost(error: BaseException) -> bool:
    """Whether the connection to a server is gone or cannot be made: temporary while the server restarts."""
    if isinstance(error, exc.PendingRollbackError):
        # A rollback or close found no connection.
        return True
    if not isinstance(error, exc.DBAPIError) or isinstance(error.orig, sqlite3.Error) or has_given_up(error):
        return False
    # An error while connecting has no SQLSTATE.
    has_no_state = isinstance(error, exc.OperationalError) and _sqlstate(error) is None
    return error.connection_invalidated or has_no_state or _sqlstate(error) in _SHUT_DOWN


def has_given_up(error: BaseException) -> bool:
    """Whether this process has waited for the server for long enough."""
    return isinstance(error, exc.DBAPIError) and isinstance(error.orig, GivenUp)


def is_the_end(error: BaseException) -> bool:
    """Whether the database itself cannot continue, whatever the statement."""
    if isinstance(error, exc.TimeoutError | exc.PendingRollbackError):
        return True
    if not isinstance(error, exc.DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_code(error) in _EXPLANATIONS
    return error.connection_invalidated or isinstance(error, exc.OperationalError)


def is_busy_or_lost(error: BaseException) -> bool:
    return is_busy(error) or is_lost(error)


def patiently(work: Callable[[], T], seconds: float, passes: Callable[[BaseException], bool] = is_busy) -> T:
    """The result of `work`, which is tried again for this many seconds as long as its errors are temporary."""
    deadline, pause = time.monotonic() + seconds, 0.1
    while True:
        try:
            return work()
        except Exception as error:
            if not passes(error) or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(2 * pause, 5.0)


def storage_failed(error: BaseException, place: str) -> StorageFailed:
    """The one line for a database error; `place` as `place_of` gives it."""
    if sqlite_code(error) in _BUSY:
        text = "the ledger {place} is locked by another program: close it, " + _AGAIN
    else:
        text = _EXPLANATIONS.get(sqlite_code(error), "")
    if text:
        return StorageFailed(" ".join(text.format(place=place).split()))
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    lines = str(cause).strip().splitlines() or [type(cause).__name__]
    return StorageFailed(f"the ledger {place} cannot go on: {lines[0]}: check the database, {_AGAIN}")


def _sqlstate(error: BaseException) -> str | None:
    """PostgreSQL's code of an error; None for any other."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return getattr(cause, "sqlstate", None)


def sqlite_code(error: BaseException) -> int:
    """SQLite's primary result code; 0 for any other error."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    code = 0 if cause is None else error_code(cause)
    return sqlite3.SQLITE_CORRUPT if code == sqlite3.SQLITE_ERROR and _lacks_what_each_has(str(cause)) else code


def _lacks_what_each_has(said: str) -> bool:
    """Whether SQLite misses one of our tables, or a column of one: the version is right, so that only damage takes it away."""
    found = _LACKS.fullmatch(said)
    return found is not None and (found[1] or found[2]) in Base.metadata.tables
