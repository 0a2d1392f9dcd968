"""New works of the reader's mypixiv."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pixivcrawl.api.catalogue import MYPIXIV_ILLUST
from pixivcrawl.base_spiders.page import Page
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.spiders.feed import FeedReadingSpider


class MypixivArguments(ListingArguments):
    pass


class MypixivSpider(FeedReadingSpider[MypixivArguments]):
    """Archives the new works of the reader's mypixiv, whose mypixiv-only works appear nowhere else.

    Needs a session. The newest work comes first, so a run with nothing new costs one request.
    """

    name = "mypixiv"

    def session_needed_for(self) -> str | None:
        return "the feed of one's mypixiv"

    async def listing(self) -> AsyncIterator[Page]:
        async for page in self.works_of_feed(MYPIXIV_ILLUST):
            yield page
