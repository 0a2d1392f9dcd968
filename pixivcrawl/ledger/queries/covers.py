"""The picture that shows a work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pixivcrawl.ledger.models import FileRow
from pixivcrawl.ledger.updates.works import IDS_A_QUERY


@dataclass(frozen=True, slots=True)
class Cover:
    """The stored file that shows a work: the first page at its latest revision; of an ugoira, the zip. `frame` is its first one's name."""

    work_id: int
    kind: str
    path: str
    bytes: int | None
    width: int | None
    height: int | None
    frame: str | None


def covers(connection: Connection, work_ids: Collection[int]) -> dict[int, Cover]:
    """What shows each of these works, of those that have a picture in place."""
    found: dict[int, Cover] = {}
    ordered = sorted(work_ids)
    for start in range(0, len(ordered), IDS_A_QUERY):
        rows = connection.execute(
            select(
                FileRow.artwork_id,
                FileRow.kind,
                FileRow.path,
                FileRow.bytes,
                FileRow.width,
                FileRow.height,
                FileRow.frames,
            )
            .where(
                FileRow.artwork_id.in_(ordered[start : start + IDS_A_QUERY]),
                FileRow.state == "stored",
                FileRow.kind != "frames",
                FileRow.path.is_not(None),
            )
            # Of an ugoira the zip, whose pictures are small, before the frames as uploaded.
            .order_by(FileRow.artwork_id, FileRow.revision.desc(), FileRow.kind.desc(), FileRow.page)
        )
        for row in rows:
            frames = row.frames or []
            frame = str(frames[0].get("file")) if frames else None
            cover = Cover(row.artwork_id, row.kind, row.path or "", row.bytes, row.width, row.height, frame)
            found.setdefault(cover.work_id, cover)
    return found
