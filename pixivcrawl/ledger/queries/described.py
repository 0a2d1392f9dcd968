"""What the ledger would answer if it were asked about a work in pixiv's place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, or_, select

from pixivcrawl.items import Artwork, Tag
from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, CrawlRow
from pixivcrawl.ledger.updates.tags import tag_names
from pixivcrawl.ledger.updates.works import IDS_A_QUERY, known_rows

_TOLD: tuple[str, ...] = (
    "page_count",
    "caption",
    "created",
    "uploaded",
    "width",
    "height",
    "x_restrict",
    "restrict",
    "ai_type",
    "sanity_level",
    "bookmark_count",
    "like_count",
    "comment_count",
    "view_count",
    "series_id",
    "revision",
)


def described_works(connection: Connection, work_ids: Sequence[int]) -> dict[int, Artwork]:
    """Those of the works that a row or their own page described, as they were last described; without their originals."""
    described: dict[int, Artwork] = {}
    for start in range(0, len(work_ids), IDS_A_QUERY):
        rows = known_rows(connection, work_ids[start : start + IDS_A_QUERY])
        told = {work_id: row for work_id, row in rows.items() if row["described"] is not None}
        tags = tag_names(connection, list(told))
        described.update((work_id, _artwork(row, tags.get(work_id, []))) for work_id, row in told.items())
    return described


def _artwork(row: RowMapping, tags: Sequence[str]) -> Artwork:
    told: dict[str, Any] = {name: row[name] for name in _TOLD}
    return Artwork(
        work_id=row["id"],
        user_id=row["user_id"],
        user_name="",
        title=row["title"],
        kind=row["kind"],
        detail=row["detail"],
        tags=tuple(Tag(name) for name in tags),
        **told,
    )


def works_without_comments(
    connection: Connection, crawl_id: int, after_work: int, limit: int, *, read_before: datetime | None = None
) -> list[int]:
    """The next available works after `after_work` (0 for the first) of the list that run `crawl_id` reads, whose comments were never kept.

    In the order of their ids. With `read_before`, also those that were kept before that time. A work that is known to have no comments
    is left out.
    """
    unread: ColumnElement[bool] = ArtworkRow.comments_read.is_(None)
    if read_before is not None:
        unread = or_(unread, ArtworkRow.comments_read < read_before)
    list_id = select(CrawlRow.list_id).where(CrawlRow.id == crawl_id).scalar_subquery()
    found = connection.execute(
        select(CrawlArtworkRow.artwork_id)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(
            CrawlArtworkRow.list_id == list_id,
            CrawlArtworkRow.artwork_id > after_work,
            ArtworkRow.availability == "available",
            or_(ArtworkRow.comment_count.is_(None), ArtworkRow.comment_count > 0),
            unread,
        )
        .order_by(CrawlArtworkRow.artwork_id)
        .limit(limit)
    )
    return list(found.scalars())
