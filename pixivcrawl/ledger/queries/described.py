"""What the ledger knows of works, as items like those made from pixiv's answers."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, or_, select

from pixivcrawl.batched import batched
from pixivcrawl.filters import Filters
from pixivcrawl.items import Artwork, Tag, columns_of
from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow
from pixivcrawl.ledger.updates.crawls import list_of
from pixivcrawl.ledger.updates.state import FORGOTTEN
from pixivcrawl.ledger.updates.tags import TagLink, tag_links
from pixivcrawl.ledger.updates.works import IDS_A_QUERY, known_rows


def described_works(connection: Connection, work_ids: Sequence[int]) -> dict[int, Artwork]:
    """The works that a row or their own page described, with the latest description; without their originals."""
    described: dict[int, Artwork] = {}
    for some in batched(work_ids, IDS_A_QUERY):
        told = {id: row for id, row in known_rows(connection, some).items() if row["described"] is not None}
        tags = tag_links(connection, list(told))
        described.update((work_id, _artwork(row, tags.get(work_id, []))) for work_id, row in told.items())
    return described


def _artwork(row: RowMapping, tags: Sequence[TagLink]) -> Artwork:
    told: dict[str, Any] = {field.name: row[name] for name, field in columns_of(Artwork).items()}
    links = tuple(Tag(tag.name, None, tag.locked, tag.user_id) for tag in tags)
    return Artwork(user_name="", detail=row["detail"], tags=links, **told)


def wanted_by(connection: Connection, filters: Filters, work_ids: Sequence[int]) -> array[int]:
    """Those of the works that the filters do not leave out, in their order."""
    wanted = array("q")
    for some in batched(work_ids, IDS_A_QUERY):
        described = described_works(connection, some)
        wanted.extend(id for id in some if id not in described or filters.fits(described[id]) is not False)
    return wanted


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
    found = connection.execute(
        select(CrawlArtworkRow.artwork_id)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(
            CrawlArtworkRow.list_id == list_of(crawl_id),
            CrawlArtworkRow.artwork_id > after_work,
            ArtworkRow.availability == "available",
            or_(ArtworkRow.comment_count.is_(None), ArtworkRow.comment_count > 0),
            unread,
            ~FORGOTTEN,
        )
        .order_by(CrawlArtworkRow.artwork_id)
        .limit(limit)
    )
    return list(found.scalars())
