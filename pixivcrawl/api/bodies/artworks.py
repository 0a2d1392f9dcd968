"""One work: what it is, its pages, an ugoira's frames, what to look at next, comments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from pixivcrawl.api.bodies.masks import WorkRow, positive_unless_masked
from pixivcrawl.api.bodies.parts import (
    KINDS,
    Count,
    EmptyListAsNull,
    Fields,
    Id,
    Ids,
    IllustType,
    Keyed,
    Kind,
    Lenient,
    Moment,
    NothingAsNoOriginal,
    NullAsEmpty,
    OriginalUrl,
    PageCount,
    PixivModel,
    Side,
    SnakeCaseModel,
    Texts,
    placeholder_of,
    read_optional,
)
from pixivcrawl.api.bodies.row_by_row import RowByRow
from pixivcrawl.api.bodies.rows import RowList
from pixivcrawl.api.images import ImageUrl, read_image_url

LONGEST_DELAY = 3_600_000


class WorkTag(PixivModel):
    """A tag of a work. `translation` has one key, the reader's language or `en` for want of it."""

    tag: str
    translation: Annotated[dict[str, Lenient[str]], Keyed] = Field(default_factory=dict)
    romaji: Lenient[str] = None
    user_id: Lenient[Count] = None
    locked: Lenient[bool] = None

    @property
    def translated(self) -> str | None:
        return next((text for text in self.translation.values() if text), None)


class WorkTags(PixivModel):
    tags: Annotated[list[WorkTag], NullAsEmpty] = Field(default_factory=list)


class DetailUrls(PixivModel):
    """Page 0's addresses; all null where the reader may not see the work."""

    original: OriginalUrl
    mini: str | None = None
    thumb: str | None = None
    small: str | None = None
    regular: str | None = None


class SeriesPlace(PixivModel):
    """Where in a series a work stands; `order` counts from 1."""

    series_id: Id
    order: Count | None = None
    title: str | None = None


class TitleCaptionTranslation(PixivModel):
    """Pixiv's own translation into the reader's language."""

    work_title: Lenient[str] = None
    work_caption: Lenient[str] = None


class IllustDetail(PixivModel):
    """`illust/{id}`. pixiv: width and height are page 0's alone; times are in UTC here.

    `urls.original` is None where the reader may not see it: `masked_because` then says why. Of an ugoira it is the
    first frame.
    """

    id: Id
    title: str
    description: str | None = None
    illust_type: IllustType
    user_id: Id
    user_name: str
    user_account: str | None = None
    page_count: Annotated[PageCount, Field(ge=1)]
    urls: Annotated[DetailUrls, NothingAsNoOriginal]
    width: Side | None = None
    height: Side | None = None
    created: Moment | None = Field(None, alias="createDate")
    uploaded: Moment | None = Field(None, alias="uploadDate")
    tags: Annotated[WorkTags, Keyed] = Field(default_factory=WorkTags)
    restrict: Count | None = None
    x_restrict: Count | None = None
    sl: Count | None = None
    ai_type: Count | None = None
    bookmark_count: Count | None = None
    like_count: Count | None = None
    comment_count: Count | None = None
    view_count: Count | None = None
    bookmark_data: Fields | None = None
    series_nav_data: Annotated[SeriesPlace | None, EmptyListAsNull] = None
    is_unlisted: bool | None = None
    is_original: Lenient[bool] = None
    is_login_only: Lenient[bool] = None
    location_mask: Lenient[bool] = None
    reuploaded: Lenient[Moment] = Field(None, alias="reuploadDate")
    book_style: Lenient[Count] = None
    title_caption_translation: Lenient[TitleCaptionTranslation] = None
    request: Lenient[Fields] = None
    poll_data: Lenient[Fields] = None

    @field_validator("urls")
    @classmethod
    def _own_first_page(cls, urls: DetailUrls, info: ValidationInfo) -> DetailUrls:
        image = read_optional(urls.original)
        if image is not None and (image.work_id, image.page) != (info.data.get("id"), 0):
            raise ValueError("must name the first page of this work")
        return urls

    @field_validator("width", "height")
    @classmethod
    def _positive_when_seen(cls, side: int | None, info: ValidationInfo) -> int | None:
        urls: DetailUrls | None = info.data.get("urls")
        if side == 0 and urls is not None and urls.original is not None:
            raise ValueError("must be 1 or more")
        return side

    @property
    def kind(self) -> Kind:
        return KINDS[self.illust_type]

    @property
    def image(self) -> ImageUrl | None:
        """What the original's address names."""
        return read_optional(self.urls.original)

    @property
    def revision(self) -> str | None:
        return None if self.image is None else self.image.revision

    @property
    def extension(self) -> str | None:
        return None if self.image is None else self.image.extension

    @property
    def series_id(self) -> int | None:
        return None if self.series_nav_data is None else self.series_nav_data.series_id

    @property
    def masked_because(self) -> str | None:
        """Why the reader may not see the original; None when it is there.

        pixiv: R-18 works are shown to signed-in readers alone.
        """
        if self.urls.original is not None:
            return None
        urls = self.urls
        placeholder = placeholder_of(urls.regular, urls.small, urls.thumb, urls.mini)
        return placeholder or ("login needed" if self.x_restrict else "the original is not shown")


