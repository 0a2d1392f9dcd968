"""Works for the tests of the index, and what an index holds."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import Any

from pixivcrawl.index import following, schema
from pixivcrawl.items import Artwork, Facts
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger
from tests.ledger.making import NOW


def know(ledger: Ledger, *artworks: Artwork) -> None:
    """Record the works as their own pages tell them."""
    ledger.write_now(updates.record_facts, Facts(artworks=artworks), NOW)


def follow(ledger: Ledger, folder: Path) -> int:
    return following.follow(ledger, folder, stop=Event())


def contents(folder: Path) -> dict[str, list[Any]]:
    """All that the index in a folder holds of works, tags and artists, in an order that says nothing."""
    with closing(sqlite3.connect(folder / schema.NAME)) as connection:
        held = {
            table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr)
            for table in ("works", "subjects", "names", "digests")
        }
        entries = connection.execute("SELECT id, entry FROM documents ORDER BY id")
        held["documents"] = [(work_id, json.loads(zlib.decompress(entry))) for work_id, entry in entries]
        connection.execute("CREATE VIRTUAL TABLE temp.terms USING fts5vocab(main, texts, instance)")
        held["texts"] = sorted(connection.execute("SELECT term, doc, offset FROM temp.terms"))
    return held


def ids(page_or_ids: Any) -> Sequence[int]:
    return getattr(page_or_ids, "ids", page_or_ids)
