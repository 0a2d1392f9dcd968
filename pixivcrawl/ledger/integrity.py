"""Checks a ledger's file for damage with SQLite's own check; a server checks its own files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from sqlalchemy import URL

from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.failures import DAMAGED, storage_failed
from pixivcrawl.sqlite import connect


def require_sound(url: URL) -> None:
    """Look for damage before a ledger is used after a kill. Raises StorageFailed, in one line that says what to do.

    Reads the whole file once: about a second for 500 MB.
    """
    if url.get_backend_name() != "sqlite" or not Path(url.database or "").is_file():
        return
    database = Path(url.database or "")
    try:
        # Not read-only: what the killed run had committed may still lie beside the file.
        with closing(connect(f"{database.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            fault = fault_of(connection, "quick_check")
    except sqlite3.Error as error:
        raise storage_failed(error, str(database)) from error
    if fault is not None:
        raise StorageFailed(DAMAGED.format(place=database))


def fault_of(connection: sqlite3.Connection, check: Literal["quick_check", "integrity_check"]) -> str | None:
    """The first thing that SQLite finds wrong; None where all is well. Raises sqlite3.Error where it cannot even look."""
    (answer,) = connection.execute(f"PRAGMA {check}(1)").fetchone()
    return None if answer == "ok" else str(answer)