class PageUrls(PixivModel):
    original: OriginalUrl


class IllustPage(PixivModel):
    """One page of `illust/{id}/pages`, with its own size. pixiv: pages of one old work can differ in extension."""

    urls: Annotated[PageUrls, NothingAsNoOriginal]
    width: Side | None = None
    height: Side | None = None

    @field_validator("width", "height")
    @classmethod
    def _positive_when_seen(cls, side: int | None, info: ValidationInfo) -> int | None:
        urls: PageUrls | None = info.data.get("urls")
        if side == 0 and urls is not None and urls.original is not None:
            raise ValueError("must be 1 or more")
        return side

    @property
    def image(self) -> ImageUrl | None:
        """What the original's address names; None where the reader may not see it."""
        return read_optional(self.urls.original)

    @property
    def revision(self) -> str | None:
        return None if self.image is None else self.image.revision

    @property
    def extension(self) -> str | None:
        return None if self.image is None else self.image.extension


class UgoiraFrame(PixivModel):
    """One frame: its file in the zip, and how long it is shown, in milliseconds."""

    file: str
    delay: Annotated[Count, Field(ge=1, le=LONGEST_DELAY)]

    @field_validator("file")
    @classmethod
    def _plain_name(cls, name: str) -> str:
        if not re.fullmatch(r"[0-9A-Za-z_-]{1,60}\.[0-9A-Za-z]{1,5}", name):
            raise ValueError("must be a plain file name")
        return name


class UgoiraMeta(PixivModel):
    """`illust/{id}/ugoira_meta`: the zip of an ugoira and its timing."""

    original_src: str
    src: str | None = None
    mime_type: str | None = Field(None, alias="mime_type")
    frames: Annotated[list[UgoiraFrame], Field(min_length=1)]

    @field_validator("original_src")
    @classmethod
    def _a_zip(cls, url: str) -> str:
        image = read_image_url(url)
        if image is None or image.kind != "zip":
            raise ValueError("must be the address of an ugoira's zip, with a time in its path")
        return url

    @property
    def image(self) -> ImageUrl:
        """What the zip's address names."""
        image = read_image_url(self.original_src)
        assert image is not None
        return image

    @property
    def revision(self) -> str | None:
        return self.image.revision

    @property
    def extension(self) -> str:
        return self.image.extension


class Recommendations(PixivModel):
    """`illust/{id}/recommend/init`: the first rows, the ids of the next ones, and why each was chosen."""

    illusts: RowList = Field(default_factory=list)
    next_ids: Ids = Field(default_factory=list)
    details: Fields = Field(default_factory=dict)


class RecommendedRows(PixivModel):
    """`illust/recommend/illusts`: rows for ids."""

    illusts: RowList = Field(default_factory=list)


class MobileTranslation(TitleCaptionTranslation):
    """Pixiv's own translation, under the mobile site's names."""

    model_config = SnakeCaseModel.model_config


class AuthorDetails(SnakeCaseModel):
    """The artist beside a work on the mobile site."""

    user_id: Id | None = None
    user_name: str
    user_account: Lenient[str] = None
    user_image: Lenient[str] = None


