"""Single works, by id or address, and works that are known only from lists' rows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator
from scrapy.crawler import Crawler

from pixivcrawl import items_from
from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.api.catalogue import ILLUST_UNLISTED
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.api.withheld import Withheld
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page
from pixivcrawl.base_spiders.params import ArtworkIds, ListingArguments
from pixivcrawl.filters import separated
from pixivcrawl.items import Artwork
from pixivcrawl.ledger import queries, updates

WORKS_AT_ONCE = 100
"""How many works that are known from rows alone are read from the ledger at a time."""

_ADDRESS = re.compile(
    r"(?:(?:https?://)?(?:www\.)?pixiv\.net/(?:[a-z]{2}/)?artworks/unlisted/)?([0-9A-Za-z]{8,64})/?", re.ASCII
)


def _secret(text: str) -> str:
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError("give an address like pixiv.net/artworks/unlisted/..., or its last part")
    return found[1]


Secret = Annotated[str, AfterValidator(_secret)]


class ArtworkArguments(ListingArguments):
    id: ArtworkIds | None = Field(
        None,
        title="Works",
        description="One or more ids or pixiv addresses of works, separated by commas or spaces.",
    )
    unlisted: Annotated[list[Secret], BeforeValidator(separated), Field(min_length=1)] | None = Field(
        None,
        title="Unlisted works",
        description="Instead of id: unlisted works, by their address or its last part.",
    )
    backfill: bool = Field(
        default=False,
        title="Complete works of rows",
        description="Instead of id: the works that detail=listing archived, the oldest first; limited by max_works and PIXIV_API_BUDGET.",
    )

    @field_validator("detail")
    @classmethod
    def _has_no_rows(cls, detail: str) -> str:
        if detail == "listing":
            raise ValueError("named works have no list rows: leave detail out")
        return detail

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.backfill + (self.id is not None) + (self.unlisted is not None) != 1:
            raise ValueError(
                "name works with id, or with unlisted those that only their address shows, or complete what detail=listing archived "
                "with backfill=true"
            )
        return self

    unmentioned: ClassVar[frozenset[str]] = frozenset({"unlisted"})


class ArtworkSpider(ListingSpider[ArtworkArguments]):
    """Archives the works named in `id`, or the unlisted works named in `unlisted`.

    A work that does not exist, or that this session may not see, is reported, makes the run end with exit code 1, and is asked for again
    each time you name it. With `refresh=true` known works are asked for again too. `backfill=true` asks for the works that the ledger knows
    only from lists' rows: it adds their captions, tags and counts, checks the sizes of their pages, and does not fetch stored files again.
    """

    name = "artwork"
    filters_by_default = False
    sample = "id=5000211"
    rereads_on_refresh = True

    @property
    def asked_by_name(self) -> bool:
        """The user did not name the works of a backfill, so one that has gone is not a failure."""
        return not self.args.backfill

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.unlisted = {}
        return spider

    unlisted: dict[int, IllustDetail]
    """What the addresses of unlisted works have shown: no id does."""

    async def record_page(self, page: Page) -> None:
        await super().record_page(page)
        if self.asked_by_name:
            await self.say_what_is_forgotten(page.work_ids)
            await self.ledger.write(updates.record_told_to_ask, page.work_ids, self.now())

    async def say_what_is_forgotten(self, work_ids: list[int]) -> None:
        known = await self.ledger.read(queries.known_works, work_ids)
        for work_id in work_ids:
            if work_id in known and self.is_forgotten(work_id, artist := known[work_id].user_id):
                subject = f"artworks/{work_id}" if ("work", work_id) in self.forgotten else f"users/{artist}"
                self.logger.warning(
                    "work %d is left out: forgotten; pixivcrawl forget %s --undo takes that back", work_id, subject
                )

    async def listing(self) -> AsyncIterator[Page]:
        if self.args.unlisted is not None:
            for secret in dict.fromkeys(self.args.unlisted):
                if (work_id := await self.unlisted_work(secret)) is not None:
                    yield Page([work_id])
            return
        if self.args.id is not None:
            yield Page(list(dict.fromkeys(self.args.id)))
            return
        after = 0
        while works := await self.ledger.read(queries.works_of_rows, after, WORKS_AT_ONCE):
            after = works[-1]
            yield Page(works)

    async def unlisted_work(self, secret: str) -> int | None:
        """The id of the work at such an address; None if there is none, which is reported without the secret."""
        try:
            detail = await self.fetch(ILLUST_UNLISTED, secret=secret)
        except (AnswerRefused, BodyRefused) as refusal:
            self.list_failed(f"an unlisted work: {refusal}; check its address")
            return None
        self.unlisted[detail.id] = detail
        return detail.id

    async def detail_at_hand(self, work: queries.WorkToDo) -> IllustDetail | None:
        return self.unlisted.get(work.work_id) or await super().detail_at_hand(work)

    async def read_work(self, detail: IllustDetail) -> tuple[Artwork, Withheld | None]:
        """For an unlisted work, pixiv shows the pages by id to no reader."""
        if detail.id in self.unlisted and detail.kind != "ugoira" and detail.urls.original is not None:
            return items_from.unlisted_artwork(detail), None
        return await super().read_work(detail)
