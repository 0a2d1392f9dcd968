"""What was found on the disk: files in their place that the ledger did not know of, and gaps in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, select, update

from pixivcrawl.items import OF_USERS, FileKind, Frame
from pixivcrawl.ledger.models import ArtworkRow, FileRow, UserFileRow, UserRow, table
from pixivcrawl.ledger.updates.archive_name import archive_of
from pixivcrawl.ledger.updates.imported import state_in_place
from pixivcrawl.ledger.updates.state import IN_PLACE, NOT_FAILED, refresh_files
from pixivcrawl.ledger.updates.upsert import insert_new
from pixivcrawl.ledger.updates.works import record_stubs

_ARTWORKS, _FILES = table(ArtworkRow), table(FileRow)
_USERS, _USER_FILES = table(UserRow), table(UserFileRow)


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file in its place that the ledger did not know, proven to be whole; the first five fields are what its path says.

    `uploaded` is the file's own time. `bytes` and the size in pixels are None for the list of an ugoira's frames, which `frames` holds
    for its zip alone.
    """

    user_id: int
    work_id: int
    page: int
    revision: str
    kind: FileKind
    path: str
    sha256: str
    format: str
    uploaded: datetime
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    frames: tuple[Frame, ...] | None = None
    flaw: str | None = None


def record_journal_gap(connection: Connection, number: int, now: datetime) -> None:
    """Record that the journal continues with this change, `number`, after it lost others. The ledger has what those made, and stays as it
    is.
    """


def record_found(connection: Connection, found: FoundFile, now: datetime) -> bool:
    """A file that lies in its place and was proven is stored from now on, or adopted where its name tells no revision of pixiv's.

    Of its work the id and the artist may be all that is known.

    False when a file is stored already as that page and revision. Of a user's picture `work_id` is the user's.
    """
    insert_new(connection, _USERS, [{"id": found.user_id, "first_seen": now, "last_seen": now}], ("id",))
    key: dict[str, Any] = {"revision": found.revision, "kind": found.kind}
    if found.kind in OF_USERS:
        files, key = _USER_FILES, {"user_id": found.user_id, **key}
    else:
        record_stubs(connection, [found.work_id], now)
        nobodys = and_(_ARTWORKS.c.id == found.work_id, _ARTWORKS.c.user_id.is_(None))
        connection.execute(update(_ARTWORKS).where(nobodys).values(user_id=found.user_id))
        files, key = _FILES, {"artwork_id": found.work_id, "page": found.page, **key}
    is_it = and_(*(files.c[name] == value for name, value in key.items()))
    state = connection.execute(select(files.c.state).where(is_it)).scalar()
    if state in IN_PLACE:
        return False
    values: dict[str, Any] = {
        "state": state_in_place(found.revision),
        "path": found.path,
        "sha256": found.sha256,
        "bytes": found.bytes,
        "format": found.format,
        "width": found.width,
        "height": found.height,
        "flaw": found.flaw,
        "archive": archive_of(connection),
        "recorded": now,
        "stored": now,
        **NOT_FAILED,
    }
    if state is None:
        told: dict[str, Any] = {"extension": found.path.rpartition(".")[2], "uploaded": found.uploaded}
        if found.frames is not None:
            told["frames"] = [{"file": frame.file, "delay": frame.delay} for frame in found.frames]
        connection.execute(insert(files).values(**key, **told, **values))
    else:
        connection.execute(update(files).where(is_it).values(**values))
    if found.kind not in OF_USERS:
        refresh_files(connection, found.work_id)
    return True
