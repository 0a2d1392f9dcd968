"""Runs, users and hosts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, NotNullable, Row, Text, cast, func, null, or_, select

from pixivcrawl.ledger.models import AccountRow, CrawlRow, HostRow, UserRow
from pixivcrawl.ledger.updates.hosts import day_of, shared_clock
from pixivcrawl.reader import Reader

_CRAWLS = select(CrawlRow.__table__)

GAP_COUNTS = ("lists_cut_off", "parameters_ignored", "rows_refused")
"""A run's counts of what its list lacks and no later run brings: parts that pixiv does not show, rows that could not be read."""


@dataclass(frozen=True, slots=True)
class CrawlRecord:
    """A run as it was recorded; without an `outcome` it is under way or was killed."""

    crawl_id: int
    list_id: int | None
    spider: str
    arguments: dict[str, Any]
    started: datetime
    ended: datetime | None
    outcome: str | None
    exit_code: int | None
    reason: str | None
    found: int
    counts: dict[str, Any]
    reader: int | None


@dataclass(frozen=True, slots=True)
class HostPause:
    """A pause: `account`, or every reader if it is None, sends nothing to `host` before `until`; `since` is when the host asked for it."""

    host: str
    since: datetime
    until: datetime
    account: int | None = None

    def left(self, now: datetime) -> float:
        """Seconds. A clock that was set back must not make a pause longer than it was."""
        return min(self.until - now, self.until - self.since).total_seconds()


def last_crawls(connection: Connection, limit: int) -> list[CrawlRecord]:
    """The latest runs, the last one first."""
    return [record_of(row) for row in connection.execute(_CRAWLS.order_by(CrawlRow.id.desc()).limit(limit))]


def confirmed(connection: Connection, reader: Reader) -> datetime | None:
    """When a run last saw that pixiv knows this reader's session."""
    last = select(func.max(CrawlRow.confirmed)).where(
        CrawlRow.session == reader.session, CrawlRow.confirmed.is_not(None)
    )
    return connection.execute(last).scalar()


def last_account(connection: Connection) -> int | None:
    """The account that read last; None if no run is known to have read as an account."""
    signed_in = select(CrawlRow.reader).where(CrawlRow.reader > 0).order_by(CrawlRow.id.desc()).limit(1)
    return connection.execute(signed_in).scalar()


def counts_before(connection: Connection, crawl_id: int) -> dict[str, Any]:
    """The counts of the last run before `crawl_id` in which its reader read the same list to its end; empty if there was none."""
    key, reader = (
        select(each).where(CrawlRow.id == crawl_id).scalar_subquery() for each in (CrawlRow.list_key, CrawlRow.reader)
    )
    counts = connection.execute(
        select(CrawlRow.counts)
        .where(CrawlRow.list_key == key, CrawlRow.id < crawl_id, CrawlRow.read_to_end)
        .where(CrawlRow.reader.is_not_distinct_from(reader))
        .order_by(CrawlRow.id.desc())
        .limit(1)
    ).scalar()
    return counts or {}


def lists_shown_in_part(connection: Connection) -> list[CrawlRecord]:
    """For each list that lacked something when a reader last read it to its end, that run; the latest first."""
    last = select(func.max(CrawlRow.id)).where(CrawlRow.read_to_end).group_by(CrawlRow.list_key, CrawlRow.reader)
    lacking = or_(*(cast(CrawlRow.counts, Text).like(f'%"{name}":%') for name in GAP_COUNTS))
    found = connection.execute(_CRAWLS.where(CrawlRow.id.in_(last), lacking).order_by(CrawlRow.id.desc()))
    return [record_of(row) for row in found]


def artists_unread(connection: Connection) -> set[int]:
    """The artists whose works were listed, but never to the end: some works may not be known at all."""
    of_artists = select(func.max(CrawlRow.id)).where(CrawlRow.spider == "user").group_by(CrawlRow.list_key)
    to_end = of_artists.where(CrawlRow.read_to_end)
    begun, read = (
        {
            artist
            for arguments in connection.execute(select(CrawlRow.arguments).where(CrawlRow.id.in_(last))).scalars()
            if not (arguments.get("latest") or arguments.get("tag"))
            for artist in arguments["id"]
        }
        for last in (of_artists, to_end)
    )
    return begun - read


def host_pauses(connection: Connection) -> list[HostPause]:
    """Every recorded pause that was not cleared, over or not, of all accounts."""
    nobody = cast(null(), BigInteger)
    of_hosts = select(HostRow.host, NotNullable(HostRow.paused_at), NotNullable(HostRow.paused_until), nobody).where(
        HostRow.paused_until.is_not(None)
    )
    of_accounts = select(
        AccountRow.host, NotNullable(AccountRow.paused_at), NotNullable(AccountRow.paused_until), AccountRow.account
    ).where(AccountRow.paused_until.is_not(None))
    return [HostPause(*row) for row in connection.execute(of_hosts.union_all(of_accounts))]


def pauses_left(connection: Connection, account: int, now: datetime) -> dict[str, float]:
    """The hosts to which an account sends nothing now, and for how many seconds, by the ledger's shared clock."""
    now = shared_clock(connection, now)
    kept = [each for each in host_pauses(connection) if each.account in (None, account)]
    return {each.host: each.left(now) for each in sorted(kept, key=lambda each: each.left(now)) if each.left(now) > 0}


def requests_spent(connection: Connection, host: str, now: datetime, account: int | None = None) -> int:
    """How many requests an account sent to `host` on the day of `now`, as UTC counts days; without one, the account that sent the most."""
    spent = select(func.max(AccountRow.spent)).where(
        AccountRow.host == host, AccountRow.spent_on == day_of(shared_clock(connection, now))
    )
    return connection.execute(spent if account is None else spent.where(AccountRow.account == account)).scalar() or 0


def refused_sessions(connection: Connection, host: str) -> set[int]:
    """The sessions that `host` no longer accepts."""
    refused = select(NotNullable(AccountRow.refused_session)).where(
        AccountRow.host == host, AccountRow.refused_session.is_not(None)
    )
    return set(connection.execute(refused).scalars())


def user_detail(connection: Connection, user_id: int) -> str | None:
    """How well a user is known: None (an id alone, or not at all), listing, full."""
    return connection.execute(select(UserRow.detail).where(UserRow.id == user_id)).scalar()


def record_of(row: Row[Any]) -> CrawlRecord:
    """What a row of `crawls` says."""
    return CrawlRecord(
        crawl_id=row.id,
        list_id=row.list_id,
        spider=row.spider,
        arguments=row.arguments,
        started=row.started,
        ended=row.ended,
        outcome=row.outcome,
        exit_code=row.exit_code,
        reason=row.reason,
        found=row.found,
        counts=row.counts or {},
        reader=row.reader,
    )
