"""Requests (commissions)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from pixivcrawl.items import CommissionRequest
from pixivcrawl.ledger.models import CommissionRequestRow, table
from pixivcrawl.ledger.updates.upsert import keep_known, may_be_unsaid, rows_of


def record_requests(connection: Connection, requests: Sequence[CommissionRequest], now: datetime) -> None:
    """Record requests; a value that is no longer given (a price, who asked) keeps its last value."""
    rows = rows_of(requests, first_seen=now, last_seen=now)
    keep_known(connection, table(CommissionRequestRow), rows, ("id",), may_be_unsaid(CommissionRequest))
