"""The file `derived/index.sqlite`: its tables, and how it is opened."""

from __future__ import annotations

import sqlite3
import struct
from pathlib import Path
from typing import Literal

from pixivcrawl.sqlite import SPOILT, connect, error_code

VERSION = "3"
"""The version of the tables and their contents: an index with another version is rebuilt."""

NAME = "index.sqlite"

NamedKind = Literal["tag", "artist"]
"""The kinds of `subjects` that have names."""

LOCK_WAIT = 5.0
"""Seconds that SQLite waits for a lock."""

TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Times are seconds since 1970; `day` is yyyymmdd of the day on which the work was made, as Japan counts.
CREATE TABLE works (
    id INTEGER PRIMARY KEY, user_id INTEGER, kind TEXT, pages INTEGER, rating INTEGER, ai INTEGER, day INTEGER,
    uploaded INTEGER NOT NULL, archived INTEGER NOT NULL, bookmarks INTEGER NOT NULL, bookmarks_known INTEGER NOT NULL,
    width INTEGER, height INTEGER
);
CREATE INDEX works_uploaded ON works (uploaded, id);
CREATE INDEX works_archived ON works (archived, id);
CREATE INDEX works_bookmarks ON works (bookmarks, id);
CREATE INDEX works_pages ON works (pages);
CREATE INDEX works_width ON works (width);
CREATE INDEX works_height ON works (height);

-- Contentless: `documents` holds what a work's entry was made from, with which SQLite before 3.43 takes it out again.
CREATE VIRTUAL TABLE texts USING fts5(text, content='', columnsize=0, tokenize='ascii', prefix='1');
CREATE TABLE documents (id INTEGER PRIMARY KEY, entry BLOB NOT NULL);

-- How many works each tag, artist and month (`kind`) has; `id` of a month is yyyymm.
CREATE TABLE subjects (
    kind TEXT NOT NULL, id INTEGER NOT NULL, works INTEGER NOT NULL, name TEXT, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE INDEX subjects_works ON subjects (kind, works, id);

-- The names of tags and artists, with translations and former names, each also as it is searched; `parts` finds them by any part.
CREATE TABLE names (
    number INTEGER PRIMARY KEY, folded TEXT NOT NULL, kind TEXT NOT NULL, subject_id INTEGER NOT NULL, name TEXT NOT NULL
);
CREATE INDEX names_folded ON names (folded, kind, subject_id, name);
CREATE INDEX names_subject ON names (kind, subject_id);
CREATE VIRTUAL TABLE parts USING fts5(text, content='', columnsize=0, tokenize='ascii', prefix='1');

-- The first 8 bytes of the SHA-256 of each stored file.
CREATE TABLE digests (digest INTEGER NOT NULL, work_id INTEGER NOT NULL, page INTEGER NOT NULL,
    PRIMARY KEY (digest, work_id, page)) WITHOUT ROWID;

-- Pictures that look alike, each way round, by their digests, and how many bits of their hashes differ. A digest that stands beside
-- itself is that of bytes which several pages have.
CREATE TABLE alike (digest INTEGER NOT NULL, other INTEGER NOT NULL, bits INTEGER NOT NULL,
    PRIMARY KEY (digest, other)) WITHOUT ROWID;
CREATE INDEX alike_same ON alike (digest) WHERE digest = other;

-- What pictures look like, by their files' digests: a few colours, and the hashes of many packed together (comparing.py), since three
-- million rows take seconds to read. A picture that shows too little, or cannot be decoded, has none.
CREATE TABLE looks (digest INTEGER PRIMARY KEY, colours BLOB NOT NULL);
CREATE TABLE hashes (number INTEGER PRIMARY KEY, packed BLOB NOT NULL);

-- Files that were not looked at yet.
CREATE TABLE unseen (digest INTEGER PRIMARY KEY, work_id INTEGER NOT NULL, page INTEGER NOT NULL);
"""

FINGERPRINTS_VERSION = "1"
"""Of `looks`, `hashes` and the pairs of `alike`: what an index that is rebuilt takes from the one before it, since they took hours."""

PACKED = struct.Struct("<qQQ")
"""In `hashes`: a digest, and the hashes of horizontal and vertical changes."""


def digest_of(sha256: str) -> int:
    """The first 8 bytes of a SHA-256 in hexadecimal, as a number that SQLite can store."""
    return int(sha256[:16], 16) - 2**63


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty database."""
    connection.executescript(TABLES)
    # SQLite's own 1 MB is written out after some 600 works, and what is written out in small parts is merged again and again.
    connection.execute("INSERT INTO texts (texts, rank) VALUES ('hashsize', 33554432)")
    connection.execute("INSERT INTO facts VALUES ('looks', ?)", (FINGERPRINTS_VERSION,))


def take_fingerprints(connection: sqlite3.Connection, before: Path) -> None:
    """Take over the hashes of pictures from a former index; what cannot be read is analysed again."""
    try:
        connection.execute("ATTACH ? AS before", (f"{before.absolute().as_uri()}?mode=ro",))
    except sqlite3.OperationalError:
        return
    try:
        known = connection.execute("SELECT value FROM before.facts WHERE name = 'looks'").fetchone()
        if known == (FINGERPRINTS_VERSION,):
            connection.execute("BEGIN")
            for table in ("looks", "hashes"):
                connection.execute(f"INSERT INTO {table} SELECT * FROM before.{table}")
            connection.execute("INSERT INTO alike SELECT * FROM before.alike WHERE digest != other")
            connection.execute("COMMIT")
    except sqlite3.DatabaseError:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    finally:
        connection.execute("DETACH before")


def open_for_writing(path: Path) -> sqlite3.Connection:
    """The index at `path`, created if missing."""
    connection = connect(
        path.absolute().as_uri(), uri=True, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA journal_mode = WAL")
    # What a power cut takes is read from the ledger again: the file stays sound, and no commit waits for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA cache_size = -65536")
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """The index at `path`; an empty one if it is missing or not an index."""
    if not path.exists():
        return _empty()
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        try:
            return _opened(uri)
        except sqlite3.OperationalError:
            # In a read-only folder, SQLite cannot keep its index of the WAL, so the file is read as it is.
            return _opened(f"{uri}&immutable=1")
    except sqlite3.DatabaseError as error:
        if error_code(error) not in SPOILT:
            raise
        # The process that follows the ledger rebuilds it.
        return _empty()


def _opened(uri: str) -> sqlite3.Connection:
    connection = connect(uri, uri=True, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM facts").fetchone()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _empty() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create(connection)
    return connection
