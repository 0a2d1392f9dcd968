"""Works and users that pixiv recommends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

from pydantic import Field

from pixivcrawl.api.catalogue import DISCOVERY_ARTWORKS, DISCOVERY_USERS
from pixivcrawl.base_spiders.gaps import report_ignored_parameters
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import AgeMode, ListingArguments

MOST_WORKS = 100
"""Pixiv: one set has at most so many works, and it is a fresh one each time."""

MOST_USERS = 20


class DiscoveryArguments(ListingArguments):
    target: Literal["artworks", "users"] = Field(
        "artworks",
        title="Target",
        description="artworks archives the recommended works; users keeps the recommended users, with the rows of their newest works.",
    )
    rounds: int = Field(1, ge=1, le=100, title="Rounds", description="How many sets to ask for.")
    mode: AgeMode = Field("all", title="Age rating", description="all, safe (all ages) or r18; for target=artworks.")


class DiscoverySpider(ListingSpider[DiscoveryArguments]):
    """Archives works that pixiv recommends to the reader, or keeps the users whom it recommends.

    Needs a session. Pixiv gives a different set each time, so there is no end and nothing to continue: each run asks for `rounds` sets of
    up to 100 works or 20 users, and archives what is new among them.
    """

    name = "discovery"

    def session_needed_for(self) -> str | None:
        return "discovery"

    async def listing(self) -> AsyncIterator[Page]:
        seen: set[int] = set()
        for _ in range(self.args.rounds):
            if self.args.target == "users":
                yield await self.users()
                continue
            body = await self.fetch(DISCOVERY_ARTWORKS, mode=self.args.mode, limit=MOST_WORKS)
            report_ignored_parameters(self, {"mode": self.args.mode}, body.rows)
            fresh = [work_id for work_id in body.work_ids if work_id not in seen]
            seen.update(fresh)
            yield page_of_rows(fresh, body.rows_for(fresh))

    async def users(self) -> Page:
        """Keep a set of users at once; it lists no works to archive."""
        body = await self.fetch(DISCOVERY_USERS, limit=MOST_USERS)
        self.count("people_listed", len(body.recommended_users))
        return Page([])
