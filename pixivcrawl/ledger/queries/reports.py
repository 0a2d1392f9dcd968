"""What happened within a span of time: new, changed, lost, returned, renamed and failed, and the runs that saw it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, Text, cast, exists, func, literal, or_, select

from pixivcrawl.filters import Filters
from pixivcrawl.ledger.columns import json_text, json_values
from pixivcrawl.ledger.models import (
    MISSING_FILE,
    ArtworkRow,
    ArtworkVersionRow,
    CrawlArtworkRow,
    CrawlRow,
    FileRow,
    UserNameRow,
    UserRow,
    table,
)
from pixivcrawl.ledger.queries.crawls import CrawlRecord, record_of
from pixivcrawl.ledger.queries.described import wanted_by
from pixivcrawl.ledger.queries.status import Missing, missing_files, missing_works
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY

LOST = (*FINAL_AVAILABILITY, "masked")
"""The availability of a work that no session can get."""

RETURNED = "availability"
"""The field of `artwork_versions` that says that a work was away."""

Question = Select[*tuple[Any, ...]]

ROWS_AT_ONCE = 500
"""How many rows of a result are held in memory, however long it is."""


@dataclass(frozen=True, slots=True)
class Span:
    """From a time on, until before another; both are aware. `left_out` are works that are not reported, by the filter of that name."""

    since: datetime
    until: datetime
    filter: str | None = None
    left_out: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class NewWork:
    """A work that was met on a list for the first time; `files` and `bytes` are what is in place of it now."""

    work_id: int
    user_id: int | None
    user_name: str | None
    title: str | None
    kind: str | None
    page_count: int | None
    x_restrict: int | None
    availability: str
    files_state: str
    files: int
    bytes: int
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class ArtistNews:
    """How many of an artist's works are new, and what is in place of these. Without a `user_id`: works whose artist is not known."""

    user_id: int | None
    name: str | None
    works: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Change:
    """A field of a work was found changed; `was` is its former value, whatever its type."""

    work_id: int
    user_id: int | None
    user_name: str | None
    title: str | None
    field: str
    was: Any
    seen: datetime


@dataclass(frozen=True, slots=True)
class Loss:
    """A work was found gone; `files` of it are kept."""

    work_id: int
    user_id: int | None
    user_name: str | None
    title: str | None
    availability: str
    reason: str | None
    since: datetime
    files: int


@dataclass(frozen=True, slots=True)
class Return:
    """A work that was away (`was`: gone or forbidden, `since` then) is back."""

    work_id: int
    user_id: int | None
    user_name: str | None
    title: str | None
    was: str
    since: datetime
    seen: datetime


@dataclass(frozen=True, slots=True)
class NewName:
    """An artist was met under another name."""

    user_id: int
    name: str
    was: str
    seen: datetime


@dataclass(frozen=True, slots=True)
class Sums:
    """The span in numbers. `works`, `files` and `bytes` count new works, `artists` their artists."""

    works: int
    artists: int
    files: int
    bytes: int
    revised: int
    reworded: int
    gone: int
    returned: int
    renamed: int


def sums_of_span(connection: Connection, span: Span) -> Sums:
    """Everything counted."""
    new = connection.execute(
        select(
            func.count().label("works"),
            func.count(ArtworkRow.user_id.distinct()).label("artists"),
            func.coalesce(func.sum(ArtworkRow.files_stored), 0).label("files"),
            func.coalesce(func.sum(ArtworkRow.bytes_stored), 0).label("bytes"),
        ).where(*_is_new(span))
    ).one()
    changed = _is_change(span)
    works = select(func.count(ArtworkVersionRow.artwork_id.distinct())).where(*changed)
    names = select(func.count()).select_from(UserNameRow).where(*_is_another_name(span))
    lost = select(func.count()).select_from(ArtworkRow).where(*_is_lost(span))

    def count(query: Select[int]) -> int:
        return connection.execute(query).scalar_one()

    return Sums(
        works=new.works,
        artists=new.artists,
        files=int(new.files),
        bytes=int(new.bytes),
        revised=count(works.where(ArtworkVersionRow.field.in_(("revision", "page_count")))),
        reworded=count(works.where(ArtworkVersionRow.field.not_in(("revision", "page_count", RETURNED)))),
        gone=count(lost),
        returned=count(works.where(ArtworkVersionRow.field == RETURNED)),
        renamed=count(names),
    )


