"""Works as pages show them: cards of many, and one with its facts, its pages and its files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from pixivcrawl.batched import batched
from pixivcrawl.ledger.models import (
    ArtworkRow,
    ArtworkTagRow,
    ArtworkVersionRow,
    FileRow,
    SeriesArtworkRow,
    SeriesRow,
    TagRow,
    TagTranslationRow,
    UserRow,
    table,
)
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.ledger.updates.works import IDS_A_QUERY

COVERS_AMONG = 10
"""How many pages are tried, in order, for the picture that shows a work."""

LANGUAGES = ("en", "reader", "romaji")
"""The languages in which a tag is shown beside its own name, the first that is known."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A stored file: the parts of its address in the gallery (SHA-256 and extension), its size, and its page and revision.

    `kind` is image, ugoira (a zip) or frame; `frame` names a zip's first picture where its timing is known.
    """

    work_id: int
    page: int
    revision: str
    kind: str
    sha256: str
    extension: str
    path: str
    width: int | None
    height: int | None
    bytes: int | None
    frame: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """A work among others; `cover` is None if no page of it is here, `is_revised` if its images were replaced."""

    work_id: int
    user_id: int | None
    user_name: str | None
    title: str | None
    kind: str | None
    page_count: int | None
    width: int | None
    height: int | None
    x_restrict: int | None
    ai_type: int | None
    bookmark_count: int | None
    uploaded: datetime | None
    first_seen: datetime
    availability: str
    unavailable_reason: str | None
    unavailable_since: datetime | None
    is_revised: bool
    cover: Picture | None


@dataclass(frozen=True, slots=True)
class ShownTag:
    """A tag of a work, or its name alone, with its translation into the first of the wanted languages that is known."""

    name: str
    translation: str | None = None
    locked: bool | None = None


@dataclass(frozen=True, slots=True)
class WorkPage:
    """One page of a work: its latest picture that is here; `state` and `reason` are those of a file that is wanted, or was deleted."""

    page: int
    picture: Picture | None
    state: str | None
    reason: str | None
    next_attempt: datetime | None


@dataclass(frozen=True, slots=True)
class SeriesPlace:
    """Where a work stands in a series, and the works before and after it there."""

    series_id: int
    title: str | None
    position: int
    before: int | None
    after: int | None


PICTURE = (
    FileRow.artwork_id,
    FileRow.page,
    FileRow.revision,
    FileRow.kind,
    FileRow.sha256,
    FileRow.extension,
    FileRow.path,
    FileRow.width,
    FileRow.height,
    FileRow.bytes,
    FileRow.frames,
)

_CARD = (
    ArtworkRow.id.label("work_id"),
    ArtworkRow.user_id,
    UserRow.name.label("user_name"),
    ArtworkRow.title,
    ArtworkRow.kind,
    ArtworkRow.page_count,
    ArtworkRow.width,
    ArtworkRow.height,
    ArtworkRow.x_restrict,
    ArtworkRow.ai_type,
    ArtworkRow.bookmark_count,
    ArtworkRow.uploaded,
    ArtworkRow.first_seen,
    ArtworkRow.availability,
    ArtworkRow.unavailable_reason,
    ArtworkRow.unavailable_since,
)


def cards(connection: Connection, work_ids: Sequence[int]) -> list[Card]:
    """The works in the order given, without those that the ledger does not know; at most a few hundred at once."""
    wanted = list(work_ids)
    assert len(wanted) <= IDS_A_QUERY
    found: dict[int, Any] = {
        row["work_id"]: row
        for row in connection.execute(
            select(*_CARD)
            .join(UserRow, UserRow.id == ArtworkRow.user_id, isouter=True)
            .where(ArtworkRow.id.in_(wanted))
        ).mappings()
    }
    shown_by = covers(connection, wanted)
    revised = revised_among(connection, wanted)
    return [
        Card(**found[work_id], is_revised=work_id in revised, cover=shown_by.get(work_id))
        for work_id in wanted
        if work_id in found
    ]


def covers(connection: Connection, work_ids: Iterable[int]) -> dict[int, Picture]:
    """The picture that shows each of these works: the first page that is here, at its latest revision; of an ugoira, the zip."""
    found: dict[int, Picture] = {}
    for some in batched(sorted(work_ids), IDS_A_QUERY):
        rows = connection.execute(
            select(*PICTURE)
            .where(
                FileRow.artwork_id.in_(some),
                FileRow.page < COVERS_AMONG,
                FileRow.state.in_(IN_PLACE),
                FileRow.kind.in_(("image", "ugoira", "frame")),
            )
            # Of an ugoira the zip, whose pictures are small, before the frames as uploaded.
            .order_by(FileRow.artwork_id, FileRow.revision.desc(), FileRow.kind.desc(), FileRow.page)
        )
        for row in rows:
            if row.artwork_id not in found:
                found[row.artwork_id] = picture_of(row)
    return found


def revised_among(connection: Connection, work_ids: Iterable[int]) -> set[int]:
    """Those of the works whose images were replaced."""
    replaced = select(ArtworkVersionRow.artwork_id).where(
        ArtworkVersionRow.artwork_id.in_(list(work_ids)), ArtworkVersionRow.field == "revision"
    )
    return set(connection.execute(replaced).scalars())


def tags_of_works(connection: Connection, work_ids: Iterable[int]) -> dict[int, list[ShownTag]]:
    """The present tags of each of these works that has any, in the artist's order."""
    rows = connection.execute(
        select(ArtworkTagRow.artwork_id, ArtworkTagRow.tag_id, TagRow.name, ArtworkTagRow.locked)
        .join(TagRow, TagRow.id == ArtworkTagRow.tag_id)
        .where(ArtworkTagRow.artwork_id.in_(list(work_ids)))
        .order_by(ArtworkTagRow.artwork_id, ArtworkTagRow.position)
    ).all()
    texts = _translations(connection, {row.tag_id for row in rows})
    tags: dict[int, list[ShownTag]] = {}
    for row in rows:
        tags.setdefault(row.artwork_id, []).append(ShownTag(row.name, texts.get(row.tag_id), row.locked))
    return tags


