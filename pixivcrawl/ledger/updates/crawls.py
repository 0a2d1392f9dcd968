"""Runs, what they found, and where they stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, delete, func, insert, or_, select, true, update

from pixivcrawl.batched import batched
from pixivcrawl.errors import AccountRefused
from pixivcrawl.ledger.columns import json_text
from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, CrawlRow, table
from pixivcrawl.ledger.updates.state import AND_FRAMES, UNSETTLED, refresh_waiting
from pixivcrawl.ledger.updates.works import IDS_A_QUERY, record_artist, record_stubs
from pixivcrawl.reader import Reader

_CRAWLS, _CRAWL_ARTWORKS = table(CrawlRow), table(CrawlArtworkRow)


@dataclass(frozen=True, slots=True)
class Crawl:
    """A run that begins. `resumes` is the unfinished run before it, and `cursor` where that one was in the list.

    `frontier` is the head of the list when this reader last read it to its end; `read_to_end_before` says whether that ever happened.
    """

    crawl_id: int
    resumes: int | None
    cursor: str | None
    frontier: tuple[int, ...]
    read_to_end_before: bool


def begin_crawl(
    connection: Connection, spider: str, arguments: Mapping[str, Any], now: datetime, reader: Reader | None = None
) -> Crawl:
    """Begin a run. It also has to do what earlier runs with the same spider and arguments found and did not finish.

    How far a list was read is kept for each reader, because one may be shown more than others (`reader` None: not known).
    """
    reader = reader or Reader()
    key = list_key(spider, arguments)
    of_list = (CrawlRow.list_key == key) & is_read_by(reader)
    first_id = select(func.min(CrawlRow.id)).where(CrawlRow.list_key == key)
    read_id = select(func.max(CrawlRow.id)).where(of_list, CrawlRow.read_to_end)
    read_up_to = select(CrawlRow.frontier).where(CrawlRow.id == read_id.scalar_subquery())
    first, read, frontier = connection.execute(
        select(*(each.scalar_subquery() for each in (first_id, read_id, read_up_to)))
    ).one()
    unfinished = connection.execute(
        select(CrawlRow.id, CrawlRow.cursor, CrawlRow.confirmed_cursor, CrawlRow.session, CrawlRow.exit_code)
        .where(
            of_list,
            CrawlRow.id > (read or 0),
            or_(CrawlRow.outcome.is_(None), CrawlRow.outcome != "complete"),
        )
        .order_by(CrawlRow.id.desc())
        .limit(1)
    ).first()
    resumes = cursor = confirmed_cursor = None
    if unfinished is not None:
        resumes, cursor, confirmed_cursor = unfinished.id, unfinished.cursor, unfinished.confirmed_cursor
        if unfinished.exit_code == AccountRefused.exit_code or unfinished.session != reader.session:
            # Its last pages may be what a visitor is shown.
            cursor = confirmed_cursor
    row = {
        "list_id": first,
        "list_key": key,
        "spider": spider,
        "arguments": dict(arguments),
        "resumes": resumes,
        "cursor": cursor,
        "confirmed_cursor": confirmed_cursor,
        "reader": reader.user_id,
        "session": reader.session,
        "started": now,
        "suffices": _suffices(arguments),
    }
    crawl_id = connection.execute(insert(_CRAWLS).values(**row).returning(_CRAWLS.c.id)).scalar_one()
    if first is None:
        connection.execute(update(_CRAWLS).where(_CRAWLS.c.id == crawl_id).values(list_id=crawl_id))
    return Crawl(crawl_id, resumes, cursor, tuple(frontier or ()), read is not None)


def is_read_by(reader: Reader) -> ColumnElement[bool]:
    """Runs of the same reader; if a session does not show its account, runs with that session."""
    same_session = CrawlRow.session.is_not_distinct_from(reader.session) if reader.user_id is None else true()
    return CrawlRow.reader.is_not_distinct_from(reader.user_id) & same_session


def _suffices(arguments: Mapping[str, Any]) -> str:
    """How much must be known of each work of a list that is read with these arguments."""
    listing = arguments.get("detail") == "listing"
    if not arguments.get("files", True):
        return "row" if listing else "facts"
    return ("listing" if listing else "full") + (AND_FRAMES if arguments.get("ugoira") == "frames" else "")


def list_key(spider: str, arguments: Mapping[str, Any]) -> str:
    """What runs that read the same list have in common."""
    return hashlib.sha256(json_text([spider, dict(arguments)]).encode("utf-8", "surrogatepass")).hexdigest()


def record_listing(
    connection: Connection,
    crawl_id: int,
    work_ids: Sequence[int],
    cursor: str | None,
    now: datetime,
    *,
    confirmed: bool = False,
    artist: int | None = None,
) -> None:
    """Record a page of the list, in its order, and where the list continues. The same page again changes nothing.

    `confirmed`: up to this page it is known that the answers were for the run's reader. `artist`: whose works all of them are, where the
    list says that; a user whom the ledger knows.
    """
    of_list = select(CrawlRow.list_id, CrawlRow.suffices).where(CrawlRow.id == crawl_id)
    list_id, suffices = connection.execute(of_list).one()
    assert list_id is not None
    found = 0
    distinct = list(dict.fromkeys(work_ids))
    for some in batched(distinct, IDS_A_QUERY):
        if artist is not None:
            # Before what is left to do for them is worked out: an artist may be forgotten.
            record_stubs(connection, some, now)
            record_artist(connection, some, artist)
        found += _list_works(connection, crawl_id, list_id, suffices, some, now)
    change = update(_CRAWLS).where(_CRAWLS.c.id == crawl_id)
    values = {"cursor": cursor, "confirmed_cursor": cursor} if confirmed else {"cursor": cursor}
    connection.execute(change.values(**values, found=_CRAWLS.c.found + found))


def list_of(crawl_id: int) -> ScalarSelect[int | None]:
    """The list that a run reads."""
    return select(CrawlRow.list_id).where(CrawlRow.id == crawl_id).scalar_subquery()


def drop_from_list(connection: Connection, crawl_id: int, work_ids: Sequence[int]) -> None:
    """Record works that turned out not to be wanted: nothing is to be done for them on this list."""
    of_list = _CRAWL_ARTWORKS.c.list_id == list_of(crawl_id)
    for some in batched(work_ids, IDS_A_QUERY):
        connection.execute(delete(_CRAWL_ARTWORKS).where(of_list, _CRAWL_ARTWORKS.c.artwork_id.in_(some)))


def end_crawl(
    connection: Connection,
    crawl_id: int,
    *,
    outcome: str,
    exit_code: int,
    counts: Mapping[str, Any],
    read_to_end: bool,
    now: datetime,
    frontier: Sequence[int] = (),
    reason: str | None = None,
    confirmed: datetime | None = None,
) -> None:
    """End a run: `complete`, or any other outcome, from which the next run with the same arguments continues.

    `read_to_end`: it saw the list to its end, or to the frontier of a run that had. `frontier`: the ids at the head of the list.
    `confirmed`: when pixiv last showed that it knows the session.
    """
    change = update(_CRAWLS).where(_CRAWLS.c.id == crawl_id)
    connection.execute(
        change.values(
            outcome=outcome,
            exit_code=exit_code,
            counts=dict(counts),
            read_to_end=read_to_end,
            frontier=list(frontier),
            ended=now,
            reason=reason,
            confirmed=confirmed,
        )
    )


def _list_works(
    connection: Connection, crawl_id: int, list_id: int, suffices: str, work_ids: Sequence[int], now: datetime
) -> int:
    """Put works on the list; returns how many this run had not seen there before."""
    unsettled = _unsettled(connection, suffices, work_ids)
    stubs = [work_id for work_id in work_ids if work_id not in unsettled]
    record_stubs(connection, stubs, now)
    unsettled |= dict.fromkeys(stubs, suffices != "row")
    listed = dict(
        connection.execute(
            select(CrawlArtworkRow.artwork_id, CrawlArtworkRow.crawl_id).where(
                CrawlArtworkRow.list_id == list_id, CrawlArtworkRow.artwork_id.in_(work_ids)
            )
        ).all()
    )
    new = [
        {"list_id": list_id, "artwork_id": work_id, "crawl_id": crawl_id, "unsettled": unsettled[work_id]}
        for work_id in work_ids
        if work_id not in listed
    ]
    if new:
        connection.execute(insert(_CRAWL_ARTWORKS), new)
    again = [work_id for work_id, seen in listed.items() if seen != crawl_id]
    if again:
        change = update(_CRAWL_ARTWORKS).where(
            _CRAWL_ARTWORKS.c.list_id == list_id, _CRAWL_ARTWORKS.c.artwork_id.in_(again)
        )
        connection.execute(change.values(crawl_id=crawl_id))
    return len(new) + len(again)


def _unsettled(connection: Connection, suffices: str, work_ids: Sequence[int]) -> dict[int, bool]:
    """Whether anything is left to do for each work that the ledger knows, given what suffices for the list."""
    refresh_waiting(connection, work_ids)
    found = connection.execute(select(ArtworkRow.id, UNSETTLED[suffices]).where(ArtworkRow.id.in_(work_ids)))
    return {work_id: bool(unsettled) for work_id, unsettled in found}
