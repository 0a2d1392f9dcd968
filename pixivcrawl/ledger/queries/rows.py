"""Works that are known from lists' rows: which rows are still wanted, and what follows from them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, NotNullable, and_, bindparam, exists, func, or_, select

from pixivcrawl.batched import batched
from pixivcrawl.items import Evidence, Imported
from pixivcrawl.ledger.models import ROW_LEVEL_WORK, ArtworkRow, CrawlArtworkRow, FileRow
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY, FORGOTTEN
from pixivcrawl.ledger.updates.works import IDS_A_QUERY

# Built once, because it is executed for each work, and building it takes as long as executing it.
_FILES_OF_ROW = (
    select(
        FileRow.page,
        FileRow.revision,
        FileRow.kind,
        NotNullable(FileRow.path),
        NotNullable(FileRow.sha256),
        NotNullable(FileRow.bytes),
        FileRow.extension,
        FileRow.width,
        FileRow.height,
        FileRow.as_served,
        FileRow.flaw,
        FileRow.etag,
        FileRow.last_modified,
        FileRow.source,
        FileRow.evidence,
        FileRow.archive,
    )
    .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
    .where(
        FileRow.artwork_id == bindparam("work_id"),
        FileRow.state == "stored",
        or_(
            and_(ArtworkRow.detail == "listing", FileRow.kind == "image"),
            and_(FileRow.kind == "ugoira", FileRow.frames.is_(None)),
        ),
    )
    .order_by(FileRow.page)
)


@dataclass(frozen=True, slots=True)
class FileOfRow:
    """A stored page or zip of a work that is known from its row alone; size and extension are those of the bytes."""

    page: int
    revision: str
    kind: str
    path: str
    sha256: str
    bytes: int
    extension: str
    width: int | None
    height: int | None
    as_served: bool
    flaw: str | None
    etag: str | None
    last_modified: str | None
    source: str | None
    evidence: Evidence | None
    archive: str | None

    @property
    def how_it_came(self) -> Imported | None:
        return Imported(self.source, self.evidence) if self.source is not None and self.evidence is not None else None


def without_originals(connection: Connection, work_ids: Sequence[int]) -> set[int]:
    """Those of the works that may be had, are not known in full, and of which no file is known; unknown ones among them."""
    known: set[int] = set()
    has_files = exists().where(FileRow.artwork_id == ArtworkRow.id, FileRow.state.not_in(("superseded", "adopted")))
    enough = or_(ArtworkRow.detail == "full", ArtworkRow.availability.in_(FINAL_AVAILABILITY), has_files)
    for some in batched(work_ids, IDS_A_QUERY):
        known.update(connection.execute(select(ArtworkRow.id).where(ArtworkRow.id.in_(some), enough)).scalars())
    return set(work_ids) - known


def likely_extensions(connection: Connection, user_ids: Iterable[int]) -> dict[tuple[int, str], str]:
    """By artist and kind of work: the extension that most of their stored first pages have."""
    found: dict[Any, Counter[str]] = {}
    for some in batched(user_ids, IDS_A_QUERY):
        rows = connection.execute(
            select(ArtworkRow.user_id, ArtworkRow.kind, FileRow.extension, func.count())
            .join(FileRow, FileRow.artwork_id == ArtworkRow.id)
            .where(
                ArtworkRow.user_id.in_(some),
                FileRow.page == 0,
                FileRow.kind == "image",
                FileRow.state == "stored",
            )
            .group_by(ArtworkRow.user_id, ArtworkRow.kind, FileRow.extension)
        )
        for user_id, kind, extension, number in rows:
            found.setdefault((user_id, kind), Counter())[extension] = number
    return {artist: extensions.most_common(1)[0][0] for artist, extensions in found.items()}


def files_of_row(connection: Connection, work_id: int) -> list[FileOfRow]:
    """The stored files of a work that were fetched by its row: pages whose sizes no API has confirmed, and zips that lack their timing."""
    return [FileOfRow(*tuple(row)) for row in connection.execute(_FILES_OF_ROW, {"work_id": work_id})]


def works_of_rows(connection: Connection, after_work: int, limit: int) -> list[int]:
    """The next available works after `after_work` (0 for the first), by id, that stand on a list and are known from rows alone."""
    listed = exists().where(CrawlArtworkRow.artwork_id == ArtworkRow.id)
    found = connection.execute(
        select(ArtworkRow.id)
        .where(ROW_LEVEL_WORK, ArtworkRow.id > after_work, ArtworkRow.availability == "available", listed, ~FORGOTTEN)
        .order_by(ArtworkRow.id)
        .limit(limit)
    )
    return list(found.scalars())
