"""Requests: what a reader commissions from an artist, and the work that comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from pixivcrawl.api.bodies.parts import KINDS, Count, Fields, Id, Ids, Moment, NullAsEmpty, PixivModel, Texts
from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.bodies.rows import Framed
from pixivcrawl.api.bodies.users import UserRow


class Proposal(PixivModel):
    """What was asked for, in the words and the language of who asked."""

    request_original_proposal: str | None = None
    request_original_proposal_lang: str | None = None


class PostWork(PixivModel):
    """What came of a request. pixiv: novel ids are a space of their own and collide with the ids of works."""

    post_work_id: Id
    post_work_type: str


class CommissionRequest(PixivModel):
    """One request. `request_price` is in yen; `fan_user_id` is None if the requester stays anonymous."""

    request_id: Id
    creator_user_id: Id
    fan_user_id: Id | None = None
    plan_id: Id | None = None
    request_status: str
    request_post_work_type: str
    request_price: Count | None = None
    request_proposal: Proposal | None = None
    request_tags: Texts = Field(default_factory=list)
    request_adult_flg: bool | None = None
    request_anonymous_flg: bool | None = None
    answer_due: Moment | None = Field(None, alias="requestResponseDeadlineDatetime")
    post_due: Moment | None = Field(None, alias="requestPostDeadlineDatetime")
    plan: Fields | None = None
    post_work: PostWork | None = None

    @property
    def work_id(self) -> int | None:
        """The illust, manga or ugoira that came of it; None where there is none yet, or a novel."""
        work = self.post_work
        return work.post_work_id if work is not None and work.post_work_type in KINDS else None


class Pager(PixivModel):
    has_next_page: bool | None = None
    page: Id | None = None


class RequestsPage(PixivModel):
    """`request_ids` are the page's own; `recommend_request_ids` are others that pixiv puts beside them."""

    request_ids: Ids
    recommend_request_ids: Ids = Field(default_factory=list)
    follow_request_ids: Ids = Field(default_factory=list)
    pager: Pager = Field(default_factory=Pager)
    mode: str | None = None
    work_type: str | None = None


class Commissions(Framed):
    """What `commission/page/request` and the lists below it share: the requests and people that ids stand for."""

    requests: Annotated[list[CommissionRequest], RowByRow, NullAsEmpty] = Field(default_factory=list)
    users: Annotated[list[UserRow], RowByRow, NullAsEmpty] = Field(default_factory=list)

    def requests_for(self, ids: list[int]) -> list[CommissionRequest]:
        """The requests in `ids`, in that order; ids that the body says nothing of are left out."""
        by_id = {request.request_id: request for request in self.requests}
        return [by_id[request_id] for request_id in ids if request_id in by_id]


class RequestList(Commissions):
    """`commission/page/request/complete/...` and `.../in_progress/...`, 24 a page."""

    page: RequestsPage

    @property
    def own_requests(self) -> list[CommissionRequest]:
        """The requests of this page of the list."""
        return self.requests_for(self.page.request_ids)

    @property
    def recommended_requests(self) -> list[CommissionRequest]:
        """Those that stand beside the list."""
        return self.requests_for(self.page.recommend_request_ids)


class CreatorsPage(PixivModel):
    creator_user_ids: Ids
    follow_creator_user_ids: Ids = Field(default_factory=list)
    pager: Pager = Field(default_factory=Pager)
    mode: str | None = None
    work_type: str | None = None


class CreatorList(Framed):
    """`commission/page/request/creators/...`: the ids of artists who take requests."""

    page: CreatorsPage


class OverviewPage(PixivModel):
    complete_request_ids_illust: Ids = Field(default_factory=list)
    complete_request_ids_manga: Ids = Field(default_factory=list)
    in_progress_request_ids: Ids = Field(default_factory=list)
    creator_user_ids: Ids = Field(default_factory=list)
    recent_illust_ids: Ids = Field(default_factory=list, alias="recentIllustIdsByCreatorAcceptingRequest")
    recommend_illust_ids: Ids = Field(default_factory=list, alias="recommendIllustIdsByCreatorAcceptingRequest")


class RequestOverview(Commissions):
    """`commission/page/request`: a few of everything."""

    page: OverviewPage

    @property
    def own_requests(self) -> list[CommissionRequest]:
        """Completed and in progress, without the novels."""
        page = self.page
        return self.requests_for(
            [*page.complete_request_ids_illust, *page.complete_request_ids_manga, *page.in_progress_request_ids]
        )


def foreign_page(body: RequestList | CreatorList, parameters: Mapping[str, Any]) -> str | None:
    """Another page or another mode than was asked for."""
    if body.page.pager.page not in (None, parameters["p"]):
        return "page.pager.page"
    return None if body.page.mode in (None, parameters["mode"]) else "page.mode"
