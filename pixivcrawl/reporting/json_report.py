"""A report as JSON: everything in the period, one row at a time, in plain ASCII that no terminal or page acts on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from pixivcrawl.ledger.queries import reports
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.reporting.collect import Place, attention, sum_up

VERSION = 1
"""Increases when something in the document changes its meaning or is removed; docs/report.schema.json describes it."""


def document(connection: Connection, place: Place, span: Span, made: datetime) -> Iterator[str]:
    """The document in pieces, read while the connection is open."""
    runs = sum_up(reports.runs_of_span(connection, span))
    first_run = reports.first_run_since(connection, span.since)
    failed = iter(()) if first_run is None else reports.failures(connection, first_run, span=span)
    head = {
        "version": VERSION,
        "archive": str(place.root),
        "since": span.since,
        "until": span.until,
        "made": made,
        "filter": span.filter,
        "left_out": len(span.left_out),
        "sums": asdict(reports.sums_of_span(connection, span)),
        "run_sums": asdict(runs.sums),
        "attention": list(attention(connection, place, runs)),
    }
    parts: dict[str, Iterable[Any]] = {
        "artists": reports.artists_with_news(connection, span, None),
        "new": reports.new_works(connection, span),
        "changed": reports.changes(connection, span),
        "gone": reports.losses(connection, span),
        "returned": reports.returns(connection, span),
        "renamed": reports.new_names(connection, span),
        "failed": failed,
        "lists": runs.lists.values(),
        "runs": reports.runs_of_span(connection, span),
    }
    yield "{\n"
    for name, value in head.items():
        yield f'"{name}": {_json(value)},\n'
    separator = ""
    for name, rows in parts.items():
        yield f'{separator}"{name}": ['
        separator = ",\n"
        between = "\n"
        for row in rows:
            yield f"{between}{_json(_fields(row))}"
            between = ",\n"
        yield "]"
    yield "\n}\n"


def _fields(row: Any) -> dict[str, Any]:
    """As `asdict`, which would copy every value first and take most of the time."""
    return {field.name: getattr(row, field.name) for field in fields(row)}


def _json(value: Any) -> str:
    # A "<" stands in strings alone; escaped, no page that this text is put into takes it for a tag.
    return _ENCODER.encode(value).replace("<", "\\u003c")


def _plain(value: Any) -> str:
    """Times as the ledger writes them, of one width."""
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


_ENCODER = json.JSONEncoder(default=_plain)
