"""What the ledger knows of files, asked by what their paths say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pixivcrawl.items import Frame
from pixivcrawl.ledger.models import ArtworkRow, FileRow
from pixivcrawl.ledger.records.works import IDS_A_QUERY

Place = tuple[int, int, str, str]
"""Work, page, revision and kind of a file."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file's row: its state (see `FileRow`), its path where it has one, and what is to be expected of its bytes."""

    state: str
    path: str | None
    sha256: str | None
    width: int | None
    height: int | None
    frames: tuple[Frame, ...] | None


def known_files(connection: Connection, work_ids: Sequence[int]) -> dict[Place, KnownFile]:
    """Every file of these works that the ledger knows, in whatever state."""
    known: dict[Place, KnownFile] = {}
    for start in range(0, len(work_ids), IDS_A_QUERY):
        rows = connection.execute(
            select(FileRow.__table__).where(FileRow.artwork_id.in_(work_ids[start : start + IDS_A_QUERY]))
        )
        for row in rows:
            frames = None if row.frames is None else tuple(Frame(**frame) for frame in row.frames)
            known[row.artwork_id, row.page, row.revision, row.kind] = KnownFile(
                row.state, row.path, row.sha256, row.width, row.height, frames
            )
    return known


def known_artists(connection: Connection, work_ids: Sequence[int]) -> dict[int, int]:
    """The artist of each of these works whose artist is known."""
    artists: dict[int, int] = {}
    for start in range(0, len(work_ids), IDS_A_QUERY):
        of_works = ArtworkRow.id.in_(work_ids[start : start + IDS_A_QUERY])
        found = connection.execute(select(ArtworkRow.id, ArtworkRow.user_id).where(of_works))
        artists.update((row.id, row.user_id) for row in found if row.user_id is not None)
    return artists
