"""Works and artists that the user has forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from pixivcrawl.ledger.models import ArtworkRow, FileRow, ForgottenRow, UserFileRow
from pixivcrawl.ledger.updates.forgotten import Subject


@dataclass(frozen=True, slots=True)
class Forgotten:
    """A work or an artist of which nothing is to be fetched, since when, and the user's note."""

    subject: Subject
    subject_id: int
    since: datetime
    note: str | None


def forgotten(connection: Connection) -> list[Forgotten]:
    """Every forgotten work and artist, the latest first."""
    rows = connection.execute(
        select(ForgottenRow.__table__).order_by(ForgottenRow.since.desc(), ForgottenRow.subject_id)
    )
    return [Forgotten(**row) for row in rows.mappings()]


def paths_deleted(connection: Connection, subject: Subject, subject_id: int) -> list[tuple[str, str | None]]:
    """The paths of the files that were deleted with a subject, or are still to be, each with its SHA-256."""
    of_works = select(FileRow.path, FileRow.sha256).join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
    of_works = of_works.where((ArtworkRow.id if subject == "work" else ArtworkRow.user_id) == subject_id)
    of_user = select(UserFileRow.path, UserFileRow.sha256)
    of_user = of_user.where(UserFileRow.user_id == subject_id, UserFileRow.state == "deleted")
    found = [of_works.where(FileRow.state == "deleted"), *([of_user] if subject == "artist" else [])]
    return [(path, sha256) for each in found for path, sha256 in connection.execute(each) if path is not None]
