"""Manga series."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from pydantic import Field

from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.catalogue import SERIES
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import ListingArguments, SeriesIds
from pixivcrawl.ledger import updates

ListingArgumentsT = TypeVar("ListingArgumentsT", bound=ListingArguments)


class SeriesArguments(ListingArguments):
    id: SeriesIds = Field(
        title="Series", description="One or more ids or addresses of series, separated by commas or spaces."
    )


class SeriesReadingSpider(ListingSpider[ListingArgumentsT]):
    """Reads manga series, wherever they are listed."""

    async def works_of_series(self, series_id: int) -> AsyncIterator[Page]:
        """Every work of a series, in its order. A series that is gone is reported and makes the run end with exit code 1."""
        try:
            async for page in self.read_list(
                SERIES, lambda body: body.work_ids, part=str(series_id), newest_first=False, id=series_id
            ):
                yield page_of_rows(page.ids, page.body.rows_for(page.ids), page.cursor)
                if (total := page.whole_total) is not None:
                    since = page.reading.since
                    await self.ledger.write(updates.record_unlisted_in_series, series_id, since, total, self.now())
        except AnswerRefused as refusal:
            if refusal.answer.kind is not AnswerKind.NOT_FOUND:
                raise
            self.list_failed(f"series {series_id} is gone or never existed ({refusal.answer.message}); check the id")


class SeriesSpider(SeriesReadingSpider[SeriesArguments]):
    """Archives the works of one or more manga series, and keeps their order.

    The first work comes first, 12 a request, so every run reads the whole series.
    """

    name = "series"
    sample = "id=1"

    @property
    def parts(self) -> Sequence[str]:
        return [str(series_id) for series_id in self.args.id]

    async def listing(self) -> AsyncIterator[Page]:
        for series_id in dict.fromkeys(self.args.id):
            async for page in self.works_of_series(series_id):
                yield page
