"""A work as lists show it."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

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
    placeholder_of,
    read_optional,
)

_MASKED_DEFAULTS = {"title": "", "illustType": 0, "userId": 0, "userName": "", "pageCount": 0}


class BookmarkData(PixivModel):
    """The reader's own bookmark of a work."""

    id: Id
    private: bool | None = None


class IllustRow(PixivModel):
    """A work's row: no original, no counts.

    pixiv: a row for a work that vanished is masked: `userId` 0, title "-----", dates of 1970 and a placeholder for a
    thumbnail. Then `is_masked` is true and nothing but `id` (and the reader's bookmark) says anything; it may lack the
    rest. A row whose thumbnail alone is a placeholder is whole, but for its `revision`.
    """

    is_masked: bool = False
    id: Id
    title: str
    illust_type: IllustType
    user_id: Count
    user_name: str
    page_count: PageCount
    url: str | None = None
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

    @model_validator(mode="before")
    @classmethod
    def _recognise_masks(cls, row: Any) -> Any:
        if not isinstance(row, dict):
            return row
        if row.get("isMasked") in (None, False) and not _looks_masked(row):
            return {**row, "isMasked": False}
        known = {key: value for key, value in row.items() if value is not None}
        return _MASKED_DEFAULTS | {"isMasked": True} | known | ({} if known.get("isMasked") else {"isMasked": True})

    @field_validator("user_id", "page_count")
    @classmethod
    def _positive_unless_masked(cls, value: int, info: ValidationInfo) -> int:
        if value < 1 and not info.data.get("is_masked"):
            raise ValueError("must be 1 or more")
        return value

    @property
    def kind(self) -> Kind:
        return KINDS[self.illust_type]

    @property
    def revision(self) -> str | None:
        """The 14 digits of the time in the thumbnail's path: the same as in the original's."""
        image = read_optional(self.url)
        return image.revision if image is not None and image.work_id == self.id else None

    @property
    def masked_because(self) -> str | None:
        """Why the row, or its thumbnail, does not show the work: the placeholder's name (limit_unknown ...) or masked."""
        return placeholder_of(self.url) or ("masked" if self.is_masked else None)


def _looks_masked(row: dict[str, Any]) -> bool:
    created, url = row.get("createDate"), row.get("url")
    return (
        row.get("userId") in (0, "0")
        or (isinstance(created, str) and created.startswith("1970-01-01"))
        or (isinstance(url, str) and placeholder_of(url) == "limit_unknown")
    )


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
