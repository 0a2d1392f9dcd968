"""Image addresses."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.api.images import (
    ImageUrl,
    first_frame_url,
    frame_url,
    is_revision,
    original_url,
    read_image_url,
    read_user_image_url,
)

TIME = "2022/08/11/23/46/14"
REVISION = "20220811234614"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            f"https://i.pximg.net/img-original/img/{TIME}/100412238_p0.png",
            ImageUrl("original", 100412238, 0, REVISION, "png"),
        ),
        (f"http://127.0.0.1:8481/img-original/img/{TIME}/7_p123.jpg", ImageUrl("original", 7, 123, REVISION, "jpg")),
        (
            f"https://i.pximg.net/img-original/img/{TIME}/7_ugoira0.jpg",
            ImageUrl("original", 7, 0, REVISION, "jpg"),
        ),
        (
            f"https://i.pximg.net/img-original/img/{TIME}/7-0123456789abcdef0123456789abcdef_p2.gif",
            ImageUrl("original", 7, 2, REVISION, "gif"),
        ),
        (
            f"https://i.pximg.net/img-zip-ugoira/img/{TIME}/7_ugoira1920x1080.zip",
            ImageUrl("zip", 7, 0, REVISION, "zip"),
        ),
        (f"https://i.pximg.net/img-master/img/{TIME}/7_p1_master1200.jpg", ImageUrl("master", 7, 1, REVISION, "jpg")),
        (f"https://i.pximg.net/img-master/img/{TIME}/7_master1200.jpg", ImageUrl("master", 7, 0, REVISION, "jpg")),
        (
            f"https://i.pximg.net/c/540x540_70/img-master/img/{TIME}/7_p0_master1200.jpg",
            ImageUrl("thumb", 7, 0, REVISION, "jpg"),
        ),
        (
            f"https://i.pximg.net/c/250x250_80_a2/custom-thumb/img/{TIME}/7_p0_custom1200.jpg",
            ImageUrl("thumb", 7, 0, REVISION, "jpg"),
        ),
        (
            f"https://i.pximg.net/c/250x250_80_a2/img-master/img/{TIME}/7_p0_square1200.jpg?1#2",
            ImageUrl("thumb", 7, 0, REVISION, "jpg"),
        ),
        (
            "https://s.pximg.net/common/images/limit_sanity_level_360.png",
            ImageUrl("placeholder", None, 0, None, "png", "limit_sanity_level"),
        ),
        (
            "https://s.pximg.net/common/images/limit_unknown.png",
            ImageUrl("placeholder", None, 0, None, "png", "limit_unknown"),
        ),
        (
            "https://s.pximg.net/common/images/limit_unviewable_s.png",
            ImageUrl("placeholder", None, 0, None, "png", "limit_unviewable"),
        ),
        (
            "https://s.pximg.net/common/images/ai-filter_off_360.png",
            ImageUrl("placeholder", None, 0, None, "png", "ai-filter_off"),
        ),
        (
            "https://source.pixiv.net/common/images/v2/limit_r18_100x100_70.GIF?20260101",
            ImageUrl("placeholder", None, 0, None, "gif", "limit_r18"),
        ),
    ],
)
def test_what_an_address_names(url: str, expected: ImageUrl) -> None:
    assert read_image_url(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "7_p0.png",
        f"//i.pximg.net/img-original/img/{TIME}/7_p0.png",
        f"ftp://i.pximg.net/img-original/img/{TIME}/7_p0.png",
        f"file:///img-original/img/{TIME}/7_p0.png",
        "https://[broken/img-original",
        "https://i.pximg.net/img-original/img/7_p0.png",
        "https://i.pximg.net/img-original/img/2022/13/11/23/46/14/7_p0.png",
        "https://i.pximg.net/img-original/img/2022/02/30/23/46/14/7_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/0_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/9223372036854775808_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/٧_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p0.png/../../x",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p0.png\n",
        f" https://i.pximg.net/img-original/img/{TIME}/7_p0.png",
        f"https://i.pximg.net/x/img-original/img/{TIME}/7_p0.png",
        *(f"https://i.pximg.net/img-original/img/{TIME}/7_p0.{name}" for name in ("exe", "zip", "html", "json", "JPG")),
        *(f"https://i.pximg.net/img-zip-ugoira/img/{TIME}/7_ugoira1920x1080.{name}" for name in ("jpg", "exe")),
        "https://i.pximg.net/img-original/img/0001/01/01/00/00/00/7_p0.png",
        "https://i.pximg.net/img-original/img/1999/12/31/23/59/59/7_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p0.png?{'x' * 2048}",
        f"https://i.pximg.net/img-original/img/{TIME}/\uff17_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p\u0660.png",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p0.pn\u0261",
        f"https://i.pximg.net/img-original/img/{TIME}/..%2f7_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/%37_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/-7_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p-1.png",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p0.png;/8_p0.png",
        f"https://i.pximg.net/img-original/img/{TIME}//7_p0.png",
        f"https://i.pximg.net/img-original/img/../img/{TIME}/7_p0.png",
        f"https://i.pximg.net/img-original\\img/{TIME}/7_p0.png",
        f"https://i.p\u0445img.net/img-original/img/{TIME}/7_p0.png",
        f"data:image/png,/img-original/img/{TIME}/7_p0.png",
        "https://i.pximg.net/user-profile/img/2018/06/26/14/26/03/1_0123456789abcdef0123456789abcdef_50.jpg",
    ],
)
def test_what_names_no_image_of_a_work(url: str) -> None:
    assert read_image_url(url) is None


@given(
    st.integers(1, 2**63 - 1),
    st.integers(0, 99_999),
    st.datetimes(min_value=datetime(2007, 9, 1), max_value=datetime(9999, 1, 1)),  # noqa: DTZ001
    st.sampled_from(["jpg", "png", "gif"]),
)
def test_an_address_that_is_built_is_read_back(work_id: int, page: int, time: datetime, extension: str) -> None:
    revision = f"{time:%Y%m%d%H%M%S}"
    url = original_url("https://i.pximg.net", work_id, page, revision, extension)
    assert read_image_url(url) == ImageUrl("original", work_id, page, revision, extension)


HASH = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("path", "itself", "kind"),
    [
        (f"/user-profile/img/{TIME}/7_{HASH}_170.jpg", f"/user-profile/img/{TIME}/7_{HASH}.jpg", "avatar"),
        (f"/user-profile/img/{TIME}/7_{HASH}_50.gif", f"/user-profile/img/{TIME}/7_{HASH}.gif", "avatar"),
        (f"/user-profile/img/{TIME}/7_{HASH}.png", f"/user-profile/img/{TIME}/7_{HASH}.png", "avatar"),
        (f"/background/img/{TIME}/7_{HASH}.png", f"/background/img/{TIME}/7_{HASH}.png", "background"),
        (
            f"/c/1920x960_80_a2_g5/background/img/{TIME}/7_{HASH}.jpg",
            f"/background/img/{TIME}/7_{HASH}.jpg",
            "background",
        ),
        (
            f"/c/1200x600_90_a2_g5/background/img/{TIME}/7_{HASH}_master1200.jpg",
            f"/background/img/{TIME}/7_{HASH}.jpg",
            "background",
        ),
    ],
)
def test_a_users_picture_is_known_by_its_time_and_lies_where_it_is_not_reduced(
    path: str, itself: str, kind: str
) -> None:
    found = read_user_image_url(f"https://i.pximg.net{path}?x#y")
    assert found is not None
    assert (found.kind, found.url) == (kind, f"https://i.pximg.net{itself}")
    assert is_revision(found.revision)


@pytest.mark.parametrize(
    "url",
    [
        "https://s.pximg.net/common/images/no_profile.png",
        f"https://i.pximg.net/user-profile/img/2022/13/01/00/00/00/7_{HASH}_170.jpg",
        f"https://i.pximg.net/user-profile/img/{TIME}/../../7_{HASH}_170.jpg",
        f"https://i.pximg.net/user-profile/img/{TIME}/7_{HASH}_170.exe",
        f"ftp://i.pximg.net/user-profile/img/{TIME}/7_{HASH}_170.jpg",
        f"https://i.pximg.net/user-profile/img/{TIME}/7_{HASH}_170.jpg\n",
        f"https://i.pximg.net/img-original/img/{TIME}/7_p0.jpg",
        "",
    ],
)
def test_what_is_no_picture_of_a_user(url: str) -> None:
    assert read_user_image_url(url) is None


@pytest.mark.parametrize("secret", ["", "-0123456789abcdef0123456789abcdef"])
@pytest.mark.parametrize("number", [0, 1, 10, 299])
def test_frames_as_uploaded_lie_where_the_zip_says(secret: str, number: int) -> None:
    zipped = f"https://i.pximg.net/img-zip-ugoira/img/{TIME}/7{secret}_ugoira1920x1080.zip"
    first = first_frame_url(zipped, "png")
    assert frame_url(first, number) == f"https://i.pximg.net/img-original/img/{TIME}/7{secret}_ugoira{number}.png"
    frame = read_image_url(frame_url(first, number))
    assert frame is not None
    assert (frame.kind, frame.work_id, frame.page, frame.extension) == ("original", 7, number, "png")


@given(st.text() | st.from_regex(r"https://i\.pximg\.net/img-(original|master)/img/[\d/]*_?p?\d*\.?\w*"))
def test_no_text_breaks_the_reading(url: str) -> None:
    found = read_image_url(url)
    assert found is None or found.kind == "placeholder" or is_revision(found.revision or "")


@pytest.mark.parametrize("text", ["2022081123461", "202208112346145", "20220811234660", "2022081١234614", "x" * 14])
def test_what_is_no_revision(text: str) -> None:
    assert not is_revision(text)
    with pytest.raises(ValueError, match="is no revision"):
        original_url("https://i.pximg.net", 1, 0, text, "png")
