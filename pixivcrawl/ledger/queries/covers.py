"""The picture that shows a work in a report: the first page that is here, of its latest revision."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, select

from pixivcrawl.batched import batched
from pixivcrawl.ledger.models import FileRow
from pixivcrawl.ledger.queries.browsing.works import PICTURE, Picture, picture_of
from pixivcrawl.ledger.updates.works import IDS_A_QUERY


def covers(connection: Connection, work_ids: Collection[int]) -> dict[int, Picture]:
    """The picture of each of these works that has one in place: the first page; of an ugoira, the zip."""
    found: dict[int, Picture] = {}
    for some in batched(sorted(work_ids), IDS_A_QUERY):
        rows = connection.execute(
            select(*PICTURE)
            .where(
                FileRow.artwork_id.in_(some),
                FileRow.state == "stored",
                FileRow.kind != "frames",
                FileRow.path.is_not(None),
            )
            # Of an ugoira the zip, whose pictures are small, before the frames as uploaded.
            .order_by(FileRow.artwork_id, FileRow.revision.desc(), FileRow.kind.desc(), FileRow.page)
        )
        for row in rows:
            if row.artwork_id not in found:
                found[row.artwork_id] = picture_of(row)
    return found
