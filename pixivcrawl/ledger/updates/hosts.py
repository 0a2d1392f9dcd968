"""Pauses that a host asked for, and the requests that were sent to it on a day; they outlive the process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, bindparam, update

from pixivcrawl.ledger.models import HostRow, table
from pixivcrawl.ledger.updates.upsert import upsert

_HOSTS = table(HostRow)
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
