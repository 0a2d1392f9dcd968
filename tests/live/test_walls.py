"""Where pixiv ends a list too soon, or answers another question: it is said, the run ends with exit code 1, and nothing counts as read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.live.inside import crawl
from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

ROWS_ONLY = {"files": "false", "detail": "listing"}
DAY = "20230113"


@pytest.fixture
def standard():
    with Sandbox(World.standard(), tls=False) as running:
        yield running


def asked(sandbox: Sandbox, since: int = 0) -> list[str]:
    return [f"{logged.path}?{logged.query}" for logged in sandbox.log[since:] if logged.kind == "api"]


def listed(archive: Path) -> set[int]:
    return {work_id for (work_id,) in rows(archive, "SELECT artwork_id FROM crawl_artworks")}


# Rankings


def test_the_latest_ranking_is_that_of_its_first_page(tmp_path: Path, standard: Sandbox):
    assert crawl("ranking", standard, tmp_path, **ROWS_ONLY).exit_code == 0
    first, *others = asked(standard)
    assert "date=" not in first
    assert "content=" not in first
    assert len(others) == 2
    assert all(f"date={DAY}" in query for query in others)


@pytest.mark.parametrize("echo", ["all", "complex", "overall", ""])
def test_a_ranking_of_all_kinds_by_whatever_name(tmp_path: Path, standard: Sandbox, echo: str):
    standard.world.ranking_echo = echo
    assert crawl("ranking", standard, tmp_path, date=DAY, content="complex", **ROWS_ONLY).exit_code == 0
    assert rows(tmp_path, "SELECT content, count(*) FROM ranking_entries GROUP BY content") == [("all", 120)]
    since = len(standard.log)
    assert crawl("ranking", standard, tmp_path, date=DAY, content="all", **ROWS_ONLY).exit_code == 0
    assert asked(standard, since) == []


def test_a_ranking_of_other_kinds_than_asked_for_is_refused(tmp_path: Path, standard: Sandbox):
    standard.faults.api("content=manga", kind="replaced_field", field="content", value="all")
    run = crawl("ranking", standard, tmp_path, date=DAY, content="manga", **ROWS_ONLY)
    assert (run.exit_code, run.counts["lists_failed"]) == (1, 1)


@pytest.mark.parametrize("mode", ["daily_ai", "daily_r18_ai", "r18g"])
def test_the_rankings_of_today(tmp_path: Path, standard: Sandbox, mode: str):
    assert crawl("ranking", standard, tmp_path, mode=mode, **ROWS_ONLY).exit_code == 0
    assert listed(tmp_path) == set(standard.world.rankings[mode, DAY]) != set()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["empty", "status:404"])
def test_a_past_day_that_answers_with_nothing_is_asked_for_again(tmp_path: Path, standard: Sandbox, kind: str):
    days = {"date": "20230112..20230113", **ROWS_ONLY}
    standard.faults.api("date=20230112", kind=kind)
    run = crawl("ranking", standard, tmp_path, **days)
    assert (run.exit_code, run.counts["lists_failed"]) == (1, 1)
    assert listed(tmp_path) == set(standard.world.rankings["daily", DAY])
    standard.faults.clear()
    assert crawl("ranking", standard, tmp_path, **days).exit_code == 0
    assert listed(tmp_path) > set(standard.world.rankings["daily", "20230112"])


def test_past_the_end_of_a_ranking_there_is_nothing_more(tmp_path: Path, standard: Sandbox):
    standard.world.rankings["daily", DAY] = standard.world.rankings["daily", DAY][:100]
    standard.faults.api("p=2", kind="replaced_field", field="next", value=3)
    assert crawl("ranking", standard, tmp_path, date=DAY, **ROWS_ONLY).exit_code == 0
    assert len(listed(tmp_path)) == 100


def test_a_ranking_that_breaks_off_before_the_number_it_promised(tmp_path: Path, standard: Sandbox):
    standard.faults.api("p=3", kind="status:404")
    run = crawl("ranking", standard, tmp_path, date=DAY, **ROWS_ONLY)
    assert (run.exit_code, run.counts["lists_failed"], len(listed(tmp_path))) == (1, 1, 100)
    standard.faults.clear()
    assert crawl("ranking", standard, tmp_path, date=DAY, **ROWS_ONLY).exit_code == 0
    assert len(listed(tmp_path)) == 120


# Lists that do not say whether they go on


ENDLESS: dict[str, tuple[dict[str, Any], str, str]] = {
    "feed": ({}, "follow_latest", "page.isLastPage"),
    "bookmarks": ({"id": "me"}, "illusts/bookmarks", "total"),
    "following": ({"id": "me"}, "following", "total"),
    "series": ({"id": 502}, "series", "page.total"),
    "watchlist": ({}, "watch_list", "page.maxPage"),
    "requests": ({"type": "illust"}, "request/complete", "page.pager.hasNextPage"),
    "new": ({}, "illust/new", "lastId"),
    "ranking": ({"date": DAY}, "ranking.php", "next"),
    "user": ({"id": 15, "tag": "猫"}, "illustmanga/tag", "total"),
}


@pytest.mark.long
@pytest.mark.parametrize("spider", ENDLESS)
def test_a_list_that_does_not_say_whether_it_goes_on_is_read_to_its_end(tmp_path: Path, standard: Sandbox, spider: str):
    arguments, path, field = ENDLESS[spider]
    standard.world.limits.watchlist_entries = 1
    assert crawl(spider, standard, tmp_path / "told", **arguments, **ROWS_ONLY).exit_code == 0
    standard.faults.api(path, kind="missing_field", field=field)
    assert crawl(spider, standard, tmp_path / "untold", **arguments, **ROWS_ONLY).exit_code == 0
    assert listed(tmp_path / "untold") == listed(tmp_path / "told")
    follows = "SELECT follower_id, followed_id FROM follows ORDER BY followed_id"
    assert rows(tmp_path / "untold", follows) == rows(tmp_path / "told", follows)


# The feed


@pytest.mark.long
def test_a_feed_that_ends_before_what_was_seen_is_said_and_remembered(tmp_path: Path):
    with Sandbox(World.of(works=70, size=(32, 24)), tls=False) as sandbox:
        sandbox.world.limits.feed = 2
        assert crawl("feed", sandbox, tmp_path).exit_code == 0
        for _ in range(150):
            sandbox.world.add_work(11)
        env = environment(sandbox, tmp_path)
        run = crawl("feed", sandbox, tmp_path)
        assert (run.exit_code, run.counts["lists_cut_off"]) == (1, 1)
        shown = scrapy("status", env=env).stdout.partition("shown only in part:\n")[2].splitlines()[0]
        assert "feed" in shown
        assert "1 part that pixiv did not show" in shown
        # It says so until the works are there.
        assert crawl("feed", sandbox, tmp_path).exit_code == 1
        assert crawl("following", sandbox, tmp_path, id="me", archive="true").exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        assert crawl("feed", sandbox, tmp_path, reread="true").exit_code == 0
        assert crawl("feed", sandbox, tmp_path).exit_code == 0
        assert "shown only in part" not in scrapy("status", env=env).stdout


# What pixiv passes over


SEARCHES: dict[str, dict[str, Any]] = {
    "ecd": {"word": "shadow", "ecd": "2019-05-02", "max_works": 60},
    "scd": {"word": "shadow", "scd": "2019-05-20"},
    "order": {"word": "shadow", "order": "date"},
}


@pytest.mark.long
@pytest.mark.parametrize("name", SEARCHES)
def test_a_parameter_that_a_search_passes_over_is_said_and_ends_with_1(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
):
    with Sandbox(World.shadowed(2000), tls=False) as sandbox:
        assert crawl("search", sandbox, tmp_path / "heeded", **SEARCHES[name], **ROWS_ONLY).exit_code == 0
        sandbox.world.passed_over = {name}
        sandbox.world.limits.search = 5
        since = len(sandbox.log)
        run = crawl("search", sandbox, tmp_path / "not", **SEARCHES[name], **ROWS_ONLY)
        assert (run.exit_code, run.counts["parameters_ignored"]) == (1, 1)
        assert [line for line in caplog.messages if f"ignored {name}=" in line]
        # A wall is no place to go on from where days or order mean nothing.
        assert len(sandbox.log) - since <= (6 if name != "scd" else 20)


def test_popular_works_without_premium_are_seen_to_be_the_newest(tmp_path: Path, standard: Sandbox):
    popular = {"word": "猫", "order": "popular_d", **ROWS_ONLY}
    run = crawl("search", standard, tmp_path / "without", **popular)
    assert (run.exit_code, run.counts["parameters_ignored"]) == (1, 1)
    premium = standard.world.readers[1].cookie
    assert crawl("search", standard, tmp_path / "with", phpsessid=premium, **popular).exit_code == 0


def test_a_feed_that_passes_over_its_mode(tmp_path: Path, standard: Sandbox):
    standard.world.passed_over = {"mode"}
    run = crawl("feed", standard, tmp_path, mode="r18", **ROWS_ONLY)
    assert (run.exit_code, run.counts["parameters_ignored"]) == (1, 1)
