"""What the models make of bodies: what pixiv really sends, and what would make a wrong row."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from pixivcrawl.api import catalogue
from pixivcrawl.api.catalogue import ENDPOINTS
from pixivcrawl.api.endpoint import BodyRefused, Endpoint
from pixivcrawl.api.json_input import DocumentRefused, read_document
from tests.api import making
from tests.api.making import (
    BODIES,
    PARAMETERS,
    PLACEHOLDER,
    REVISION,
    USER,
    WORK,
    answer,
    detail,
    masked,
    mobile_row,
    row,
)


def parsed(endpoint: Endpoint[Any], body: Any, **parameters: Any) -> Any:
    return endpoint.parse(answer(endpoint.name, body), parameters or None)


def refusal(endpoint: Endpoint[Any], body: Any, **parameters: Any) -> BodyRefused:
    with pytest.raises(BodyRefused) as refused:
        parsed(endpoint, body, **parameters)
    assert refused.value.endpoint == endpoint.name
    assert str(refused.value).startswith(f"{endpoint.name}: ")
    return refused.value


def test_there_is_a_body_for_every_endpoint() -> None:
    assert list(BODIES) == list(ENDPOINTS)


@pytest.mark.parametrize("name", BODIES)
def test_a_valid_body_parses(name: str) -> None:
    assert ENDPOINTS[name].parse(answer(name, BODIES[name]), PARAMETERS.get(name)) is not None


def test_a_detail_tells_all() -> None:
    work = parsed(catalogue.ILLUST_DETAIL, detail(), id=WORK)
    assert (work.id, work.user_id, work.kind, work.page_count) == (WORK, USER, "illust", 2)
    assert (work.revision, work.extension, work.masked_because) == (REVISION, "png", None)
    assert work.created == work.uploaded == datetime(2022, 8, 11, 14, 46, 14, tzinfo=UTC)
    assert work.created.utcoffset().total_seconds() == 0
    assert [(tag.tag, tag.translated, tag.romaji) for tag in work.tags.tags] == [
        ("空", "sky", "sora"),
        ("sea", None, None),
    ]
    assert (work.like_count, work.series_id) == (6, 55)


def test_a_body_keeps_what_its_model_does_not_name() -> None:
    work = parsed(catalogue.ILLUST_DETAIL, detail(contestData={"selected": 3}, page_count=9))
    assert work.model_extra["contestData"] == {"selected": 3}
    assert work.page_count == 2


@pytest.mark.parametrize("kind", [0, 1, 2, "2"])
def test_kinds(kind: Any) -> None:
    assert parsed(catalogue.ILLUST_DETAIL, detail(illustType=kind)).kind == ("illust", "manga", "ugoira")[int(kind)]


def test_the_first_frame_is_an_ugoiras_original() -> None:
    frame = making.original().replace("_p0.png", "_ugoira0.jpg")
    work = parsed(catalogue.ILLUST_DETAIL, detail(illustType=2, urls={"original": frame}))
    assert (work.revision, work.extension) == (REVISION, "jpg")


@pytest.mark.parametrize(
    ("changes", "because"),
    [
        ({"xRestrict": 1}, "login needed"),
        ({}, "the original is not shown"),
        ({"width": 0, "height": 0}, "the original is not shown"),
    ],
)
def test_a_work_that_the_reader_may_not_see(changes: dict[str, Any], because: str) -> None:
    for urls in (dict.fromkeys(("mini", "thumb", "small", "regular", "original")), None, []):
        work = parsed(catalogue.ILLUST_DETAIL, detail(urls=urls, **changes))
        assert (work.urls.original, work.revision, work.masked_because) == (None, None, because)
        (page,) = parsed(catalogue.ILLUST_PAGES, [making.pages()[0] | {"urls": urls}], id=WORK)
        assert page.image is None


def test_a_placeholder_is_no_original() -> None:
    urls = {"thumb": PLACEHOLDER, "original": PLACEHOLDER}
    work = parsed(catalogue.ILLUST_DETAIL, detail(urls=urls))
    assert (work.urls.original, work.masked_because) == (None, "limit_unknown")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": None}, "id"),
        ({"id": 0}, "id"),
        ({"id": "0"}, "id"),
        ({"id": -5}, "id"),
        ({"id": True}, "id"),
        ({"id": 5.0}, "id"),
        ({"id": "5.0"}, "id"),
        ({"id": "٥"}, "id"),
        ({"id": 2**63 - 1 + 1}, ""),
        ({"userId": 0}, "userId"),
        ({"userId": [1]}, "userId"),
        ({"title": None}, "title"),
        ({"title": 7}, "title"),
        ({"illustType": 3}, "illustType"),
        ({"illustType": None}, "illustType"),
        ({"pageCount": 0}, "pageCount"),
        ({"pageCount": 10_001}, "pageCount"),
        ({"pageCount": "many"}, "pageCount"),
        ({"width": 0}, "width"),
        ({"height": -1}, "height"),
        ({"height": 1_000_001}, "height"),
        ({"createDate": "yesterday"}, "createDate"),
        ({"createDate": "2022-13-01T00:00:00+00:00"}, "createDate"),
        ({"uploadDate": "0001-01-01T00:00:00+09:00"}, "uploadDate"),
        ({"uploadDate": 1660229174}, "uploadDate"),
        ({"urls": "no"}, "urls"),
        ({"urls": {}}, "urls.original"),
        ({"urls": {"original": "javascript:alert(1)"}}, "urls.original"),
        ({"urls": {"original": "https://i.pximg.net/img-original/img/90000001_p0.png"}}, "urls.original"),
        ({"urls": {"original": f"ftp{making.original()[5:]}"}}, "urls.original"),
        ({"urls": {"original": making.original(WORK + 1)}}, "urls"),
        ({"urls": {"original": making.original(WORK, 1)}}, "urls"),
        ({"tags": {"tags": [{"translation": {}}]}}, "tags.tags.0.tag"),
        ({"viewCount": -1}, "viewCount"),
        ({"seriesNavData": {"seriesId": "none"}}, "seriesNavData.seriesId"),
    ],
)
def test_what_would_make_a_wrong_work(changes: dict[str, Any], field: str) -> None:
    assert refusal(catalogue.ILLUST_DETAIL, detail(**changes)).field == field


@pytest.mark.parametrize("field", ["id", "title", "userId", "userName", "illustType", "pageCount", "urls"])
def test_what_a_work_cannot_be_without(field: str) -> None:
    body = detail()
    del body[field]
    refused = refusal(catalogue.ILLUST_DETAIL, body)
    assert (refused.field, refused.why) == (field, "is missing")


@pytest.mark.parametrize(
    "field", ["description", "createDate", "uploadDate", "tags", "xRestrict", "width", "viewCount", "seriesNavData"]
)
def test_what_a_work_can_be_without(field: str) -> None:
    body = detail()
    del body[field]
    assert parsed(catalogue.ILLUST_DETAIL, body).id == WORK
    assert parsed(catalogue.ILLUST_DETAIL, detail(**{field: None})).id == WORK


def test_a_translation_that_is_no_text_costs_itself_alone() -> None:
    tag = {"tag": "海", "translation": {"odd": ["sea"], "en": "sea"}, "romaji": {"umi": 1}}
    (read,) = parsed(catalogue.ILLUST_DETAIL, detail(tags={"tags": [tag]})).tags.tags
    assert (read.tag, read.translated, read.romaji) == ("海", "sea", None)


def test_an_empty_list_in_place_of_a_series_is_none() -> None:
    assert parsed(catalogue.ILLUST_DETAIL, detail(seriesNavData=[])).series_id is None


def test_an_answer_about_another_work_is_refused() -> None:
    assert refusal(catalogue.ILLUST_DETAIL, detail(), id=WORK + 1).field == "id"
    assert refusal(catalogue.ILLUST_PAGES, making.pages(), id=WORK + 1).field == "0.urls.original"
    assert refusal(catalogue.ILLUST_PAGES, making.pages()[::-1], id=WORK).field == "0.urls.original"
    assert refusal(catalogue.ILLUST_UGOIRA_META, making.ugoira(), id=WORK + 1).field == "originalSrc"
    assert refusal(catalogue.USER_FULL, making.user(), id=USER + 1).field == "userId"
    assert refusal(catalogue.USER_PROFILE_ILLUSTS, {"works": {str(WORK): row()}}, ids=[WORK + 1]).field == "works"
    assert refusal(catalogue.SERIES, BODIES["series"], id=56, p=1).field == "page.seriesId"
    ranking = BODIES["ranking"]
    assert refusal(catalogue.RANKING, ranking, mode="weekly").field == "mode"
    assert refusal(catalogue.RANKING, ranking, mode="daily", date="20220822").field == "date"
    assert refusal(catalogue.RANKING, ranking, mode="daily", p=2).field == "page"
    requests = BODIES["requests.complete_illust"]
    assert refusal(catalogue.REQUESTS_COMPLETE_ILLUST, requests, mode="all", p=2).field == "page.pager.page"
    assert refusal(catalogue.REQUESTS_COMPLETE_ILLUST, requests, mode="r18", p=1).field == "page.mode"


def test_pages() -> None:
    first, second = parsed(catalogue.ILLUST_PAGES, making.pages(), id=WORK)
    assert (first.revision, first.extension, first.width) == (REVISION, "png", 800)
    assert (second.image.page, second.extension) == (1, "jpg")


def test_an_ugoiras_frames() -> None:
    meta = parsed(catalogue.ILLUST_UGOIRA_META, making.ugoira(), id=WORK)
    assert [(frame.file, frame.delay) for frame in meta.frames] == [("000000.jpg", 80), ("000001.jpg", 120)]
    assert (meta.revision, meta.extension, meta.mime_type) == (REVISION, "zip", "image/jpeg")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"frames": []}, "frames"),
        ({"frames": [{"file": "../0.jpg", "delay": 1}]}, "frames.0.file"),
        ({"frames": [{"file": "0.jpg\n", "delay": 1}]}, "frames.0.file"),
        ({"frames": [{"file": "0.jpg", "delay": 0}]}, "frames.0.delay"),
        ({"frames": [{"file": "0.jpg"}]}, "frames.0.delay"),
        ({"originalSrc": making.original()}, "originalSrc"),
        ({"originalSrc": None}, "originalSrc"),
    ],
)
def test_what_would_make_a_wrong_ugoira(changes: dict[str, Any], field: str) -> None:
    assert refusal(catalogue.ILLUST_UGOIRA_META, making.ugoira() | changes).field == field


def rows_of(*rows: Any) -> Any:
    return parsed(catalogue.USER_BOOKMARKS, {"works": list(rows), "total": len(rows)}).works


def test_a_row() -> None:
    [work] = rows_of(row(WORK, bookmarkData={"id": "9", "private": True}, seriesId="4"))
    assert (work.id, work.user_id, work.kind, work.tags) == (WORK, USER, "illust", ["sea", "空"])
    assert (work.revision, work.masked_because, work.is_masked) == (REVISION, None, False)
    assert work.updated == datetime(2022, 8, 11, 14, 46, 14, tzinfo=UTC)
    assert (work.bookmark_data.id, work.series_id) == (9, 4)


def test_advertisements_are_no_rows() -> None:
    assert [work.id for work in rows_of({"isAdContainer": True}, row(1), {"isAdContainer": True}, row(2))] == [1, 2]


@pytest.mark.parametrize(
    "changes",
    [
        masked(),
        {"isMasked": True},
        {"isMasked": True, "id": WORK},
        row(userId="0"),
        row(createDate="1970-01-01T00:00:00+09:00"),
        row(url=PLACEHOLDER),
        masked(title=None, pageCount=None, illustType=None, userName=None, width=0, height=0),
    ],
)
def test_masked_rows_are_kept_and_known(changes: dict[str, Any]) -> None:
    [work] = rows_of({"id": WORK} | changes)
    assert work.id == WORK
    assert work.is_masked
    assert work.masked_because in ("masked", "limit_unknown")


def test_a_title_of_dashes_masks_nothing() -> None:
    [work] = rows_of(row(title="-----"))
    assert not work.is_masked


def test_a_thumbnail_of_another_work_tells_no_revision() -> None:
    [work] = rows_of(row(url=making.thumbnail(WORK + 1)))
    assert work.revision is None


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (row(id=0), "works.0.id"),
        (row(id=None), "works.0.id"),
        (masked(id=0), "works.0.id"),
        (row(userId=None), "works.0.userId"),
        (row(pageCount=0), "works.0.pageCount"),
        (row(title=None), "works.0.title"),
        (row(illustType="9"), "works.0.illustType"),
        (row(tags="sea"), "works.0.tags"),
        (row(updateDate=""), "works.0.updateDate"),
        (None, "works.0"),
        ([], "works.0"),
        ({"isAdContainer": True, "id": "x"}, "works.0.id"),
    ],
)
def test_what_would_make_a_wrong_row(bad: Any, field: str) -> None:
    assert refusal(catalogue.USER_BOOKMARKS, {"works": [bad], "total": 1}).field == field


def test_every_work_of_a_user() -> None:
    profile = parsed(catalogue.USER_PROFILE_ALL, BODIES["user.profile_all"])
    assert profile.illusts == [WORK + 2, WORK]
    assert profile.manga == [WORK + 1]
    assert profile.work_ids == [WORK + 2, WORK + 1, WORK]
    assert [series.id for series in profile.manga_series] == [55]


def test_an_empty_object_arrives_as_a_list() -> None:
    profile = parsed(catalogue.USER_PROFILE_ALL, {"illusts": [], "manga": [], "novels": []})
    assert profile.work_ids == []
    assert parsed(catalogue.USER_WORKS_LATEST, {"illusts": []}).rows == []
    assert parsed(catalogue.USER_PROFILE_ILLUSTS, {"works": []}).works == {}


def test_ids_that_are_none() -> None:
    for key in ("x", "0", "-1", "1.5", "", " 7"):
        assert refusal(catalogue.USER_PROFILE_ALL, {"illusts": {key: None}, "manga": []}).field == "illusts.0"
    assert refusal(catalogue.USER_PROFILE_ALL, {"manga": []}).field == "illusts"
    assert refusal(catalogue.USER_PROFILE_ALL, {"illusts": [1], "manga": []}).field == "illusts"


def test_latest_works() -> None:
    latest = parsed(catalogue.USER_WORKS_LATEST, BODIES["user.works_latest"])
    assert latest.work_ids == [WORK, WORK - 1]
    assert [work.id for work in latest.rows] == [WORK]


def test_a_row_under_another_works_id_is_refused() -> None:
    assert refusal(catalogue.USER_PROFILE_ILLUSTS, {"works": {"7": row(8)}}).field == "works.7"
    assert refusal(catalogue.USER_WORKS_LATEST, {"illusts": {"7": row(8), "6": None}}).field == "illusts.7"


def test_a_ranking() -> None:
    ranking = parsed(catalogue.RANKING, BODIES["ranking"], mode="daily", date="20220823", p=1)
    first = ranking.contents[0]
    assert (first.illust_id, first.rank, first.yes_rank, first.kind, first.illust_page_count) == (
        WORK,
        1,
        5,
        "illust",
        14,
    )
    assert (first.revision, first.series_id) == (REVISION, None)
    assert first.illust_upload_timestamp == datetime(2022, 8, 11, 14, 46, 14, tzinfo=UTC).timestamp()
    assert (ranking.next, ranking.prev, ranking.next_date) == (2, None, None)


def test_a_ranked_series_and_attribute() -> None:
    series = {"illust_series_id": "55", "illust_series_title": "A series"}
    body = BODIES["ranking"] | {"contents": [making.ranked(1) | {"illust_series": series, "attr": {"x": 1}}]}
    assert parsed(catalogue.RANKING, body).contents[0].series_id == 55


@pytest.mark.parametrize("field", ["contents", "date", "mode", "page"])
def test_what_a_ranking_cannot_be_without(field: str) -> None:
    body = {name: value for name, value in BODIES["ranking"].items() if name != field}
    assert refusal(catalogue.RANKING, body).field == field


def test_bookmarks_and_their_tags() -> None:
    bookmarks = parsed(catalogue.USER_BOOKMARKS, BODIES["user.bookmarks"])
    assert [bookmarks.tags_of(work) for work in bookmarks.works] == [["mine"], []]
    assert [work.is_masked for work in bookmarks.works] == [False, True]


def test_requests_and_the_works_that_came_of_them() -> None:
    body = parsed(catalogue.REQUESTS_COMPLETE_ILLUST, BODIES["requests.complete_illust"])
    assert [(request.request_id, request.work_id) for request in body.own_requests] == [(301, WORK), (302, None)]
    assert [request.work_id for request in body.recommended_requests] == [WORK + 5]
    first = body.own_requests[0]
    assert (first.request_price, first.fan_user_id, first.creator_user_id) == (5000, None, USER)
    assert first.answer_due == datetime(2022, 8, 31, 15, tzinfo=UTC)
    overview = parsed(catalogue.REQUESTS_OVERVIEW, BODIES["requests.overview"])
    assert [(request.request_id, request.work_id) for request in overview.own_requests] == [(301, WORK), (303, None)]


def test_search_results() -> None:
    artworks = parsed(catalogue.SEARCH_ARTWORKS, making.search("illustManga"))
    assert ([work.id for work in artworks.rows], artworks.total) == ([WORK, WORK + 1], 130)
    apart = parsed(catalogue.SEARCH_ARTWORKS, making.search("illust", "manga"))
    assert (len(apart.rows), apart.total, apart.longest) == (4, 260, 130)
    refused = refusal(catalogue.SEARCH_ARTWORKS, making.search("novel"))
    assert refused.why.startswith("must hold illustManga, illust or manga")


def test_lists_whose_rows_lie_apart() -> None:
    feed = parsed(catalogue.FEED_ILLUST, BODIES["feed.illust"])
    assert feed.work_ids == [WORK, WORK + 1]
    assert [work.id for work in feed.rows_for([WORK + 1, 5, WORK])] == [WORK + 1, WORK]
    discovered = parsed(catalogue.DISCOVERY_ARTWORKS, BODIES["discovery.artworks"])
    assert discovered.work_ids == [WORK + 1, WORK]
    series = parsed(catalogue.SERIES, BODIES["series"], id=55)
    assert series.work_ids == [WORK, WORK + 1]
    assert parsed(catalogue.DISCOVERY_ARTWORKS, {"thumbnails": [], "tagTranslation": []}).rows == []


def test_comments() -> None:
    comments = parsed(catalogue.ILLUST_COMMENTS, BODIES["illust.comments"]).comments
    assert comments[0].written == datetime(2022, 8, 11, 16, 2, tzinfo=UTC)
    assert (comments[1].user_id, comments[1].stamp_id, comments[1].is_deleted_user) == (0, 303, True)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "the body: is not JSON"),
        (b"<html>", "the body: is not JSON"),
        (b"[]", "the body: is a list instead of an object"),
        (b"null", "the body: is null instead of an object"),
        (b'{"hello": "world"}', "body: is missing"),
        (b'{"error": true, "message": "gone\\u202e\\nnow", "body": []}', "error: pixiv says 'gone now'"),
        (b'{"error": "no such page"}', "error: pixiv says 'no such page'"),
        (b'{"error": true, "body": {}}', "error: pixiv says true"),
        (b'{"error": false, "body": []}', "the body: must be an object, not a list"),
        (b'{"error": false, "error": false, "body": {}}', "the body: has the key 'error' twice"),
        (b'{"error": false, "body": {"id": NaN}}', "the body: has NaN, which is not JSON"),
        (b'{"error": false, "body": {"id": 1e999}}', "the body: holds a number too large to be one"),
        (b'{"error": false, "body": {"id": ' + b"9" * 5000 + b"}}", "the body: holds a number beyond 64 bits"),
        (b'{"body": {"\\ud800": 1, "\\udfff": 2}}', "the body: has the key '\ufffd' twice"),
        (b'{"error": false, "body": {"id": "\xff"}}', "the body: is not UTF-8"),
        (b'{"body":' + b"[" * 100_000, "the body: is nested too deeply"),
        (b'{"body":' + b"[" * 100 + b"]" * 100 + b"}", "the body: is nested too deeply"),
    ],
)
def test_what_is_no_body(payload: bytes | str, says: str) -> None:
    with pytest.raises(BodyRefused) as refused:
        catalogue.ILLUST_DETAIL.parse(payload)
    message = str(refused.value)
    assert message.startswith(f"illust.detail: {says}")
    assert message.isprintable()
    assert len(message) < 400


def test_a_ranking_that_is_an_error() -> None:
    with pytest.raises(BodyRefused, match=r"ranking: error: pixiv says 'There is no such page\.'"):
        catalogue.RANKING.parse(b'{"error": "There is no such page."}')


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert catalogue.ILLUST_DETAIL.parse(answer("illust.detail", detail(title="\U0001f30a"))).title == "\U0001f30a"


@pytest.mark.parametrize("payload", [answer("illust.detail", detail(title="a\ud83d")), '{"body": "a\ud83d"}'])
def test_half_a_pair_of_surrogates_costs_one_character(payload: str) -> None:
    document = read_document(payload)
    body = document["body"]
    assert (body["title"] if isinstance(body, dict) else body) == "a\ufffd"


def test_many_keys_of_which_the_last_comes_twice_take_no_time() -> None:
    text = "{" + "".join(f'"{number}":0,' for number in range(50_000)) + '"49999":0}'
    began = time.process_time()
    with pytest.raises(DocumentRefused, match="'49999' twice"):
        read_document(text)
    assert time.process_time() - began < 2


def many(*rows: Any, asked: tuple[int, ...] = (WORK, WORK + 1)) -> tuple[list[Any], list[str]]:
    """The rows that are read of an answer of the mobile site, and the fields that cost the others their place."""
    odd: list[BodyRefused] = []
    body = answer("illust.details_many", {"illust_details": list(rows)})
    read = catalogue.ILLUST_DETAILS_MANY.parse(body, {"illust_ids": list(asked)}, odd)
    return read.illust_details, [each.field for each in odd]


def test_the_mobile_site_tells_a_work_s_caption_and_first_address() -> None:
    (work,), odd = many(mobile_row())
    assert (work.comment, work.kind, work.page_count, work.width) == ("by the sea", "illust", 2, 800)
    assert (work.original.extension, work.revision, odd) == ("png", REVISION, [])


@pytest.mark.parametrize(
    "told",
    [None, making.thumbnail(WORK), "https://i.pximg.net/elsewhere.jpg"],
)
def test_without_an_original_the_thumbnail_tells_the_revision(told: str | None) -> None:
    (work,), odd = many(mobile_row(url_big=told))
    assert (work.original, work.revision, odd) == (None, REVISION, [])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url_big": making.original(WORK + 1)}, "url_big"),
        ({"url_big": making.original(WORK, 1)}, "url_big"),
        ({"author_details": {"user_id": "1", "user_name": "Another"}}, "author_details"),
        ({"author_details": []}, "author_details"),
        ({"page_count": "0"}, "page_count"),
        ({"page_count": None}, "page_count"),
        ({"type": "3"}, "type"),
        ({"comment": 7}, "comment"),
        ({"tags": [{"tag": "sea"}]}, "tags.0"),
    ],
)
def test_an_odd_row_of_the_mobile_site_costs_itself_alone(changes: dict[str, Any], field: str) -> None:
    rows, odd = many(mobile_row(**changes), mobile_row(WORK + 1))
    assert ([row.id for row in rows], odd) == ([WORK + 1], [f"illust_details.0.{field}"])


@pytest.mark.parametrize("body", [[], {}, {"illust_details": {"1": {}}}, {"illust_details": "none"}, {"illusts": []}])
def test_another_shape_than_the_mobile_site_s_is_refused(body: Any) -> None:
    refusal(catalogue.ILLUST_DETAILS_MANY, body, illust_ids=[WORK])


def test_rows_of_works_that_nobody_asked_for_are_refused() -> None:
    body = {"illust_details": [mobile_row(), mobile_row(WORK + 1)]}
    assert refusal(catalogue.ILLUST_DETAILS_MANY, body, illust_ids=[WORK]).field == "illust_details.1.id"
