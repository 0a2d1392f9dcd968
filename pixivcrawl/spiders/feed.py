"""New works of those whom the reader follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal, TypeVar

from pydantic import Field

from pixivcrawl import facts, facts_of_lists
from pixivcrawl.api.bodies.listings import Feed
from pixivcrawl.api.catalogue import FEED_ILLUST
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.ledger import records
from pixivcrawl.spiders.arguments import ListingArguments
from pixivcrawl.spiders.listing import ListingSpider, Page

ListingArgumentsT = TypeVar("ListingArgumentsT", bound=ListingArguments)


class FeedArguments(ListingArguments):
    mode: Literal["all", "safe", "r18"] = Field("all", title="Age rating", description="Which works the feed shows.")


class FeedReadingSpider(ListingSpider[ListingArgumentsT]):
    """Reads the reader's feeds, newest work first."""

    async def works_of_feed(self, endpoint: Endpoint[Feed], **parameters: Any) -> AsyncIterator[Page]:
        async for page in self.read_list(endpoint, lambda body: body.work_ids, **parameters):
            rows = page.body.rows_for(page.ids)
            await self.ledger.write(records.record_masked, facts_of_lists.masked(rows), self.now())
            yield Page(page.ids, facts.listed_artworks(rows), page.cursor)


class FeedSpider(FeedReadingSpider[FeedArguments]):
    """Archives the new works of those whom the reader follows, as pixiv's feed shows them.

    Needs a session. The newest work comes first, 60 a request, so that a run with nothing new costs one request. Pixiv's feed ends after
    about 34 pages; `following` with `archive=true` has no such end.
    """

    name = "feed"

    def session_needed_for(self) -> str | None:
        return "the feed"

    async def listing(self) -> AsyncIterator[Page]:
        async for page in self.works_of_feed(FEED_ILLUST, mode=self.args.mode):
            yield page
