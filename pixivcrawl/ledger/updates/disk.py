"""What was found on the disk: files that the ledger did not know, files that are no longer there, and gaps in the journal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, insert, select, update

from pixivcrawl.archive.layout import is_unknown
from pixivcrawl.items import OF_USERS, FileKind, Frame
from pixivcrawl.ledger.models import ArtworkRow, FileRow, UserFileRow, UserRow, table
from pixivcrawl.ledger.updates.archive_name import archive_of
from pixivcrawl.ledger.updates.files import has_key, listed
from pixivcrawl.ledger.updates.imported import NOT_IMPORTED, state_in_place
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY, IN_PLACE, NO_BYTES, NOT_FAILED, refresh_files
from pixivcrawl.ledger.updates.upsert import insert_new
from pixivcrawl.ledger.updates.user_files import lose_picture
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
    """Record a proven file in its place as stored, or as adopted if its name has no revision of pixiv's.

    Of its work only the id and the artist may be known.

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
            told["frames"] = listed(found.frames)
        connection.execute(insert(files).values(**key, **told, **values))
    else:
        connection.execute(update(files).where(is_it).values(**values))
    if found.kind not in OF_USERS:
        refresh_files(connection, found.work_id)
    return True


def record_lost(connection: Connection, work_id: int, page: int, revision: str, kind: FileKind, now: datetime) -> None:
    """Record that a stored file is no longer in its place, or was damaged there. A file that is not stored stays as it is.

    A page of the work's present revision is wanted again. One that a newer revision replaced cannot be fetched again: it is superseded and
    keeps its path and SHA-256, by which it is recognized if it comes back. If the ledger cannot tell (an unknown address, a page that the
    work does not have, a revision that is not the present one) it is superseded and the work is asked for again, which makes it wanted
    if pixiv still names it. The list of an ugoira's frames has no address; its row is deleted, and comes back with the zip. Of a user's
    pictures (`work_id` is the user's) the latest is wanted again.
    """
    if kind in OF_USERS:
        lose_picture(connection, work_id, revision, kind, now)
        return
    row = connection.execute(
        select(FileRow.__table__, ArtworkRow.revision.label("present"), ArtworkRow.page_count, ArtworkRow.availability)
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(has_key(work_id, page, revision, kind), FileRow.state.in_(IN_PLACE))
    ).first()
    if row is None:
        return
    change = update(_FILES).where(_FILES.c.id == row.id)
    can_be_had = bool(row.url) and (kind == "frame" or page < (row.page_count or page + 1))
    is_replaced = is_unknown(revision) or (row.present != revision and _is_replaced(connection, row))
    if kind == "frames":
        connection.execute(delete(_FILES).where(_FILES.c.id == row.id))
    elif can_be_had and not is_replaced and row.present in (None, revision):
        connection.execute(change.values(state="wanted", recorded=now, **NO_BYTES, **NOT_IMPORTED, **NOT_FAILED))
    else:
        connection.execute(change.values(state="superseded"))
        if not is_replaced and row.availability not in FINAL_AVAILABILITY:
            asked = update(_ARTWORKS).where(_ARTWORKS.c.id == work_id, _ARTWORKS.c.stale_since.is_(None))
            connection.execute(asked.values(stale_since=now))
    refresh_files(connection, work_id)


def _is_replaced(connection: Connection, row: Row[Any]) -> bool:
    """Whether the ledger knows a later revision of the same page; 14 digits sort as the times they stand for.

    A later zip also counts for its frames, which may not have been asked for.
    """
    kind, page = ("ugoira", 0) if row.kind == "frame" else (row.kind, row.page)
    later = exists().where(
        FileRow.artwork_id == row.artwork_id,
        FileRow.page == page,
        FileRow.kind == kind,
        FileRow.revision > row.revision,
    )
    return bool(connection.execute(select(later)).scalar())
