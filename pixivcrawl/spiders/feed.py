"""New works of the users whom the reader follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field

from pixivcrawl.api.bodies.listings import Feed
from pixivcrawl.api.catalogue import FEED_ILLUST
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.base_spiders.gaps import report_ignored_parameters
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.pagination import ListCursor
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.ledger.queries import FEED_GAPS

ListingArgumentsT = TypeVar("ListingArgumentsT", bound=ListingArguments)


class FeedArguments(ListingArguments):
    mode: Literal["all", "safe", "r18"] = Field("all", title="Age rating", description="Which works the feed shows.")


class FeedReadingSpider(ListingSpider[ListingArgumentsT]):
    """Reads the reader's feeds, newest work first."""

    pages_at_first: ClassVar[int | None] = None
    """How many pages are read of a feed that was never read before; None for all."""

    others_fill_gaps: ClassVar[bool] = False
    """Whether the command that runs this spider handles works that passed by between two readings."""

    async def works_of_feed(self, endpoint: Endpoint[Feed], **parameters: Any) -> AsyncIterator[Page]:
        pages, readings = 0, list[ListCursor]()
        async for page in self.read_list(endpoint, lambda body: body.work_ids, **parameters):
            if page.reading not in readings:
                readings.append(page.reading)
            pages += 1
            if pages == self.pages_at_first and not page.reading.until:
                page.reading.following = None
            rows = page.body.rows_for(page.ids)
            report_ignored_parameters(self, parameters, rows)
            yield page_of_rows(page.ids, rows, page.cursor)
        if any(reading.until and not reading.met_frontier for reading in readings):
            # Pixiv's feed ends, so that works may have passed by since the last reading.
            self.count(FEED_GAPS)
            if not self.others_fill_gaps:
                self.cut_off(
                    "pixiv's feed ended before it reached what the last run had seen, so works may be missing; "
                    "following with archive=true reads the artists' own lists, then reread=true starts the feed again"
                )


class FeedSpider(FeedReadingSpider[FeedArguments]):
    """Archives the new works of the users whom the reader follows, from pixiv's feed.

    Needs a session. The newest work comes first, 60 a request, so a run with nothing new costs one request. Pixiv's feed ends after about
    34 pages; `following` with `archive=true` has no such limit.
    """

    name = "feed"

    def session_needed_for(self) -> str | None:
        return "the feed"

    async def listing(self) -> AsyncIterator[Page]:
        async for page in self.works_of_feed(FEED_ILLUST, mode=self.args.mode):
            yield page
