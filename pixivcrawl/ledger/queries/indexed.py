"""What the gallery's index takes from the ledger: which works, users and tags changed, and their searchable content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, bindparam, func, literal_column, or_, select, tuple_

from pixivcrawl.ledger.models import (
    ArtworkChangeRow,
    ArtworkRow,
    ArtworkTagRow,
    ArtworkVersionRow,
    FileRow,
    TagRow,
    TagTranslationRow,
    UserNameRow,
    UserRow,
)

_KEY = (ArtworkChangeRow.number, ArtworkChangeRow.kind, ArtworkChangeRow.subject_id)
_OLDEST_OPEN = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)"

IS_MORE_THAN_AN_ID = or_(
    ArtworkRow.detail.is_not(None), ArtworkRow.availability != "unknown", ArtworkRow.files_stored > 0
)
"""Works of which nothing but the id is known are not searched for."""


class SubjectChange(NamedTuple):
    """A row of `artwork_changes`; their order is the one in which they are read."""

    number: int
    kind: str
    subject_id: int


def ledger_name(connection: Connection) -> int:
    """The random name of this ledger."""
    query = select(ArtworkChangeRow.subject_id).where(ArtworkChangeRow.number == 0, ArtworkChangeRow.kind == "ledger")
    return int(connection.execute(query).scalar_one())


def changes_after(connection: Connection, after: SubjectChange, limit: int) -> list[SubjectChange]:
    """The next changes, up to the last one before which no other can still appear."""
    later = tuple_(*_KEY) > tuple_(*after)
    query = select(*_KEY).where(later, *_final(connection)).order_by(*_KEY).limit(limit)
    return [SubjectChange(*row) for row in connection.execute(query)]


def number_of_changes(connection: Connection, after: SubjectChange, most: int) -> int:
    """How many changes come after one, at most `most`."""
    some = select(ArtworkChangeRow.number).where(tuple_(*_KEY) > tuple_(*after)).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def last_change(connection: Connection) -> SubjectChange:
    """The latest change, from which an index that is about to be built will continue."""
    query = select(*_KEY).where(*_final(connection)).order_by(*(key.desc() for key in _KEY)).limit(1)
    return SubjectChange(*connection.execute(query).one())


def has_change(connection: Connection, change: SubjectChange) -> bool:
    """Whether the ledger has the last change that the index read, so that it is the same ledger and not an older copy."""
    is_it = tuple_(*_KEY) == tuple_(*change)
    return connection.execute(select(*_KEY).where(is_it, *_final(connection))).first() is not None


def _final(connection: Connection) -> tuple[ColumnElement[bool], ...]:
    """Only changes before which no other can appear: on PostgreSQL an open transaction may still commit one with a smaller number."""
    if connection.dialect.name != "postgresql":
        return ()
    return (ArtworkChangeRow.number < literal_column(_OLDEST_OPEN),)


@dataclass(slots=True)
class SearchableWork:
    """The searchable content of a work. `files` are the page and the SHA-256 of each stored file."""

    id: int
    user_id: int | None
    title: str | None
    caption: str | None
    kind: str | None
    page_count: int | None
    created: datetime | None
    uploaded: datetime | None
    first_seen: datetime
    bookmark_count: int | None
    x_restrict: int | None
    ai_type: int | None
    width: int | None
    height: int | None
    detail: str | None
    availability: str
    tags: list[tuple[int, str]] = field(default_factory=list)
    is_revised: bool = False
    files: list[tuple[int, str]] = field(default_factory=list)


_COLUMNS = tuple(getattr(ArtworkRow, name) for name in SearchableWork.__dataclass_fields__ if hasattr(ArtworkRow, name))
_OF_WORKS: Any = bindparam("ids", expanding=True)
_WORKS = select(*_COLUMNS).where(ArtworkRow.id.in_(_OF_WORKS), IS_MORE_THAN_AN_ID)
_TAGS = (
    select(ArtworkTagRow.artwork_id, TagRow.id, TagRow.name)
    .join(TagRow, TagRow.id == ArtworkTagRow.tag_id)
    .where(ArtworkTagRow.artwork_id.in_(_OF_WORKS))
    .order_by(ArtworkTagRow.artwork_id, ArtworkTagRow.position)
)
_REVISED = select(ArtworkVersionRow.artwork_id).where(
    ArtworkVersionRow.artwork_id.in_(_OF_WORKS), ArtworkVersionRow.field == "revision"
)
_FILES = select(FileRow.artwork_id, FileRow.page, FileRow.sha256).where(
    FileRow.artwork_id.in_(_OF_WORKS), FileRow.state == "stored", FileRow.sha256.is_not(None), FileRow.kind != "frames"
)


def searchable_works(connection: Connection, ids: Sequence[int]) -> list[SearchableWork]:
    """Those of these works that can be searched, at most some thousands, with their searchable content."""
    works = {row.id: SearchableWork(*row) for row in connection.execute(_WORKS, {"ids": ids}).all()}
    if works:
        of_works = {"ids": list(works)}
        for work_id, tag_id, name in connection.execute(_TAGS, of_works).all():
            works[work_id].tags.append((tag_id, name))
        for (work_id,) in connection.execute(_REVISED, of_works).all():
            works[work_id].is_revised = True
        for work_id, page, sha256 in connection.execute(_FILES, of_works).all():
            works[work_id].files.append((page, str(sha256)))
    return list(works.values())


def works_below(connection: Connection, below: int, limit: int) -> list[int]:
    """The ids of the newest works below an id, newest first."""
    query = select(ArtworkRow.id).where(ArtworkRow.id < below).order_by(ArtworkRow.id.desc()).limit(limit)
    return list(connection.execute(query).scalars())


def number_of_works(connection: Connection, below: int) -> int:
    """How many works have an id below this one."""
    return int(connection.execute(select(func.count()).where(ArtworkRow.id < below)).scalar_one())


def names_of_users(connection: Connection, user_ids: Iterable[int]) -> dict[int, tuple[str | None, list[str]]]:
    """{user: the name now, and every name that was seen}."""
    ids = {"ids": list(user_ids)}
    now = dict(connection.execute(select(UserRow.id, UserRow.name).where(UserRow.id.in_(_OF_WORKS)), ids).all())
    borne: dict[int, list[str]] = defaultdict(list)
    query = select(UserNameRow.user_id, UserNameRow.name).where(UserNameRow.user_id.in_(_OF_WORKS))
    for user_id, name in connection.execute(query, ids):
        borne[user_id].append(name)
    return {user_id: (name, borne[user_id]) for user_id, name in now.items()}


def names_of_tags(connection: Connection, tag_ids: Iterable[int]) -> dict[int, tuple[str, list[str]]]:
    """{tag: its name, and its translations}."""
    ids: dict[str, Any] = {"ids": list(tag_ids)}
    names = dict(connection.execute(select(TagRow.id, TagRow.name).where(TagRow.id.in_(_OF_WORKS)), ids).all())
    texts: dict[int, list[str]] = defaultdict(list)
    query = select(TagTranslationRow.tag_id, TagTranslationRow.text).where(TagTranslationRow.tag_id.in_(_OF_WORKS))
    for tag_id, translation in connection.execute(query, ids):
        texts[tag_id].append(translation)
    return {tag_id: (name, texts[tag_id]) for tag_id, name in names.items()}
