"""Works in lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    field_validator,
)

from pixivcrawl.api.bodies.masks import WorkRow, positive_unless_masked
from pixivcrawl.api.bodies.parts import (
    KINDS,
    Count,
    Id,
    IllustType,
    Keyed,
    Kind,
    Moment,
    NullAsEmpty,
    PageCount,
    PixivModel,
    Side,
    TagTranslations,
    Texts,
)
from pixivcrawl.api.bodies.row_by_row import LEAVING_OUT, RowByRow, read_rows


class BookmarkData(PixivModel):
    """The reader's own bookmark of a work."""

    id: Id
    private: bool | None = None


class IllustRow(WorkRow):
    """A work's row: no original, no counts. Of a masked one only the id and the reader's bookmark say anything."""

    told_when_masked = ("id", "bookmark_data")
    blank: ClassVar[Mapping[str, Any]] = {"title": "", "illust_type": 0, "user_id": 0, "user_name": "", "page_count": 0}

    id: Id
    title: str
    illust_type: IllustType
    user_id: Count
    user_name: str
    page_count: PageCount
    description: str | None = None
    tags: Texts = Field(default_factory=list)
    x_restrict: Count | None = None
    restrict: Count | None = None
    sl: Count | None = None
    ai_type: Count | None = None
    width: Side | None = None
    height: Side | None = None
    bookmark_data: BookmarkData | None = None
    bookmark_count: Count | None = None
    series_id: Id | None = None
    series_title: str | None = None
    is_unlisted: bool | None = None
    created: Moment | None = Field(None, alias="createDate")
    updated: Moment | None = Field(None, alias="updateDate")

    @field_validator("user_id", "page_count")
    @classmethod
    def _positive_unless_masked(cls, value: int, info: ValidationInfo) -> int:
        return positive_unless_masked(value, info)

    @property
    def kind(self) -> Kind:
        return KINDS[self.illust_type]

    @property
    def revision(self) -> str | None:
        """The 14 digits of the time in the thumbnail's path."""
        return self.revision_of(self.id)


def _is_ad(row: Any) -> bool:
    """pixiv: a list of rows can hold {"isAdContainer": true}."""
    return isinstance(row, dict) and bool(row.get("isAdContainer")) and "id" not in row


def read_without_ads(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    """The rows of a list, each for itself, named by where they stand among the advertisements."""
    leaving_out = info.context == LEAVING_OUT
    if not isinstance(value, list) or not any(map(_is_ad, value)):
        return read_rows(value, read, leaving_out=leaving_out)
    places = [place for place, row in enumerate(value) if not _is_ad(row)]
    return read_rows([value[place] for place in places], read, leaving_out=leaving_out, places=places)


def _own_rows(value: Any) -> Any:
    """pixiv: {work id: its row}. In the place of another work's row stands what no row can be read from."""
    if not isinstance(value, dict):
        return value
    return {key: row if _is_own(key, row) else "the row of another work" for key, row in value.items()}


def _is_own(key: str, row: Any) -> bool:
    return not isinstance(row, dict) or "id" not in row or str(row["id"]) == key


def _own_rows_without_nulls(value: Any) -> Any:
    own = _own_rows(value)
    return {key: row for key, row in own.items() if row is not None} if isinstance(own, dict) else own


RowList = Annotated[list[IllustRow], WrapValidator(read_without_ads), NullAsEmpty]
"""Rows in the list's order, without the advertisements among them."""

RowsById = Annotated[dict[Id, IllustRow], RowByRow, BeforeValidator(_own_rows_without_nulls), Keyed]
"""{work id: row}; ids without a row are left out."""

RowsOrNullById = Annotated[dict[Id, IllustRow | None], RowByRow, BeforeValidator(_own_rows), Keyed]
"""{work id: row, or None if only the id is given}."""


class Thumbnails(PixivModel):
    """The rows of all works that the rest of a body names only by id."""

    illust: RowList = Field(default_factory=list)


class Framed(PixivModel):
    """A body whose lists have ids and whose rows are apart, in `thumbnails`."""

    thumbnails: Annotated[Thumbnails, Keyed] = Field(default_factory=Thumbnails)
    tag_translation: TagTranslations = Field(default_factory=dict)

    @property
    def rows(self) -> list[IllustRow]:
        return self.thumbnails.illust

    def rows_for(self: Self, ids: list[int]) -> list[IllustRow]:
        """The rows of the works in `ids`, in that order; works without a row are left out."""
        by_id = {row.id: row for row in self.thumbnails.illust}
        return [by_id[work_id] for work_id in ids if work_id in by_id]
