"""What `pixivcrawl status` shows of stored files that are odd or came from other tools."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, NotNullable, case, func, select

from pixivcrawl.ledger.models import IMPORTED_FILE, ODD_FILE, FileRow


@dataclass(frozen=True, slots=True)
class OddFile:
    """A file that is kept although something is odd beside its pixels, or within them if it is kept `as_served`."""

    path: str
    flaw: str | None
    as_served: bool


def status_odd(connection: Connection) -> tuple[int, int]:
    """How many files are kept though flawed, and how many as served though doubtful."""
    alike = (
        select(FileRow.as_served, func.count()).where(ODD_FILE, FileRow.state == "stored").group_by(FileRow.as_served)
    )
    counts = dict(connection.execute(alike).all())
    return counts.get(False, 0), counts.get(True, 0)


def status_imported(connection: Connection) -> tuple[int, ...]:
    """How many files from other tools' folders are stored, and how many are adopted, with an unknown revision."""
    is_here = [func.count(case((FileRow.state == state, 1))) for state in ("stored", "adopted")]
    return tuple(
        connection.execute(
            select(*is_here).where(IMPORTED_FILE, FileRow.source.is_not(None), FileRow.kind != "frames")
        ).one()
    )


def status_odd_files(connection: Connection) -> list[OddFile]:
    """The files that `status_odd` counts, those kept as served first, then by path."""
    rows = connection.execute(
        select(NotNullable(FileRow.path), FileRow.flaw, FileRow.as_served)
        .where(ODD_FILE, FileRow.state == "stored")
        .order_by(FileRow.as_served.desc(), FileRow.path)
    )
    return [OddFile(*row) for row in rows]
