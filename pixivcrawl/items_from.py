"""Turns pixiv's bodies into items: the only place where a body's field becomes a fact of the archive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pixivcrawl.api.bodies.artworks import (
    Comments,
    IllustDetail,
    IllustPage,
    ManyDetailsRow,
    TitleCaptionTranslation,
    UgoiraMeta,
)
from pixivcrawl.api.bodies.listings import Bookmarks, FollowRow
from pixivcrawl.api.bodies.listings import Series as SeriesBody
from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.bodies.ranking import Ranking, RankingRow
from pixivcrawl.api.bodies.requests import CommissionRequest as RequestBody
from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.bodies.users import ProfileAll, SeriesRow, UserFull, UserRow
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.api.images import first_frame_url, frame_url, original_url, read_image_url, read_user_image_url, zip_url
from pixivcrawl.api.text import plural
from pixivcrawl.items import (
    Artwork,
    Bookmark,
    Comment,
    CommissionRequest,
    Follow,
    Frame,
    MaskedWork,
    Original,
    RankingEntry,
    Series,
    SeriesPlace,
    Tag,
    User,
)


def artwork(
    detail: IllustDetail,
    pages: Sequence[IllustPage] | None = None,
    ugoira: UgoiraMeta | None = None,
    *,
    frames: bool = False,
) -> Artwork:
    """A full work with its originals; without originals if the reader may not see them.

    `pages` is needed for a work of more than one page, `ugoira` for an ugoira, whose `frames` as uploaded are named where they are asked
    for. Raises BodyRefused when they do not agree with `detail`.
    """
    series = detail.series_nav_data
    return _work(
        detail,
        work_id=detail.id,
        detail="full",
        caption=detail.description,
        user_account=detail.user_account or None,
        tags=tuple(Tag(tag.tag, tag.translated, tag.locked, tag.user_id or None) for tag in detail.tags.tags),
        sanity_level=detail.sl,
        availability="available" if detail.urls.original else "withheld",
        originals=_originals(detail, pages, ugoira, frames=frames),
        series_order=None if series is None else series.order,
        series_title=None if series is None else series.title or None,
        request=detail.request or None,
        poll=detail.poll_data or None,
        **_translated(detail.title_caption_translation),
    )


def _work(body: Any, **told: Any) -> Artwork:
    """A work from a body's fields of the same names, and from other values."""
    return Artwork(**{name: getattr(body, name) for name in _named_alike(Artwork, body.__class__)} | told)


@cache
def _named_alike(item: Any, body: Any) -> tuple[str, ...]:
    """The fields of an item type that a body model has under the same names, as a field or as a property."""
    return tuple(each.name for each in fields(item) if each.name in body.model_fields or hasattr(body, each.name))


def _translated(translation: TitleCaptionTranslation | None) -> dict[str, str | None]:
    if translation is None:
        return {}
    return {
        "translated_title": translation.work_title or None,
        "translated_caption": translation.work_caption or None,
    }


def unlisted_artwork(detail: IllustDetail) -> Artwork:
    """A work whose pages are shown to nobody: their addresses follow from the first one's."""
    shown = artwork(detail)
    return replace(
        shown,
        originals=tuple(
            replace(
                first,
                page=page,
                url=first.url.replace("_p0.", f"_p{page}."),
                width=None if page else first.width,
                height=None if page else first.height,
                guessed=page > 0,
            )
            for first in shown.originals
            for page in range(detail.page_count)
        ),
    )


def _originals(
    detail: IllustDetail, pages: Sequence[IllustPage] | None, ugoira: UgoiraMeta | None, *, frames: bool
) -> tuple[Original, ...]:
    if detail.urls.original is None:
        return ()
    if ugoira is not None:
        zipped = replace(_original(detail, 0, ugoira.original_src, detail.width, detail.height), **_of_zip(ugoira))
        return (zipped, *(frames_as_uploaded(zipped, detail.urls.original) if frames else ()))
    if pages is None:
        return (_original(detail, 0, detail.urls.original, detail.width, detail.height),)
    if len(pages) != detail.page_count:
        raise BodyRefused(
            "illust.pages", "", f"has {plural(len(pages), 'page')} where illust.detail says {detail.page_count}"
        )
    return tuple(
        _original(detail, number, page.urls.original, page.width, page.height) for number, page in enumerate(pages)
    )


def _original(
    detail: IllustDetail,
    page: int,
    url: str | None,
    width: int | None,
    height: int | None,
) -> Original:
    image = read_image_url(url or "")
    if url is None or image is None or image.revision is None:
        raise BodyRefused("illust.pages", f"{page}.urls.original", "is missing")
    return Original(
        work_id=detail.id,
        user_id=detail.user_id,
        page=page,
        revision=image.revision,
        url=url,
        extension=image.extension,
        uploaded=_time_of(image.revision),
        width=width,
        height=height,
    )


