"""Users: who they are and which works are theirs."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from itertools import chain
from typing import Annotated, Any, Protocol

from pydantic import Field

from pixivcrawl.api.bodies.parts import (
    Count,
    Fields,
    Id,
    IdsOfKeys,
    Keyed,
    Lenient,
    Moment,
    NullAsEmpty,
    PixivModel,
    newest_first,
)
from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.bodies.rows import IllustRow, RowsById, RowsOrNullById


class UserRow(PixivModel):
    """`user/{id}`, and each of the `users` beside a list's rows. `image` is 50 pixels wide, `image_big` 170.

    `background` has a `url`, that of the picture reduced.
    """

    user_id: Id
    name: str
    image: str | None = None
    image_big: str | None = None
    background: Lenient[Fields] = None
    comment: str | None = None
    premium: bool | None = None
    is_followed: bool | None = None
    is_mypixiv: bool | None = None
    is_blocking: bool | None = None
    accept_request: bool | None = None


class UserFull(UserRow):
    """`user/{id}?full=1`: the profile too."""

    following: Count | None = None
    comment_html: str | None = None
    webpage: str | None = None
    social: Annotated[Lenient[dict[str, Any]], Keyed] = None
    region: Lenient[Fields] = None
    workspace: Annotated[Lenient[dict[str, Any]], Keyed] = None
    official: bool | None = None


class SeriesRow(PixivModel):
    """A manga series; `total` is the number of its works."""

    id: Id
    user_id: Id
    title: str
    description: str | None = None
    caption: str | None = None
    total: Count | None = None
    first_illust_id: Id | None = None
    latest_illust_id: Id | None = None
    created: Moment | None = Field(None, alias="createDate")
    updated: Moment | None = Field(None, alias="updateDate")


class ProfileAll(PixivModel):
    """`user/{id}/profile/all`: the ids of every work, newest first. pixiv: ugoira are among the illusts."""

    illusts: IdsOfKeys
    manga: IdsOfKeys
    novels: IdsOfKeys = Field(default_factory=list)
    manga_series: Annotated[list[SeriesRow], RowByRow, NullAsEmpty] = Field(default_factory=list)
    pickup: Lenient[Annotated[list[Any], NullAsEmpty]] = None

    @cached_property
    def work_ids(self) -> list[int]:
        """Illusts and manga together, newest first."""
        return newest_first(chain(self.illusts, self.manga))


class WorksLatest(PixivModel):
    """`user/{id}/works/latest`: rows for the newest works, None for the next ones."""

    illusts: RowsOrNullById
    manga: RowsOrNullById = Field(default_factory=dict)

    @property
    def work_ids(self) -> list[int]:
        """Newest first."""
        return newest_first(chain(self.illusts, self.manga))

    @property
    def rows(self) -> list[IllustRow]:
        """The rows that there are, newest first."""
        both = self.illusts | self.manga
        return [row for work_id in self.work_ids if (row := both[work_id]) is not None]


class ProfileIllusts(PixivModel):
    """`user/{id}/profile/illusts`: {work id: row} for the ids that were asked for, without those that are gone."""

    works: RowsById


class _OfUser(Protocol):
    user_id: int


def foreign_user(user: _OfUser, parameters: Mapping[str, Any]) -> str | None:
    """An answer about another user than the one that was asked for."""
    return None if user.user_id == parameters["id"] else "userId"


def foreign_row(body: ProfileIllusts, parameters: Mapping[str, Any]) -> str | None:
    """A row that was not asked for."""
    return None if body.works.keys() <= set(parameters["ids"]) else "works"
