"""Reads other tools' SQLite databases without changing anything beside them."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pixivcrawl.sqlite import connect

_MAGIC = b"SQLite format 3\0"


def is_database(path: Path) -> bool:
    """Whether a file begins like a SQLite database. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of a database as of its last commit, even while its program writes; SQLite would write beside the original.

    Raises OSError, and sqlite3.DatabaseError for one that is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="pixivcrawl-") as folder:
        copy = Path(folder) / "copy.sqlite"
        shutil.copyfile(path, copy)
        # What is committed and not in it yet, or in it and not committed.
        for log in ("wal", "journal"):
            if (beside := path.with_name(f"{path.name}-{log}")).is_file():
                shutil.copyfile(beside, copy.with_name(f"{copy.name}-{log}"))
        with closing(connect(copy)) as database:
            yield database