def artists_with_news(connection: Connection, span: Span, limit: int | None) -> list[ArtistNews]:
    """Artists with new works, those with most first."""
    works = func.count().label("works")
    sums = (
        select(
            ArtworkRow.user_id,
            works,
            func.sum(ArtworkRow.files_stored).label("files"),
            func.sum(ArtworkRow.bytes_stored).label("bytes"),
        )
        .where(*_is_new(span))
        .group_by(ArtworkRow.user_id)
        .order_by(works.desc(), ArtworkRow.user_id.is_(None), ArtworkRow.user_id)
        .limit(limit)
        .subquery("sums")
    )
    rows = connection.execute(
        select(sums, UserRow.name)
        .join(UserRow, UserRow.id == sums.c.user_id, isouter=True)
        .order_by(sums.c.works.desc(), sums.c.user_id.is_(None), sums.c.user_id)
    )
    return [ArtistNews(row.user_id, row.name, row.works, int(row.files), int(row.bytes)) for row in rows]


def new_works(connection: Connection, span: Span) -> Iterator[NewWork]:
    """Every new work, by artist and id; read while the connection is open."""
    found = _new_works().where(*_is_new(span)).order_by(ArtworkRow.user_id.is_(None), ArtworkRow.user_id, ArtworkRow.id)
    return (NewWork(*row) for row in _streamed(connection, found))


def newest_of_artists(
    connection: Connection, span: Span, artists: Collection[int | None], each: int
) -> dict[int | None, list[NewWork]]:
    """The new works of some artists, the newest `each` of every one, the newest first."""
    known = [artist for artist in artists if artist is not None]
    by_them: ColumnElement[bool] = ArtworkRow.user_id.in_(known)
    if None in artists:
        by_them = or_(by_them, ArtworkRow.user_id.is_(None))
    place = func.row_number().over(partition_by=ArtworkRow.user_id, order_by=ArtworkRow.id.desc()).label("place")
    ranked = select(ArtworkRow.id, place).where(*_is_new(span), by_them).subquery("ranked")
    rows = connection.execute(
        _new_works().join(ranked, ranked.c.id == ArtworkRow.id).where(ranked.c.place <= each).order_by(ranked.c.place)
    )
    found: dict[int | None, list[NewWork]] = {artist: [] for artist in artists}
    for row in rows:
        found[row.user_id].append(NewWork(*row))
    return found


def changes(connection: Connection, span: Span, limit: int | None = None) -> Iterator[Change]:
    """Every changed field of a work, as it was seen; read while the connection is open."""
    found = (
        _versions(ArtworkVersionRow.field, ArtworkVersionRow.value, ArtworkVersionRow.true_to)
        .where(*_is_change(span), ArtworkVersionRow.field != RETURNED)
        .order_by(ArtworkVersionRow.true_to, ArtworkVersionRow.id)
        .limit(limit)
    )
    return (Change(*row) for row in _streamed(connection, found))


def returns(connection: Connection, span: Span, limit: int | None = None) -> Iterator[Return]:
    """Every work that came back, as it was seen; read while the connection is open."""
    found = (
        _versions(ArtworkVersionRow.value, ArtworkVersionRow.true_from, ArtworkVersionRow.true_to)
        .where(*_is_change(span), ArtworkVersionRow.field == RETURNED)
        .order_by(ArtworkVersionRow.true_to, ArtworkVersionRow.id)
        .limit(limit)
    )
    return (Return(*row) for row in _streamed(connection, found))


