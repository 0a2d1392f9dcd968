"""Which object store has the originals."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from pixivcrawl.ledger.models import StoreRow, table
from pixivcrawl.ledger.updates.upsert import insert_new

_STORES = table(StoreRow)


def use_store(connection: Connection, name: str, address: str, now: datetime) -> None:
    """Record that the originals are in this store from now on. Raises ValueError if they are already in another one."""
    insert_new(connection, _STORES, [{"id": 1, "name": name, "address": address, "since": now}], ("id",))
    if connection.execute(select(_STORES.c.name)).scalar_one() != name:
        raise ValueError("the originals lie in another store")
