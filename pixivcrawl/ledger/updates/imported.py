"""Files that no transfer brought, but another tool's folder."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, update

from pixivcrawl.archive.layout import is_unknown
from pixivcrawl.items import Original
from pixivcrawl.ledger.models import ArtworkRow, UserRow, table
from pixivcrawl.ledger.updates.upsert import insert_new

NOT_IMPORTED: dict[str, Any] = dict.fromkeys(("source", "evidence", "imported"))
"""What the row of a work's file says that a transfer brought, or that is not there."""

_ARTWORKS, _USERS = table(ArtworkRow), table(UserRow)


def state_in_place(revision: str) -> str:
    """What a file is that lies in its place: one of a revision that nobody knows is no original of the work's present one."""
    return "adopted" if is_unknown(revision) else "stored"


def record_owner(connection: Connection, originals: Sequence[tuple[Original, datetime]]) -> None:
    """Of the works of imported files the id and the artist may be all that is known."""
    if not originals:
        return
    users = {
        original.user_id: {"id": original.user_id, "first_seen": now, "last_seen": now} for original, now in originals
    }
    insert_new(connection, _USERS, list(users.values()), ("id",))
    works = {original.work_id: {"id": original.work_id, "first_seen": now} for original, now in originals}
    insert_new(connection, _ARTWORKS, list(works.values()), ("id",))
    of_nobody = and_(_ARTWORKS.c.id == bindparam("work"), _ARTWORKS.c.user_id.is_(None))
    artists = {original.work_id: {"work": original.work_id, "artist": original.user_id} for original, _ in originals}
    connection.execute(update(_ARTWORKS).where(of_nobody).values(user_id=bindparam("artist")), list(artists.values()))
