"""Files that came from another tool's folder, not from pixiv."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, update

from pixivcrawl.archive.layout import is_unknown
from pixivcrawl.items import FileKind, Original
from pixivcrawl.ledger.models import ArtworkRow, FileRow, UserRow, table
from pixivcrawl.ledger.updates.state import refresh_files
from pixivcrawl.ledger.updates.upsert import insert_new

NOT_IMPORTED: dict[str, Any] = dict.fromkeys(("source", "evidence", "imported"))
"""The import columns in the row of a file that was fetched, or is not there."""

_ARTWORKS, _FILES, _USERS = table(ArtworkRow), table(FileRow), table(UserRow)


def state_in_place(revision: str) -> str:
    """The state of a file in its place: adopted if its revision is unknown, because it then is no original of the present revision."""
    return "adopted" if is_unknown(revision) else "stored"


def record_double(
    connection: Connection, work_id: int, page: int, revision: str, kind: FileKind, now: datetime
) -> None:
    """Delete the row of an adopted file that is also stored at the revision that it turned out to be of."""
    of_page = and_(_FILES.c.artwork_id == work_id, _FILES.c.page == page, _FILES.c.revision == revision)
    kinds = _FILES.c.kind.in_((kind, "frames"))
    connection.execute(delete(_FILES).where(of_page, kinds, _FILES.c.state == "adopted"))
    refresh_files(connection, work_id)


def record_owner(connection: Connection, originals: Sequence[tuple[Original, datetime]]) -> None:
    """Record works of imported files, of which only the id and the artist may be known."""
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