def losses(connection: Connection, span: Span, limit: int | None = None) -> Iterator[Loss]:
    """Every work that was found gone and still is, the latest last; read while the connection is open."""
    found = (
        select(
            ArtworkRow.id,
            ArtworkRow.user_id,
            UserRow.name,
            ArtworkRow.title,
            ArtworkRow.availability,
            ArtworkRow.unavailable_reason,
            ArtworkRow.unavailable_since,
            ArtworkRow.files_stored,
        )
        .join(UserRow, UserRow.id == ArtworkRow.user_id, isouter=True)
        .where(*_is_lost(span))
        .order_by(ArtworkRow.unavailable_since, ArtworkRow.id)
        .limit(limit)
    )
    return (Loss(*row) for row in _streamed(connection, found))


def new_names(connection: Connection, span: Span, limit: int | None = None) -> Iterator[NewName]:
    """Every artist who was met under a new name; read while the connection is open."""
    former = table(UserNameRow).alias("former")
    was = (
        select(former.c.name)
        .where(former.c.user_id == UserNameRow.user_id, former.c.id < UserNameRow.id)
        .order_by(former.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    found = (
        select(UserNameRow.user_id, UserNameRow.name, was, UserNameRow.first_seen)
        .where(*_is_another_name(span))
        .order_by(UserNameRow.first_seen, UserNameRow.id)
        .limit(limit)
    )
    return (NewName(*row) for row in _streamed(connection, found))


def first_run_since(connection: Connection, since: datetime) -> int | None:
    """The first run that began since then."""
    return connection.execute(
        select(CrawlRow.id).where(CrawlRow.started >= since).order_by(CrawlRow.started, CrawlRow.id).limit(1)
    ).scalar()


def failures(
    connection: Connection,
    first_run: int,
    limit: int | None = None,
    *,
    for_the_first_time: bool = False,
    span: Span | None = None,
) -> Iterator[Missing]:
    """What failed in that run or a later one and has not come since: works, then files. Read while the connection is open.

    `for_the_first_time`: in no run before; `span`: not of works that it leaves out.
    """
    works = missing_works().where(ArtworkRow.next_attempt.is_not(None), ArtworkRow.failed_crawl_id >= first_run)
    files = missing_files().where(FileRow.state == "parked", FileRow.failed_crawl_id >= first_run)
    if span is not None:
        works, files = works.where(*_is_told(ArtworkRow.id, span)), files.where(*_is_told(FileRow.artwork_id, span))
    if for_the_first_time:
        works, files = works.where(ArtworkRow.failed_runs == 1), files.where(FileRow.failed_runs == 1)
    left = limit
    for row in _streamed(connection, works.order_by(ArtworkRow.next_attempt, ArtworkRow.id).limit(limit)):
        left = None if left is None else left - 1
        yield Missing(*row)
    for row in _streamed(connection, files.order_by(FileRow.artwork_id, FileRow.id).limit(left)):
        yield Missing(*row)


def filtered(connection: Connection, span: Span, name: str, filters: Filters) -> Span:
    """The span without the works that a filter leaves out."""
    first_run = first_run_since(connection, span.since)
    told = {
        *connection.execute(select(ArtworkRow.id).where(*_is_new(span))).scalars(),
        *connection.execute(select(ArtworkRow.id).where(*_is_lost(span))).scalars(),
        *connection.execute(select(ArtworkVersionRow.artwork_id).where(*_is_change(span)).distinct()).scalars(),
        *(failure.work_id for failure in (failures(connection, first_run) if first_run is not None else ())),
    }
    ids = sorted(told)
    return replace(span, filter=name, left_out=tuple(told.difference(wanted_by(connection, filters, ids))))


def runs_of_span(connection: Connection, span: Span) -> Iterator[CrawlRecord]:
    """Every run that began within the span, in that order; read while the connection is open."""
    found = select(CrawlRow.__table__).where(*_within(CrawlRow.started, span)).order_by(CrawlRow.started, CrawlRow.id)
    return (record_of(row) for row in _streamed(connection, found))


def needing_a_session(connection: Connection) -> int:
    """How many works are withheld from the reader who last asked for them."""
    needed = ArtworkRow.availability == "withheld"
    query = select(func.count()).select_from(ArtworkRow).where(ArtworkRow.unavailable_since.is_not(None), needed)
    return connection.execute(query).scalar_one()


def failing_again_and_again(connection: Connection, runs: int) -> int:
    """How many works and files have failed in so many runs or more."""
    works = select(func.count()).select_from(ArtworkRow)
    files = select(func.count()).select_from(FileRow).join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
    queries = (
        works.where(ArtworkRow.next_attempt.is_not(None), ArtworkRow.failed_runs >= runs),
        files.where(MISSING_FILE, FileRow.failed_runs >= runs, ArtworkRow.availability.not_in(FINAL_AVAILABILITY)),
    )
    return sum(connection.execute(query).scalar_one() for query in queries)


def _within(column: Any, span: Span) -> tuple[ColumnElement[bool], ...]:
    return column >= span.since, column < span.until


def _is_new(span: Span) -> tuple[ColumnElement[bool], ...]:
    """Met within the span, still on a list (filters leave works out after they were met), and not a tombstone alone."""
    listed = exists().where(CrawlArtworkRow.artwork_id == ArtworkRow.id)
    is_there = or_(ArtworkRow.availability.not_in(LOST), ArtworkRow.files_stored > 0)
    return *_within(ArtworkRow.first_seen, span), is_there, listed, *_is_told(ArtworkRow.id, span)


def _is_lost(span: Span) -> tuple[ColumnElement[bool], ...]:
    lost = _within(ArtworkRow.unavailable_since, span)
    return *lost, ArtworkRow.availability.in_(LOST), *_is_told(ArtworkRow.id, span)


def _is_change(span: Span) -> tuple[ColumnElement[bool], ...]:
    return *_within(ArtworkVersionRow.true_to, span), *_is_told(ArtworkVersionRow.artwork_id, span)


def _is_told(work_id: ColumnElement[int], span: Span) -> tuple[ColumnElement[bool], ...]:
    """Not left out. The ids are passed as one text, because databases limit the number of values."""
    if not span.left_out:
        return ()
    values = json_values(literal(json_text(span.left_out), Text)).table_valued("value")
    return (work_id.not_in(select(cast(values.c.value, BigInteger))),)


def _is_another_name(span: Span) -> tuple[ColumnElement[bool], ...]:
    former = table(UserNameRow).alias("former")
    bore_one = exists().where(former.c.user_id == UserNameRow.user_id, former.c.id < UserNameRow.id)
    return *_within(UserNameRow.first_seen, span), bore_one


def _new_works() -> Question:
    return select(
        ArtworkRow.id,
        ArtworkRow.user_id,
        UserRow.name,
        ArtworkRow.title,
        ArtworkRow.kind,
        ArtworkRow.page_count,
        ArtworkRow.x_restrict,
        ArtworkRow.availability,
        ArtworkRow.files_state,
        ArtworkRow.files_stored,
        ArtworkRow.bytes_stored,
        ArtworkRow.first_seen,
    ).join(UserRow, UserRow.id == ArtworkRow.user_id, isouter=True)


def _versions(*columns: Any) -> Question:
    return (
        select(ArtworkVersionRow.artwork_id, ArtworkRow.user_id, UserRow.name, ArtworkRow.title, *columns)
        .join(ArtworkRow, ArtworkRow.id == ArtworkVersionRow.artwork_id)
        .join(UserRow, UserRow.id == ArtworkRow.user_id, isouter=True)
    )


def _streamed(connection: Connection, query: Question) -> Iterator[Any]:
    return iter(connection.execute(query.execution_options(yield_per=ROWS_AT_ONCE)))