def translated(connection: Connection, names: Iterable[str]) -> dict[str, str]:
    """{tag: its translation} for those of the names that have one; at most a few hundred at once."""
    ids = dict(connection.execute(select(TagRow.id, TagRow.name).where(TagRow.name.in_(list(names)))).all())
    return {ids[tag_id]: text for tag_id, text in _translations(connection, ids).items()}


def translations_of_tag(connection: Connection, name: str) -> list[tuple[str, str]] | None:
    """(language, text) of a tag, by language; None for a name that no work ever had."""
    tag_id = connection.execute(select(TagRow.id).where(TagRow.name == name)).scalar()
    if tag_id is None:
        return None
    told = select(TagTranslationRow.language, TagTranslationRow.text).where(TagTranslationRow.tag_id == tag_id)
    return [(language, text) for language, text in connection.execute(told.order_by(TagTranslationRow.language))]


def _translations(connection: Connection, tag_ids: Iterable[int]) -> dict[int, str]:
    texts: dict[int, dict[str, str]] = {}
    for some in batched(tag_ids, IDS_A_QUERY):
        rows = connection.execute(
            select(TagTranslationRow.tag_id, TagTranslationRow.language, TagTranslationRow.text).where(
                TagTranslationRow.tag_id.in_(some),
                TagTranslationRow.language.in_(LANGUAGES),
            )
        )
        for tag_id, language, text in rows:
            texts.setdefault(tag_id, {})[language] = text
    return {tag_id: next(told[each] for each in LANGUAGES if each in told) for tag_id, told in texts.items()}


def facts_of_work(connection: Connection, work_id: int) -> Row[Any] | None:
    """All columns of a work's row, with its artist's `user_name` and `user_availability`; None for a work that the ledger does not know."""
    return connection.execute(
        select(
            ArtworkRow.__table__,
            UserRow.name.label("user_name"),
            UserRow.availability.label("user_availability"),
        )
        .join(UserRow, UserRow.id == ArtworkRow.user_id, isouter=True)
        .where(ArtworkRow.id == work_id)
    ).first()


def titles(connection: Connection, work_ids: Iterable[int]) -> dict[int, str | None]:
    """The title of each of these works; at most a few hundred at once."""
    found = connection.execute(select(ArtworkRow.id, ArtworkRow.title).where(ArtworkRow.id.in_(list(work_ids))))
    return dict(found.all())


