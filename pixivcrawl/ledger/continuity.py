"""Checks that a ledger and its journal belong together: one that is gone, cut or older than the other is reported before anything is sent.

Each commit writes its batch to the journal, and then to the ledger, together with the end of the journal (`JournalRow`). So the journal
ends where the ledger says, or a kill between the two has left it one batch ahead, which is then applied to the ledger. Anything else
means that a file was removed, cut, or replaced by a copy.
"""

from __future__ import annotations

import errno
import os
import platform
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import uuid4

from sqlalchemy import URL, Connection, Engine, func, select
from sqlalchemy.exc import DBAPIError

from pixivcrawl.archive.failures import storage_errors, storage_failure
from pixivcrawl.archive.layout import Archive, is_link
from pixivcrawl.archive.signatures import has_originals
from pixivcrawl.errors import PixivcrawlError, StorageFailed
from pixivcrawl.ledger.engine import engine_that_leaves_no_trace, is_empty, reading_engine
from pixivcrawl.ledger.failures import place_of, storage_failed
from pixivcrawl.ledger.journal import End, Entry, Journal, Position, end_of, located
from pixivcrawl.ledger.models import JOURNAL_ORDER, CrawlRow, JournalRow, table
from pixivcrawl.ledger.presence import be_present
from pixivcrawl.ledger.updates import JOURNAL_GAP, note_answers
from pixivcrawl.ledger.updates.archive_name import write_for
from pixivcrawl.ledger.updates.tags import remember_tags
from pixivcrawl.ledger.updates.upsert import upsert

_AGAIN = "then run the same command again"
_JOURNAL = table(JournalRow)

Query = Callable[[Connection], Position | None]
Read = Callable[[Query], Position | None]
"""Asks the ledger for its position, as `Ledger.read_now` does."""


def name_of(archive: Archive, url: URL) -> str | None:
    """The name of an archive in its ledger: "" in SQLite, which has one archive; None if it has no name yet in PostgreSQL.

    Raises StorageFailed.
    """
    if url.get_backend_name() == "sqlite":
        return ""
    if is_link(archive.name_file):
        raise storage_failure(errno.ELOOP, archive.name_file)
    with storage_errors(archive.name_file):
        return archive.name_file.read_text("ascii").strip() or None if archive.name_file.exists() else None


def named(archive: Archive, url: URL) -> str:
    """As `name_of`; an archive without a name gets one."""
    if (name := name_of(archive, url)) is None:
        name = uuid4().hex
        with storage_errors(archive.name_file), archive.name_file.open("w", encoding="ascii") as file:
            file.write(f"{name}\n")
            file.flush()
            os.fsync(file.fileno())
    return name


def position_of(connection: Connection, name: str | None, *, settled: bool = False) -> Position | None:
    """Where the journal of the archive with this name ends, according to the ledger; None if it does not know, because it was filled
    before it recorded that, or only by other archives. `settled`: wait until no open transaction would change it.
    """
    known = select(JournalRow.number, JournalRow.bytes).where(JournalRow.archive == name)
    row = connection.execute(known.with_for_update() if settled else known).first()
    if row is not None:
        return Position(row.number, row.bytes)
    has_runs = connection.execute(select(CrawlRow.id).limit(1)).first() is not None
    return None if has_runs else Position()


def note_position(connection: Connection, name: str, position: Position) -> None:
    """Record where the journal ends once this is committed."""
    row = {"archive": name, "number": position.number, "bytes": position.bytes}
    upsert(connection, _JOURNAL, [row], ("archive",))


def next_order(connection: Connection) -> int | None:
    """A number after that of every commit that this transaction has seen or waited for; None in SQLite."""
    return connection.execute(select(JOURNAL_ORDER.next_value())).scalar_one() if _has_others(connection) else None


def go_on_after(connection: Connection, order: int) -> None:
    """Let later commits get numbers after `order`."""
    if order and _has_others(connection):
        connection.execute(select(func.setval(JOURNAL_ORDER.name, order)))


def _has_others(connection: Connection) -> bool:
    return connection.dialect.supports_sequences


def _note_place(connection: Connection, name: str, position: Position, place: str) -> None:
    """Record where an archive is that shares the ledger with others, for messages about files that are in it."""
    row = {"archive": name, "number": position.number, "bytes": position.bytes, "place": place}
    upsert(connection, _JOURNAL, [row], ("archive",))


def require_ledger(url: URL, archive: Archive) -> None:
    """Raises StorageFailed if the ledger of an existing archive is missing, because that is no first run. Creates nothing."""
    engine = reading_engine(url, 1, read_only=True)
    try:
        if is_empty(engine):
            require_none(archive, place_of(url))
    finally:
        engine.dispose()


