"""What an export takes from the ledger: which works are chosen, and all that is known of them.

Not imported by `queries` itself, so that a crawl does not load it.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, RowMapping, and_, or_, select

from pixivcrawl.batched import batched
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.models import (
    AnswerRow,
    ArtworkRow,
    ArtworkTagRow,
    ArtworkVersionRow,
    BookmarkRow,
    CrawlArtworkRow,
    CrawlRow,
    FollowRow,
    SeriesArtworkRow,
    SeriesRow,
    TagRow,
    TagTranslationRow,
    UserNameRow,
    UserRow,
)
from pixivcrawl.ledger.queries.files import KeptFile, files_of_works
from pixivcrawl.ledger.queries.indexed import IS_MORE_THAN_AN_ID
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.ledger.updates.works import IDS_A_QUERY


@dataclass(frozen=True, slots=True)
class Choice:
    """Which works are wanted. Conditions of different kinds must all hold; of several of one kind any one (but all `tags`).

    `works`, `artists` and `series` are ids, `bookmarks` and `following` the people whose lists they are, `lists` the keys of lists that
    runs have read (see `updates.list_key`). Where nothing is given, every work is. `with_private`: private bookmarks and follows too.
    """

    works: tuple[int, ...] = ()
    artists: tuple[int, ...] = ()
    bookmarks: tuple[int, ...] = ()
    following: tuple[int, ...] = ()
    series: tuple[int, ...] = ()
    lists: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    with_private: bool = False


def chosen_works(connection: Connection, choice: Choice) -> array[int]:
    """The ids of the chosen works, the smallest first, without works of which only the id is known."""
    conditions = [*_conditions(choice)]
    found = select(ArtworkRow.id).where(IS_MORE_THAN_AN_ID, *conditions).order_by(ArtworkRow.id)
    return array("q", connection.execute(found).scalars())


def _conditions(choice: Choice) -> Iterable[ColumnElement[bool]]:
    if choice.works:
        yield ArtworkRow.id.in_(choice.works)
    if choice.artists:
        yield ArtworkRow.user_id.in_(choice.artists)
    if choice.bookmarks:
        of_them = [BookmarkRow.user_id.in_(choice.bookmarks), BookmarkRow.unlisted.is_(None)]
        public = [] if choice.with_private else [BookmarkRow.private.is_(False)]
        yield ArtworkRow.id.in_(select(BookmarkRow.artwork_id).where(*of_them, *public))
    if choice.following:
        by_them = [FollowRow.follower_id.in_(choice.following), FollowRow.unlisted.is_(None)]
        # A list of followers does not say whether in private.
        public = [] if choice.with_private else [FollowRow.private.is_(False)]
        yield ArtworkRow.user_id.in_(select(FollowRow.followed_id).where(*by_them, *public))
    if choice.series:
        listed = and_(SeriesArtworkRow.series_id.in_(choice.series), SeriesArtworkRow.unlisted.is_(None))
        yield or_(
            ArtworkRow.series_id.in_(choice.series),
            ArtworkRow.id.in_(select(SeriesArtworkRow.artwork_id).where(listed)),
        )
    if choice.lists:
        of_keys = select(CrawlRow.list_id).where(CrawlRow.list_key.in_(choice.lists))
        yield ArtworkRow.id.in_(select(CrawlArtworkRow.artwork_id).where(CrawlArtworkRow.list_id.in_(of_keys)))
    for name in choice.tags:
        bearing = select(ArtworkTagRow.artwork_id).join(TagRow, TagRow.id == ArtworkTagRow.tag_id)
        yield ArtworkRow.id.in_(bearing.where(TagRow.name == name))


@dataclass(frozen=True, slots=True)
class ExportedTag:
    """A tag of a work in the artist's order, with its translations by language."""

    name: str
    locked: bool | None
    user_id: int | None
    translations: dict[str, str]


@dataclass(frozen=True, slots=True)
class ExportedSeries:
    """The series of a work, and the work's place in it."""

    id: int
    title: str | None
    position: int | None


@dataclass(frozen=True, slots=True)
class ExportedWork:
    """A work with all that an export tells of it; `facts` are the columns of its row, `artist` those of its artist's, if known.

    `files` are those that are in their place, by page, revision and kind.
    """

    facts: RowMapping
    artist: RowMapping | None
    tags: list[ExportedTag] = field(default_factory=list)
    series: ExportedSeries | None = None
    files: list[KeptFile] = field(default_factory=list)

    @property
    def id(self) -> int:
        return int(self.facts["id"])

    @property
    def current_files(self) -> list[KeptFile]:
        """The latest file of each page and each frame that is here, without pages that the work no longer has."""
        pages = self.facts["page_count"]
        latest = {(file.page, file.kind): file for file in self.files}
        return [file for file in latest.values() if file.kind != "image" or pages is None or file.page < pages]


