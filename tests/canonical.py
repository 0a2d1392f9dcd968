"""The facts of a ledger, without times of looking, attempts and runs: two archives of the same works give equal dumps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table, create_engine, select

from pixivcrawl.api.trimming import without_other_works
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.columns import UtcTime
from pixivcrawl.ledger.models import Base
from tests.ledger.journals import read_answer

RUNS = {"artwork_changes", "crawls", "crawl_artworks", "accounts", "hosts", "journal"}
"""What tells when a run did something, not what is true of a work."""

ATTEMPTS = {"failed_runs", "failed_crawl_id", "failed_reason", "served_sha256", "served_times", "withheld_session"}

OF_A_TRANSFER = {"etag", "last_modified"}
"""What a killed run takes along: the next one has the body that it received, and not the words with it."""

LOCATION = {"file", "start", "length"}

FACTS_THAT_ARE_TIMES = {"created", "uploaded", "row_updated"}
"""When something happened on pixiv; every other time is one at which a run looked."""

_SANDBOX = re.compile(r"127\.0\.0\.1:[0-9]+")
"""Each sandbox has ports of its own."""

Dump = dict[str, list[tuple[str, ...]]]


def dump(archive: Path, url: str = "") -> Dump:
    """Every table of facts of an archive's ledger, its own or the one at `url`, its rows as sorted texts."""
    engine = create_engine(url or f"sqlite:///{archive / 'archive.sqlite'}")
    try:
        with engine.connect() as connection:
            tags = dict(connection.execute(select(_columns("tags")["id"], _columns("tags")["name"])).all())
            return {
                table.name: sorted(
                    _row(table, row, tags) + _answer(archive, row)
                    for row in connection.execute(select(table)).mappings()
                )
                for table in Base.metadata.sorted_tables
                if table.name not in RUNS
            }
    finally:
        engine.dispose()


def _columns(name: str) -> Any:
    return Base.metadata.tables[name].c


def _row(table: Table, row: Any, tags: dict[int, str]) -> tuple[str, ...]:
    values = ((column.name, _value(column, row[column.name], tags)) for column in table.c if _is_fact(column))
    return tuple(f"{name}={_SANDBOX.sub('sandbox', repr(value))}" for name, value in values)


def _answer(archive: Path, row: Any) -> tuple[str, ...]:
    """What lies in the journal where a row points, but the artist's other works, which an answer names once a run."""
    if not row.keys() >= LOCATION:
        return ()
    body = read_answer(archive / "journal", Location(row["file"], row["start"], row["length"]))
    return (f"body={_SANDBOX.sub('sandbox', repr(body and without_other_works(body)))}",)


def _is_fact(column: Column[Any]) -> bool:
    if column.name in ATTEMPTS | OF_A_TRANSFER | LOCATION:
        return False
    if isinstance(column.type, UtcTime):
        return column.name in FACTS_THAT_ARE_TIMES
    # A key that counts up by itself says only in which order rows came.
    return not (column.primary_key and column.autoincrement == "auto" and column.name == "id")


def _value(column: Column[Any], value: Any, tags: dict[int, str]) -> Any:
    if column.name == "tag_id":
        return tags[value]
    return value
