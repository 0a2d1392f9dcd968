"""The works, users and tags with changes that a gallery shows: rows that are only ever appended, and that its index follows."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Literal

from sqlalchemy import Connection, insert, text

from pixivcrawl.ledger.models import ArtworkChangeRow, table
from pixivcrawl.ledger.updates.upsert import insert_new

SubjectKind = Literal["work", "user", "tag"]

_CHANGES = table(ArtworkChangeRow)
_NOTED = "pixivcrawl.noted"
_APPEND = (
    "INSERT INTO artwork_changes (number, kind, subject_id) "
    "SELECT max(?, 1 + coalesce((SELECT max(number) FROM artwork_changes), 0)), json_extract(value, '$[0]'), json_extract(value, '$[1]') "
    "FROM json_each(?)"
)
"""One statement for any number of rows: built by SQLAlchemy, a query and an insert took 120 µs for 8 works, and this takes 43."""
_TRANSACTION = text("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")


def name_ledger(connection: Connection) -> None:
    """Give a new ledger a random name, so that an index of another ledger is recognized."""
    connection.execute(insert(_CHANGES).values(number=0, kind="ledger", subject_id=random.getrandbits(62)))


@contextmanager
def changes_collected(connection: Connection) -> Iterator[None]:
    """Append the changes that are noted within the block at its end, each once."""
    noted: set[tuple[SubjectKind, int]] = set()
    connection.info[_NOTED] = noted
    try:
        yield
        _append(connection, noted)
    finally:
        del connection.info[_NOTED]


def note_changes(connection: Connection, kind: SubjectKind, ids: Iterable[int]) -> None:
    """Note that something a gallery shows of these works, users or tags has changed. Every update that changes it calls this."""
    changed = {(kind, subject_id) for subject_id in ids}
    if (noted := connection.info.get(_NOTED)) is not None:
        noted |= changed
    else:
        _append(connection, changed)


def _append(connection: Connection, changed: set[tuple[SubjectKind, int]]) -> None:
    """Append changes under a number that is greater than that of every earlier change.

    On PostgreSQL it is the transaction's number: transactions commit in another order than they begin, and the number shows a reader which
    may still come. On SQLite, with one writer at a time, it is the time in microseconds, so that no two ledgers have the same numbers.
    """
    if not changed:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_APPEND, (time.time_ns() // 1000, json.dumps(sorted(changed))))
        return
    number = connection.execute(_TRANSACTION).scalar_one()
    rows = [{"number": number, "kind": kind, "subject_id": subject_id} for kind, subject_id in changed]
    insert_new(connection, _CHANGES, rows, ("number", "kind", "subject_id"))
