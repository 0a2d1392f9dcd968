"""Every page a person may paste, and what is said about those that no spider reads."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pixivcrawl.api.urls import LONGEST_ADDRESS, Target, UrlRefused, addresses_in, read_url

SITE = "https://www.pixiv.net"
MIKU = quote("初音ミク")

PAGES: list[tuple[str, str, dict[str, str]]] = [
    # Works
    ("/artworks/77996773", "artwork", {"id": "77996773"}),
    ("/en/artworks/77996773#3", "artwork", {"id": "77996773"}),
    ("/artworks/77996773#manga", "artwork", {"id": "77996773"}),
    ("/artworks/0077996773/", "artwork", {"id": "77996773"}),
    ("/member_illust.php?mode=medium&illust_id=77996773", "artwork", {"id": "77996773"}),
    ("/member_illust.php?mode=manga_big&illust_id=77996773&page=2", "artwork", {"id": "77996773"}),
    ("/bookmark_detail.php?illust_id=77996773", "artwork", {"id": "77996773"}),
    ("/bookmark_add.php?type=illust&illust_id=77996773", "artwork", {"id": "77996773"}),
    ("/i/77996773", "artwork", {"id": "77996773"}),
    # Artists
    ("/users/11", "user", {"id": "11"}),
    ("/u/11", "user", {"id": "11"}),
    ("/user/11", "user", {"id": "11"}),
    ("/member.php?id=11", "user", {"id": "11"}),
    ("/users/11/artworks", "user", {"id": "11"}),
    ("/users/11/illustrations", "user", {"id": "11", "type": "illust_and_ugoira"}),
    ("/users/11/manga", "user", {"id": "11", "type": "manga"}),
    ("/users/11/request", "requests", {"id": "11"}),
    ("/users/11/avatar", "user", {"id": "11", "only": "avatar"}),
    ("/en/users/11/background/", "user", {"id": "11", "only": "background"}),
    ("/artworks/unlisted/eE3fTYaROT9IsZmep386", "artwork", {"unlisted": "eE3fTYaROT9IsZmep386"}),
    ("/collections/701", "collection", {"id": "701"}),
    (f"/users/11/artworks/{MIKU}", "user", {"id": "11", "tag": "初音ミク"}),
    (f"/users/11/illustrations/{MIKU}", "user", {"id": "11", "type": "illust_and_ugoira", "tag": "初音ミク"}),
    (f"/users/11/manga/{MIKU}?p=2", "user", {"id": "11", "type": "manga", "tag": "初音ミク"}),
    ("/member_illust.php?id=11", "user", {"id": "11"}),
    ("/member_illust.php?id=11&type=ugoira&tag=cat&p=2", "user", {"id": "11", "type": "ugoira", "tag": "cat"}),
    # What people bookmark and follow
    ("/users/11/bookmarks/artworks", "bookmarks", {"id": "11"}),
    ("/users/11/bookmarks", "bookmarks", {"id": "11"}),
    ("/users/11/bookmarks/artworks?rest=hide", "bookmarks", {"id": "11", "rest": "hide"}),
    (
        f"/users/11/bookmarks/artworks/{MIKU}?rest=show&p=3",
        "bookmarks",
        {"id": "11", "tag": "初音ミク", "rest": "show"},
    ),
    ("/bookmark.php", "bookmarks", {"id": "me"}),
    ("/bookmark.php?rest=hide", "bookmarks", {"id": "me", "rest": "hide"}),
    ("/bookmark.php?id=11&rest=show&tag=a+b", "bookmarks", {"id": "11", "rest": "show", "tag": "a b"}),
    ("/bookmark.php?type=illust_all&rest=hide", "bookmarks", {"id": "me", "rest": "hide"}),
    ("/bookmark.php?type=user&rest=hide", "following", {"id": "me", "rest": "hide"}),
    ("/bookmark.php?type=user&id=11", "following", {"id": "11"}),
    ("/bookmark.php?type=reg_user", "followers", {"id": "me"}),
    ("/users/11/following", "following", {"id": "11"}),
    ("/users/11/following?rest=hide", "following", {"id": "11", "rest": "hide"}),
    ("/users/11/followers", "followers", {"id": "11"}),
    # Searches
    (f"/tags/{MIKU}", "search", {"word": "初音ミク", "target": "artworks"}),
    (
        f"/tags/{MIKU}?mode=r18&ai_type=1",
        "search",
        {"word": "初音ミク", "target": "artworks", "mode": "r18", "ai_type": "1"},
    ),
    (f"/tags/{MIKU}/artworks", "search", {"word": "初音ミク", "target": "artworks"}),
    (
        f"/en/tags/{MIKU}/illustrations?order=date&mode=r18&s_mode=s_tag&type=ugoira&p=4",
        "search",
        {
            "word": "初音ミク",
            "target": "illustrations",
            "order": "date",
            "mode": "r18",
            "s_mode": "s_tag",
            "type": "ugoira",
        },
    ),
    (
        "/tags/cat/artworks?wlt=1&wgt=2&hlt=3&hgt=4&ratio=0.5&tool=SAI&scd=2025-02-10&ecd=2026-02-10&blt=5&bgt=6",
        "search",
        {
            "word": "cat",
            "target": "artworks",
            "wlt": "1",
            "wgt": "2",
            "hlt": "3",
            "hgt": "4",
            "ratio": "0.5",
            "tool": "SAI",
            "scd": "2025-02-10",
            "ecd": "2026-02-10",
            "blt": "5",
            "bgt": "6",
        },
    ),
    ("/tags/cat/manga?work_lang=ja", "search", {"word": "cat", "target": "manga", "work_lang": "ja"}),
    ("/tags/C%2B%2B/artworks", "search", {"word": "C++", "target": "artworks"}),
    ("/tags/a+b/artworks", "search", {"word": "a+b", "target": "artworks"}),
    ("/tags/Fate%2FGrand%20Order/artworks", "search", {"word": "Fate/Grand Order", "target": "artworks"}),
    ("/tags/novels/artworks", "search", {"word": "novels", "target": "artworks"}),
    ("/tags/東方 cat/artworks", "search", {"word": "東方 cat", "target": "artworks"}),
    ("/tags/..%2F..%2Fetc/artworks", "search", {"word": "../../etc", "target": "artworks"}),
    ("/tags.php?tag=cat", "search", {"word": "cat", "target": "artworks"}),
    ("/search.php?word=a+b", "search", {"word": "a b", "target": "artworks"}),
    (
        "/search.php?s_mode=s_tag_full&word=cat&type=illust&order=date_d",
        "search",
        {"word": "cat", "target": "illustrations", "type": "illust", "s_mode": "s_tag_full", "order": "date_d"},
    ),
    ("/search.php?word=cat&type=manga", "search", {"word": "cat", "target": "manga"}),
    ("/search?q=cat&s_mode=tag&type=artwork", "search", {"word": "cat", "target": "artworks", "s_mode": "s_tag"}),
    ("/search?q=cat&s_mode=tag_full", "search", {"word": "cat", "target": "artworks", "s_mode": "s_tag_full"}),
    (
        "/search?q=cat&s_mode=tc&type=illust_ugoira",
        "search",
        {"word": "cat", "target": "illustrations", "type": "illust_and_ugoira", "s_mode": "s_tc"},
    ),
    (
        "/search?q=cat&type=ugoira&order=date",
        "search",
        {"word": "cat", "target": "illustrations", "type": "ugoira", "order": "date"},
    ),
    ("/search?q=cat&type=illust", "search", {"word": "cat", "target": "illustrations", "type": "illust"}),
    (
        "/search.php?word=cat&type=illust_and_ugoira",
        "search",
        {"word": "cat", "target": "illustrations", "type": "illust_and_ugoira"},
    ),
    ("/search.php?word=cat&type=all", "search", {"word": "cat", "target": "artworks"}),
    # Rankings and series
    ("/ranking.php", "ranking", {}),
    (
        "/ranking.php?mode=daily_r18&date=20260101&content=manga&p=2&format=json",
        "ranking",
        {"mode": "daily_r18", "date": "20260101", "content": "manga"},
    ),
    ("/user/11/series/22", "series", {"id": "22"}),
    ("/user/11/series/22?p=3", "series", {"id": "22"}),
    # Requests
    ("/request", "requests", {"state": "overview"}),
    ("/request?mode=r18", "requests", {"state": "overview", "mode": "r18"}),
    ("/request/complete/illust", "requests", {"state": "complete", "type": "illust"}),
    (
        "/request/complete/ugoira?mode=safe&p=2",
        "requests",
        {"state": "complete", "type": "ugoira", "mode": "safe"},
    ),
    ("/request/creators/manga", "requests", {"state": "creators", "type": "manga"}),
    ("/request/creators/works/illust", "requests", {"state": "creators", "type": "illust"}),
    ("/request/in_progress/all", "requests", {"state": "in_progress", "type": "all"}),
    ("/request/in_progress", "requests", {"state": "in_progress"}),
    ("/request/complete", "requests", {"state": "complete"}),
    ("/request/creators", "requests", {"state": "creators"}),
    # What pixiv puts together
    ("/bookmark_new_illust.php", "feed", {}),
    ("/bookmark_new_illust.php?mode=safe&p=2", "feed", {"mode": "safe"}),
    ("/bookmark_new_illust.php?tag=cat&mode=all", "feed", {"mode": "all", "tags": "cat"}),
    ("/bookmark_new_illust_r18.php", "feed", {"mode": "r18"}),
    ("/bookmark_new_illust.php?tag=&p=2", "feed", {}),
    ("/bookmark_new_illust_r18.php?tag=cat", "feed", {"mode": "r18", "tags": "cat"}),
    ("/mypixiv_new_illust.php", "mypixiv", {}),
    ("/new_illust.php", "new", {}),
    ("/new_illust.php?type=manga&r18=true", "new", {"type": "manga", "r18": "true"}),
    ("/new_illust_r18.php?type=manga", "new", {"type": "manga", "r18": "true"}),
    ("/discovery", "discovery", {"target": "artworks"}),
    ("/discovery?mode=r18", "discovery", {"target": "artworks", "mode": "r18"}),
    ("/discovery/artworks", "discovery", {"target": "artworks"}),
    ("/discovery/users", "discovery", {"target": "users"}),
    ("/watchlist/manga", "watchlist", {}),
    ("/watchlist", "watchlist", {}),
    ("", "top", {}),
    ("/", "top", {}),
    ("/en/", "top", {}),
    ("/?mode=r18", "top", {"mode": "r18"}),
    ("/illustration", "top", {}),
    ("/index.php", "top", {}),
    ("/mypage.php", "top", {}),
    ("/cate_r18.php", "top", {"mode": "r18"}),
]

IMAGES = [
    "https://i.pximg.net/img-original/img/2022/08/11/23/46/14/77996773_p0.jpg",
    "https://i.pximg.net/img-master/img/2022/08/11/23/46/14/77996773_p12_master1200.jpg",
    "https://i.pximg.net/c/250x250_80_a2/img-master/img/2022/08/11/23/46/14/77996773_p0_square1200.jpg",
    "https://i.pximg.net/c/360x360_70/custom-thumb/img/2022/08/11/23/46/14/77996773_p0_custom1200.jpg",
    "https://i.pximg.net/img-zip-ugoira/img/2022/08/11/23/46/14/77996773_ugoira1920x1080.zip",
    "i-f.pximg.net/img-original/img/2022/08/11/23/46/14/77996773_p0.png?x=1",
]

REFUSED: list[tuple[str, str]] = [
    (f"{SITE}/novel/show.php?id=12771688", "a novel;"),
    (f"{SITE}/novel/series/1090654", "a novel;"),
    (f"{SITE}/en/novel/", "a novel;"),
    (f"{SITE}/n/12771688", "a novel;"),
    (f"{SITE}/users/11/novels", "a novel;"),
    (f"{SITE}/users/11/bookmarks/novels", "a novel;"),
    (f"{SITE}/tags/cat/novels", "a novel;"),
    (f"{SITE}/search?q=cat&type=novel", "a novel;"),
    (f"{SITE}/request/complete/novel", "a novel;"),
    (f"{SITE}/request/creators/works/novels", "a novel;"),
    (f"{SITE}/watchlist/novel", "a novel;"),
    (f"{SITE}/bookmark.php?type=novel", "a novel;"),
    (f"{SITE}/member_illust.php?id=11&type=novel", "a novel;"),
    (f"{SITE}/fanbox/creator/11", "pixivFANBOX is not archived"),
    ("https://touch.elsewhere.pixiv.net/artworks/1", "another service of pixiv is not archived"),
    ("https://pixiv.me/", "only has account names"),
    ("https://pixiv.me/someone/works", "only has account names"),
    ("https://pixiv.me/some%20one", "only has account names"),
    ("https://pixiv.me/%2e%2e", "only has account names"),
    ("https://evil.pixiv.me/someone", "is not pixiv"),
    (f"{SITE}/stacc/someone", "without its id"),
    (f"{SITE}/jump.php?https%3A%2F%2Fexample.com", "outside pixiv"),
    (f"{SITE}/ajax/illust/77996773", "pixivcrawl api"),
    (f"{SITE}/touch/ajax/illust/details?illust_id=77996773", "pixivcrawl api"),
    (f"{SITE}/search/users?nick=a", "search for artists"),
    (f"{SITE}/search?q=a&type=user", "search for artists"),
    (f"{SITE}/search?q=a&type=sculpture", "'sculpture'"),
    (f"{SITE}/search.php", "without a word"),
    (f"{SITE}/artworks/unlisted/../x", "not a page"),
    (f"{SITE}/artworks/", "'/artworks' is not a page"),
    (f"{SITE}/contest/gf2", "'/contest/gf2' is not a page"),
    (f"{SITE}/users/11/mypixiv", "'/users/11/mypixiv' is not a page"),
    (f"{SITE}/tags/cat/sculptures", "'/tags/cat/sculptures' is not a page"),
    (f"{SITE}/request/plans/new", "'/request/plans/new' is not a page"),
    (f"{SITE}/info.php?id=1", "'/info.php' is not a page"),
    (f"{SITE}/artworks/12a", "'12a' is not a work's id"),
    (f"{SITE}/artworks/0", "'0' is not a work's id"),
    (f"{SITE}/artworks/-5", "'-5' is not a work's id"),
    (f"{SITE}/artworks/９", "not a work's id"),
    (f"{SITE}/artworks/9223372036854775808", "not a work's id"),
    (f"{SITE}/users/me", "'me' is not an artist's id"),
    (f"{SITE}/member.php", "'' is not an artist's id"),
    (f"{SITE}/member_illust.php", "'' is not an artist's id"),
    (f"{SITE}/tags/%20/artworks", "word is empty"),
    (f"{SITE}/tags/a%00b/artworks", "control characters"),
    (f"{SITE}/tags/a%7Fb/artworks", "control characters"),
    (f"{SITE}/tags/a%C2%9Fb/artworks", "control characters"),
    (f"{SITE}/tags/%FF/artworks", "not an address"),
    (f"{SITE}/search.php?word=%FF", "not an address"),
    ("https://example.com/artworks/77996773", "'example.com' is not pixiv"),
    ("https://www.pixiv.net.example.com/artworks/1", "'www.pixiv.net.example.com' is not pixiv"),
    ("https://notpixiv.net/artworks/1", "'notpixiv.net' is not pixiv"),
    ("https://notpximg.net/img-original/img/2022/08/11/23/46/14/1_p0.jpg", "'notpximg.net' is not pixiv"),
    ("https://i.pximg.net/user-profile/img/2022/08/11/23/46/14/1_a_170.jpg", "belongs to no work"),
    ("https://s.pximg.net/common/images/limit_unknown_360.png", "belongs to no work"),
    ("ftp://www.pixiv.net/artworks/1", "not an address"),
    ("file:///artworks/1", "not an address"),
    ("javascript:alert(1)", "not an address"),
    ("mailto:someone@pixiv.net", "not an address"),
    ("https://www.pixiv.net:8443/artworks/1", "not an address"),
    ("https://[www.pixiv.net/artworks/1", "not an address"),
    ("https://www.pixiv.net:x/artworks/1", "not an address"),
    ("初音ミク", "not an address"),
    ("", "nothing to read"),
    (" <\u3000\ufeff>\n", "nothing to read"),
    ("0", "'0' is not a work's id"),
    ("9" * 5000, "not a work's id"),
    (SITE + "/tags/" + "a" * LONGEST_ADDRESS, "too many"),
]


@pytest.mark.parametrize(("page", "spider", "arguments"), PAGES)
def test_a_page_is_read_by_its_spider(page: str, spider: str, arguments: dict[str, str]) -> None:
    assert read_url(SITE + page) == Target(spider, arguments)


@pytest.mark.parametrize("page", [page for page, _, _ in PAGES])
@pytest.mark.parametrize("host", ["http://www.pixiv.net", "pixiv.net", "//m.pixiv.net", "HTTPS://Touch.Pixiv.Net.:443"])
def test_the_host_and_scheme_make_no_difference(host: str, page: str) -> None:
    assert read_url(host + page) == read_url(SITE + page)


@pytest.mark.parametrize("page", [page for page, _, _ in PAGES if not page.startswith("/en/")])
@pytest.mark.parametrize("language", ["en", "ja", "ko", "zh", "zh_tw", "zh-CN"])
def test_a_language_makes_no_difference(language: str, page: str) -> None:
    assert read_url(f"{SITE}/{language}{page}") == read_url(SITE + page)


@pytest.mark.parametrize("page", [page for page, _, _ in PAGES if page and "#" not in page])
def test_slashes_fragments_and_tracking_make_no_difference(page: str) -> None:
    path, _, query = page.partition("?")
    tracked = f"{SITE}/{path}//?utm_source=x&{query}&lang=en&&flag#&rest=hide"
    assert read_url(tracked) == read_url(SITE + page)


@pytest.mark.parametrize(
    "around",
    [
        *("<{}>", '"{}"', "'{}'", "`{}`", "“{}”", "‘{}’", "«{}»", "「{}」", "『{}』", "【{}】", "({})", "（{}）"),
        *(" {}\n", "\u3000{}\u3000", "\ufeff{}\u200b", "\u2060{}", '\t"<{}>" ', "<{}"),
    ],
)
def test_what_stands_around_an_address_is_left_out(around: str) -> None:
    assert read_url(around.format(f"{SITE}/artworks/77996773")) == Target("artwork", {"id": "77996773"})


def test_brackets_that_belong_to_a_tag_stay() -> None:
    assert read_url(f"{SITE}/users/11/artworks/cat(animal)").arguments["tag"] == "cat(animal)"
    assert read_url(f"{SITE}/users/11/artworks/「cat」").arguments["tag"] == "「cat」"


def test_an_address_copied_from_a_page_source_is_read() -> None:
    assert read_url(f"{SITE}/member_illust.php?mode=medium&amp;illust_id=77996773").arguments == {"id": "77996773"}


def test_an_address_that_a_mail_broke_over_two_lines_is_read() -> None:
    assert read_url(f"{SITE}/artworks/779\r\n96773").arguments == {"id": "77996773"}


def test_the_first_of_repeated_parameters_counts() -> None:
    assert read_url(f"{SITE}/member.php?id=11&id=12").arguments == {"id": "11"}


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ("77996773", "77996773"),
        (" 77996773\n", "77996773"),
        ("007", "7"),
        ("1, 2,3", "1,2,3"),
        ("1 2\u30003", "1,2,3"),
        ("9223372036854775807", "9223372036854775807"),
    ],
)
def test_bare_ids_are_works(ids: str, expected: str) -> None:
    assert read_url(ids) == Target("artwork", {"id": expected})


@pytest.mark.parametrize("url", IMAGES)
def test_an_image_leads_to_its_work(url: str) -> None:
    assert read_url(url) == Target("artwork", {"id": "77996773"})


@pytest.mark.parametrize(("text", "because"), REFUSED, ids=range(len(REFUSED)))
def test_what_no_spider_reads_is_refused_with_the_reason(text: str, because: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        read_url(text)
    assert because in str(refused.value)
    assert ";" in str(refused.value), "says what to do next"
    assert_one_line(str(refused.value))


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("accounts.pixiv.net", "the log-in page"),
        ("app-api.pixiv.net", "the phone app's API"),
        ("oauth.secure.pixiv.net", "the phone app's API"),
        ("someone.booth.pm", "BOOTH"),
        ("comic.pixiv.net", "pixiv COMIC"),
        ("dic.pixiv.net", "pixiv's encyclopedia"),
        ("factory.pixiv.net", "pixivFACTORY"),
        ("someone.fanbox.cc", "pixivFANBOX"),
        ("fanbox.pixiv.net", "pixivFANBOX"),
        ("novel.pixiv.net", "pixiv's novels"),
        ("www.pixiv.help", "pixiv's help pages"),
        ("www.pixivision.net", "pixivision"),
        ("sketch.pixiv.net", "pixiv Sketch"),
        ("hub.vroid.com", "VRoid"),
    ],
)
def test_another_service_is_refused_by_its_name(host: str, service: str) -> None:
    with pytest.raises(UrlRefused, match=f"^{service} is not archived; "):
        read_url(f"https://{host}/en/artworks/77996773")


@pytest.mark.parametrize(
    "address", ["https://pixiv.me/en", "pixiv.me/en", "http://www.pixiv.me/en?utm_source=x", "<pixiv.me/en>"]
)
def test_the_name_of_an_account_stands_for_its_artist(address: str) -> None:
    assert read_url(address) == Target("user", {"account": "en"})


MIRRORED = [
    "https://phixiv.net/artworks/77996773",
    "https://www.phixiv.net/en/artworks/77996773/2",
    "https://phixiv.net/i/77996773",
    "https://phixiv.net/member_illust.php?mode=medium&illust_id=77996773",
    "https://embed.pixiv.net/artwork.php?illust_id=77996773&mtype=15",
    "https://ppxiv.net/artworks/77996773#ppxiv",
    "https://pixiv.cat/77996773.jpg",
    "https://pixiv.re/77996773-3.png",
    "pixiv.nl/77996773.gif",
    "https://i.pixiv.re/img-original/img/2022/08/11/23/46/14/77996773_p0.jpg",
    "https://i.pixiv.cat/c/250x250_80_a2/img-master/img/2022/08/11/23/46/14/77996773_p0_square1200.jpg",
]


@pytest.mark.parametrize("address", MIRRORED)
def test_a_mirror_leads_to_the_work_that_its_address_names(address: str) -> None:
    assert read_url(address) == Target("artwork", {"id": "77996773"})


def test_a_mirrored_artist_is_an_artist() -> None:
    assert read_url("https://phixiv.net/users/11") == Target("user", {"id": "11"})


@pytest.mark.parametrize("host", ["phixiv.net", "ppxiv.net", "pixiv.cat", "pixiv.nl", "pixiv.re", "embed.pixiv.net"])
def test_a_mirror_whose_address_holds_no_id_is_refused_by_its_name(host: str) -> None:
    for address in (f"https://{host}/", f"www.{host}/about", f"https://{host}/tags/cat/artworks"):
        with pytest.raises(UrlRefused, match=f"^{host} is not pixiv itself; "):
            read_url(address)


def test_a_host_that_only_ends_like_a_mirror_is_not_one() -> None:
    with pytest.raises(UrlRefused, match=r"'notpixiv\.cat' is not pixiv"):
        read_url("https://notpixiv.cat/77996773.jpg")


@pytest.mark.parametrize(
    "pasted",
    [
        "#77996773",
        "77996773,",
        "77996773.",
        f"{SITE}/artworks/77996773,",
        f"{SITE}/artworks/77996773.",
        f"{SITE}/artworks/77996773。",
        f"「{SITE}/artworks/77996773」,",
        "artworks/77996773",
        "/en/artworks/77996773",
        "member_illust.php?mode=medium&illust_id=77996773",
        "77996773_p0.jpg",
        "77996773_p12_master1200.jpg",
        "77996773-0123456789abcdef0123456789abcdef_p0.png",
        "77996773_p0 - a title.jpg",
        "77996773_p0 (1).png",
        "77996773_ugoira1920x1080.zip",
        "77996773_ugoira0.png",
        "77996773_p0_20220811234614.jpg",
        r"C:\Users\me\Pictures\77996773_p0.jpg",
        "/mnt/pictures/someone/77996773_p0.jpg",
        "https://i1.pixiv.net/img01/img/someone/77996773.jpg",
        "http://img58.pixiv.net/img/someone/77996773_big_p0.jpg",
        "http://i2.pixiv.net/img02/img/someone/77996773_m.png",
        "img/someone/77996773.jpg",
        "img77/img/someone/77996773_s.jpg",
    ],
)
def test_a_work_is_read_however_it_is_named(pasted: str) -> None:
    assert read_url(pasted) == Target("artwork", {"id": "77996773"})


@pytest.mark.parametrize(
    "pasted", ["users/11", "/u/11/", "en/users/11", "member.php?id=11", f"{SITE}/#id=11", f"{SITE}/mypage.php#id=11"]
)
def test_an_artist_is_read_however_they_are_named(pasted: str) -> None:
    assert read_url(pasted) == Target("user", {"id": "11"})


@pytest.mark.parametrize(
    ("page", "name"),
    [
        ("/tags/cat/artworks?order=date&colour=red", "colour"),
        ("/users/11/artworks?order=popular_d", "order"),
        ("/users/11/bookmarks/artworks?rest=hide&untagged=1", "untagged"),
        ("/ranking.php?mode=daily&gender=male", "gender"),
        ("/search?q=cat&nsfw=1", "nsfw"),
        ("/bookmark_new_illust.php?mode=r18&user=5", "user"),
    ],
)
def test_a_parameter_is_never_lost(page: str, name: str) -> None:
    with pytest.raises(UrlRefused, match=f"^its parameter '{name}' is not known here; "):
        read_url(SITE + page)


@pytest.mark.parametrize("page", [page for page, _, _ in PAGES])
def test_what_says_nothing_of_the_works_may_stand_in_any_address(page: str) -> None:
    path, _, query = page.partition("?")
    path, _, fragment = path.partition("#")
    assert read_url(f"{SITE}{path}?{query}&p=3&lang=en&utm_campaign=x&fbclid=y#{fragment}") == read_url(SITE + page)


ONE, OTHER = f"{SITE}/artworks/1", f"{SITE}/users/11"


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        (f"{ONE} {OTHER}", [ONE, OTHER]),
        (f"{ONE},{OTHER},", [ONE, OTHER]),
        (f"{ONE}{OTHER}", [ONE, OTHER]),
        (f"<{ONE}>|<{OTHER}>", [ONE, OTHER]),
        (f"[a work]({ONE})", [ONE]),
        (f"- [a work]({ONE}) by [x]({OTHER}), and {SITE}/artworks/2", [ONE, OTHER, f"{SITE}/artworks/2"]),
        (f'[a [cat]]({ONE} "title"), [x](<{OTHER}>).', [ONE, OTHER]),
        (f"[{ONE}]({ONE})", [ONE]),
        (f"[tag]({SITE}/users/11/artworks/cat(animal))", [f"{SITE}/users/11/artworks/cat(animal)"]),
        (f"{SITE}/tags/東方 cat/artworks", [f"{SITE}/tags/東方 cat/artworks"]),
        (f"1 2 {OTHER}", ["1 2", OTHER]),
        (f"https://accounts.pixiv.net/login?return_to={ONE}", [f"https://accounts.pixiv.net/login?return_to={ONE}"]),
        ("77996773_p0.jpg", ["77996773_p0.jpg"]),
        ("", [""]),
    ],
)
def test_several_addresses_in_one_line_are_told_apart(text: str, addresses: list[str]) -> None:
    assert addresses_in(text) == addresses


@given(
    st.lists(st.sampled_from([page for page, _, _ in PAGES if page]), min_size=1, max_size=4),
    st.sampled_from([" ", ",", ", ", "\n", "|"]),
)
def test_a_line_of_pages_is_those_pages(pages: list[str], between: str) -> None:
    addresses = [SITE + page for page in pages]
    assert [read_url(each) for each in addresses_in(between.join(addresses))] == [read_url(each) for each in addresses]


@given(st.text(st.characters()))
def test_any_text_is_cut_into_what_is_read_or_refused(text: str) -> None:
    for address in addresses_in(text):
        read_or_refused(address)


@pytest.mark.parametrize("pasted", ["PHPSESSID=11_abcdef", "https://me:hunter2@www.pixiv.net/", "https://[hunter2"])
def test_a_secret_pasted_by_mistake_is_not_repeated(pasted: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        read_url(pasted)
    assert "abcdef" not in str(refused.value)
    assert "hunter2" not in str(refused.value)


def assert_one_line(message: str) -> None:
    assert len(message) < 250
    assert not [character for character in message if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


def read_or_refused(text: str) -> Target | None:
    try:
        target = read_url(text)
    except UrlRefused as refused:
        assert_one_line(str(refused))
        return None
    for value in target.arguments.values():
        assert value.strip()
        assert not [character for character in value if unicodedata.category(character) in {"Cc", "Cs"}]
    return target


@given(st.text(st.characters()))
@example("\ud800")
@example("https://www.pixiv.net/tags/%ED%A0%80/artworks")
@example("https://www.pixiv.net／artworks/1")
@example("(" * 4000 + ")" * 4000)
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(text)


SEGMENTS = st.sampled_from(
    sorted(
        {segment for page, _, _ in PAGES for segment in page.partition("?")[0].split("/")} | {"%", "%FF", "..", "-1"}
    )
)
NAMES = st.sampled_from(["id", "illust_id", "word", "q", "type", "mode", "rest", "tag", "s_mode", "p"])


@given(
    st.sampled_from(["", "https://", "http://", "//", "pixiv://"]),
    st.sampled_from(["www.pixiv.net", "pixiv.net", "touch.pixiv.net", "i.pximg.net", "example.com", "a@pixiv.net", ""]),
    st.lists(SEGMENTS | st.text(st.characters(), max_size=12), max_size=6),
    st.lists(st.tuples(NAMES, st.text(st.characters(), max_size=12)), max_size=4),
)
def test_anything_like_an_address_is_read_or_refused(
    scheme: str, host: str, segments: list[str], query: list[tuple[str, str]]
) -> None:
    pairs = "&".join(f"{name}={value}" for name, value in query)
    read_or_refused(f"{scheme}{host}/{'/'.join(segments)}?{pairs}")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1).map(str.strip).filter(bool))
@example(".")
@example("a/b?c#d%20e&amp;f")
def test_any_tag_comes_back_as_it_was(tag: str) -> None:
    address = f"{SITE}/tags/{quote(tag, safe='')}/artworks"
    assert read_url(address).arguments["word"] == tag
    assert read_url(f"{SITE}/search.php?word={quote(tag, safe='')}").arguments["word"] == tag
    assert read_url(f"{SITE}/users/11/bookmarks/artworks/{quote(tag, safe='')}").arguments["tag"] == tag


@given(st.integers(1, 2**63 - 1))
def test_any_id_comes_back_as_it_was(number: int) -> None:
    assert read_url(f"{SITE}/artworks/{number}").arguments == {"id": str(number)}
    assert read_url(f"{SITE}/users/{number}").arguments == {"id": str(number)}
    assert read_url(str(number)).arguments == {"id": str(number)}
