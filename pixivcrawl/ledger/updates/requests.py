"""Requests (commissions)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from pixivcrawl.items import CommissionRequest
from pixivcrawl.ledger.models import CommissionRequestRow, table
from pixivcrawl.ledger.updates.upsert import upsert

_REQUESTS = table(CommissionRequestRow)
_MAY_BE_UNSAID = ("requester_id", "artwork_id", "price", "title", "text")


def record_requests(connection: Connection, requests: Sequence[CommissionRequest], now: datetime) -> None:
    """What is said of requests now; what is not said any more (a price, who asked) keeps its last value."""
    by_id = {request.request_id: request for request in requests}
    found = connection.execute(select(_REQUESTS).where(_REQUESTS.c.id.in_(list(by_id)))).mappings()
    known = {row["id"]: dict(row) for row in found}
    rows = [_row(request, known.get(request.request_id, {}), now) for request in by_id.values()]
    upsert(connection, _REQUESTS, rows, ("id",))


def _row(request: CommissionRequest, known: dict[str, Any], now: datetime) -> dict[str, Any]:
    row = {
        "id": request.request_id,
        "creator_id": request.creator_id,
        "requester_id": request.requester_id,
        "artwork_id": request.work_id,
        "kind": request.kind,
        "state": request.state,
        "price": request.price,
        "title": request.title,
        "text": request.text,
        "first_seen": known.get("first_seen", now),
        "last_seen": now,
    }
    return row | {name: known.get(name) for name in _MAY_BE_UNSAID if row[name] is None}
