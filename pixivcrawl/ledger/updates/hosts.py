"""Pauses that a host asked for, the requests that were sent to it on a day, and the pace that was learned; they outlive the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, column, func, or_, select, update

from pixivcrawl.ledger.models import AccountRow, HostRow, table
from pixivcrawl.ledger.updates.upsert import insert_new, upsert
from pixivcrawl.reader import Reader

CHANNEL = "pixivcrawl_pauses"
"""The channel on which a server notifies listening processes that a pause began or ended."""

_HOSTS, _ACCOUNTS = table(HostRow), table(AccountRow)
_OF_ACCOUNT = and_(_ACCOUNTS.c.host == bindparam("of_host"), _ACCOUNTS.c.account == bindparam("of_account"))
_SPEND = (
    update(_ACCOUNTS)
    .where(_OF_ACCOUNT, _ACCOUNTS.c.spent_on == bindparam("day"))
    .values(spent=_ACCOUNTS.c.spent + bindparam("number"))
)
_TAKE = (
    update(_ACCOUNTS)
    .where(
        _OF_ACCOUNT,
        or_(_ACCOUNTS.c.spent_on.is_distinct_from(bindparam("day")), _ACCOUNTS.c.spent < bindparam("limit")),
    )
    .values(
        spent=case((_ACCOUNTS.c.spent_on == bindparam("day"), _ACCOUNTS.c.spent), else_=0) + 1,
        spent_on=bindparam("day"),
    )
)


@dataclass(frozen=True, slots=True)
class RequestSpent:
    """What `spend_request` takes."""

    host: str
    account: int
    now: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """What an account has learned about a host: seconds of rest after each answer, answers since that changed, the last refusal.

    `usual` is the value of PIXIV_API_DELAY at that time.
    """

    delay: float
    usual: float
    answers: int = 0
    refused_at: datetime | None = None


def kept_pace(connection: Connection, host: str, reader: Reader, *, lock: bool = False) -> Pace | None:
    """What earlier runs of this reader have learned about a host; None if nothing."""
    asked = select(_ACCOUNTS).where(
        _ACCOUNTS.c.host == host, _ACCOUNTS.c.account == account_of_reader(reader), _ACCOUNTS.c.delay.is_not(None)
    )
    row = connection.execute(asked.with_for_update() if lock else asked).one_or_none()
    return None if row is None else _pace(row)


def _pace(row: Any) -> Pace:
    return Pace(row.delay / 1000, row.usual / 1000, row.answers, row.refused_at)


def refused_paces(connection: Connection, since: datetime) -> list[tuple[str, Pace]]:
    """The hosts that refused an account since then, and the pace that was learned from it."""
    refused = select(_ACCOUNTS).where(_ACCOUNTS.c.refused_at > since).order_by(_ACCOUNTS.c.refused_at)
    return [(row.host, _pace(row)) for row in connection.execute(refused)]


def share_pace(connection: Connection, host: str, reader: Reader, pace: Pace) -> Pace:
    """Keep what a run has learned, unless another run was refused later; returns the pace that then holds for both."""
    kept = kept_pace(connection, host, reader, lock=True)
    if kept is not None and kept.refused_at and (pace.refused_at is None or pace.refused_at < kept.refused_at):
        return kept
    learned = {
        "host": host,
        "account": account_of_reader(reader),
        "delay": round(1000 * pace.delay),
        "usual": round(1000 * pace.usual),
        "answers": pace.answers,
        "refused_at": pace.refused_at,
    }
    upsert(connection, _ACCOUNTS, [learned], ("host", "account"))
    return pace


def account_of_reader(reader: Reader) -> int:
    """The number under which a reader's account is kept: its id, 0 for a visitor, negative for a session that does not show its id."""
    return -(reader.session or 0) if reader.user_id is None else reader.user_id


def shared_clock(connection: Connection, now: datetime) -> datetime:
    """The time that is the same for all users of a ledger: its server's, whatever their own clocks say; `now` if the ledger is a file."""
    if connection.dialect.name == "sqlite":
        return now
    told: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return told


def pause_host(connection: Connection, host: str, until: datetime, now: datetime, account: int | None = None) -> None:
    """Record that nothing may be sent to `host` before `until`: by that account, or without one by any reader."""
    since = shared_clock(connection, now)
    pause = {"host": host, "paused_at": since, "paused_until": since + (until - now)}
    if account is None:
        upsert(connection, _HOSTS, [pause], ("host",))
    else:
        upsert(connection, _ACCOUNTS, [pause | {"account": account}], ("host", "account"))
        # An older pause for all readers that is over would otherwise be reported forever beside this one.
        over = update(_HOSTS).where(_HOSTS.c.host == host, _HOSTS.c.paused_until <= since)
        connection.execute(over.values(paused_at=None, paused_until=None))
    _tell(connection)


def clear_pause(connection: Connection, host: str, account: int | None = None) -> None:
    """Clear the pause of all readers and, if one is given, that of the account: an answer shows that both are over."""
    over = [update(_HOSTS)]
    if account is not None:
        over.append(update(_ACCOUNTS).where(_ACCOUNTS.c.account == account))
    for pauses in over:
        connection.execute(pauses.where(column("host") == host).values(paused_at=None, paused_until=None))
    _tell(connection)


def _tell(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_notify(CHANNEL, "")))


def note_session(connection: Connection, host: str, reader: Reader, *, is_refused: bool) -> None:
    """Record whether the host accepts a reader's session."""
    refused = {
        "host": host,
        "account": account_of_reader(reader),
        "refused_session": reader.session if is_refused else None,
    }
    upsert(connection, _ACCOUNTS, [refused], ("host", "account"))


def day_of(moment: datetime) -> str:
    """The day on which requests count together (yyyymmdd, UTC)."""
    return f"{moment.astimezone(UTC):%Y%m%d}"


def spend_request(connection: Connection, host: str, account: int, now: datetime) -> None:
    """Count one more request of the account to `host`; the first one of a day starts a new count."""
    spend_requests(connection, [RequestSpent(host, account, now)])


def spend_requests(connection: Connection, sent: Sequence[RequestSpent]) -> list[None]:
    """`spend_request` for each."""
    counts = Counter((each.host, each.account, day_of(shared_clock(connection, each.now))) for each in sent)
    for (host, account, day), number in counts.items():
        # Added by the database, because other processes may spend at the same time.
        spent = {"of_host": host, "of_account": account, "day": day, "number": number}
        if not connection.execute(_SPEND, spent).rowcount:
            first = {"host": host, "account": account, "spent_on": day, "spent": number}
            upsert(connection, _ACCOUNTS, [first], ("host", "account"))
    return [None] * len(sent)


def take_request(connection: Connection, host: str, account: int, limit: int, now: datetime) -> bool:
    """Spend one of the `limit` requests of a day, if one is left; safe while other processes do the same."""
    day = day_of(shared_clock(connection, now))
    taken = {"of_host": host, "of_account": account, "day": day, "limit": limit}
    if connection.execute(_TAKE, taken).rowcount:
        return True
    insert_new(connection, _ACCOUNTS, [{"host": host, "account": account}], ("host", "account"))
    return bool(connection.execute(_TAKE, taken).rowcount)
