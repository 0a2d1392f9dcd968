"""What pixiv's answers say becomes items: nothing that a body's field is read for is left out."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest

from pixivcrawl import items_from
from pixivcrawl.api import catalogue
from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.items import Artwork, Comment, Tag, User
from tests.api.making import USER, WORK, answer, comment, detail, mobile_row, original, row, user

DETAIL: dict[str, Any] = {
    "seriesNavData": {"seriesId": "55", "order": 2, "title": "A series"},
    "isOriginal": True,
    "isLoginOnly": False,
    "locationMask": False,
    "reuploadDate": "2026-03-04T05:06:07+09:00",
    "bookStyle": "1",
    "titleCaptionTranslation": {"workTitle": "in another language", "workCaption": "by the sea, in another language"},
    "request": {"request": {"requestId": "9"}},
    "pollData": {"question": "which?", "choices": [{"id": 1, "text": "this", "count": 3}]},
    "pageCount": 1,
}
FULL: dict[str, Any] = {
    "comment": "hello",
    "webpage": "https://example.org",
    "background": {"url": "https://i.pximg.net/background/img/2026/01/02/03/04/05/1_1.jpg"},
    "social": {"twitter": {"url": "https://example.org/twitter"}},
    "workspace": {"userWorkspaceTool": "a pencil"},
}


def work(**changes: Any) -> Artwork:
    return items_from.artwork(catalogue.ILLUST_DETAIL.parse(answer("illust.detail", detail(**DETAIL | changes))))


def artist(**changes: Any) -> User:
    return items_from.user(catalogue.USER_FULL.parse(answer("user.full", user(**FULL | changes))))


def unsaid(item: Any) -> set[str]:
    return {field.name for field in fields(item) if getattr(item, field.name) is None}


def test_a_work_s_own_page_fills_every_field():
    assert unsaid(work()) == {"image_host"}, "a field without a body's, or left out in items_from.artwork"


def test_every_field_of_a_work_s_own_page_becomes_the_item_s_of_that_name():
    named_otherwise = {
        "id",
        "description",
        "illust_type",
        "sl",
        "urls",
        "series_nav_data",
        "poll_data",
        "title_caption_translation",
    }
    not_kept = {"bookmark_data", "is_unlisted"}
    others = IllustDetail.model_fields.keys() - {field.name for field in fields(Artwork)}
    assert others == {*named_otherwise, *not_kept}, "add it to the item"


def test_what_a_work_s_own_page_says_is_told_as_it_is():
    told = work()
    assert (told.series_id, told.series_order, told.book_style) == (55, 2, 1)
    assert (told.is_original, told.is_login_only, told.location_mask) == (True, False, False)
    assert told.reuploaded == datetime(2026, 3, 3, 20, 6, 7, tzinfo=UTC)
    assert told.translated_title == "in another language"
    assert told.translated_caption == "by the sea, in another language"
    assert (told.request, told.poll) == (DETAIL["request"], DETAIL["pollData"])
    assert told.tags == (Tag("空", "sky", locked=True, user_id=USER), Tag("sea", None, locked=False))


def mobile(*changes: dict[str, Any]) -> list[Artwork]:
    body = {"illust_details": [mobile_row(WORK + place, **each) for place, each in enumerate(changes)]}
    many = catalogue.ILLUST_DETAILS_MANY.parse(answer("illust.details_many", body))
    return items_from.artworks_of_mobile_rows(many.illust_details)


def test_a_row_of_the_mobile_site_says_more_than_a_list_s_and_less_than_a_work_s_own_page():
    (told,) = mobile({"title_caption_translation": {"work_title": "Abend", "work_caption": "am Meer"}})
    assert (told.detail, told.user_account) == ("listing", "artist")
    assert (told.caption, told.tags, told.ai_type) == ("by the sea", (Tag("sea"),), 1)
    assert (told.translated_title, told.translated_caption) == ("Abend", "am Meer")
    unknown = {"created", "uploaded", "series_id", "series_order", "is_login_only", "reuploaded", "request", "poll"}
    counts = {"bookmark_count", "like_count", "comment_count", "view_count"}
    assert unsaid(told) >= unknown | counts
    shown = {"width", "height", "x_restrict", "restrict", "sanity_level", "revision", "image_host", "extension"}
    assert not unsaid(told) & {*shown, "is_original", "location_mask", "book_style"}


def test_the_pages_of_a_row_bear_the_first_one_s_extension_where_it_is_told():
    told, untold = mobile({}, {"url_big": None})
    addresses = [original.url for original in items_from.originals_of_row(told, "jpg")]
    assert addresses == [original(WORK, page) for page in (0, 1)]
    assert {each.extension for each in items_from.originals_of_row(untold, "jpg")} == {"jpg"}


def test_a_masked_row_of_the_mobile_site_says_nothing():
    placeholder = "https://s.pximg.net/common/images/limit_r18_360.png"
    assert mobile({"mask_reason": "r18"}, {"url": placeholder}, {"title": ""}, {"user_id": "0"}) == []


def test_an_artist_s_own_page_fills_every_field_but_what_other_answers_tell():
    told = artist()
    assert unsaid(told) == {"account", "pickup"}, "left out in items_from.user"
    assert (told.background, told.social, told.workspace) == (
        FULL["background"]["url"],
        FULL["social"],
        FULL["workspace"],
    )


def test_what_stands_first_on_a_profile_is_told_without_a_name():
    body = {"illusts": [], "manga": [], "pickup": [{"type": "fanbox"}, row(type="illust")]}
    profile = catalogue.USER_PROFILE_ALL.parse(answer("user.profile_all", body))
    told = items_from.user_of_profile(USER, profile)
    assert (told.name, told.pickup) == (None, body["pickup"])


def test_a_comment_fills_every_field():
    said = comment(3, img="https://i.pximg.net/1_170.jpg", hasReplies=True, stampId="303", commentParentId="2")
    body = catalogue.ILLUST_COMMENTS.parse(answer("illust.comments", {"comments": [said], "hasNext": False}))
    (told,) = items_from.comments(WORK, body)
    assert unsaid(told) == set(), "left out in items_from.comments"
    assert isinstance(told, Comment)
    assert (told.image, told.has_replies) == ("https://i.pximg.net/1_170.jpg", True)


ODD = [{}, [], "odd", -1, 2**60, {"a": []}, [[]], True, 1.5]


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize(
    "key",
    [
        "isOriginal",
        "isLoginOnly",
        "locationMask",
        "reuploadDate",
        "bookStyle",
        "titleCaptionTranslation",
        "request",
        "pollData",
    ],
)
def test_an_odd_value_costs_itself(key: str, odd: Any):
    told = work(**{key: odd})
    assert told.title == "Evening"
    assert unsaid(told) <= {"image_host", *NAMES[key]}
    assert len(told.originals) == 1


NAMES = {
    "isOriginal": ["is_original"],
    "isLoginOnly": ["is_login_only"],
    "locationMask": ["location_mask"],
    "reuploadDate": ["reuploaded"],
    "bookStyle": ["book_style"],
    "titleCaptionTranslation": ["translated_title", "translated_caption"],
    "request": ["request"],
    "pollData": ["poll"],
}


@pytest.mark.parametrize("odd", ODD, ids=str)
@pytest.mark.parametrize("key", ["background", "social", "workspace"])
def test_an_odd_value_of_an_artist_costs_itself(key: str, odd: Any):
    told = artist(**{key: odd})
    assert told.comment == "hello"
    assert unsaid(told) <= {"account", "pickup", key}


def test_one_who_takes_their_links_away_has_none():
    assert (artist(social=[], workspace=None).social, artist(social=[], workspace=None).workspace) == ({}, {})
