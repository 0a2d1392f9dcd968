"""The files of a work with their proofs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from pixivcrawl.ledger.models import FileRow
from pixivcrawl.ledger.updates.state import IN_PLACE


def files_of_work(connection: Connection, work_id: int, first: int = 0, limit: int = 60) -> Sequence[Any]:
    """The files of a work that are here, from page `first` on, of every revision, with bytes, SHA-256, verdict and time."""
    rows = connection.execute(
        select(FileRow.__table__)
        .where(
            FileRow.artwork_id == work_id,
            FileRow.page >= first,
            FileRow.page < first + limit,
            FileRow.state.in_(IN_PLACE),
            FileRow.kind.in_(("image", "ugoira", "frame")),
        )
        .order_by(FileRow.page, FileRow.kind, FileRow.revision.desc())
    )
    return rows.all()
