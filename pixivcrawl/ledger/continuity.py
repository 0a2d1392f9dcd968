"""Do a ledger and its journal belong together? One that is gone, cut or older than the other is told before anything is sent.

Each commit writes its batch to the journal, and then to the ledger, together with how far the journal is (`JournalRow`). So the journal
ends where the ledger says, or a kill between the two has left it one batch ahead, which is then made again in the ledger. Anything else
means that a file was removed, cut, or replaced by a copy.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import URL, Connection, Engine, select
from sqlalchemy.exc import DBAPIError

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.signatures import has_originals
from pixivcrawl.errors import PixivcrawlError, StorageFailed
from pixivcrawl.ledger.engine import engine_that_leaves_no_trace, is_empty, reading_engine
from pixivcrawl.ledger.failures import place_of, storage_failed
from pixivcrawl.ledger.journal import End, Entry, Journal, Position, end_of
from pixivcrawl.ledger.models import CrawlRow, JournalRow, table
from pixivcrawl.ledger.records.tags import remember_tags
from pixivcrawl.ledger.records.upsert import upsert
from pixivcrawl.ledger.replay import Replayed, make_again

_AGAIN = "then run the same command again"
_JOURNAL = table(JournalRow)

Query = Callable[[Connection], Position | None]
Read = Callable[[Query], Position | None]
"""Asks the ledger for its position, as `Ledger.read_now` does."""


def position_of(connection: Connection) -> Position | None:
    """Where the journal is as far as the ledger knows; None in one that was filled before it was kept."""
    row = connection.execute(select(JournalRow.number, JournalRow.bytes)).first()
    if row is not None:
        return Position(row.number, row.bytes)
    has_runs = connection.execute(select(CrawlRow.id).limit(1)).first() is not None
    return None if has_runs else Position()


def note_position(connection: Connection, position: Position) -> None:
    """The journal is there when this is committed."""
    row = {"id": 1, "number": position.number, "bytes": position.bytes}
    upsert(connection, _JOURNAL, [row], ("id",))


def require_ledger(url: URL, archive: Archive) -> None:
    """A ledger that is missing where an archive is known to be is no first run. Raises StorageFailed, and makes nothing."""
    engine = reading_engine(url, 1, read_only=True)
    try:
        if is_empty(engine):
            require_none(archive, place_of(url))
    finally:
        engine.dispose()


def require_none(archive: Archive, place: str) -> None:
    """Raises StorageFailed where an archive that has no ledger (at `place`) once had one."""
    if (why := loss(archive, place)) is not None:
        raise StorageFailed(why)


def loss(archive: Archive, place: str) -> str | None:
    """What is to be said of an archive without a ledger (at `place`): what it has lost, and what to do; None for one that never began."""
    if archive.has_journal():
        beside = "a journal"
    elif has_originals(archive):
        beside = "originals"
    else:
        return None
    return f"the ledger {place} is gone or empty beside {beside}: make it anew with scrapy rebuild, or put it back from a copy, {_AGAIN}"


def disagreement(read: Read, archive: Archive, place: str) -> str | None:
    """Why ledger (at `place`) and journal do not belong together, and what to do; None where they do. A run may be writing meanwhile."""
    before = read(position_of)
    end = end_of(archive.journal)
    after = read(position_of)
    if before is None or after is None:
        return None
    if before == after:
        return _disagreement(before, end, archive, place)
    is_under_way = before.number <= end.position.number and end.before.number <= after.number
    return None if is_under_way else _disagreement(after, end, archive, place)


def agreed(engine: Engine, archive: Archive) -> Position:
    """Where the journal goes on; what a kill kept from the ledger is made again. Raises StorageFailed where the two do not agree."""
    end = end_of(archive.journal)
    try:
        with engine.begin() as connection:
            position = position_of(connection)
            if position is None:
                # From a version that did not keep it: what is there is taken as it is.
                note_position(connection, end.position)
            elif end.before == position != end.position:
                _make_last_batch_again(connection, end, place_of(engine.url))
            elif (why := _disagreement(position, end, archive, place_of(engine.url))) is not None:
                raise StorageFailed(why)
    except DBAPIError as error:
        raise storage_failed(error, place_of(engine.url)) from error
    return end.position


def position_in(url: URL) -> Position | None:
    """What the ledger at `url` knows of its journal; None where there is none, or one that cannot be read or never kept it."""
    engine = engine_that_leaves_no_trace(url)
    try:
        if is_empty(engine):
            return None
        with engine.connect() as connection:
            return position_of(connection)
    except (DBAPIError, PixivcrawlError):
        return None
    finally:
        engine.dispose()


def go_on_without(engine: Engine, archive: Archive, now: datetime) -> None:
    """Have a journal go on from where its ledger is, without what it lost: numbers that it lacks tell of that for ever."""
    end = end_of(archive.journal).position
    with engine.begin() as connection:
        number = max(end.number, (position_of(connection) or end).number)
        gap = Entry("record_journal_gap", {"number": number + 1, "now": now})
        note_position(connection, Journal(archive.journal, Position(number, end.bytes)).append([gap], now))


def is_short(position: Position | None, end: End) -> bool:
    """Whether the journal lacks what the ledger knows it to have held."""
    if position is None:
        return False
    return end.position.number < position.number or end.position.bytes < position.bytes


def _disagreement(position: Position, end: End, archive: Archive, place: str) -> str | None:
    if position in (end.position, end.before):
        return None
    known, there = f"{position.number:,}", f"{end.position.number:,}"
    if not end.position.bytes:
        return (
            f"the journal {archive.journal} is gone or empty, and the ledger knows of {known} changes: put it back from a copy, "
            f"or go on with the ledger alone (scrapy rebuild), {_AGAIN}"
        )
    if is_short(position, end):
        return (
            f"the journal {archive.journal} is shorter than its ledger knows it ({there} of {known} changes, {end.position.bytes:,} of "
            f"{position.bytes:,} bytes): put it back from a copy, or go on with what the ledger has (scrapy rebuild), {_AGAIN}"
        )
    return (
        f"the ledger {place} is older than its journal ({known} of {there} changes): make it anew with scrapy rebuild --replace "
        f"(in PostgreSQL in an empty database), or put the newest copy in its place, {_AGAIN}"
    )


def _make_last_batch_again(connection: Connection, end: End, place: str) -> None:
    remember_tags(connection)
    runs = {crawl_id: crawl_id for crawl_id in connection.execute(select(CrawlRow.id)).scalars()}
    replayed = Replayed()
    for entry in end.batch:
        make_again(connection, entry, runs, replayed)
    if replayed.made < len(end.batch):
        raise StorageFailed(
            f"the ledger {place} does not take the last batch of its journal: make it anew with scrapy rebuild --replace, {_AGAIN}"
        )
    note_position(connection, end.position)
