"""Which archive a file is in: several, each with its own folder, may share a ledger on a server."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, or_

from pixivcrawl.ledger.models import FileRow, UserFileRow

_ARCHIVE = "pixivcrawl.archive"


def write_for(connection: Connection, archive: str) -> None:
    """Assign what is recorded on the connection from now on to the archive with this name in the ledger."""
    connection.info[_ARCHIVE] = archive


def lies_in(files: type[FileRow] | type[UserFileRow], archive: str) -> list[ColumnElement[bool]]:
    """The condition for `files` of an archive, by its name in the ledger; "" in SQLite, where all files are of one archive."""
    return [or_(files.archive.is_(None), files.archive == archive)] if archive else []


def archive_of(connection: Connection) -> str | None:
    """The value of `files.archive` for a file that is placed now; None in SQLite, whose archive has no name."""
    return connection.info.get(_ARCHIVE) or None
