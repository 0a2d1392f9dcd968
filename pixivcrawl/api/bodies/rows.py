"""A work as lists show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from pixivcrawl.api.bodies.masks import WorkRow, positive_unless_masked
from pixivcrawl.api.bodies.parts import (
    KINDS,
    Count,
    Id,
    IllustType,
    Keyed,
    Kind,
    Moment,
    PageCount,
    PixivModel,
    Side,
    TagTranslations,
    Texts,
)


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


def _without_ads(value: Any) -> Any:
    """pixiv: a list of rows can hold {"isAdContainer": true}."""
    if value is None:
        return []
    if isinstance(value, list):
        return [row for row in value if not (isinstance(row, dict) and row.get("isAdContainer") and "id" not in row)]
    return value


def _own_ids(rows: dict[int, IllustRow]) -> dict[int, IllustRow]:
    return {work_id: row for work_id, row in rows.items() if _is_own(work_id, row)}


def _own_ids_or_null(rows: dict[int, IllustRow | None]) -> dict[int, IllustRow | None]:
    return {work_id: row for work_id, row in rows.items() if row is None or _is_own(work_id, row)}


def _is_own(work_id: int, row: IllustRow) -> bool:
    if row.id != work_id:
        raise ValueError(f"must hold under {work_id} the row of that work")
    return True


def _without_nulls(value: Any) -> Any:
    return {key: row for key, row in value.items() if row is not None} if isinstance(value, dict) else value


RowList = Annotated[list[IllustRow], BeforeValidator(_without_ads)]
"""Rows in the list's order, without the advertisements among them."""

RowsById = Annotated[dict[Id, IllustRow], BeforeValidator(_without_nulls), Keyed, AfterValidator(_own_ids)]
"""{work id: row}; ids without a row are left out."""

RowsOrNullById = Annotated[dict[Id, IllustRow | None], Keyed, AfterValidator(_own_ids_or_null)]
"""{work id: row, or None where only the id is told}."""


class Thumbnails(PixivModel):
    """The rows of all works that the rest of a body names by id alone."""

    illust: RowList = Field(default_factory=list)


class Framed(PixivModel):
    """A body whose lists hold ids and whose rows lie apart, in `thumbnails`."""

    thumbnails: Annotated[Thumbnails, Keyed] = Field(default_factory=Thumbnails)
    tag_translation: TagTranslations = Field(default_factory=dict)

    @property
    def rows(self) -> list[IllustRow]:
        return self.thumbnails.illust

    def rows_for(self: Self, ids: list[int]) -> list[IllustRow]:
        """The rows of the works in `ids`, in that order; works without a row are left out."""
        by_id = {row.id: row for row in self.thumbnails.illust}
        return [by_id[work_id] for work_id in ids if work_id in by_id]