def _of_zip(ugoira: UgoiraMeta) -> dict[str, Any]:
    return {"kind": "ugoira", "frames": tuple(Frame(frame.file, frame.delay) for frame in ugoira.frames)}


def frames_as_uploaded(zipped: Original, first_frame: str | None = None) -> list[Original]:
    """An ugoira's frames as its artist uploaded them, from its zip and the address of the first one.

    Without that, it lies where the zip's address says, most likely as JPEG. The others most often have the extension of the first.
    pixiv: the width and height of the work are theirs.
    """
    first_frame = first_frame or first_frame_url(zipped.url, "jpg")
    image = read_image_url(first_frame)
    if image is None or image.work_id != zipped.work_id or image.revision is None or "_ugoira0." not in first_frame:
        raise BodyRefused("illust.detail", "urls.original", "is not the first frame of this ugoira")
    return [
        replace(
            zipped,
            kind="frame",
            page=number,
            revision=image.revision,
            uploaded=_time_of(image.revision),
            url=frame_url(first_frame, number),
            extension=image.extension,
            frames=None,
            guessed=True,
        )
        for number in range(len(zipped.frames or ()))
    ]


def _time_of(revision: str) -> datetime:
    """The time in a revision's 14 digits. Pixiv: it is Japan's."""
    return datetime.strptime(revision, "%Y%m%d%H%M%S").replace(tzinfo=JAPAN).astimezone(UTC)


def listed_artworks(rows: Iterable[IllustRow]) -> list[Artwork]:
    """Works from a list's rows; masked rows say nothing about their works and are left out."""
    return [_listed(row, row.id, uploaded=row.updated, sanity_level=row.sl) for row in rows if not row.is_masked]


def _listed(row: IllustRow | ManyDetailsRow | RankingRow, work_id: int, **told: Any) -> Artwork:
    """A work from a list's row."""
    tags, image_host = tuple(Tag(tag) for tag in row.tags), _image_host(row.url, work_id)
    return _work(row, work_id=work_id, detail="listing", tags=tags, image_host=image_host, **told)


def artworks_of_mobile_rows(rows: Iterable[ManyDetailsRow]) -> list[Artwork]:
    """Works from the mobile site: as from a list's row, with the caption and the first page's extension.

    A masked row is left out: why it is masked is another answer's to say.
    """
    return [
        _listed(
            row,
            row.id,
            user_name=row.author_details.user_name,
            user_account=row.author_details.user_account or None,
            caption=row.comment,
            sanity_level=row.sl,
            extension=None if row.original is None else row.original.extension,
            **_translated(row.title_caption_translation),
        )
        for row in rows
        if not row.is_masked
    ]


def ranked_artworks(ranking: Ranking) -> list[Artwork]:
    """Works from a ranking's rows; a masked row only has a place."""
    return [
        _listed(row, row.illust_id, page_count=row.illust_page_count) for row in ranking.contents if not row.is_masked
    ]


def _image_host(thumbnail: str | None, work_id: int) -> str | None:
    """The host of a work's pictures, from its thumbnail; None for a placeholder, and for a work whose addresses contain a secret."""
    image = read_image_url(thumbnail or "")
    parts = urlsplit(thumbnail or "")
    if image is None or image.work_id != work_id or f"{work_id}-" in parts.path:
        return None
    return f"{parts.scheme}://{parts.netloc}"


def originals_of_row(row: Artwork, extension: str) -> tuple[Original, ...]:
    """The originals of a work from a list's row: its pages, or an ugoira's zip without its timing.

    `extension` is the guess where the row tells none.

    pixiv: the thumbnail's path has the originals' time, and the row's width and height are page 0's.
    """
    if row.image_host is None or row.revision is None:
        return ()
    extension = row.extension or extension
    first = Original(
        work_id=row.work_id,
        user_id=row.user_id,
        page=0,
        revision=row.revision,
        url=original_url(row.image_host, row.work_id, 0, row.revision, extension),
        extension=extension,
        uploaded=_time_of(row.revision),
        width=row.width or None,
        height=row.height or None,
        guessed=True,
    )
    if row.kind == "ugoira":
        return (replace(first, kind="ugoira", url=zip_url(row.image_host, row.work_id, row.revision), extension="zip"),)
    others = (
        replace(
            first,
            page=page,
            url=original_url(row.image_host, row.work_id, page, row.revision, extension),
            width=None,
            height=None,
        )
        for page in range(1, row.page_count)
    )
    return (first, *others)


