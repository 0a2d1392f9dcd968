"""The pictures of users, as files are asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select

from pixivcrawl.batched import batched
from pixivcrawl.items import Original
from pixivcrawl.ledger.models import OPEN_USER_FILE, UNSETTLED_INTENT, FileRow, UserFileRow
from pixivcrawl.ledger.presence import nobody_at_work
from pixivcrawl.ledger.queries.files import EVERY_STATE, KeptFile, files_of_works
from pixivcrawl.ledger.queries.works import unsettled_intents
from pixivcrawl.ledger.updates.archive_name import lies_in
from pixivcrawl.ledger.updates.files import Intent
from pixivcrawl.ledger.updates.state import is_due
from pixivcrawl.ledger.updates.works import IDS_A_QUERY


def wanted_pictures(connection: Connection, user_id: int, crawl_id: int, now: datetime | None) -> list[Original]:
    """The pictures of a user that are missing and due in run `crawl_id`."""
    found = connection.execute(
        select(UserFileRow.__table__).where(
            OPEN_USER_FILE,
            UserFileRow.user_id == user_id,
            UserFileRow.state != "intent",
        )
    )
    return [
        replace(kept_picture(row).original, retried=row.failed_runs > 0) for row in found if is_due(row, crawl_id, now)
    ]


def users_with_pictures(connection: Connection) -> list[int]:
    """Every user of whom a picture is known."""
    return list(connection.execute(select(UserFileRow.user_id).distinct()).scalars())


def files_of_users(
    connection: Connection,
    user_ids: Sequence[int],
    states: Collection[str] = EVERY_STATE,
    since: datetime | None = None,
) -> list[KeptFile]:
    """The pictures of the users that are in one of the states (and were stored `since`), by user, kind and revision."""
    recent: list[ColumnElement[bool]] = [] if since is None else [UserFileRow.stored >= since]
    files: list[KeptFile] = []
    for some in batched(user_ids, IDS_A_QUERY):
        rows = connection.execute(
            select(UserFileRow.__table__)
            .where(UserFileRow.user_id.in_(some), UserFileRow.state.in_(states))
            .where(*recent)
            .order_by(UserFileRow.user_id, UserFileRow.kind, UserFileRow.revision)
        )
        files += map(kept_picture, rows)
    return files


def files_by_id(connection: Connection, ids: Sequence[int], states: Collection[str] = EVERY_STATE) -> list[KeptFile]:
    """The files of the works and of the users with these ids; each file's kind says which of the two it belongs to."""
    return [*files_of_works(connection, ids, states), *files_of_users(connection, ids, states)]


def intents_of_users(connection: Connection, archive: str = "") -> list[Intent]:
    """As `unsettled_intents`, for pictures of users."""
    rows = connection.execute(
        select(UserFileRow.__table__)
        .where(OPEN_USER_FILE, UserFileRow.state == "intent")
        .where(*lies_in(UserFileRow, archive))
        .order_by(UserFileRow.user_id, UserFileRow.kind)
    )
    return [Intent(kept_picture(row).original, row.path, row.sha256, row.bytes) for row in rows]


def abandoned_intents(connection: Connection, archive: str = "") -> list[Intent]:
    """What ended runs were about to place in other archives of the ledger, in which no process is at work."""
    if not archive:
        # In SQLite all intents are of this archive.
        return []
    others = {
        name
        for files, is_intent in (
            (FileRow, UNSETTLED_INTENT),
            (UserFileRow, and_(OPEN_USER_FILE, UserFileRow.state == "intent")),
        )
        for name in connection.execute(
            select(files.archive).where(is_intent, files.archive != archive).distinct()
        ).scalars()
        if name is not None
    }
    return [
        intent
        for name in sorted(nobody_at_work(connection, others))
        for intent in (*unsettled_intents(connection, name), *intents_of_users(connection, name))
    ]


def kept_picture(row: Row[Any]) -> KeptFile:
    """A row of `user_files` as one of `files` would be."""
    same = {name: getattr(row, name) for name in KeptFile.__slots__ if name in row._fields}
    return KeptFile(work_id=row.user_id, page=0, frames=None, **same)
