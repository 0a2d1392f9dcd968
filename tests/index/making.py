"""Works for the tests of the index, and what an index holds."""

from __future__ import annotations

import json
import sqlite3
import time
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any, cast

from pixivcrawl.filters import SavedFilters
from pixivcrawl.index import schema, updating, writing
from pixivcrawl.index.reading import Index
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.items import Artwork, Facts
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.queries.indexed import SearchableWork
from pixivcrawl.ledger.service import Ledger
from tests.ledger.making import NOW

PATIENCE = 60.0
"""Seconds."""


def know(ledger: Ledger, *artworks: Artwork) -> None:
    """Record the works as their own pages tell them."""
    ledger.write_now(updates.record_facts, Facts(artworks=artworks), NOW)


def follow(ledger: Ledger, folder: Path) -> int:
    """Bring the index in line; on PostgreSQL the transactions of other databases on the server are waited for too."""
    read = updating.update_index(ledger, folder, stop=Event())
    until = time.monotonic() + PATIENCE
    while Index(folder, ledger).behind() and time.monotonic() < until:
        time.sleep(0.05)
        read += updating.update_index(ledger, folder, stop=Event())
    return read


def contents(folder: Path) -> dict[str, list[Any]]:
    """All that the index in a folder holds of works, tags and artists, in an order that says nothing."""
    with closing(sqlite3.connect(folder / schema.NAME)) as connection:
        held = {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)
            for table in ("works", "subjects", "digests")
        }
        names = {number: name for number, *name in connection.execute("SELECT * FROM names")}
        held["names"] = sorted(names.values())
        entries = connection.execute("SELECT id, entry FROM documents ORDER BY id")
        held["documents"] = [(work_id, json.loads(zlib.decompress(entry))) for work_id, entry in entries]
        connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, texts, instance)")
        held["texts"] = sorted(connection.execute("SELECT term, doc, offset FROM temp.terms"))
        connection.execute("CREATE VIRTUAL TABLE temp.pairs USING fts5vocab(main, parts, instance)")
        pairs = connection.execute("SELECT term, doc, offset FROM temp.pairs")
        held["parts"] = sorted((names[number], term, offset) for term, number, offset in pairs)
    return held


def an_index(folder: Path, works: Sequence[SearchableWork], saved: SavedFilters | None = None) -> Index:
    """An index of these works, with their tags' names, without a ledger."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(schema.open_for_writing(folder / schema.NAME)) as connection:
        schema.create(connection)
        connection.execute("BEGIN")
        writing.replace(connection, [work.id for work in works], works)
        names = {tag_id: (name, ()) for work in works for tag_id, name in work.tags}
        writing.replace_names(connection, "tag", names)
        connection.execute("COMMIT")
    return Index(folder, cast("Ledger", None), saved)


def every_id(index: Index, query: WorksQuery) -> list[int]:
    """All works of a query, page after page."""
    found: list[int] = []
    page = index.works(query)
    found += page.ids
    while page.older is not None:
        page = index.works(query, before=page.older)
        found += page.ids
    return found


def as_searched(work: Artwork, tag_ids: dict[str, int]) -> SearchableWork:
    """A work as the ledger would tell it to the index."""
    return SearchableWork(
        id=work.work_id,
        first_seen=NOW,
        availability="available",
        tags=[(tag_ids.setdefault(tag.name, len(tag_ids) + 1), tag.name) for tag in work.tags],
        **{name: getattr(work, name) for name in _ALIKE},
    )


_ALIKE = (
    "user_id", "title", "caption", "kind", "page_count", "created", "uploaded", "bookmark_count", "x_restrict", "ai_type", "width",
    "height", "detail",
)  # fmt: skip
