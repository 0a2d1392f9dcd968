"""Requests: what readers commission from artists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Literal, cast

from pydantic import Field, ValidationInfo, field_validator

from pixivcrawl.api.bodies.requests import CommissionRequest, Commissions, CreatorList, RequestList
from pixivcrawl.api.catalogue import REQUESTS_OVERVIEW, USER_REQUESTS, find
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.base_spiders.listing import ListingSpider
from pixivcrawl.base_spiders.page import Page, page_of_rows
from pixivcrawl.base_spiders.params import AgeMode, ListingArguments, UserIds, WorkType


class RequestsArguments(ListingArguments):
    state: Literal["overview", "complete", "in_progress", "creators"] = Field(
        "complete",
        title="State",
        description="Completed requests, those in progress, artists who take requests, or a few of each (overview).",
    )
    type: WorkType = Field("all", title="Kind of work", description="What was asked for; not with state=overview.")
    mode: AgeMode = Field(
        "all",
        title="Age rating",
        description="all, safe (all ages) or r18, which needs a session; not with state=overview.",
    )

    id: UserIds | None = Field(
        None, title="Artists", description="Only requests to these artists; state, type and mode are then ignored."
    )

    unmentioned: ClassVar[frozenset[str]] = frozenset({"id"})

    @field_validator("type", "mode")
    @classmethod
    def _not_of_the_overview(cls, value: str, info: ValidationInfo) -> str:
        if value != "all" and info.data.get("state") == "overview":
            raise ValueError("the overview is one page of everything: leave it out, or choose another state")
        return value


class RequestsSpider(ListingSpider[RequestsArguments]):
    """Keeps requests (state, price, text, client if shown, artist, work), and archives the illustrations, manga and ugoira that came of
    completed ones.

    24 requests a page. A page also shows requests that pixiv recommends: those are kept, but their works are not archived. Requests for
    novels are kept without the novel. state=creators keeps who takes requests, by id only, with the pages as dated snapshots. With `id` the
    requests to those artists are kept, whatever their state. Pixiv does not promise an order, so every run reads the whole list. mode=r18
    needs a session.
    """

    name = "requests"

    def session_needed_for(self) -> str | None:
        return "mode=r18" if self.args.mode == "r18" else None

    @property
    def parts(self) -> Sequence[str]:
        if self.args.type == "all" and self.args.state != "in_progress":
            return ("illust", "manga", "ugoira")
        return (self.args.type,)

    async def listing(self) -> AsyncIterator[Page]:
        if self.args.id is not None:
            for user_id in dict.fromkeys(self.args.id):
                body = await self.fetch(USER_REQUESTS, id=user_id, snapshot=True)
                yield self.page_of(body, body.requests)
            return
        if self.args.state == "overview":
            overview = await self.fetch(REQUESTS_OVERVIEW, snapshot=True)
            yield self.page_of(overview, overview.own_requests)
            return
        for part in self.parts:
            endpoint = find(f"requests.{self.args.state}_{part}")
            if self.args.state == "creators":
                await self.keep_creators(cast("Endpoint[CreatorList]", endpoint))
                continue
            async for page in self.read_list(
                cast("Endpoint[RequestList]", endpoint),
                lambda body: body.page.request_ids,
                part=part,
                newest_first=False,
                mode=self.args.mode,
            ):
                yield self.page_of(page.body, page.body.own_requests, page.cursor)

    def page_of(self, body: Commissions, own: Sequence[CommissionRequest], cursor: str | None = None) -> Page:
        """The works that came of the page's own requests."""
        self.count("requests_listed", len(own))
        work_ids = list(dict.fromkeys(request.work_id for request in own if request.work_id is not None))
        return page_of_rows(work_ids, body.rows_for(work_ids), cursor)

    async def keep_creators(self, endpoint: Endpoint[CreatorList]) -> None:
        async for body in self.pages_of(endpoint, snapshot=True, mode=self.args.mode):
            self.count("people_listed", len(body.page.creator_user_ids))
