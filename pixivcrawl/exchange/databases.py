"""Other tools' SQLite databases, read without a trace."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_MAGIC = b"SQLite format 3\0"


def is_database(path: Path) -> bool:
    """Whether a file begins as one of SQLite's does. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of a database as its last commit left it, also while its program writes: SQLite writes beside one that it only reads.

    Raises OSError, and sqlite3.DatabaseError for one that is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="pixivcrawl-") as folder:
        copy = Path(folder) / "copy.sqlite"
        shutil.copyfile(path, copy)
        # What is committed and not in it yet, or in it and not committed.
        for log in ("wal", "journal"):
            if (beside := path.with_name(f"{path.name}-{log}")).is_file():
                shutil.copyfile(beside, copy.with_name(f"{copy.name}-{log}"))
        with closing(sqlite3.connect(copy)) as database:
            yield database
