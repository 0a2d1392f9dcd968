"""Pauses that a host asked for; they outlive the process."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, update

from pixivcrawl.ledger.models import HostRow, table
from pixivcrawl.ledger.records.upsert import upsert

_HOSTS = table(HostRow)


def pause_host(connection: Connection, host: str, until: datetime, now: datetime) -> None:
    """Nothing is to be sent to `host` before `until`."""
    upsert(connection, _HOSTS, [{"host": host, "paused_at": now, "paused_until": until}], ("host",))


def clear_pause(connection: Connection, host: str) -> None:
    connection.execute(update(_HOSTS).where(_HOSTS.c.host == host).values(paused_at=None, paused_until=None))
