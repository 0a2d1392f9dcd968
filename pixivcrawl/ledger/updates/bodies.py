"""The answers that rows were made from."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from pixivcrawl.api.keeping import without_other_works
from pixivcrawl.ledger.models import BodyRow, SnapshotRow, table
from pixivcrawl.ledger.updates.upsert import upsert

WORK = "illust.detail"

SUBJECTS = {WORK: "id", "user.full": "id"}
"""The endpoints whose last answer is kept beside its row, and the parameter that says which work or user it is about."""

_BODIES = table(BodyRow)
_INSERT_SNAPSHOTS = insert(table(SnapshotRow))


@dataclass(frozen=True, slots=True)
class Answer:
    """What `note_body` takes."""

    endpoint: str
    parameters: Mapping[str, Any]
    payload: bytes
    read_at: datetime
    snapshot: bool = False


def note_body(
    connection: Connection,
    endpoint: str,
    parameters: Mapping[str, Any],
    payload: bytes,
    read_at: datetime,
    *,
    snapshot: bool = False,
) -> None:
    """Keep the last answer about a work or a user; `snapshot` keeps every one, by its date. The journal keeps them all.

    Of an answer about a work the ids of its artist's others are left out.
    """
    note_bodies(connection, [Answer(endpoint, parameters, payload, read_at, snapshot)])


def note_bodies(connection: Connection, answers: Sequence[Answer]) -> list[None]:
    """`note_body` for each."""
    bodies, snapshots = [], []
    for answer in answers:
        if answer.snapshot:
            snapshots.append({**_row(answer), "parameters": dict(answer.parameters)})
        elif (name := SUBJECTS.get(answer.endpoint)) is not None:
            bodies.append({**_row(answer), "subject_id": int(answer.parameters[name])})
    if snapshots:
        connection.execute(_INSERT_SNAPSHOTS, snapshots)
    upsert(connection, _BODIES, bodies, ("endpoint", "subject_id"))
    return [None] * len(answers)


def _row(answer: Answer) -> dict[str, Any]:
    payload = without_other_works(answer.payload) if answer.endpoint == WORK else answer.payload
    return {"endpoint": answer.endpoint, "body": zlib.compress(payload), "read_at": answer.read_at}
