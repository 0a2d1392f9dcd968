"""The manga series on the reader's watchlist."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pixivcrawl import items_from
from pixivcrawl.api.catalogue import WATCHLIST_MANGA
from pixivcrawl.base_spiders.page import Page
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.items import Series
from pixivcrawl.ledger import queries
from pixivcrawl.spiders.series import SeriesReadingSpider


class WatchlistArguments(ListingArguments):
    pass


class WatchlistSpider(SeriesReadingSpider[WatchlistArguments]):
    """Archives the works of every manga series on the reader's watchlist, and keeps their order.

    Needs a session. Every run reads the whole watchlist, and then those series whose latest work or number of works is new to the ledger;
    `reread=true` reads them all.
    """

    name = "watchlist"

    def session_needed_for(self) -> str | None:
        return "the watchlist"

    async def listing(self) -> AsyncIterator[Page]:
        async for page in self.read_list(
            WATCHLIST_MANGA, lambda body: body.page.watched_series_ids, newest_first=False
        ):
            told = {row.id: items_from.series(row) for row in page.body.illust_series}
            for series_id in page.ids:
                known = await self.ledger.read(queries.works_of_series, series_id)
                if is_unchanged(told.get(series_id), known) and not self.args.reread:
                    yield Page(known)
                    continue
                async for works in self.works_of_series(series_id):
                    yield works
            yield Page([], cursor=page.cursor)


def is_unchanged(series: Series | None, known: list[int]) -> bool:
    """Whether what the watchlist says about a series agrees with the works that the ledger knows."""
    return series is not None and series.total == len(known) and series.latest in known
