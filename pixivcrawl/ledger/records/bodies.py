"""The answers that rows were made from."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from pixivcrawl.ledger.models import BodyRow, SnapshotRow, table
from pixivcrawl.ledger.records.upsert import upsert

SUBJECTS = {"illust.detail": "id", "user.full": "id"}
"""The endpoints whose last answer is kept beside its row, and the parameter that says which work or user it is about."""


def note_body(
    connection: Connection,
    endpoint: str,
    parameters: Mapping[str, Any],
    payload: bytes,
    read_at: datetime,
    *,
    snapshot: bool = False,
) -> None:
    """Keep the last answer about a work or a user as it came; `snapshot` keeps every one, by its date. The journal keeps them all."""
    if snapshot:
        row = {"endpoint": endpoint, "parameters": dict(parameters), "body": zlib.compress(payload), "read_at": read_at}
        connection.execute(insert(table(SnapshotRow)), [row])
    elif (name := SUBJECTS.get(endpoint)) is not None:
        subject = {"endpoint": endpoint, "subject_id": int(parameters[name])}
        row = {**subject, "body": zlib.compress(payload), "read_at": read_at}
        upsert(connection, table(BodyRow), [row], ("endpoint", "subject_id"))
