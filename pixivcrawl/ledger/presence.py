"""Which archives of a shared ledger on a server are in use, and which process does what only one may do.

These are locks that the server drops with their holder's connection.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, func, select, text
from sqlalchemy.exc import DBAPIError

from pixivcrawl.api.text import one_line
from pixivcrawl.ledger.engine import session_engine
from pixivcrawl.ledger.failures import place_of, storage_failed

_HELD = text(
    "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)

_HOLDERS = text(
    "SELECT classid::bigint << 32 | objid::bigint AS key, application_name, backend_start"
    " FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE locktype = 'advisory' AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND (classid::bigint << 32 | objid::bigint) = ANY (:keys) AND objsubid = 1"
)


def be_present(engine: Engine, archive: str) -> None:
    """Show the server that an archive is in use for as long as the engine, which has one connection, is connected."""
    if engine.dialect.name == "sqlite":
        return

    def hold(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [_key(f"archive {archive}")])
        connection.commit()

    event.listen(engine, "connect", hold)
    # The current connection does not hold the lock.
    engine.dispose()


def nobody_at_work(connection: Connection, archives: set[str]) -> set[str]:
    """The archives that no process is using, as far as the server knows."""
    held = set(connection.execute(_HELD).scalars()) if archives else set()
    return {archive for archive in archives if _key(f"archive {archive}") not in held}


@contextmanager
def alone(url: URL, what: str) -> Iterator[bool]:
    """Whether no other process on any machine does `what` with the ledger at `url` meanwhile; always in SQLite. Raises StorageFailed."""
    if url.get_backend_name() == "sqlite":
        yield True
        return
    engine = session_engine(url, f"pixivcrawl {what} (process {os.getpid()} on {platform.node()})"[:63])
    try:
        connection = engine.connect()
        is_alone = bool(connection.execute(select(func.pg_try_advisory_lock(_key(what)))).scalar())
    except DBAPIError as error:
        raise storage_failed(error, place_of(url)) from error
    with closing(connection):
        yield is_alone


def holders_of(connection: Connection, keys: Sequence[int]) -> dict[int, str]:
    """Who holds these locks, and since when it is connected, according to the server; free locks are left out."""
    return {
        found.key: one_line(f"'{found.application_name}', since {found.backend_start:%Y-%m-%d %H:%M:%S}", 400)
        for found in connection.execute(_HOLDERS, {"keys": list(keys)})
    }


def _key(what: str) -> int:
    return int.from_bytes(hashlib.blake2b(what.encode(), digest_size=8).digest(), signed=True)
