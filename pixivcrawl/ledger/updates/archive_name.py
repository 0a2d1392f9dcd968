"""In which archive a file lies: several, each with a folder of its own, may share a ledger on a server."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, or_

from pixivcrawl.ledger.models import FileRow, UserFileRow

_ARCHIVE = "pixivcrawl.archive"


def write_for(connection: Connection, archive: str) -> None:
    """What is recorded on the connection from now on is of the archive that the ledger calls so."""
    connection.info[_ARCHIVE] = archive


def lies_in(files: type[FileRow] | type[UserFileRow], archive: str) -> list[ColumnElement[bool]]:
    """Of `files` those of an archive, given as the ledger calls it; "" in SQLite, where all are."""
    return [or_(files.archive.is_(None), files.archive == archive)] if archive else []


def archive_of(connection: Connection) -> str | None:
    """What `files.archive` says of a file that is placed now; None in SQLite, whose archive has no name."""
    return connection.info.get(_ARCHIVE) or None
