"""Which works, users and tags changed in what a gallery shows of them: rows that are only ever appended, and that its index follows."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Connection, func, insert, select, text

from pixivcrawl.ledger.models import ArtworkChangeRow, table
from pixivcrawl.ledger.updates.upsert import insert_new

Changed = Literal["work", "user", "tag"]

_CHANGES = table(ArtworkChangeRow)
_NOTED = "pixivcrawl.noted"
_LAST = select(func.coalesce(func.max(_CHANGES.c.number), 0))
_TRANSACTION = text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")


def name_ledger(connection: Connection) -> None:
    """Give a ledger that begins a name of its own, so that an index of another one is known."""
    connection.execute(insert(_CHANGES).values(number=0, kind="ledger", subject_id=random.getrandbits(62)))


@contextmanager
def noted_together(connection: Connection) -> Iterator[None]:
    """What is noted meanwhile is appended at the end, each once."""
    noted: set[tuple[Changed, int]] = set()
    connection.info[_NOTED] = noted
    try:
        yield
        _append(connection, noted)
    finally:
        del connection.info[_NOTED]


def note(connection: Connection, kind: Changed, ids: Iterable[int]) -> None:
    """What a gallery shows of these works, users or tags has changed. Each update that changes it says so here."""
    changed = {(kind, subject_id) for subject_id in ids}
    if (noted := connection.info.get(_NOTED)) is not None:
        noted |= changed
    else:
        _append(connection, changed)


def _append(connection: Connection, changed: set[tuple[Changed, int]]) -> None:
    if changed:
        number = _number(connection)
        rows = [{"number": number, "kind": kind, "subject_id": subject_id} for kind, subject_id in changed]
        insert_new(connection, _CHANGES, rows, ("number", "kind", "subject_id"))


def _number(connection: Connection) -> int:
    """One that is greater than that of every change before it.

    On PostgreSQL the transaction's own: others commit in another order than they begin, and by it a reader knows which may still come.
    On SQLite, where one writes at a time, microseconds, so that two ledgers do not have the same.
    """
    if connection.dialect.name == "postgresql":
        return int(connection.execute(_TRANSACTION).scalar_one())
    return max(time.time_ns() // 1000, int(connection.execute(_LAST).scalar_one()) + 1)