def ranking_entries(ranking: Ranking) -> list[RankingEntry]:
    """The places on one page of a ranking."""
    return [
        RankingEntry(ranking.mode, ranking.kinds, ranking.date, row.rank, row.yes_rank, row.illust_id)
        for row in ranking.contents
    ]


def user(full: UserFull) -> User:
    """An artist's own page."""
    return User(
        user_id=full.user_id,
        name=full.name,
        detail="full",
        comment=full.comment,
        webpage=full.webpage,
        image=full.image_big or full.image,
        background=_background(full),
        social=full.social,
        workspace=full.workspace,
        pictures=pictures_of_user(full),
    )


def user_of_profile(user_id: int, profile: ProfileAll) -> User:
    """What is at the top of a user's profile, from the list of their works."""
    return User(user_id=user_id, name=None, pickup=profile.pickup)


def _background(row: UserRow) -> str | None:
    url = (row.background or {}).get("url")
    return url if isinstance(url, str) else None


def pictures_of_user(row: UserRow) -> tuple[Original, ...]:
    """The avatar and the background on a user's own page, as they were uploaded; without pixiv's placeholders."""
    told = (row.image_big or row.image, _background(row))
    images = [read_user_image_url(url) for url in told if url is not None]
    return tuple(
        Original(
            work_id=row.user_id,
            user_id=row.user_id,
            page=0,
            revision=image.revision,
            url=image.url,
            extension=image.extension,
            uploaded=_time_of(image.revision),
            kind=image.kind,
        )
        for image in images
        if image is not None
    )


def listed_user(row: UserRow) -> User:
    """A user as lists show them."""
    return User(user_id=row.user_id, name=row.name, image=row.image_big or row.image, background=_background(row))


def comments(work_id: int, body: Comments, parent: int | None = None) -> list[Comment]:
    """One page of the comments on a work, or of the replies to the comment `parent`."""
    return [
        Comment(
            comment_id=comment.id,
            work_id=work_id,
            user_id=comment.user_id or None,
            user_name=None if comment.is_deleted_user else comment.user_name,
            text=comment.comment,
            stamp_id=comment.stamp_id,
            parent_id=comment.comment_parent_id or parent,
            written=comment.written,
            image=comment.img,
            has_replies=comment.has_replies,
        )
        for comment in body.comments
    ]


def commission_requests(bodies: Iterable[RequestBody]) -> list[CommissionRequest]:
    """Requests; their title is that of the artist's plan. Pixiv: completed ones have the price 0."""
    return [
        CommissionRequest(
            request_id=body.request_id,
            creator_id=body.creator_user_id,
            kind=body.request_post_work_type,
            state=body.request_status,
            requester_id=body.fan_user_id,
            price=body.request_price or None,
            title=_plan_title(body),
            text=body.request_proposal.request_original_proposal if body.request_proposal else None,
            work_id=body.work_id,
        )
        for body in bodies
    ]


def _plan_title(body: RequestBody) -> str | None:
    told = (body.plan or {}).get("planTitle")
    title = told.get("planOriginalTitle") if isinstance(told, dict) else None
    return title if isinstance(title, str) else None


def bookmarks(body: Bookmarks, owner: int, *, private: bool, own: bool) -> list[Bookmark]:
    """The bookmarks on a page of `owner`'s list, masked ones included; `own`: it is the reader's list.

    pixiv: a row's bookmark is the reader's own, so that on the list of another user it tells nothing of that user's.
    """
    return [
        Bookmark(
            user_id=owner,
            work_id=row.id,
            private=private,
            tags=tuple(body.tags_of(row)) if own and row.bookmark_data else None,
            bookmark_id=row.bookmark_data.id if own and row.bookmark_data else None,
        )
        for row in body.works
    ]


def following(people: Iterable[FollowRow], follower: int, *, private: bool) -> list[Follow]:
    """Whom `follower` follows."""
    return [Follow(follower, person.user_id, private) for person in people]


def followers(people: Iterable[FollowRow], followed: int) -> list[Follow]:
    """Who follows `followed`."""
    return [Follow(person.user_id, followed) for person in people]


def series(row: SeriesRow) -> Series:
    """A series, from a list of series or from its own page."""
    return Series(
        series_id=row.id,
        user_id=row.user_id,
        title=row.title,
        caption=row.caption or row.description,
        total=row.total,
        latest=row.latest_illust_id,
    )


def series_places(body: SeriesBody, series_id: int) -> list[SeriesPlace]:
    """The works on a page of a series."""
    return [SeriesPlace(series_id, entry.work_id, entry.order) for entry in body.page.series]


def masked(rows: Iterable[IllustRow]) -> list[MaskedWork]:
    """The works whose rows say that they vanished."""
    return [MaskedWork(row.id, row.masked_because or "masked") for row in rows if row.has_vanished]
