"""Works like other works."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import Field

from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.catalogue import ILLUST_RECOMMEND, ILLUST_RECOMMEND_ROWS
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import ArtworkIds, ListingArguments
from pixivcrawl.batched import batched

ROWS_A_REQUEST = 100
"""Pixiv: `recommend/init` and `recommend/illusts` give up to so many rows."""


class RelatedArguments(ListingArguments):
    id: ArtworkIds = Field(
        title="Works", description="One or more ids or pixiv addresses of works, separated by commas or spaces."
    )
    depth: int = Field(
        1,
        ge=1,
        le=10,
        title="Depth",
        description="1: works like these; 2: also works like those; and so on.",
    )
    limit: int = Field(200, ge=1, le=100_000, title="Limit", description="The most works to find.")


class RelatedSpider(ListingSpider[RelatedArguments]):
    """Archives the works that pixiv shows beside the works named in `id`, and onward to `depth`, up to `limit` works.

    Needs a session. Pixiv names about 200 works beside each and changes them from time to time, so every run reads them again: one request
    for a hundred works. A work of `id` that cannot be found is reported and makes the run end with exit code 1.
    """

    name = "related"
    sample = "id=5000211"

    def session_needed_for(self) -> str | None:
        return "what is like a work"

    async def listing(self) -> AsyncIterator[Page]:
        named = list(dict.fromkeys(self.args.id))
        found: dict[int, None] = {}
        layer = named
        for _ in range(self.args.depth):
            beside: list[int] = []
            for work_id in layer:
                async for rows in self.beside(work_id, is_named=work_id in named):
                    fresh = [row for row in rows if row.id not in found and row.id not in named]
                    fresh = fresh[: self.args.limit - len(found)]
                    found.update((row.id, None) for row in fresh)
                    beside += [row.id for row in fresh]
                    yield page_of_rows([row.id for row in fresh], fresh)
                    if len(found) == self.args.limit:
                        return
            layer = beside

    async def beside(self, work_id: int, *, is_named: bool) -> AsyncIterator[list[IllustRow]]:
        """The rows of the works related to one work, up to a hundred at a time."""
        try:
            body = await self.fetch(ILLUST_RECOMMEND, id=work_id, limit=min(ROWS_A_REQUEST, self.args.limit))
        except AnswerRefused as refusal:
            if refusal.answer.kind is not AnswerKind.NOT_FOUND:
                raise
            if is_named:
                self.list_failed(f"work {work_id} cannot be found ({refusal.answer.message}); check the id")
            return
        yield _works(body.illusts)
        for ids in batched(body.next_ids, ROWS_A_REQUEST):
            yield _works((await self.fetch(ILLUST_RECOMMEND_ROWS, illust_ids=ids)).illusts)


def _works(rows: list[IllustRow]) -> list[IllustRow]:
    return [row for row in rows if not row.has_vanished]