def exported_works(connection: Connection, work_ids: Sequence[int]) -> list[ExportedWork]:
    """These works, at most a few hundred, in the order of their ids."""
    assert len(work_ids) <= IDS_A_QUERY
    rows = (
        connection.execute(select(ArtworkRow.__table__).where(ArtworkRow.id.in_(work_ids)).order_by(ArtworkRow.id))
        .mappings()
        .all()
    )
    people = {row["user_id"] for row in rows}
    artists = {
        row["id"]: row for row in connection.execute(select(UserRow.__table__).where(UserRow.id.in_(people))).mappings()
    }
    tags, series = _tags(connection, work_ids), _series(connection, rows)
    files: dict[int, list[KeptFile]] = defaultdict(list)
    for file in files_of_works(connection, work_ids, IN_PLACE):
        files[file.work_id].append(file)
    return [
        ExportedWork(row, artists.get(row["user_id"]), tags[row["id"]], series.get(row["id"]), files[row["id"]])
        for row in rows
    ]


def _tags(connection: Connection, work_ids: Sequence[int]) -> dict[int, list[ExportedTag]]:
    rows = connection.execute(
        select(ArtworkTagRow.__table__, TagRow.name)
        .join(TagRow, TagRow.id == ArtworkTagRow.tag_id)
        .where(ArtworkTagRow.artwork_id.in_(work_ids))
        .order_by(ArtworkTagRow.artwork_id, ArtworkTagRow.position)
    ).all()
    texts: dict[int, dict[str, str]] = defaultdict(dict)
    for some in batched(sorted({row.tag_id for row in rows}), IDS_A_QUERY):
        found = connection.execute(
            select(TagTranslationRow.__table__)
            .where(TagTranslationRow.tag_id.in_(some))
            .order_by(TagTranslationRow.tag_id, TagTranslationRow.language)
        )
        for row in found:
            texts[row.tag_id][row.language] = row.text
    tags: dict[int, list[ExportedTag]] = defaultdict(list)
    for row in rows:
        tags[row.artwork_id].append(ExportedTag(row.name, row.locked, row.user_id, texts[row.tag_id]))
    return tags


def _series(connection: Connection, works: Sequence[RowMapping]) -> dict[int, ExportedSeries]:
    """By the work's own page, else by the series' list."""
    ids = [row["id"] for row in works]
    listed = {
        row.artwork_id: row
        for row in connection.execute(
            select(SeriesArtworkRow.__table__)
            .where(SeriesArtworkRow.artwork_id.in_(ids), SeriesArtworkRow.unlisted.is_(None))
            .order_by(SeriesArtworkRow.artwork_id, SeriesArtworkRow.series_id.desc())
        )
    }
    places: dict[int, tuple[int, int | None]] = {}
    for row in works:
        place = listed.get(row["id"])
        if row["series_id"] is not None:
            of_list = place.position if place is not None and place.series_id == row["series_id"] else None
            places[row["id"]] = (row["series_id"], row["series_order"] or of_list)
        elif place is not None:
            places[row["id"]] = (place.series_id, place.position)
    known = {series_id for series_id, _ in places.values()}
    titles = dict(connection.execute(select(SeriesRow.id, SeriesRow.title).where(SeriesRow.id.in_(known))).all())
    return {
        work_id: ExportedSeries(series_id, titles.get(series_id), position)
        for work_id, (series_id, position) in places.items()
    }


def former_values(connection: Connection, work_ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """What each of these works was before (`field`, `value`, `true_from`, `true_to`), the oldest first."""
    versions: dict[int, list[Row[Any]]] = defaultdict(list)
    rows = connection.execute(
        select(ArtworkVersionRow.__table__)
        .where(ArtworkVersionRow.artwork_id.in_(work_ids))
        .order_by(ArtworkVersionRow.artwork_id, ArtworkVersionRow.true_to, ArtworkVersionRow.id)
    )
    for row in rows:
        versions[row.artwork_id].append(row)
    return versions


def names_borne(connection: Connection, user_ids: Iterable[int]) -> dict[int, list[Row[Any]]]:
    """The names that each of these people had (`name`, `first_seen`, `last_seen`), the oldest first."""
    names: dict[int, list[Row[Any]]] = defaultdict(list)
    rows = connection.execute(
        select(UserNameRow.__table__)
        .where(UserNameRow.user_id.in_(list(user_ids)))
        .order_by(UserNameRow.user_id, UserNameRow.first_seen, UserNameRow.id)
    )
    for row in rows:
        names[row.user_id].append(row)
    return names


def bookmarks_of_works(connection: Connection, work_ids: Sequence[int]) -> dict[int, list[Row[Any]]]:
    """Who bookmarked each of these works, private bookmarks too."""
    bookmarks: dict[int, list[Row[Any]]] = defaultdict(list)
    rows = connection.execute(
        select(BookmarkRow.__table__)
        .where(BookmarkRow.artwork_id.in_(work_ids), BookmarkRow.unlisted.is_(None))
        .order_by(BookmarkRow.artwork_id, BookmarkRow.user_id)
    )
    for row in rows:
        bookmarks[row.artwork_id].append(row)
    return bookmarks


def answers_of_others(
    connection: Connection, endpoints: Iterable[str], subject_ids: Sequence[int], own: str
) -> list[tuple[int, str, Location]]:
    """The last answers about each subject to these endpoints that are in journals of archives other than `own`, by the archives' names."""
    row = AnswerRow
    found = connection.execute(
        select(row.subject_id, row.archive, row.file, row.start, row.length)
        .where(row.endpoint.in_(endpoints), row.subject_id.in_(subject_ids), row.archive != own)
        .order_by(row.subject_id, row.read_at, row.endpoint)
    )
    return [(each.subject_id, each.archive, Location(each.file, each.start, each.length)) for each in found]
