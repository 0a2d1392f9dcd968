"""Ledgers that are made in bulk, to be measured: archived works without the runs that would have archived them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import URL, Boolean

from pixivcrawl.ledger.columns import json_text
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.models import ArtworkChangeRow, Base
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.crawls import list_key

NOW = "2026-11-20T12:00:00.000000Z"
BATCH = 20_000

ARTWORK = (
    "INSERT INTO artworks (id, user_id, title, caption, kind, page_count, created, uploaded, revision, width, height, x_restrict, "
    "restrict, ai_type, sanity_level, bookmark_count, like_count, comment_count, view_count, detail, availability, row_revision, "
    "row_updated, files_state, files_stored, bytes_stored, first_seen, described) "
    "VALUES (?, ?, ?, ?, 'illust', ?, ?, ?, ?, 1200, 1600, 0, 0, 1, 2, ?, ?, 0, ?, 'full', 'available', ?, ?, 'complete', ?, ?, ?, ?)"
)
FILE = (
    "INSERT INTO files (artwork_id, page, revision, kind, state, url, extension, uploaded, width, height, path, sha256, bytes, format, "
    "recorded, stored) VALUES (?, ?, ?, 'image', 'stored', ?, 'jpg', ?, 1200, 1600, ?, ?, ?, 'jpg', ?, ?)"
)
CRAWL = (
    "INSERT INTO crawls (id, list_id, list_key, spider, arguments, frontier, read_to_end, found, outcome, exit_code, counts, started, "
    "ended) "
    "VALUES (?, ?, ?, 'user', ?, '[]', 1, ?, 'complete', 0, '{}', ?, ?)"
)


def database_url(archive: Path) -> str:
    return URL.create("sqlite", database=str(archive / "archive.sqlite")).render_as_string()


def make_tables(archive: Path) -> None:
    """An empty ledger in a new archive."""
    archive.mkdir(parents=True)
    Ledger.open(database_url(archive)).close()


def fill(
    archive: Path, works: Iterable[tuple[int, int]], *, tags: int, files: int, arguments: dict[int, dict[str, object]]
) -> None:
    """Archive `works` (work and artist) with `files` stored files each and `tags` tags.

    `arguments` gives, for an artist, what its list was asked for with: the run that read it is made too.
    """
    with closing(sqlite3.connect(archive / "archive.sqlite", isolation_level=None)) as connection:
        for pragma in ("journal_mode = WAL", "synchronous = OFF", "cache_size = -400000", "foreign_keys = OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        named = ((number, f"tag {number}") for number in range(1, 10 * 2**tags))
        connection.executemany("INSERT INTO tags (id, name) VALUES (?, ?)", named)
        seen: dict[int, int] = {}
        for batch in _batches(works):
            for _, user_id in batch:
                seen[user_id] = seen.get(user_id, 0) + 1
            connection.executemany(ARTWORK, (_artwork(*work, files) for work in batch))
            connection.executemany(FILE, (row for work in batch for row in _files(*work, files)))
            connection.executemany(
                "INSERT INTO artwork_tags (artwork_id, position, tag_id) VALUES (?, ?, ?)", _links(batch, tags)
            )
            listed = ((user_id, work_id, user_id) for work_id, user_id in batch if user_id in arguments)
            connection.executemany(
                "INSERT INTO crawl_artworks (list_id, artwork_id, crawl_id, unsettled) VALUES (?, ?, ?, 0)", listed
            )
        people = [(user_id, f"artist {user_id}", NOW, NOW) for user_id in seen]
        connection.executemany(
            "INSERT INTO users (id, name, detail, availability, first_seen, last_seen) VALUES (?, ?, 'full', 'available', ?, ?)",
            people,
        )
        connection.executemany(
            "INSERT INTO user_names (user_id, name, first_seen, last_seen) VALUES (?, ?, ?, ?)", people
        )
        for user_id, asked in arguments.items():
            key = list_key("user", asked)
            connection.execute(CRAWL, (user_id, user_id, key, json_text(asked), seen.get(user_id, 0), NOW, NOW))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def copy_to_server(archive: Path, url: str) -> None:
    """Make a ledger in an empty database of a PostgreSQL server, with the rows that `fill` put into the archive's."""
    import psycopg

    Ledger.open(url).close()
    server = read_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(sqlite3.connect(archive / "archive.sqlite")) as source, psycopg.connect(server) as target:
        # Every row is there in the end: foreign keys need no look meanwhile.
        target.execute("SET session_replication_role = replica")
        # The changes of the archive are its own: each ledger has a name among them.
        for each in (each for each in Base.metadata.sorted_tables if each.name != ArtworkChangeRow.__tablename__):
            names = ", ".join(f'"{column.name}"' for column in each.columns)
            readers = [bool if isinstance(column.type, Boolean) else None for column in each.columns]
            with target.cursor().copy(f'COPY "{each.name}" ({names}) FROM STDIN') as copy:
                for row in source.execute(f'SELECT {names} FROM "{each.name}"'):
                    copy.write_row([read(value) if read else value for read, value in zip(readers, row, strict=True)])
            # What is numbered goes on after the rows that are there.
            for key in each.primary_key:
                (sequence,) = target.execute(
                    "SELECT pg_get_serial_sequence(%s, %s)", [each.name, key.name]
                ).fetchone() or (None,)
                (highest,) = target.execute(f'SELECT max("{key.name}") FROM "{each.name}"').fetchone() or (None,)
                if sequence and highest:
                    target.execute("SELECT setval(%s, %s)", [sequence, highest])
    with psycopg.connect(server, autocommit=True) as target:
        target.execute("VACUUM ANALYZE")


def _batches(works: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    batch: list[tuple[int, int]] = []
    for work in works:
        batch.append(work)
        if len(batch) == BATCH:
            yield batch
            batch = []
    yield batch


def revision_of(work_id: int) -> str:
    return f"{_uploaded(work_id):%Y%m%d%H%M%S}"


def _uploaded(work_id: int) -> datetime:
    return datetime(2012, 1, 1, tzinfo=UTC) + timedelta(seconds=work_id * 7 % 400_000_000)


def _artwork(work_id: int, user_id: int, files: int) -> tuple[object, ...]:
    uploaded = f"{_uploaded(work_id):%Y-%m-%dT%H:%M:%S}.000000Z"
    revision = revision_of(work_id)
    told = (f"title of {work_id}", f"What the artist says of {work_id}. " * 3, files, uploaded, uploaded, revision)
    counts = (work_id % 4001, work_id % 2999, work_id % 90001)
    return (work_id, user_id, *told, *counts, revision, uploaded, files, files * 900_000, NOW, NOW)


def _files(work_id: int, user_id: int, files: int) -> Iterator[tuple[object, ...]]:
    uploaded, revision = f"{_uploaded(work_id):%Y-%m-%dT%H:%M:%S}.000000Z", revision_of(work_id)
    for page in range(files):
        url = f"https://i.pximg.net/img-original/img/{revision}/{work_id}_p{page}.jpg"
        path = f"originals/{user_id}/{work_id}_p{page}_{revision}.jpg"
        sha256 = f"{work_id * 1000 + page:064x}"
        yield (work_id, page, revision, url, uploaded, path, sha256, 900_000 + page, NOW, NOW)


def _links(batch: list[tuple[int, int]], tags: int) -> Iterator[tuple[int, int, int]]:
    """A work's first tag is one of ten, its second one of twenty others, and so on: few tags are on most works, as on pixiv."""
    for work_id, _ in batch:
        for position in range(tags):
            width = 10 * 2**position
            yield work_id, position, width - 9 + work_id * 2_654_435_761 // 128 % width
