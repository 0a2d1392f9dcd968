"""Single works, by id or address, and the works that are known from lists' rows alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Self

from pydantic import Field, field_validator, model_validator

from pixivcrawl.ledger import queries
from pixivcrawl.spiders.arguments import ArtworkIds, ListingArguments
from pixivcrawl.spiders.listing import ListingSpider, Page

WORKS_AT_ONCE = 100
"""How many works that are known from rows alone are read from the ledger at a time."""


class ArtworkArguments(ListingArguments):
    id: ArtworkIds | None = Field(
        None,
        title="Works",
        description="One or several ids or pixiv addresses of works, with commas or spaces between them.",
    )
    backfill: bool = Field(
        default=False,
        title="Complete works of rows",
        description="In place of id: the works that detail=listing archived, the oldest first; max_works and PIXIV_API_BUDGET limit them.",
    )

    @field_validator("detail")
    @classmethod
    def _has_no_rows(cls, detail: str) -> str:
        if detail == "listing":
            raise ValueError("works that are named stand on no list: leave detail out")
        return detail

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.backfill == (self.id is not None):
            raise ValueError("name works with id, or complete what detail=listing archived with backfill=true")
        return self


class ArtworkSpider(ListingSpider[ArtworkArguments]):
    """Archives the works named in `id`.

    A work that does not exist, or that this session may not see, is said and makes the run end with exit code 1. With `refresh=true`
    works that are known are asked for again. `backfill=true` asks for the works of the ledger that are known from lists' rows alone: their
    captions, tags and counts come, the sizes of their pages are checked, and what is stored is not fetched again.
    """

    name = "artwork"
    rereads_on_refresh = True

    @property
    def asked_by_name(self) -> bool:
        """Works of a backfill were named by nobody: that one has gone since is no failure."""
        return not self.args.backfill

    async def listing(self) -> AsyncIterator[Page]:
        if self.args.id is not None:
            yield Page(list(dict.fromkeys(self.args.id)))
            return
        after = 0
        while works := await self.ledger.read(queries.works_of_rows, after, WORKS_AT_ONCE):
            after = works[-1]
            yield Page(works)
