"""`export list`: the works' addresses or ids, one on each line, or a table."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pixivcrawl.api.text import plural
from pixivcrawl.exchange.export.choice import Result, Selection
from pixivcrawl.exchange.export.tokens import rating_of
from pixivcrawl.filters import MADE_BY_AI
from pixivcrawl.ledger.queries.exported import ExportedWork
from pixivcrawl.reporting.output import STANDARD_OUTPUT, write_file, write_out

Kind = Literal["addresses", "ids", "csv"]

KINDS: Mapping[str, Kind] = {".csv": "csv", ".txt": "addresses"}
"""What a list is by the end of its file's name."""

ADDRESS = "https://www.pixiv.net/artworks/{}"

CELLS: Mapping[str, Callable[[ExportedWork], Any]] = {
    "id": lambda work: work.id,
    "address": lambda work: ADDRESS.format(work.id),
    "title": lambda work: work.facts["title"],
    "artist_id": lambda work: work.facts["user_id"],
    "artist": lambda work: work.artist["name"] if work.artist is not None else None,
    "kind": lambda work: work.facts["kind"],
    "pages": lambda work: work.facts["page_count"],
    "created": lambda work: work.facts["created"],
    "uploaded": lambda work: work.facts["uploaded"],
    "rating": rating_of,
    "ai": lambda work: {None: None, MADE_BY_AI: "yes"}.get(work.facts["ai_type"], "no"),
    "bookmarks": lambda work: work.facts["bookmark_count"],
    "series_id": lambda work: work.series.id if work.series is not None else None,
    "series": lambda work: work.series.title if work.series is not None else None,
    # No tag holds a space.
    "tags": lambda work: " ".join(tag.name for tag in work.tags),
    "availability": lambda work: work.facts["availability"],
    "files": lambda work: len(work.files),
    "bytes": lambda work: sum(file.bytes or 0 for file in work.files),
}
"""The columns of a table."""


def export(selection: Selection, target: Path, options: argparse.Namespace) -> Result:
    """Write the list to a file, or to standard output."""
    kind = options.columns or KINDS.get(target.suffix.lower(), "addresses")
    if str(target) == STANDARD_OUTPUT:
        write_out(lines(selection, kind))
        return Result()
    write_file(target, lines(selection, kind))
    return Result([f"{target}: {plural(len(selection.work_ids), 'work')}"])


def lines(selection: Selection, kind: Kind) -> Iterator[str]:
    if kind != "csv":
        form = "{}\n" if kind == "ids" else f"{ADDRESS}\n"
        yield from (form.format(work_id) for work_id in selection.work_ids)
        return
    yield _row(list(CELLS))
    for work in selection.works():
        yield _row([_text(cell(work)) for cell in CELLS.values()])


def _text(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value


def _row(cells: list[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
