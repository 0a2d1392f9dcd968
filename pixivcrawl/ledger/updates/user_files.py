"""Which pictures of users are wanted; everything after that is as for any file (updates/files.py)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from pixivcrawl.items import FileKind, Original
from pixivcrawl.ledger.models import UserFileRow, UserRow, table
from pixivcrawl.ledger.updates.state import NO_BYTES, NOT_FAILED
from pixivcrawl.ledger.updates.upsert import insert_new

_USER_FILES, _USERS = table(UserFileRow), table(UserRow)


def record_user_pictures(connection: Connection, user_id: int, pictures: Sequence[Original], now: datetime) -> None:
    """Record the pictures on a user's page: new ones are wanted, stored ones stay, earlier ones never fetched are superseded."""
    insert_new(connection, _USERS, [{"id": user_id, "first_seen": now, "last_seen": now}], ("id",))
    rows = connection.execute(select(_USER_FILES).where(_USER_FILES.c.user_id == user_id)).all()
    others = {(row.kind, row.revision): row for row in rows}
    for picture in pictures:
        row = others.pop((picture.kind, picture.revision), None)
        wanted = {"url": picture.url, "extension": picture.extension, "uploaded": picture.uploaded, "state": "wanted"}
        if row is None:
            key = {"user_id": user_id, "kind": picture.kind, "revision": picture.revision}
            connection.execute(insert(_USER_FILES).values(**key, **wanted, recorded=now))
        elif row.state == "superseded" or (row.state in ("wanted", "parked") and row.url != picture.url):
            connection.execute(update(_USER_FILES).where(_USER_FILES.c.id == row.id).values(**wanted, **NOT_FAILED))
    never_had = [row.id for row in others.values() if row.state in ("wanted", "parked")]
    connection.execute(update(_USER_FILES).where(_USER_FILES.c.id.in_(never_had)).values(state="superseded"))


def lose_picture(connection: Connection, user_id: int, revision: str, kind: FileKind, now: datetime) -> None:
    """As `record_lost`: the latest picture is wanted again; an older one cannot be had again, and keeps its path and SHA-256."""
    of_kind = and_(UserFileRow.user_id == user_id, UserFileRow.kind == kind)
    rows = connection.execute(select(_USER_FILES).where(of_kind).order_by(UserFileRow.revision)).all()
    lost = next((row for row in rows if row.revision == revision and row.state == "stored"), None)
    if lost is None:
        return
    can_be_had = lost is rows[-1] and bool(lost.url)
    wanted: dict[str, Any] = {"state": "wanted", "recorded": now, **NO_BYTES, **NOT_FAILED}
    change = update(_USER_FILES).where(_USER_FILES.c.id == lost.id)
    connection.execute(change.values(**(wanted if can_be_had else {"state": "superseded"})))
