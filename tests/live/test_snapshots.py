"""The spiders `account`, `tag`, `top`, `discovery` and `related`: lists that are another one each time, and what is kept by its date."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.live import running
from tests.live.running import assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.standard(), tls=True) as running:
        yield running


def listed(archive: Path) -> list[int]:
    return [work_id for (work_id,) in rows(archive, "SELECT artwork_id FROM crawl_artworks ORDER BY position")]


def snapshots(archive: Path) -> list[tuple[str, dict]]:
    return [(endpoint, json.loads(body)) for endpoint, body in running.snapshots(archive)]


@pytest.mark.long
def test_the_account_is_kept_and_kept_again(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path)
    run = scrapy("crawl", "account", env=env)
    assert (run.returncode, complaints(run.stderr)) == (0, "")
    kept = dict(snapshots(tmp_path))
    assert set(kept) == {
        "user.short",
        "live.following",
        "me.extra",
        "dashboard.home",
        "dashboard.settings",
        "dashboard.request_strategy",
        "discovery.artworks_meta",
        "discovery.users_meta",
        "webpush",
        "notification",
        "linked_service.tumeng",
    }
    assert kept["user.short"]["body"]["userId"] == "901"
    assert scrapy("crawl", "account", env=env).returncode == 0
    assert len(snapshots(tmp_path)) == 2 * len(kept)


def test_one_page_that_fails_leaves_the_others(tmp_path: Path, sandbox: Sandbox):
    fault = sandbox.faults.api(r"/ajax/notification$", kind="not_object")
    run = scrapy("crawl", "account", env=environment(sandbox, tmp_path))
    sandbox.faults.clear()
    assert fault.served == 1
    assert run.returncode == 1
    assert "notification" in run.stderr
    assert len(snapshots(tmp_path)) == 10


def test_a_tag_with_its_translations(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "tag", "-a", "tag=猫", env=environment(sandbox, tmp_path, session=False))
    assert run.returncode == 0, run.stderr
    kept = dict(snapshots(tmp_path))
    assert kept["tag.info"]["body"]["pixpedia"]["yomigana"] == "猫"
    assert kept["tag.stories"]["body"]["tagStoryIds"]
    translations = rows(
        tmp_path, "SELECT name, language, text FROM tag_translations JOIN tags ON tags.id = tag_id ORDER BY language"
    )
    assert translations == [("猫", "en", "cat"), ("猫", "romaji", "neko")]


@pytest.mark.long
def test_everything_on_the_top_page(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "top", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    ((endpoint, body),) = snapshots(tmp_path)
    assert endpoint == "top.illust"
    shown = [int(row["id"]) for row in body["body"]["thumbnails"]["illust"]]
    assert len(shown) > 6
    assert sorted(listed(tmp_path)) == sorted(shown)
    assert_holds(tmp_path, sandbox.world.expected.artwork(shown, session=True))


def test_discovery_asks_for_as_many_sets_as_it_is_told(tmp_path: Path, sandbox: Sandbox):
    since = len(sandbox.log)
    command = ("crawl", "discovery", "-a", "rounds=3", "-a", "mode=safe", "-a", "files=false", "-a", "detail=listing")
    run = scrapy(*command, env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    assert [logged.path for logged in sandbox.log[since:]] == ["/ajax/discovery/artworks"] * 3
    found = listed(tmp_path)
    assert 100 < len(found) == len(set(found))
    works = {work.id: work for work in sandbox.world.works()}
    assert {works[work_id].x_restrict for work_id in found} == {0}


def test_discovered_people_are_kept_with_their_newest_rows(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "discovery", "-a", "target=users", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    names = dict(rows(tmp_path, "SELECT id, name FROM users"))
    assert len(names) == 20
    assert all(sandbox.world.artist(user_id).name == name for user_id, name in names.items())
    assert rows(tmp_path, "SELECT count(*) FROM artworks")[0][0] >= 20
    assert listed(tmp_path) == []


@pytest.mark.long
def test_related_works_to_their_depth_and_limit(tmp_path: Path, sandbox: Sandbox):
    work_id = sandbox.world.work_id(11, 1)
    env = environment(sandbox, tmp_path)
    since = len(sandbox.log)
    command = ("crawl", "related", "-a", f"id={work_id}", "-a", "files=false", "-a", "detail=listing")
    run = scrapy(*command, "-a", "limit=150", env=env)
    assert run.returncode == 0, run.stderr
    found = listed(tmp_path)
    assert len(found) == len(set(found)) == 150
    assert work_id not in found
    paths = [logged.path for logged in sandbox.log[since:]]
    assert paths == [f"/ajax/illust/{work_id}/recommend/init", "/ajax/illust/recommend/illusts"]


@pytest.mark.long
def test_related_goes_on_from_what_it_found(tmp_path: Path):
    with Sandbox(World.demo(), tls=True) as sandbox:
        named = [sandbox.world.work_id(11, 1), 999]
        command = (
            "crawl",
            "related",
            "-a",
            f"id={named[0]} {named[1]}",
            "-a",
            "depth=2",
            "-a",
            "files=false",
            "-a",
            "detail=listing",
        )
        run = scrapy(*command, env=environment(sandbox, tmp_path))
        assert run.returncode == 1
        assert "work 999" in run.stderr
        public = {work.id for work in sandbox.world.works() if work.listed and not work.gone}
        assert set(listed(tmp_path)) == public - set(named)
        asked = [logged.path for logged in sandbox.log if logged.path.endswith("/recommend/init")]
        assert len(asked) == len(set(asked)) == 1 + 1 + len(public) - 1