def require_none(archive: Archive, place: str) -> None:
    """Raises StorageFailed if an archive without a ledger (at `place`) once had one."""
    if (why := loss(archive, place)) is not None:
        raise StorageFailed(why)


def loss(archive: Archive, place: str) -> str | None:
    """The message about an archive without a ledger (at `place`): what it has lost, and what to do; None for one that never began."""
    if archive.has_journal():
        beside = "a journal"
    elif has_originals(archive):
        beside = "originals"
    else:
        return None
    return (
        f"the ledger {place} is gone or empty beside {beside}: rebuild it with pixivcrawl rebuild, or put it back from a copy, "
        f"{_AGAIN}"
    )


def disagreement(read: Read, archive: Archive, url: URL) -> str | None:
    """Why ledger (at `url`) and journal do not belong together, and what to do; None if they do. A run may be writing meanwhile."""
    query, place = partial(position_of, name=name_of(archive, url)), place_of(url)
    before = read(query)
    end = end_of(archive.journal)
    after = read(query)
    if before is None or after is None:
        return None
    if before == after:
        return _disagreement(before, end, archive, place)
    is_under_way = before.number <= end.position.number and end.before.number <= after.number
    return None if is_under_way else _disagreement(after, end, archive, place)


def agreed(engine: Engine, archive: Archive) -> Journal:
    """The journal, ready to be continued at its end; a batch that a kill kept from the ledger is applied. Raises StorageFailed if the two
    do not agree.
    """
    end = end_of(archive.journal)
    name = named(archive, engine.url)
    try:
        be_present(engine, name)
        with engine.begin() as connection:
            position = position_of(connection, name)
            if end.before == position != end.position:
                _make_last_batch_again(connection, end, name, place_of(engine.url))
            # If the ledger knows nothing, the journal is taken as it is.
            elif position is not None and (why := _disagreement(position, end, archive, place_of(engine.url))):
                raise StorageFailed(why)
            if name:
                _note_place(connection, name, end.position, f"{platform.node()}:{archive.root}")
            elif position is None:
                note_position(connection, name, end.position)
    except DBAPIError as error:
        raise storage_failed(error, place_of(engine.url)) from error
    return Journal(archive.journal, end.position, name)


def position_in(url: URL, archive: Archive) -> Position | None:
    """What the ledger at `url` knows of the archive's journal; None if that cannot be read."""
    engine = engine_that_leaves_no_trace(url)
    try:
        if is_empty(engine):
            return None
        with engine.connect() as connection:
            return position_of(connection, name_of(archive, url))
    except (DBAPIError, PixivcrawlError):
        return None
    finally:
        engine.dispose()


def go_on_without(engine: Engine, archive: Archive, now: datetime) -> None:
    """Continue a journal from where its ledger is, without what it lost: a gap in its numbers shows that permanently."""
    end = end_of(archive.journal).position
    name = named(archive, engine.url)
    with engine.begin() as connection:
        number = max(end.number, (position_of(connection, name) or end).number)
        gap = Entry(JOURNAL_GAP, {"number": number + 1, "now": now})
        journal = Journal(archive.journal, Position(number, end.bytes))
        note_position(connection, name, journal.append([gap], now, next_order(connection)))


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
            f"or go on with the ledger alone (pixivcrawl rebuild), {_AGAIN}"
        )
    if is_short(position, end):
        return (
            f"the journal {archive.journal} is shorter than its ledger knows it ({there} of {known} changes, {end.position.bytes:,} of "
            f"{position.bytes:,} bytes): put it back from a copy, or go on with what the ledger has (pixivcrawl rebuild), {_AGAIN}"
        )
    return (
        f"the ledger {place} is older than its journal ({known} of {there} changes): rebuild it with pixivcrawl rebuild --replace "
        f"(in PostgreSQL in an empty database), or put the newest copy in its place, {_AGAIN}"
    )


def _make_last_batch_again(connection: Connection, end: End, name: str, place: str) -> None:
    remember_tags(connection)
    write_for(connection, name)
    runs = {crawl_id: crawl_id for crawl_id in connection.execute(select(CrawlRow.id)).scalars()}
    # Only here, after a kill: it needs everything that reads an answer, a tenth of what a command takes to start.
    from pixivcrawl.ledger.replay import ReplayResult, make_again

    replayed = ReplayResult()
    for entry in end.batch:
        make_again(connection, entry, runs, replayed)
    note_answers(connection, name, located(end.batch))
    if replayed.made < len(end.batch):
        why = "; ".join([*(f"{kind}: {reason}" for kind, reason in replayed.reasons.items()), *replayed.unknown])
        what = f"the ledger {place} does not take the last batch of its journal ({why})"
        raise StorageFailed(f"{what}: rebuild it with pixivcrawl rebuild --replace, {_AGAIN}")
    note_position(connection, name, end.position)
