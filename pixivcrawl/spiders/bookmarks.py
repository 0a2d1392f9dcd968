"""Bookmarked works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.bodies.listings import Bookmarks
from pixivcrawl.api.catalogue import USER_BOOKMARK_TAGS, USER_BOOKMARKS
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.base_spiders.owned_lists import OwnedListSpider, RestArguments
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.pagination import ListPage
from pixivcrawl.ledger import queries, updates

ROWS_A_REQUEST = 100
"""Pixiv: the site asks for 48 bookmarks at once; up to 100 are given."""


class BookmarksArguments(RestArguments):
    tag: str = Field(
        "",
        title="Tag",
        max_length=1000,
        description="Only bookmarks to which their owner gave this tag; 未分類 means those without a tag.",
    )
    order: Literal["desc", "asc"] | None = Field(
        None,
        title="Order",
        description="asc reads the oldest bookmark first, and the whole list in every run; desc, the default, the newest.",
    )

    unmentioned: ClassVar[frozenset[str]] = frozenset({"order"})

    @field_validator("order")
    @classmethod
    def _mentioned_where_it_matters(cls, order: str | None) -> str | None:
        return None if order == "desc" else order


class BookmarksSpider(OwnedListSpider[BookmarksArguments]):
    """Archives the works that a user has bookmarked, and keeps the bookmarks: public or private, in their order, with their owner's tags.

    Needs a session. The newest bookmark comes first, so a run with nothing new costs one request. Removed bookmarks are noticed only by a
    run that sees the whole list, as with `reread=true` and without `tag`. A work that is gone stays a bookmark. With `reread=true` your own
    bookmark tags and their counts are also kept, as a dated snapshot.
    """

    name = "bookmarks"
    sample = "id=me"

    @property
    def parts(self) -> Sequence[str]:
        return self.args.rests

    async def listing(self) -> AsyncIterator[Page]:
        for rest in self.args.rests:
            async for page in self.read_list(
                USER_BOOKMARKS,
                lambda body: [row.id for row in body.works],
                part=rest,
                newest_first=self.args.order is None,
                id=self.owner,
                tag=self.args.tag,
                limit=ROWS_A_REQUEST,
                rest=rest,
                order=self.args.order,
            ):
                await self.record_order(page, private=rest == "hide")
                yield page_of_rows(page.ids, page.body.works, page.cursor)
        if self.is_own and self.args.reread:
            await self.keep_own_tags()

    async def keep_own_tags(self) -> None:
        """Keep the tags that the reader gave to bookmarks; the bookmarks themselves do not need this answer."""
        try:
            await self.fetch(USER_BOOKMARK_TAGS, snapshot=True, id=self.owner)
        except (AnswerRefused, BodyRefused) as refusal:
            self.tags_failed(refusal)

    def tags_failed(self, refusal: Exception) -> None:
        self.count("tags_failed")
        self.logger.error("%s: %s; reread=true asks again", self.name, refusal)

    async def record_order(self, page: ListPage[Bookmarks], *, private: bool) -> None:
        """Record the order of the page's bookmarks and, after the last page of a whole reading, which are no longer listed."""
        reading = page.reading
        if reading.position is None and not self.args.tag and page.body.total is not None and self.args.order is None:
            newest = await self.ledger.read(queries.newest_bookmark, self.owner, private=private)
            reading.position = newest + page.body.total
        if reading.position is not None:
            work_ids = [row.id for row in page.body.works]
            await self.ledger.write(updates.record_bookmark_order, self.owner, work_ids, reading.position)
            reading.position -= len(work_ids)
            if reading.following is None:
                await self.ledger.write(updates.settle_bookmark_order, self.owner, private=private)
        if (total := page.whole_total) is not None and not self.args.tag:
            await self.ledger.write(
                updates.record_unlisted_bookmarks, self.owner, reading.since, total, self.now(), private=private
            )
