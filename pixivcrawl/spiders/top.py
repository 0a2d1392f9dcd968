"""Pixiv's top page."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import Field

from pixivcrawl.api.catalogue import TOP_ILLUST
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import AgeMode, ListingArguments


class TopArguments(ListingArguments):
    mode: AgeMode = Field("all", title="Age rating", description="all, safe (all ages) or r18.")


class TopSpider(ListingSpider[TopArguments]):
    """Archives every work that pixiv's top page shows the reader, and keeps the page itself as a dated snapshot: which works appeared under
    follows, recommendations, the ranking and trends. Requests shown there are kept too.

    Needs a session. The page changes each time; a run costs one request, and those for new works.
    """

    name = "top"

    def session_needed_for(self) -> str | None:
        return "the top page"

    async def listing(self) -> AsyncIterator[Page]:
        top = await self.fetch(TOP_ILLUST, snapshot=True, mode=self.args.mode)
        yield page_of_rows([row.id for row in top.rows], top.rows)
