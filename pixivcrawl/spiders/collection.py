"""Collections: works that someone chose and arranged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import BeforeValidator, Field

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.catalogue import COLLECTION
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import ListingArguments, PixivId, id_in_address
from pixivcrawl.filters import separated


class CollectionArguments(ListingArguments):
    id: Annotated[
        list[Annotated[PixivId, id_in_address("collection")]], BeforeValidator(separated), Field(min_length=1)
    ] = Field(
        title="Collections",
        description="One or more ids or addresses of collections, separated by commas or spaces.",
    )


class CollectionSpider(ListingSpider[CollectionArguments]):
    """Archives the works of one or more collections, and keeps each collection's answer, with its layout, as a dated snapshot.

    Needs a session only for R-18 works. It makes one request for each collection and leaves out novels. A collection that is gone is
    reported and makes the run end with exit code 1.
    """

    name = "collection"
    sample = "id=1"

    async def listing(self) -> AsyncIterator[Page]:
        for collection_id in dict.fromkeys(self.args.id):
            try:
                body = await self.fetch(COLLECTION, snapshot=True, id=collection_id)
            except (AnswerRefused, BodyRefused) as refusal:
                self.list_failed(f"collection {collection_id}: {refusal}")
                continue
            yield page_of_rows([row.id for row in body.rows], body.rows)