def pages_of_work(connection: Connection, work_id: int, first: int = 0, limit: int = 60) -> list[WorkPage]:
    """The pages of a work from `first` on, at most `limit` of them, at their latest revision that is here.

    Pages that the work no longer has are left out: the revisions show them.
    """
    has = connection.execute(select(ArtworkRow.page_count).where(ArtworkRow.id == work_id)).scalar()
    end = first + limit if has is None else min(first + limit, has)
    rows = connection.execute(
        select(*PICTURE, FileRow.state, FileRow.failed_reason, FileRow.next_attempt)
        .where(
            FileRow.artwork_id == work_id,
            FileRow.page >= first,
            FileRow.page < end,
            FileRow.kind.in_(("image", "ugoira")),
        )
        .order_by(FileRow.page, FileRow.revision.desc(), FileRow.kind.desc())
    )
    of_pages: dict[int, list[Row[Any]]] = {}
    for row in rows:
        of_pages.setdefault(row.page, []).append(row)
    numbers = sorted(of_pages) if has is None else range(first, end)
    return [_page(number, of_pages.get(number, [])) for number in numbers]


def _page(number: int, rows: Sequence[Row[Any]]) -> WorkPage:
    wanted = next((row for row in rows if row.state in ("wanted", "parked", "intent", "deleted")), None)
    return WorkPage(
        page=number,
        picture=next((picture_of(row) for row in rows if row.state in IN_PLACE), None),
        state=wanted.state if wanted is not None else None,
        reason=wanted.failed_reason if wanted is not None else None,
        next_attempt=wanted.next_attempt if wanted is not None else None,
    )


def pictures_at(connection: Connection, work_id: int, revision: str, first: int = 0, limit: int = 60) -> list[Picture]:
    """The stored pages of a work at one revision from page `first` on; of an ugoira, its zip."""
    rows = connection.execute(
        select(*PICTURE)
        .where(
            FileRow.artwork_id == work_id,
            FileRow.page >= first,
            FileRow.page < first + limit,
            FileRow.revision == revision,
            FileRow.kind.in_(("image", "ugoira")),
            FileRow.state.in_(IN_PLACE),
        )
        .order_by(FileRow.page, FileRow.kind.desc())
    )
    return [picture_of(row) for row in rows]


def pictures_in(connection: Connection, places: AbstractSet[tuple[int, int]]) -> list[Picture]:
    """The stored pictures of these works and pages, of every revision; at most a few hundred places at once."""
    rows = connection.execute(
        select(*PICTURE)
        .where(
            FileRow.artwork_id.in_({work_id for work_id, _ in places}),
            FileRow.kind.in_(("image", "ugoira", "frame")),
            FileRow.state == "stored",
        )
        .order_by(FileRow.artwork_id.desc(), FileRow.page, FileRow.revision.desc(), FileRow.kind.desc())
    )
    # Filtered here, because SQLite uses no index to find pairs of work and page.
    return [picture_of(row) for row in rows if (row.artwork_id, row.page) in places]


def series_place(connection: Connection, work_id: int, series_id: int) -> SeriesPlace | None:
    """A work's place in a series; None where the ledger has no list of that series, or the work is not on it."""
    places = table(SeriesArtworkRow)
    position = connection.execute(
        select(places.c.position).where(places.c.series_id == series_id, places.c.artwork_id == work_id)
    ).scalar()
    if position is None:
        return None
    others = select(places.c.artwork_id).where(places.c.series_id == series_id, places.c.unlisted.is_(None)).limit(1)
    title = connection.execute(select(SeriesRow.title).where(SeriesRow.id == series_id)).scalar()
    before = others.where(places.c.position < position).order_by(places.c.position.desc())
    after = others.where(places.c.position > position).order_by(places.c.position)
    return SeriesPlace(
        series_id, title, position, connection.execute(before).scalar(), connection.execute(after).scalar()
    )


def page_total(connection: Connection, work_id: int) -> int:
    """How many pages a work has, according to pixiv, or at least how many are known."""
    told = connection.execute(select(ArtworkRow.page_count).where(ArtworkRow.id == work_id)).scalar()
    last = select(func.max(FileRow.page)).where(FileRow.artwork_id == work_id, FileRow.kind.in_(("image", "ugoira")))
    return told or (connection.execute(last).scalar() or 0) + 1


def picture_of(row: Row[Any]) -> Picture:
    """What a row of `PICTURE` says."""
    frames = row.frames or []
    return Picture(
        work_id=row.artwork_id,
        page=row.page,
        revision=row.revision,
        kind=row.kind,
        sha256=row.sha256 or "",
        extension=row.extension,
        path=row.path or "",
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        frame=str(frames[0].get("file")) if frames else None,
    )
