"""The reader's own: counts, notifications, dashboard, linked services; and the top page made for them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from pixivcrawl.api.bodies.parts import Count, Fields, Id, Ids, Keyed, Moment, NullAsEmpty, PixivModel, Texts
from pixivcrawl.api.bodies.requests import Commissions
from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.bodies.rows import Framed


class RecommendedIds(PixivModel):
    ids: Ids = Field(default_factory=list)


class RecommendedByTag(RecommendedIds):
    tag: str


class RankedId(PixivModel):
    rank: Id
    id: Id


class TopRanking(PixivModel):
    items: Annotated[list[RankedId], RowByRow, NullAsEmpty] = Field(default_factory=list)
    date: str | None = None


class TopPage(PixivModel):
    """The top page's lists, as ids whose rows lie in `thumbnails`."""

    follow: Ids = Field(default_factory=list)
    mypixiv: Ids = Field(default_factory=list)
    recommend: Annotated[RecommendedIds, Keyed] = Field(default_factory=RecommendedIds)
    recommend_by_tag: Annotated[list[RecommendedByTag], RowByRow, NullAsEmpty] = Field(default_factory=list)
    ranking: Annotated[TopRanking, Keyed] = Field(default_factory=TopRanking)
    new_post: Ids = Field(default_factory=list)
    complete_request_ids: Ids = Field(default_factory=list)
    my_favorite_tags: Texts = Field(default_factory=list)


class Top(Commissions):
    """`top/illust`: everything that the top page shows."""

    page: TopPage


class Extra(PixivModel):
    """`user/extra`: how many people the reader follows, and is followed by."""

    following: Count
    followers: Count
    mypixiv_count: Count | None = None


class DashboardHome(Framed):
    """`dashboard/home`: the reader's own works and how they fare."""

    data: Fields


class DashboardSettings(PixivModel):
    """`dashboard/settings`."""

    view: Any = None


class RequestStrategy(Framed):
    """`dashboard/works/illust/request_strategy`."""

    data: Fields


class DiscoveryMeta(PixivModel):
    """`discovery/artworks/meta` and `discovery/users/meta`."""

    meta: Fields


class Webpush(PixivModel):
    """`webpush`."""

    permission: str | None = None


class NotificationItem(PixivModel):
    id: Id
    type: str
    unread: bool | None = None
    notified: Moment | None = Field(None, alias="notifiedAt")
    link_url: str | None = None
    content: str | None = None


class Notifications(PixivModel):
    """`notification`, newest first."""

    items: Annotated[list[NotificationItem], RowByRow, NullAsEmpty]
    remaining_unread_count: Count | None = Field(None, alias="remaining_unread_count")
    is_not_authorized: bool | None = None


class LinkedPage(PixivModel):
    user: Fields = Field(default_factory=dict)
    works: Annotated[list[Any], NullAsEmpty] = Field(default_factory=list)
    total_item_count: Count | None = None


class LinkedService(Framed):
    """`linked_service/tumeng`."""

    page: LinkedPage
