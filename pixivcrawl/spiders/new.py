"""The newest works of everyone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import Field

from pixivcrawl.api.catalogue import NEW_ILLUST
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import ListingArguments


class NewArguments(ListingArguments):
    type: Literal["illust", "manga"] = Field(
        "illust", title="Kind of work", description="Illustrations (including ugoira), or manga."
    )
    r18: bool = Field(default=False, title="R-18", description="Only R-18 works.")


class NewSpider(ListingSpider[NewArguments]):
    """Archives the newest works of everyone on pixiv, 20 a request.

    Needs a session. The newest work comes first: a run stops where the last one began, or where pixiv's list ends, after a few thousand
    works. With `max_works` it looks at only that many.
    """

    name = "new"

    def session_needed_for(self) -> str | None:
        return "the newest works"

    async def listing(self) -> AsyncIterator[Page]:
        async for page in self.read_list(
            NEW_ILLUST, lambda body: [row.id for row in body.illusts], type=self.args.type, r18=self.args.r18
        ):
            yield page_of_rows(page.ids, page.body.illusts, page.cursor)
