"""What works and people were: former values with their times, former images, former names and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, case, func, select

from pixivcrawl.ledger.models import (
    ArtworkRow,
    ArtworkVersionRow,
    FileRow,
    UserFileRow,
    UserNameRow,
    UserRow,
    UserVersionRow,
)
from pixivcrawl.ledger.queries.browsing.works import Picture, tags_of_works
from pixivcrawl.ledger.updates.state import IN_PLACE

MOST_CHANGES = 500
"""How many changes of one work or person are shown, the latest first."""


@dataclass(frozen=True, slots=True)
class FormerValue:
    """A field was found changed at `seen`: `was`, true since `since` as far as the ledger saw, became `now`."""

    field: str
    was: Any
    now: Any
    since: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """The images of a work between two replacements: how many of its files are here, their bytes, and since when."""

    revision: str
    pages: int
    files: int
    bytes: int
    uploaded: datetime
    stored: datetime | None


def changes_of_work(connection: Connection, work_id: int) -> list[FormerValue]:
    """What was found changed of a work, the latest first."""
    present = connection.execute(select(ArtworkRow.__table__).where(ArtworkRow.id == work_id)).mappings().first()
    if present is None:
        return []
    tags = [tag.name for tag in tags_of_works(connection, [work_id]).get(work_id, [])]
    versions = connection.execute(
        select(ArtworkVersionRow.__table__)
        .where(ArtworkVersionRow.artwork_id == work_id)
        .order_by(ArtworkVersionRow.id.desc())
        .limit(MOST_CHANGES)
    )
    # A work's absence ended when it came back, whatever happened later.
    return _chained(versions.all(), {**present, "tags": tags}, {"availability": "available"})


def changes_of_user(connection: Connection, user_id: int) -> list[FormerValue]:
    """Changes found in a person's profile, except names; the latest first."""
    present = connection.execute(select(UserRow.__table__).where(UserRow.id == user_id)).mappings().first()
    if present is None:
        return []
    versions = connection.execute(
        select(UserVersionRow.__table__)
        .where(UserVersionRow.user_id == user_id)
        .order_by(UserVersionRow.id.desc())
        .limit(MOST_CHANGES)
    )
    return _chained(versions.all(), {**present}, {})


def _chained(versions: Sequence[Row[Any]], present: dict[str, Any], after_each: dict[str, Any]) -> list[FormerValue]:
    """Each former value, the latest first, with the one that followed it: the next former one, or what is true today."""
    following = present | after_each
    changes = []
    for row in versions:
        changes.append(FormerValue(row.field, row.value, following.get(row.field), row.true_from, row.true_to))
        following[row.field] = after_each.get(row.field, row.value)
    return changes


def revisions_of_work(connection: Connection, work_id: int) -> list[Revision]:
    """The revisions of a work of which the ledger knows files, the latest first."""
    is_here = FileRow.state.in_(IN_PLACE)
    rows = connection.execute(
        select(
            FileRow.revision,
            func.count(case((FileRow.kind.in_(("image", "ugoira")), FileRow.page)).distinct()),
            func.count(case((is_here, 1))),
            func.coalesce(func.sum(case((is_here, FileRow.bytes))), 0),
            func.max(FileRow.uploaded),
            func.min(FileRow.stored),
        )
        .where(FileRow.artwork_id == work_id)
        .group_by(FileRow.revision)
        .order_by(FileRow.revision.desc())
    )
    return [
        Revision(revision, pages, files, int(size), uploaded, stored)
        for revision, pages, files, size, uploaded, stored in rows
    ]


def names_of_users(connection: Connection, user_ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """The names that each of these people bore (`name`, `first_seen`, `last_seen`), the present one first."""
    rows = connection.execute(
        select(UserNameRow.__table__)
        .where(UserNameRow.user_id.in_(list(user_ids)))
        .order_by(UserNameRow.user_id, UserNameRow.last_seen.desc(), UserNameRow.id.desc())
    )
    names: dict[int, list[Row[Any]]] = {}
    for row in rows:
        names.setdefault(row.user_id, []).append(row)
    return names


def pictures_of_users(
    connection: Connection, user_ids: Iterable[int], kind: str = "avatar"
) -> dict[int, list[Picture]]:
    """The avatars of these people that are here, or their backgrounds, the latest first."""
    rows = connection.execute(
        select(UserFileRow.__table__)
        .where(UserFileRow.user_id.in_(list(user_ids)), UserFileRow.kind == kind, UserFileRow.state == "stored")
        .order_by(UserFileRow.user_id, UserFileRow.revision.desc())
    )
    found: dict[int, list[Picture]] = {}
    for row in rows:
        picture = Picture(
            work_id=row.user_id,
            page=0,
            revision=row.revision,
            kind=row.kind,
            sha256=row.sha256,
            extension=row.extension,
            path=row.path,
            width=row.width,
            height=row.height,
            bytes=row.bytes,
            frame=None,
        )
        found.setdefault(row.user_id, []).append(picture)
    return found
