"""Opens SQLite files, so that whatever is wrong with one is an error of the sqlite3 module's, with SQLite's code."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

SPOILT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""The codes of a file that is damaged, or none of SQLite's."""


def connect(database: str | Path, **options: Any) -> sqlite3.Connection:
    """As the module's own. Raises sqlite3.Error at once for a file whose list of tables cannot be read.

    SQLite quotes that list in its message, and where it is no UTF-8 the module would raise UnicodeDecodeError.
    """
    connection: sqlite3.Connection = sqlite3.connect(database, **options)
    try:
        connection.execute("SELECT 1 FROM sqlite_schema").close()
    except UnicodeDecodeError as error:
        connection.close()
        raise _spoilt("the list of tables is damaged") from error
    except sqlite3.Error as error:
        connection.close()
        # Nothing is wrong with the statement: SQLite says so of a format that it does not know.
        raise _spoilt(str(error)) if error_code(error) == sqlite3.SQLITE_ERROR else error from None
    return connection


def error_code(error: BaseException) -> int:
    """SQLite's primary code of an error; 0 for any other error."""
    if not isinstance(error, sqlite3.Error):
        return 0
    if str(error).startswith("Could not decode to UTF-8"):
        # Said by the module itself, of text that was written as UTF-8.
        return sqlite3.SQLITE_CORRUPT
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return 0 if code is None else code & 0xFF


def _spoilt(why: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_CORRUPT, "SQLITE_CORRUPT"
    return error
