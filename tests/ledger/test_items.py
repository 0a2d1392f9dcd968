"""Every field of every item is recorded, and comes back: what is left out in one place is named here."""

from __future__ import annotations

from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from sqlalchemy import Connection, RowMapping, select

from pixivcrawl.items import (
    Artwork,
    Bookmark,
    Comment,
    CommissionRequest,
    Follow,
    RankingEntry,
    Series,
    SeriesPlace,
    Tag,
    User,
    columns_of,
)
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.models import (
    ArtworkRow,
    ArtworkTagRow,
    ArtworkVersionRow,
    Base,
    BookmarkRow,
    CommentRow,
    CommissionRequestRow,
    FollowRow,
    RankingEntryRow,
    SeriesArtworkRow,
    SeriesRow,
    UserRow,
    UserVersionRow,
)
from tests.ledger.making import DAY, NOW, an_artwork

PLACES: dict[type[Any], type[Base]] = {
    Artwork: ArtworkRow,
    User: UserRow,
    RankingEntry: RankingEntryRow,
    Comment: CommentRow,
    CommissionRequest: CommissionRequestRow,
    Bookmark: BookmarkRow,
    Follow: FollowRow,
    Series: SeriesRow,
    SeriesPlace: SeriesArtworkRow,
}
"""Where the ledger keeps each item."""


def one_of_all(item: type[Any], number: int = 1) -> Any:
    """An item that says something of everything; for another `number` something else of everything but who it is."""
    key = PLACES[item].__table__.primary_key.columns.keys()
    of_key = {field.name for name, field in columns_of(item).items() if name in key}
    told = {name: a_value(name, hint, 1 if name in of_key else number) for name, hint in get_type_hints(item).items()}
    return item(**told)


def a_value(name: str, hint: Any, number: int) -> Any:
    """Something that a field of this name and type may say."""
    if name in GIVEN:
        return GIVEN[name]
    kind = next(each for each in (get_args(hint) if isinstance(hint, UnionType) else (hint,)) if each is not NoneType)
    if get_origin(kind) is Literal:
        return get_args(kind)[number]
    if kind == tuple[Tag, ...]:
        return (Tag("one", None, locked=True, user_id=8), Tag(f"{number}", None, locked=False, user_id=9))
    return {
        bool: number == 1,
        int: sum(map(ord, name)) + number,
        str: f"{name} {number}",
        datetime: datetime(2026, 1, number, tzinfo=UTC),
        dict: {name: [number, None, "a\x00b"]},
        list: [{name: number}],
        tuple: (f"{number}", name),
    }[get_origin(kind) or kind]


GIVEN: dict[str, Any] = {"detail": "full", "availability": "available", "originals": (), "pictures": ()}


def record(connection: Connection, item: Any) -> None:
    match item:
        case Artwork():
            updates.record_artwork(connection, item, NOW)
        case User():
            updates.record_user(connection, item, NOW)
        case RankingEntry():
            updates.record_ranking(connection, [item], NOW)
        case Comment():
            updates.record_comments(connection, [item], NOW)
        case CommissionRequest():
            updates.record_requests(connection, [item], NOW)
        case Bookmark():
            updates.record_bookmarks(connection, [item], NOW)
        case Follow():
            updates.record_follows(connection, [item], {}, NOW)
        case Series():
            updates.record_series(connection, [item], [], NOW)
        case SeriesPlace():
            updates.record_series(connection, [], [item], NOW)


def kept(connection: Connection, item: type[Any]) -> RowMapping:
    return connection.execute(select(PLACES[item].__table__)).mappings().one()


def as_told(item: Any) -> dict[str, Any]:
    """What its row is to hold; a comment's time is text, as pixiv tells it to the minute."""
    told = {name: getattr(item, field.name) for name, field in columns_of(type(item)).items()}
    return {
        name: list(value) if isinstance(value, tuple) else value.isoformat() if name == "written" else value
        for name, value in told.items()
    }


@pytest.mark.parametrize("item", PLACES, ids=lambda item: item.__name__)
def test_every_field_has_a_column(item: type[Any]):
    assert columns_of(item).keys() - PLACES[item].__table__.c.keys() == set(), "add it to the table and to a migration"


@pytest.mark.parametrize("item", PLACES, ids=lambda item: item.__name__)
def test_every_field_comes_back(connection: Connection, item: type[Any]):
    told = one_of_all(item)
    record(connection, told)
    row = kept(connection, item)
    assert {name: row[name] for name in columns_of(item)} == as_told(told)


@pytest.mark.parametrize("item", PLACES, ids=lambda item: item.__name__)
def test_another_value_takes_its_place_and_none_does_not(connection: Connection, item: type[Any]):
    first, second = one_of_all(item), one_of_all(item, 2)
    record(connection, first)
    record(connection, second)
    unsaid = {field.name: None for field in columns_of(item).values() if field.default is None}
    record(connection, type(second)(**{name: getattr(second, name) for name in get_type_hints(item)} | unsaid))
    row = kept(connection, item)
    assert {name: row[name] for name in columns_of(item)} == as_told(second)


@pytest.mark.parametrize(("item", "versions"), [(Artwork, ArtworkVersionRow), (User, UserVersionRow)])
def test_what_has_a_history_leaves_its_former_value(connection: Connection, item: type[Any], versions: type[Base]):
    first, second = one_of_all(item), one_of_all(item, 2)
    record(connection, first)
    record(connection, second)
    record(connection, second)
    former = connection.execute(select(versions.__table__)).mappings().all()
    changed = {name for name, value in as_told(first).items() if value != as_told(second)[name]}
    assert {row["field"]: row["value"] for row in former if row["field"] != "tags"} == {
        name: as_told(first)[name] for name in columns_of(item, "history") if name in changed
    }


def test_a_work_is_described_as_it_was_told(connection: Connection):
    told = one_of_all(Artwork)
    record(connection, told)
    described = queries.described_works(connection, [told.work_id])[told.work_id]
    assert {name: getattr(described, field.name) for name, field in columns_of(Artwork).items()} == as_told(told)


def test_a_row_that_names_the_tags_alone_leaves_lock_and_author(connection: Connection):
    tags = (Tag("one", None, locked=True, user_id=8), Tag("two", None, locked=False, user_id=9))
    updates.record_artwork(connection, an_artwork(tags=tags), NOW)
    updates.record_rows(connection, [an_artwork(tags=(Tag("two"), Tag("three")), detail="listing", originals=())], NOW)
    links = select(ArtworkTagRow.locked, ArtworkTagRow.user_id).order_by(ArtworkTagRow.position)
    assert connection.execute(links).all() == [(False, 9), (None, None)]


def test_a_lock_is_no_other_tag(connection: Connection):
    updates.record_artwork(connection, an_artwork(tags=(Tag("one", None, locked=False),)), NOW)
    updates.record_artwork(connection, an_artwork(tags=(Tag("one", None, locked=True),)), NOW + DAY)
    assert connection.execute(select(ArtworkTagRow.locked)).scalars().all() == [True]
    assert connection.execute(select(ArtworkVersionRow.__table__)).all() == []
