"""What spiders refuse before anything is sent: one line that names the argument and says what is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from scrapy.utils.test import get_crawler

from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.spiders.account import AccountSpider
from pixivcrawl.spiders.artwork import ArtworkSpider
from pixivcrawl.spiders.bookmarks import BookmarksSpider
from pixivcrawl.spiders.discovery import DiscoverySpider
from pixivcrawl.spiders.following import FollowingSpider
from pixivcrawl.spiders.related import RelatedSpider
from pixivcrawl.spiders.requests import RequestsSpider
from pixivcrawl.spiders.search import SearchSpider
from pixivcrawl.spiders.series import SeriesSpider
from pixivcrawl.spiders.tag import TagSpider
from pixivcrawl.spiders.top import TopSpider
from pixivcrawl.spiders.user import UserSpider
from tests.travelling import own_settings

SESSION = "901_made_up"


def build(spider: type[PixivSpider], archive: Path, **arguments: str) -> PixivSpider:
    """The spider as a run would build it."""
    crawler = get_crawler(spider, own_settings() | {"ARCHIVE_DIR": str(archive)})
    crawler.crawling = True
    return spider.from_crawler(crawler, **arguments)


@pytest.mark.parametrize(
    ("spider", "arguments", "said"),
    [
        (SearchSpider, {}, "word"),
        (SearchSpider, {"word": "猫", "target": "top", "order": "date"}, "search.top has no parameter 'order'"),
        (SearchSpider, {"word": "猫", "type": "ugoira"}, "type='ugoira'"),
        (SearchSpider, {"word": "猫", "order": "newest"}, "order"),
        (SearchSpider, {"word": "猫", "scd": "2023-01-02", "ecd": "2023-01-01"}, "ecd"),
        (SearchSpider, {"word": "猫", "scd": "2023-13-01"}, "yyyy-mm-dd"),
        (SearchSpider, {"word": "猫", "scd": "2999-01-01"}, "future"),
        (SearchSpider, {"word": "猫", "blt": "many"}, "blt"),
        (SearchSpider, {"word": "猫", "min_pages": "3", "max_pages": "2"}, "max_pages"),
        (ArtworkSpider, {"id": "1", "files": "false", "detail": "listing"}, "detail"),
        (UserSpider, {"id": "1", "kinds": "novel"}, "kinds"),
        (UserSpider, {"id": "https://www.pixiv.net/artworks/1"}, "belongs to the spider artwork"),
        (UserSpider, {"id": "https://www.pixiv.net/users/11/manga"}, "-a type=manga"),
        (ArtworkSpider, {"id": "users/11"}, "belongs to the spider user"),
        (BookmarksSpider, {"id": "https://www.pixiv.net/users/11/bookmarks/artworks?rest=hide"}, "-a rest=hide"),
        (SeriesSpider, {"id": "22 users/11"}, "belongs to the spider user"),
        (UserSpider, {"id": "1", "colour": "red"}, "exclude_tags"),
        (RequestsSpider, {"state": "overview", "type": "manga"}, "overview"),
        (RequestsSpider, {"type": "novel"}, "type"),
        (RelatedSpider, {"id": "1", "depth": "0"}, "depth"),
        (DiscoverySpider, {"rounds": "1000"}, "rounds"),
        (TagSpider, {"tag": ""}, "tag"),
        (AccountSpider, {"id": "1"}, "id"),
        (UserSpider, {"id": "1", "files": "maybe"}, "give true or false"),
        (UserSpider, {"id": "1", "stop_after": "details"}, "give 'pictures'"),
        (UserSpider, {"id": "1", "max_works": "0"}, "give more than 0"),
        (UserSpider, {"id": "1", "min_ratio": "wide"}, "not a number"),
        (UserSpider, {"id": "1", "min_ratio": "5000"}, "give 1000 or less"),
        (UserSpider, {"id": ""}, "give at least one"),
        (UserSpider, {"id": "1", "max_work": "5"}, "did you mean max_works"),
        (SearchSpider, {"word": " \u3000\t"}, "give a text"),
        (SearchSpider, {"word": "\udce7"}, "that is no UTF-8"),
        (TagSpider, {"tag": " "}, "give a text"),
        (UserSpider, {"account": "a!"}, "characters"),
    ],
)
def test_a_wrong_argument_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spider: type[PixivSpider], arguments: dict[str, str], said: str
):
    monkeypatch.setenv("PIXIV_PHPSESSID", SESSION)
    with pytest.raises(ConfigurationError) as refused:
        build(spider, tmp_path, **arguments)
    assert said in str(refused.value)
    assert " should " not in str(refused.value), "that is how pydantic says it"
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("spider", "arguments"),
    [
        (AccountSpider, {}),
        (TopSpider, {}),
        (DiscoverySpider, {}),
        (RelatedSpider, {"id": "1"}),
        (RequestsSpider, {"mode": "r18"}),
        (SearchSpider, {"word": "猫", "mode": "r18"}),
    ],
)
def test_what_needs_a_session_says_how_to_give_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spider: type[PixivSpider], arguments: dict[str, str]
):
    with pytest.raises(ConfigurationError, match="PIXIV_PHPSESSID"):
        build(spider, tmp_path, **arguments)
    monkeypatch.setenv("PIXIV_PHPSESSID", SESSION)
    assert build(spider, tmp_path, **arguments).session is not None


@pytest.mark.parametrize("spider", [TagSpider, SearchSpider, RequestsSpider])
def test_the_others_need_none(tmp_path: Path, spider: type[PixivSpider]):
    arguments = {TagSpider: {"tag": "猫"}, SearchSpider: {"word": "猫"}}.get(spider, {})
    assert build(spider, tmp_path, **arguments).session is None


def test_a_works_language_may_be_asked_for_in_any_search(tmp_path: Path):
    assert build(SearchSpider, tmp_path, word="猫", work_lang="ja").args.work_lang == "ja"


@pytest.mark.parametrize(
    ("spider", "given", "ids"),
    [
        (UserSpider, "https://www.pixiv.net/en/users/11, 12 users/13/artworks", [11, 12, 13]),
        (ArtworkSpider, "https://www.pixiv.net/artworks/7,8_p0.jpg #9", [7, 8, 9]),
        (SeriesSpider, "https://www.pixiv.net/user/11/series/22", [22]),
        (BookmarksSpider, "https://www.pixiv.net/users/11/bookmarks/artworks", 11),
        (FollowingSpider, "https://www.pixiv.net/users/11", 11),
    ],
)
def test_an_id_may_be_given_as_an_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spider: type[PixivSpider], given: str, ids: object
):
    monkeypatch.setenv("PIXIV_PHPSESSID", SESSION)
    assert build(spider, tmp_path, id=given).args.id == ids


def test_how_far_a_run_reads_makes_no_other_list(tmp_path: Path):
    plain = build(SearchSpider, tmp_path, word="猫").args.canonical()
    assert (
        build(SearchSpider, tmp_path, word="猫", max_works="5", refresh="true", reread="true").args.canonical() == plain
    )
    assert build(SearchSpider, tmp_path, word="猫", tags="海").args.canonical() != plain
    assert build(SearchSpider, tmp_path, word="猫", since="2023-01-01").args.canonical()["since"] == "2023-01-01"


def test_only_who_wants_frames_reads_another_list(tmp_path: Path):
    plain, zips, frames = (
        build(UserSpider, tmp_path, id="11", **more).args for more in ({}, {"ugoira": "zip"}, {"ugoira": "frames"})
    )
    assert plain.canonical() == zips.canonical()
    assert "ugoira" not in plain.canonical(), "the lists that were read before there was a choice go on"
    assert frames.canonical() == {**plain.canonical(), "ugoira": "frames"}


def test_a_setting_asks_for_frames_where_no_argument_does(tmp_path: Path):
    settings = own_settings() | {"ARCHIVE_DIR": str(tmp_path), "PIXIV_UGOIRA": "frames"}
    given = ({}, {"ugoira": "zip"}, {"ugoira": "frames"}, {"files": "false"})
    spiders = [UserSpider.from_crawler(get_crawler(UserSpider, settings), id="11", **more) for more in given]
    assert [spider.args.wants_frames for spider in spiders] == [True, False, True, False]
