"""Checks the ledger: its version, its soundness, and what a killed run left in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, column, func, inspect, select, table
from sqlalchemy.exc import DBAPIError

from pixivcrawl.api.text import plural
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import last_holder
from pixivcrawl.configuration import Configuration
from pixivcrawl.doctor.findings import Finding, ok, problem, warning
from pixivcrawl.errors import ConfigurationError, PixivcrawlError, StorageFailed
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.continuity import Query, disagreement, loss, name_of
from pixivcrawl.ledger.engine import VERSION, engine_that_leaves_no_trace, read_url, reading_engine
from pixivcrawl.ledger.failures import DAMAGED, place_of, storage_failed
from pixivcrawl.ledger.integrity import fault_of
from pixivcrawl.ledger.journal import Position
from pixivcrawl.ledger.models import CrawlRow
from pixivcrawl.throttling.learning import REFUSED_FOR

VERSION_TABLE = table("alembic_version", column("version_num"))


@dataclass(slots=True)
class LedgerExamination:
    """The findings about a ledger, and what else it knows: its newest time, a pause, what was spent today, which account read last."""

    findings: list[Finding] = field(default_factory=list)
    newest: datetime | None = None
    paused_until: datetime | None = None
    spent: int = 0
    last_account: int | None = None


def check_ledger(configuration: Configuration, archive: Archive, now: datetime) -> LedgerExamination:
    """Check the ledger; reads the whole file once, about a second for 500 MB."""
    examined = LedgerExamination()
    try:
        url = read_url(configuration.database_url)
        if url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists():
            examined.findings.append(_none_yet(archive, place_of(url)))
        elif _is_left_alone(url, archive):
            examined = _examined(engine_that_leaves_no_trace(url), configuration, archive, now)
            if not _is_left_alone(url, archive):
                # A run has begun meanwhile, and what it wrote may have looked like damage.
                examined = _examined(reading_engine(url, 1, read_only=True), configuration, archive, now)
        else:
            examined = _examined(reading_engine(url, 1, read_only=True), configuration, archive, now)
    except PixivcrawlError as error:
        examined.findings.append(problem("ledger", error))
    if (finding := _last_run(archive)) is not None:
        examined.findings.append(finding)
    return examined


def _is_left_alone(url: URL, archive: Archive) -> bool:
    """Whether the ledger is one file that nobody writes to."""
    if url.get_backend_name() != "sqlite":
        return False
    wal = Path(f"{url.database}-wal")
    holder = last_holder(archive)
    return not (wal.exists() and wal.stat().st_size) and not (holder is not None and holder.is_at_work)


def _examined(engine: Engine, configuration: Configuration, archive: Archive, now: datetime) -> LedgerExamination:
    examined = LedgerExamination()
    place = place_of(engine.url)
    try:
        with engine.connect() as connection:
            examined.findings += _version_and_soundness(connection, archive, place)
            all_is_well = all(finding.state == "ok" for finding in examined.findings)
            is_ours = all_is_well and inspect(connection).has_table(VERSION_TABLE.name)
            if is_ours:
                _read(connection, configuration, archive, now, examined)
        if is_ours:
            examined.findings += _beside_the_journal(engine, archive)
    except (DBAPIError, sqlite3.Error) as error:
        examined.findings.append(problem("ledger", storage_failed(error, place)))
    finally:
        engine.dispose()
    return examined


def _beside_the_journal(engine: Engine, archive: Archive) -> Iterator[Finding]:
    # With connections of its own, each of which sees what a run has committed meanwhile.
    if why := disagreement(lambda query: _asked(engine, query), archive, engine.url):
        yield problem("ledger", StorageFailed(why))


def _asked(engine: Engine, query: Query) -> Position | None:
    with engine.connect() as connection:
        return query(connection)


def _none_yet(archive: Archive, place: str) -> Finding:
    if why := loss(archive, place):
        return problem("ledger", StorageFailed(why))
    return ok("ledger", f"none yet at {place}: the first crawl makes it")


def _version_and_soundness(connection: Connection, archive: Archive, place: str) -> Iterator[Finding]:
    driver = connection.connection.dbapi_connection
    if isinstance(driver, sqlite3.Connection) and fault_of(driver, "quick_check") is not None:
        yield problem("ledger", StorageFailed(DAMAGED.format(place=place)))
        return
    tables = inspect(connection).get_table_names()
    if not tables:
        yield _none_yet(archive, place)
        return
    version = connection.scalar(select(VERSION_TABLE)) if VERSION_TABLE.name in tables else None
    if version is None:
        yield problem("ledger", ConfigurationError(f"{place} is not a ledger: correct DATABASE_URL"))
    elif version > VERSION:
        newer = f"{place} is from a newer version ({version}, this one knows {VERSION}): update pixivcrawl"
        yield problem("ledger", ConfigurationError(newer))
    elif version < VERSION:
        yield warning(
            "ledger",
            f"{place} is from an older version ({version}, this one knows {VERSION}): the next crawl, or pixivcrawl upgrade, keeps a "
            "copy and brings it up to date",
        )
    else:
        yield ok("ledger", f"{place}, version {version}" + ", sound" * isinstance(driver, sqlite3.Connection))


def _read(
    connection: Connection, configuration: Configuration, archive: Archive, now: datetime, examined: LedgerExamination
) -> None:
    times = connection.execute(select(func.max(CrawlRow.started), func.max(CrawlRow.ended))).one()
    examined.newest = max((moment for moment in times if moment is not None), default=None)
    for pause in queries.host_pauses(connection):
        until = now + timedelta(seconds=pause.left(now))
        if pause.host == configuration.api.key:
            examined.paused_until = until
        if until > now:
            examined.findings.append(
                warning(
                    "pauses",
                    f"{pause.host} asks for a pause until {until.astimezone():%Y-%m-%d %H:%M:%S}, and runs obey it; if you know that "
                    "it is over, lift it with pixivcrawl doctor --lift-pauses",
                )
            )
    for host, pace in queries.refused_paces(connection, now - REFUSED_FOR):
        assert pace.refused_at is not None
        refused, over = (
            f"{each.astimezone():%Y-%m-%d %H:%M:%S}" for each in (pace.refused_at, pace.refused_at + REFUSED_FOR)
        )
        examined.findings.append(
            warning(
                "pauses",
                f"{host} refused requests on {refused}: {pace.delay:g} s of rest after each answer until {over}",
            )
        )
    examined.spent = queries.requests_spent(connection, configuration.api.key, now)
    examined.last_account = queries.last_account(connection)
    if left := len(queries.unsettled_intents(connection, name_of(archive, read_url(configuration.database_url)) or "")):
        examined.findings.append(
            warning(
                "ledger",
                f"{plural(left, 'file')} about to be placed: the next crawl finishes or drops them",
            )
        )


def _last_run(archive: Archive) -> Finding | None:
    holder = last_holder(archive)
    if holder is None or holder.came_to_its_end:
        return None
    if holder.is_at_work:
        return ok("runs", f"under way: {holder}")
    return warning("runs", f"{holder} was killed: run the same command again to continue")
