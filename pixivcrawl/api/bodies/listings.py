"""Lists of works and of people: bookmarks, follows, feeds, series, what is new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from pixivcrawl.api.bodies.parts import Count, Fields, Id, Ids, Keyed, NullAsEmpty, PixivModel, Texts
from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.bodies.rows import Framed, IllustRow, RowList
from pixivcrawl.api.bodies.users import SeriesRow, UserRow


class FollowRow(PixivModel):
    """A person on a list of follows or followers, with their newest works. `following` is the reader's own doing."""

    user_id: Id
    user_name: str
    profile_image_url: str | None = None
    user_comment: str | None = None
    following: bool | None = None
    followed: bool | None = None
    illusts: RowList = Field(default_factory=list)
    accept_request: bool | None = None


class Follows(PixivModel):
    """`user/{id}/following` and `user/{id}/followers`."""

    users: Annotated[list[FollowRow], RowByRow, NullAsEmpty]
    total: Count | None = None


class Works(PixivModel):
    """A list of works with their number: one user's works under a tag."""

    works: RowList
    total: Count | None = None


class Bookmarks(Works):
    """`user/{id}/illusts/bookmarks`: newest bookmark first; a row's `bookmark_data` is that bookmark.

    `bookmark_tags` are the owner's own tags for it, by the bookmark's id.
    """

    bookmark_tags: Annotated[dict[Id, Texts], RowByRow, Keyed] = Field(default_factory=dict)

    def tags_of(self, row: IllustRow) -> list[str]:
        """The owner's own tags for a bookmarked work."""
        return [] if row.bookmark_data is None else self.bookmark_tags.get(row.bookmark_data.id, [])


class BookmarkTag(PixivModel):
    """A tag of the owner's own, and how many bookmarks have it."""

    tag: str
    cnt: Count


class BookmarkTags(PixivModel):
    """`user/{id}/illusts/bookmark/tags`; the private ones are shown to their owner alone."""

    public: Annotated[list[BookmarkTag], RowByRow, NullAsEmpty] = Field(default_factory=list)
    private: Annotated[list[BookmarkTag], RowByRow, NullAsEmpty] = Field(default_factory=list)


class Collection(Framed):
    """`collection/{id}`: works, novels and texts that someone put together; `data` says how they are laid out."""

    data: Fields = Field(default_factory=dict)


class FeedPage(PixivModel):
    ids: Ids
    is_last_page: bool | None = None

    @property
    def goes_on(self) -> bool | None:
        """pixiv: older answers do not say whether a page is the last one."""
        return None if self.is_last_page is None else not self.is_last_page


class Feed(Framed):
    """`follow_latest/illust` and `mypixiv_latest/illust`, newest first, 60 a page."""

    page: FeedPage

    @property
    def work_ids(self) -> list[int]:
        return self.page.ids


class WatchlistPage(PixivModel):
    watched_series_ids: Ids
    max_page: Count | None = None
    total: Count | None = None


class Watchlist(Framed):
    """`watch_list/manga`: the series that the reader watches."""

    page: WatchlistPage
    illust_series: Annotated[list[SeriesRow], RowByRow, NullAsEmpty] = Field(default_factory=list)


class NewWorks(PixivModel):
    """`illust/new`: `last_id` is where the next page begins."""

    illusts: RowList
    last_id: Count | None = None

    @property
    def where_it_ends(self) -> int | None:
        """The work after which the next page begins."""
        return self.illusts[-1].id if self.last_id is None and self.illusts else self.last_id


class SeriesEntry(PixivModel):
    """A work's place in a series, from 1."""

    work_id: Id
    order: Id


class SeriesPage(PixivModel):
    series: Annotated[list[SeriesEntry], RowByRow, NullAsEmpty]
    total: Count | None = None
    series_id: Id | None = None


class Series(Framed):
    """`series/{id}`: the works of a manga series in order, 12 a page."""

    page: SeriesPage
    illust_series: Annotated[list[SeriesRow], RowByRow, NullAsEmpty] = Field(default_factory=list)
    users: Annotated[list[UserRow], RowByRow, NullAsEmpty] = Field(default_factory=list)

    @property
    def work_ids(self) -> list[int]:
        return [entry.work_id for entry in self.page.series]


class RecommendedIllust(PixivModel):
    illust_id: Id


class DiscoveredWorks(Framed):
    """`discovery/artworks`: a fresh set each call."""

    recommended_illusts: Annotated[list[RecommendedIllust], RowByRow, NullAsEmpty] = Field(default_factory=list)

    @property
    def work_ids(self) -> list[int]:
        """In the order of the recommendation; what has only a row comes last."""
        named = [recommended.illust_id for recommended in self.recommended_illusts]
        return list(dict.fromkeys([*named, *(row.id for row in self.rows)]))


class RecommendedUser(PixivModel):
    user_id: Id
    recent_illust_ids: Ids = Field(default_factory=list)


class DiscoveredUsers(Framed):
    """`discovery/users`: people with their newest works; a fresh set each call."""

    recommended_users: Annotated[list[RecommendedUser], RowByRow, NullAsEmpty] = Field(default_factory=list)
    users: Annotated[list[UserRow], RowByRow, NullAsEmpty] = Field(default_factory=list)


def foreign_series(body: Series, parameters: Mapping[str, Any]) -> str | None:
    """The works of another series than the one that was asked for."""
    return None if body.page.series_id in (None, parameters["id"]) else "page.seriesId"
