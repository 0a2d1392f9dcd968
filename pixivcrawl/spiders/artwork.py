"""Single works, by id or address."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import Field, field_validator

from pixivcrawl.spiders.arguments import ArtworkIds, ListingArguments
from pixivcrawl.spiders.listing import ListingSpider, Page


class ArtworkArguments(ListingArguments):
    id: ArtworkIds = Field(
        title="Works", description="One or several ids or pixiv addresses of works, with commas or spaces between them."
    )

    @field_validator("detail")
    @classmethod
    def _has_no_rows(cls, detail: str) -> str:
        if detail == "listing":
            raise ValueError("works that are named stand on no list: leave detail out")
        return detail


class ArtworkSpider(ListingSpider[ArtworkArguments]):
    """Archives the works named in `id`.

    A work that does not exist, or that this session may not see, is said and makes the run end with exit code 1. With `refresh=true`
    works that are known are asked for again.
    """

    name = "artwork"
    asked_by_name = True
    rereads_on_refresh = True

    async def listing(self) -> AsyncIterator[Page]:
        yield Page(list(dict.fromkeys(self.args.id)))