class ManyDetailsRow(WorkRow):
    """A work as the mobile site shows it.

    `comment` is the caption, `tags` are names alone, `url_big` is the address of the first page's original, if it is given.
    pixiv: it is unknown which of a work's times `upload_timestamp` is, so none is read from it.
    """

    model_config = SnakeCaseModel.model_config

    told_when_masked = ("id",)
    blank: ClassVar[Mapping[str, Any]] = {
        "user_id": 0,
        "title": "",
        "type": 0,
        "page_count": 0,
        "author_details": {"user_name": ""},
    }

    id: Id
    user_id: Count
    title: str
    comment: str | None = None
    alt: Lenient[str] = None
    tags: Texts = Field(default_factory=list)
    type: IllustType
    page_count: PageCount
    x_restrict: Count | None = None
    restrict: Count | None = None
    sl: Count | None = None
    ai_type: Count | None = None
    width: Side | None = None
    height: Side | None = None
    upload_timestamp: Lenient[Count] = None
    url_big: str | None = None
    author_details: AuthorDetails
    title_caption_translation: Lenient[MobileTranslation] = None
    is_original: Lenient[bool] = None
    location_mask: Lenient[bool] = None
    book_style: Lenient[Count] = None

    @field_validator("user_id", "page_count")
    @classmethod
    def _positive_unless_masked(cls, value: int, info: ValidationInfo) -> int:
        return positive_unless_masked(value, info)

    @field_validator("url_big")
    @classmethod
    def _own_first_page(cls, url: str | None, info: ValidationInfo) -> str | None:
        image = read_optional(url)
        if image is not None and image.work_id is not None and (image.work_id, image.page) != (info.data.get("id"), 0):
            raise ValueError("must show the first page of this work")
        return url

    @field_validator("author_details")
    @classmethod
    def _own_artist(cls, author: AuthorDetails, info: ValidationInfo) -> AuthorDetails:
        if author.user_id not in (None, info.data.get("user_id")):
            raise ValueError("must be the artist of this work")
        return author

    @property
    def kind(self) -> Kind:
        return KINDS[self.type]

    @property
    def original(self) -> ImageUrl | None:
        """What the first page's address names, or the first frame's for an ugoira; None if it is not given."""
        image = read_optional(self.url_big)
        return image if image is not None and image.kind == "original" else None

    @property
    def revision(self) -> str | None:
        """The 14 digits of the time in the original's path, or in the thumbnail's."""
        return self.revision_of(self.id) if self.original is None else self.original.revision


class ManyDetails(SnakeCaseModel):
    """`touch/ajax/illust/details/many`: the works that there are, of those that were asked for."""

    illust_details: Annotated[list[ManyDetailsRow], RowByRow, NullAsEmpty]


class Comment(PixivModel):
    """A comment, or a stamp in its place. `user_id` is 0 if the writer left; `written` is exact to the minute."""

    id: Id
    user_id: Count
    user_name: str | None = None
    is_deleted_user: bool | None = None
    comment: str = ""
    stamp_id: Count | None = None
    written: Moment | None = Field(None, alias="commentDate")
    comment_parent_id: Count | None = None
    img: Lenient[str] = None
    has_replies: Lenient[bool] = None


class Comments(PixivModel):
    comments: Annotated[list[Comment], RowByRow, NullAsEmpty]
    has_next: bool | None = None


class BookmarkAdded(SnakeCaseModel):
    """`illusts/bookmarks/add`. pixiv: null when the work was bookmarked before."""

    last_bookmark_id: Id | None = None
    stacc_status_id: Id | None = None


class Liked(SnakeCaseModel):
    """`illusts/like`: whether the reader had liked the work before."""

    is_liked: bool


def foreign_detail(detail: IllustDetail, parameters: Mapping[str, Any]) -> str | None:
    """An answer about another work than the one that was asked for."""
    return None if detail.id == parameters["id"] else "id"


def foreign_page(pages: list[IllustPage], parameters: Mapping[str, Any]) -> str | None:
    """A page of another work, or one that stands in another's place."""
    for number, page in enumerate(pages):
        if page.image is not None and (page.image.work_id, page.image.page) != (parameters["id"], number):
            return f"{number}.urls.original"
    return None


def foreign_rows(many: ManyDetails, parameters: Mapping[str, Any]) -> str | None:
    """The row of a work that was not asked for."""
    asked = frozenset(parameters["illust_ids"])
    other = next((place for place, row in enumerate(many.illust_details) if row.id not in asked), None)
    return None if other is None else f"illust_details.{other}.id"


def foreign_zip(meta: UgoiraMeta, parameters: Mapping[str, Any]) -> str | None:
    """The zip of another work."""
    return None if meta.image.work_id == parameters["id"] else "originalSrc"
