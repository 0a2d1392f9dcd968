"""Pauses that a host asked for, the requests that were sent to it on a day, and the pace that was learned; they outlive the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from pixivcrawl.items import Reader
from pixivcrawl.ledger.models import HostRow, PaceRow, table
from pixivcrawl.ledger.updates.upsert import upsert

_HOSTS, _PACES = table(HostRow), table(PaceRow)
_SPEND = (
    update(_HOSTS)
    .where(_HOSTS.c.host == bindparam("of_host"), _HOSTS.c.spent_on == bindparam("day"))
    .values(spent=_HOSTS.c.spent + bindparam("number"))
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What `spend_request` takes."""

    host: str
    now: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """What an account has learned of a host: seconds of rest after each answer, answers since that changed, the last refusal.

    `usual` is what PIXIV_API_DELAY was then.
    """

    delay: float
    usual: float
    answers: int = 0
    refused_at: datetime | None = None


def kept_pace(connection: Connection, host: str, reader: Reader, *, lock: bool = False) -> Pace | None:
    """What earlier runs of this reader have learned of a host; None where they have nothing to tell."""
    asked = select(_PACES).where(_PACES.c.host == host, _PACES.c.account == _account(reader))
    row = connection.execute(asked.with_for_update() if lock else asked).one_or_none()
    return None if row is None else _pace(row)


def _pace(row: Any) -> Pace:
    return Pace(row.delay / 1000, row.usual / 1000, row.answers, row.refused_at)


def refused_paces(connection: Connection, since: datetime) -> list[tuple[str, Pace]]:
    """The hosts that refused an account since then, and what was learned of it."""
    rows = connection.execute(select(_PACES).where(_PACES.c.refused_at > since).order_by(_PACES.c.refused_at))
    return [(row.host, _pace(row)) for row in rows]


def share_pace(connection: Connection, host: str, reader: Reader, pace: Pace) -> Pace:
    """Keep what a run has learned, unless another was refused later; gives what then holds for both."""
    kept = kept_pace(connection, host, reader, lock=True)
    if kept is not None and kept.refused_at and (pace.refused_at is None or pace.refused_at < kept.refused_at):
        return kept
    learned = {
        "host": host,
        "account": _account(reader),
        "delay": round(1000 * pace.delay),
        "usual": round(1000 * pace.usual),
        "answers": pace.answers,
        "refused_at": pace.refused_at,
    }
    upsert(connection, _PACES, [learned], ("host", "account"))
    return pace


def _account(reader: Reader) -> int:
    return -(reader.session or 0) if reader.user_id is None else reader.user_id


def pause_host(connection: Connection, host: str, until: datetime, now: datetime) -> None:
    """Nothing is to be sent to `host` before `until`."""
    upsert(connection, _HOSTS, [{"host": host, "paused_at": now, "paused_until": until}], ("host",))


def clear_pause(connection: Connection, host: str) -> None:
    connection.execute(update(_HOSTS).where(_HOSTS.c.host == host).values(paused_at=None, paused_until=None))


def day_of(moment: datetime) -> str:
    """The day on which requests count together (yyyymmdd, UTC)."""
    return f"{moment.astimezone(UTC):%Y%m%d}"


def spend_request(connection: Connection, host: str, now: datetime) -> None:
    """One more request leaves for `host`; the first one of a day begins to count anew."""
    spend_requests(connection, [Sent(host, now)])


def spend_requests(connection: Connection, sent: Sequence[Sent]) -> list[None]:
    """`spend_request` for each."""
    for (host, day), number in Counter((each.host, day_of(each.now)) for each in sent).items():
        # Added by the database, for others may spend at the same time.
        if not connection.execute(_SPEND, {"of_host": host, "day": day, "number": number}).rowcount:
            upsert(connection, _HOSTS, [{"host": host, "spent_on": day, "spent": number}], ("host",))
    return [None] * len(sent)
