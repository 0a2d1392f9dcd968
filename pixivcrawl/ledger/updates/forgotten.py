"""Works and artists that the user has forgotten, and remembered again."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, select, update

from pixivcrawl.ledger.models import ArtworkRow, FileRow, ForgottenRow, UserFileRow, UserRow, table
from pixivcrawl.ledger.updates.disk import record_lost
from pixivcrawl.ledger.updates.state import IN_PLACE, refresh_files
from pixivcrawl.ledger.updates.upsert import insert_new, upsert
from pixivcrawl.ledger.updates.works import record_stubs

Subject = Literal["work", "artist"]

_FORGOTTEN, _FILES, _USER_FILES = table(ForgottenRow), table(FileRow), table(UserFileRow)


def forget(
    connection: Connection,
    subject: Subject,
    subject_id: int,
    now: datetime,
    *,
    note: str | None = None,
    files_deleted: bool = False,
) -> None:
    """Record that the owner no longer wants a work, or all works and pictures of an artist: nothing of it is asked for or fetched until
    `remember`.

    `files_deleted`: its files are deleted too; their rows keep path and SHA-256. If it is forgotten twice, it keeps the first time, and the
    first note unless there is a new one.
    """
    if subject == "work":
        record_stubs(connection, [subject_id], now)
    else:
        insert_new(connection, table(UserRow), [{"id": subject_id, "first_seen": now, "last_seen": now}], ("id",))
    known = connection.execute(select(_FORGOTTEN).where(_is(subject, subject_id))).first()
    row = {"subject": subject, "subject_id": subject_id, "since": known.since if known else now}
    upsert(connection, _FORGOTTEN, [row | {"note": note or (known.note if known else None)}], ("subject", "subject_id"))
    if files_deleted:
        for files, of_subject in _files_of(subject, subject_id):
            connection.execute(update(files).where(of_subject, files.c.state.in_(IN_PLACE)).values(state="deleted"))
    _refresh(connection, subject, subject_id)


def remember(connection: Connection, subject: Subject, subject_id: int, now: datetime) -> None:
    """Record that the owner wants again what was forgotten. Files that were deleted then count as lost."""
    connection.execute(delete(_FORGOTTEN).where(_is(subject, subject_id)))
    for files, of_subject in _files_of(subject, subject_id):
        deleted = connection.execute(select(files).where(of_subject, files.c.state == "deleted")).mappings().all()
        # Also for an adopted file, because `record_lost` goes by the revision.
        connection.execute(update(files).where(of_subject, files.c.state == "deleted").values(state="stored"))
        for row in deleted:
            of_whom = row["artwork_id"] if files is _FILES else row["user_id"]
            record_lost(connection, of_whom, row.get("page", 0), row["revision"], row["kind"], now)
    _refresh(connection, subject, subject_id)


def _is(subject: Subject, subject_id: int) -> ColumnElement[bool]:
    return and_(_FORGOTTEN.c.subject == subject, _FORGOTTEN.c.subject_id == subject_id)


def _files_of(subject: Subject, subject_id: int) -> list[tuple[Any, ColumnElement[bool]]]:
    """The tables of the files that belong to it, with the condition on each."""
    of_works = (_FILES, _FILES.c.artwork_id.in_(_works_of(subject, subject_id)))
    return [of_works] if subject == "work" else [of_works, (_USER_FILES, _USER_FILES.c.user_id == subject_id)]


def _works_of(subject: Subject, subject_id: int) -> Select[Any]:
    return select(ArtworkRow.id).where((ArtworkRow.id if subject == "work" else ArtworkRow.user_id) == subject_id)


def _refresh(connection: Connection, subject: Subject, subject_id: int) -> None:
    for work_id in connection.execute(_works_of(subject, subject_id)).scalars().all():
        refresh_files(connection, work_id)
