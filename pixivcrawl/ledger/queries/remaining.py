"""What is left to do: how many works, requests and files; and what earlier runs took, to estimate the time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, or_, select

from pixivcrawl.ledger.models import ROW_LEVEL_WORK, UNSETTLED_WORK, ArtworkRow, CrawlArtworkRow, CrawlRow
from pixivcrawl.ledger.queries.conditions import (
    RequiredDetail,
    lacks_caption,
    missing_files,
    to_be_asked,
    to_be_fetched,
    unsettled_of_list,
)
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY
from pixivcrawl.reader import Reader

A_RUN_TO_COME = 2**62
"""Greater than the number of any run, so that every failure counts as earlier."""

RUNS, ENOUGH_FILES = 200, 100
"""How many of the last runs are looked at, and how many of their files are enough to measure how fast pictures come."""


@dataclass(frozen=True, slots=True)
class WorksLeft:
    """How many works are to be asked about, how many lack a file, and how many do either.

    `requests` is what asking takes, without the `untold` works, of which no row has shown kind and pages. `files` are known to be missing.
    """

    to_ask: int
    to_fetch: int
    works: int
    requests: int
    untold: int
    files: int


@dataclass(frozen=True, slots=True)
class WorksToCome:
    """What a future run has to do: `left`, and how many of its works lack a caption; and how many files and bytes all works have."""

    left: WorksLeft
    uncaptioned: int
    stored: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What earlier runs took: seconds until an answer of the API was recorded, and seconds for a number of files and bytes."""

    answer: float | None
    seconds: float
    files: int
    bytes: int


def _counted(ask: ColumnElement[bool], fetch: ColumnElement[bool], files: ColumnElement[int]) -> list[Any]:
    """The columns of `WorksLeft`: pixiv takes one more request for an ugoira's timing, and one for the sizes of several pages."""
    is_told = ArtworkRow.kind.is_not(None)
    requests = 1 + case((ArtworkRow.kind == "ugoira", 1), else_=0) + case((ArtworkRow.page_count > 1, 1), else_=0)
    return [
        func.count(case((ask, 1))),
        func.count(case((fetch, 1))),
        func.count(case((or_(ask, fetch), 1))),
        func.coalesce(func.sum(case((and_(ask, is_told), requests), else_=0)), 0),
        func.count(case((and_(ask, ~is_told), 1))),
        func.coalesce(func.sum(case((fetch, files), else_=0)), 0),
    ]


def works_left(
    connection: Connection,
    crawl_id: int,
    *,
    reader: Reader,
    now: datetime | None,
    files: bool,
    enough: RequiredDetail,
    frames: bool = False,
    asking: Collection[int] = (),
    fetching: Collection[int] = (),
) -> WorksLeft:
    """Counts what `works_to_ask` and `works_to_fetch` would give from the start, without works that are being asked for or fetched."""
    ask = and_(to_be_asked(crawl_id, now, reader=reader, enough=enough), CrawlArtworkRow.artwork_id.not_in(asking))
    missing = to_be_fetched(crawl_id, now, frames=frames) if files else false()
    fetch = and_(missing, CrawlArtworkRow.artwork_id.not_in(fetching))
    counted = (
        select(*_counted(ask, fetch, missing_files(crawl_id, now, frames=frames)))
        .select_from(CrawlArtworkRow)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(unsettled_of_list(crawl_id))
    )
    return WorksLeft(*connection.execute(counted).one())


def list_is_known(connection: Connection, list_key: str) -> bool:
    """Whether a run ever began to read the list."""
    return connection.execute(select(func.max(CrawlRow.id)).where(CrawlRow.list_key == list_key)).scalar() is not None


def on_list(list_key: str) -> ColumnElement[bool]:
    """The works on a list on which something is left to do."""
    list_id = select(func.min(CrawlRow.list_id)).where(CrawlRow.list_key == list_key).scalar_subquery()
    of_list = select(CrawlArtworkRow.artwork_id).where(
        CrawlArtworkRow.list_id == list_id, CrawlArtworkRow.position > 0, UNSETTLED_WORK
    )
    return ArtworkRow.id.in_(of_list)


def of_artists(user_ids: Collection[int]) -> ColumnElement[bool]:
    """The works of artists that the ledger knows."""
    return ArtworkRow.user_id.in_(user_ids)


def with_ids(work_ids: Collection[int]) -> ColumnElement[bool]:
    return ArtworkRow.id.in_(work_ids)


def known_from_rows() -> ColumnElement[bool]:
    return and_(ROW_LEVEL_WORK, ArtworkRow.availability == "available")


def works_to_come(
    connection: Connection,
    among: ColumnElement[bool],
    *,
    reader: Reader,
    now: datetime | None,
    files: bool,
    enough: RequiredDetail,
    frames: bool = False,
    again: bool = False,
) -> WorksToCome:
    """What a run that begins now has to do for the works `among` all; `again`: it also asks for known works."""
    ask = to_be_asked(A_RUN_TO_COME, now, reader=reader, enough=enough)
    if again:
        ask = ArtworkRow.availability.not_in(FINAL_AVAILABILITY)
    fetch = to_be_fetched(A_RUN_TO_COME, now, frames=frames) if files else false()
    row = connection.execute(
        select(
            *_counted(ask, fetch, missing_files(A_RUN_TO_COME, now, frames=frames)),
            func.count(case((lacks_caption() if enough == "full" else false(), 1))),
            func.coalesce(func.sum(ArtworkRow.files_stored), 0),
            func.coalesce(func.sum(ArtworkRow.bytes_stored), 0),
        ).where(among)
    ).one()
    return WorksToCome(WorksLeft(*row[:6]), *map(int, row[6:]))


def measured(connection: Connection) -> Measured:
    """What the last runs took, according to their counts; killed runs have none."""
    counts = connection.execute(
        select(CrawlRow.counts).where(CrawlRow.counts.is_not(None)).order_by(CrawlRow.id.desc()).limit(RUNS)
    ).scalars()
    answer, seconds, files, size = None, 0.0, 0, 0
    for run in counts:
        if answer is None and run.get(ANSWER_MS):
            answer = run[ANSWER_MS] / 1000
        if files < ENOUGH_FILES and run.get(PICTURES_MS):
            seconds += run[PICTURES_MS] / 1000
            files += run.get("files_stored", 0)
            size += run.get("bytes_stored", 0)
    return Measured(answer, seconds, files, size)


ANSWER_MS, PICTURES_MS = "answer_ms", "pictures_ms"
"""The names, in a run's counts, of the milliseconds until an answer of the API was recorded, and of those in which files were in flight."""
