"""Who is at work in which archive, where several share a ledger on a server: a lock that the server drops with its holder's connection."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Connection, Engine, event, text

_HELD = text(
    "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def be_present(engine: Engine, archive: str) -> None:
    """Have the server know that somebody is at work in an archive for as long as the engine, which has one connection, is connected."""
    if engine.dialect.name == "sqlite":
        return

    def hold(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(%s)", [_key(archive)])
        connection.commit()

    event.listen(engine, "connect", hold)
    # The connection that there is does not hold it.
    engine.dispose()


def nobody_at_work(connection: Connection, archives: set[str]) -> set[str]:
    """Those of the archives in which nobody is at work, as far as the server knows."""
    held = set(connection.execute(_HELD).scalars()) if archives else set()
    return {archive for archive in archives if _key(archive) not in held}


def _key(archive: str) -> int:
    return int.from_bytes(hashlib.blake2b(f"archive {archive}".encode(), digest_size=8).digest(), signed=True)
