"""Collections: works that someone put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import BeforeValidator, Field

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.catalogue import COLLECTION
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import ListingArguments, PixivId, id_in_address, separated


class CollectionArguments(ListingArguments):
    id: Annotated[
        list[Annotated[PixivId, id_in_address("collection")]], BeforeValidator(separated), Field(min_length=1)
    ] = Field(
        title="Collections",
        description="One or several collections' ids or addresses, with commas or spaces between them.",
    )


class CollectionSpider(ListingSpider[CollectionArguments]):
    """Archives the works of one or several collections, and keeps each collection's answer, with its layout, as a dated snapshot.

    No session is needed but for R-18 works. One request a collection; novels in it are left out. One that is gone is said and makes the
    run end with exit code 1.
    """

    name = "collection"
    sample = "id=1"

    async def listing(self) -> AsyncIterator[Page]:
        for collection_id in dict.fromkeys(self.args.id):
            try:
                body = await self.ask(COLLECTION, snapshot=True, id=collection_id)
            except (AnswerRefused, BodyRefused) as refusal:
                self.list_failed(f"collection {collection_id}: {refusal}")
                continue
            yield page_of_rows([row.id for row in body.rows], body.rows)
