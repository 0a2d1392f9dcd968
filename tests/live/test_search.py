"""The spider `search`: everything that a search finds, past the wall too, and what it says of what pixiv does not show."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.sandbox.lists import TYPES, Search
from tests.live.running import assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

METADATA = ("-a", "files=false", "-a", "detail=listing")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.standard(), tls=True) as running:
        yield running


@pytest.fixture
def shadowed():
    """600 works of nine days, 72 a day, with a wall after three pages."""
    world = World.shadowed(600)
    world.limits.search = 3
    with Sandbox(world, tls=True) as running:
        yield running


def arguments(**given: object) -> list[str]:
    return [part for name, value in given.items() for part in ("-a", f"{name}={value}")]


def pages(sandbox: Sandbox, since: int) -> list[str]:
    return [logged.path for logged in sandbox.log[since:] if "/search/" in logged.path]


def listed(archive: Path) -> list[int]:
    return [work_id for (work_id,) in rows(archive, "SELECT artwork_id FROM crawl_artworks ORDER BY position")]


def shadow_ids(sandbox: Sandbox) -> set[int]:
    assert sandbox.world.shadow is not None
    return {sandbox.world.shadow.at(place).id for place in range(sandbox.world.shadow.count)}


@pytest.mark.long
def test_a_search_of_three_pages_is_archived_exactly(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path)
    # Part of four of the sandbox's tags.
    command = ("crawl", "search", *arguments(word="t", s_mode="s_tag"))
    run = scrapy(*command, env=env)
    assert run.returncode == 0, run.stderr
    assert_holds(tmp_path, sandbox.world.expected.search(Search("t", s_mode="s_tag"), session=True))
    assert len(pages(sandbox, 0)) == 3
    since = len(sandbox.log)
    assert scrapy(*command, env=env).returncode == 0
    assert [logged.path for logged in sandbox.log[since:]] == ["/ajax/search/artworks/t"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"target": "manga", "word": "海"}, Search("海", TYPES["manga"], s_mode="s_tag_full")),
        (
            {"target": "illustrations", "type": "ugoira", "word": "harbour"},
            Search("harbour", TYPES["ugoira"], s_mode="s_tag_full"),
        ),
        (
            {"order": "date", "ratio": "-0.5", "tool": "SAI", "s_mode": "s_tc", "word": "猫"},
            Search("猫", order="date", s_mode="s_tc", ratio=-0.5, tool="SAI"),
        ),
        (
            {"mode": "r18", "wlt": 300, "hlt": 200, "wgt": 9000, "hgt": 9000, "word": "猫"},
            Search("猫", mode="r18", s_mode="s_tag_full", smallest=(300, 200)),
        ),
    ],
)
def test_pixivs_own_parameters_reach_it(tmp_path: Path, sandbox: Sandbox, given: dict[str, object], wanted: Search):
    expected = sandbox.world.expected.search(wanted, session=True)
    assert expected.files
    run = scrapy("crawl", "search", *arguments(**given), *METADATA, env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    assert {int(name.split("/")[2].split("_")[0]) for name in expected.files} == set(listed(tmp_path))
    assert rows(tmp_path, "SELECT DISTINCT detail FROM artworks") == [("listing",)]


def test_the_top_of_a_search(tmp_path: Path, sandbox: Sandbox):
    since = len(sandbox.log)
    run = scrapy("crawl", "search", *arguments(word="猫", target="top"), *METADATA, env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    assert pages(sandbox, since) == ["/ajax/search/top/猫"]
    newest = sandbox.world.expected.search(Search("猫", TYPES["illust_and_ugoira"]), session=True)
    newest_ids = sorted({int(name.split("/")[2].split("_")[0]) for name in newest.files}, reverse=True)
    assert set(newest_ids[:24]) <= set(listed(tmp_path))


@pytest.mark.parametrize("order", ["date_d", "date"])
def test_a_search_by_date_goes_past_the_wall(tmp_path: Path, shadowed: Sandbox, order: str):
    run = scrapy(
        "crawl", "search", *arguments(word="shadow", order=order), *METADATA, env=environment(shadowed, tmp_path)
    )
    assert run.returncode == 0, run.stderr
    found = listed(tmp_path)
    assert len(found) == 600
    assert set(found) == shadow_ids(shadowed)
    assert found == sorted(found, reverse=order == "date_d")
    assert "      600  works listed" in run.stderr


@pytest.mark.parametrize(("order", "third_window"), [("date_d", "ecd=2019-05-04"), ("date", "scd=2019-05-05")])
def test_a_search_that_was_cut_short_goes_on_behind_the_wall(
    tmp_path: Path, shadowed: Sandbox, order: str, third_window: str
):
    env = environment(shadowed, tmp_path, PIXIVCRAWL_PIXIV_API_RETRIES="0")
    # The wall has been passed twice.
    fault = shadowed.faults.api(rf"{third_window}.*p=2$", kind="status:500")
    command = ("crawl", "search", *arguments(word="shadow", order=order), *METADATA)
    assert scrapy(*command, env=env).returncode == 1
    assert fault.served == 1
    before, first = set(listed(tmp_path)), len(shadowed.log)
    assert before < shadow_ids(shadowed)
    shadowed.faults.clear()
    run = scrapy(*command, env=env)
    assert run.returncode == 0, run.stderr
    assert sorted(listed(tmp_path)) == sorted(shadow_ids(shadowed))
    assert len(pages(shadowed, first)) < first


def test_a_day_over_the_wall_is_said_to_be_cut_off(tmp_path: Path, shadowed: Sandbox):
    shadowed.world.limits.search = 1
    command = ("crawl", "search", *arguments(word="shadow", scd="2019-05-03", ecd="2019-05-04"), *METADATA)
    env = environment(shadowed, tmp_path, PIXIVCRAWL_PIXIV_THROTTLE_WAIT="0.05")
    run = scrapy(*command, env=env)
    assert run.returncode == 1
    assert "2019-05-04 alone" in run.stderr
    assert "        2  lists that pixiv shows only in part" in run.stderr
    assert len(listed(tmp_path)) == 120
    since = len(shadowed.log)
    again = scrapy(*command, env=env)
    assert again.returncode == 1
    assert "2 parts of this list not shown by pixiv in an earlier run" in again.stderr
    assert len(shadowed.log) - since == 1


def test_another_order_is_cut_off_at_the_wall(tmp_path: Path, shadowed: Sandbox):
    command = ("crawl", "search", *arguments(word="shadow", order="popular_d"), *METADATA)
    run = scrapy(*command, env=environment(shadowed, tmp_path))
    assert run.returncode == 1
    assert len([line for line in run.stderr.splitlines() if "premium" in line]) == 1
    assert "first 3 pages of 600 works" in run.stderr
    assert "        1  list that pixiv shows only in part" in run.stderr
    assert len(listed(tmp_path)) == 180


def test_a_premium_reader_is_not_warned(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path, PIXIV_PHPSESSID=sandbox.premium_cookie)
    run = scrapy("crawl", "search", *arguments(word="猫", order="popular_d", blt=300, bgt=100000), *METADATA, env=env)
    assert (run.returncode, complaints(run.stderr)) == (0, "")
    counts = {work.id: work.bookmark_count for work in sandbox.world.works()}
    assert len(listed(tmp_path)) > 1
    assert [counts[work_id] for work_id in listed(tmp_path)] == sorted(
        (counts[one] for one in listed(tmp_path)), reverse=True
    )
    assert counts[listed(tmp_path)[-1]] >= 300


def test_a_throttled_page_is_not_the_end(tmp_path: Path, shadowed: Sandbox):
    shadowed.faults.api(r"/search/.*p=1$", kind="empty", times=1)
    shadowed.faults.api(r"/search/.*p=3$", kind="empty", times=1)
    env = environment(shadowed, tmp_path, PIXIVCRAWL_PIXIV_THROTTLE_WAIT="0.05")
    run = scrapy("crawl", "search", *arguments(word="shadow"), *METADATA, env=env)
    assert run.returncode == 0, run.stderr
    assert set(listed(tmp_path)) == shadow_ids(shadowed)


def test_wrong_usage_is_one_line_and_sends_nothing(tmp_path: Path, sandbox: Sandbox):
    before = len(sandbox.log)
    run = scrapy(
        "crawl", "search", *arguments(word="猫", target="top", mode="safe"), env=environment(sandbox, tmp_path)
    )
    assert run.returncode == 2, run.stderr
    assert len(complaints(run.stderr).splitlines()) == 1
    assert "search.top has no parameter" in run.stderr
    assert len(sandbox.log) == before


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "works", [pytest.param(7_000, marks=pytest.mark.long), pytest.param(70_000, marks=pytest.mark.campaign)]
)
def test_each_of_many_works_once_in_hardly_more_pages_than_hold_them(tmp_path: Path, works: int):
    with Sandbox(World.shadowed(works), tls=True) as sandbox:
        run = scrapy(
            "crawl", "search", *arguments(word="shadow"), *METADATA, env=environment(sandbox, tmp_path), timeout=800
        )
        assert run.returncode == 0, run.stderr
        found = listed(tmp_path)
        assert len(found) == works
        assert set(found) == shadow_ids(sandbox)
        assert len(pages(sandbox, 0)) <= 1.1 * -(-works // 60)
