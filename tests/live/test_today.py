"""What pixiv has added since 2022, by the spiders to which it belongs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.live import running
from tests.live.inside import crawl
from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

ROWS_ONLY = {"files": "false", "detail": "listing"}


@pytest.fixture(scope="module")
def standard():
    with Sandbox(World.standard(), tls=False) as running:
        yield running


def listed(archive: Path) -> set[int]:
    return {work_id for (work_id,) in rows(archive, "SELECT artwork_id FROM crawl_artworks")}


def snapshots(archive: Path) -> dict[str, dict]:
    return {endpoint: json.loads(body)["body"] for endpoint, body in running.snapshots(archive)}


@pytest.mark.parametrize("by_address", [False, True])
def test_an_unlisted_work_by_what_stands_in_its_address(tmp_path: Path, by_address: bool):
    with Sandbox(World.of(works=3, pages=3, size=(32, 24)), tls=False) as sandbox:
        secret = sandbox.world.unlist(sandbox.world.work_id(11, 2))
        named = f"https://www.pixiv.net/en/artworks/unlisted/{secret}" if by_address else secret
        run = crawl("artwork", sandbox, tmp_path, phpsessid=None, unlisted=named)
        assert run.exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.artwork([sandbox.world.work_id(11, 2)]))
        since = len(sandbox.log)
        assert crawl("artwork", sandbox, tmp_path, phpsessid=None, unlisted=named).exit_code == 0
        assert [logged.path for logged in sandbox.log[since:]] == [f"/ajax/illust/unlisted/{secret}"]
        assert crawl("artwork", sandbox, tmp_path, unlisted="nosuchsecret").exit_code == 1


def test_answers_to_comments(tmp_path: Path, standard: Sandbox):
    work = next(work for work in standard.world.works_of(11, None) if work.comment_count > 4 and not work.gone)
    run = crawl("artwork", standard, tmp_path, id=work.id, files="false", comments="true")
    assert run.exit_code == 0
    of_roots = rows(tmp_path, "SELECT id FROM comments WHERE parent_id IS NULL")
    answers = rows(tmp_path, "SELECT parent_id, count(*) FROM comments WHERE parent_id IS NOT NULL GROUP BY parent_id")
    assert len(of_roots) == work.comment_count
    assert dict(answers) == {work.id * 10 + work.comment_count - place: 3 for place in range(0, work.comment_count, 4)}


def test_a_collection(tmp_path: Path, standard: Sandbox):
    run = crawl("collection", standard, tmp_path, id="701", **ROWS_ONLY)
    assert run.exit_code == 0
    assert listed(tmp_path) == set(standard.world.collections[701])
    assert "701" in snapshots(tmp_path)["collection"]["data"]["userCollections"]
    assert crawl("collection", standard, tmp_path, id="702", **ROWS_ONLY).exit_code == 1


def test_the_requests_of_one_artist(tmp_path: Path, standard: Sandbox):
    assert crawl("requests", standard, tmp_path, id=11, **ROWS_ONLY).exit_code == 0
    asked = [one for one in standard.world.commissions if one.creator_id == 11]
    assert set(rows(tmp_path, "SELECT id, creator_id FROM commission_requests")) == {(one.id, 11) for one in asked}
    assert listed(tmp_path) == {one.work_id for one in asked if one.is_complete and one.post_type != "novel"}


def test_ones_own_tags_are_kept_with_the_bookmarks_when_all_of_them_are_read_again(tmp_path: Path, standard: Sandbox):
    tags = "/ajax/user/901/illusts/bookmark/tags"
    for more, asked in (({}, 0), ({"reread": "true"}, 1)):
        since = len(standard.log)
        assert crawl("bookmarks", standard, tmp_path, id="me", **more, **ROWS_ONLY).exit_code == 0
        assert [logged.path for logged in standard.log[since:]].count(tags) == asked
    kept = snapshots(tmp_path)["user.bookmark_tags"]
    public = [kept for kept in standard.world.shelf(901).bookmarks if not kept.private]
    assert {tag["tag"]: tag["cnt"] for tag in kept["public"]}["keep"] == sum("keep" in one.tags for one in public)
    standard.faults.api(tags, kind="status:404")
    run = crawl("bookmarks", standard, tmp_path, id="me", reread="true", **ROWS_ONLY)
    standard.faults.clear()
    assert (run.exit_code, run.counts["tags_failed"], run.counts.get("lists_failed")) == (1, 1, None)


def test_bookmarks_from_the_oldest_on(tmp_path: Path, standard: Sandbox):
    assert crawl("bookmarks", standard, tmp_path, id="me", order="asc", **ROWS_ONLY).exit_code == 0
    oldest_first = [kept.work_id for kept in standard.world.shelf(901).bookmarks if not kept.private][::-1]
    assert [id for (id,) in rows(tmp_path, "SELECT artwork_id FROM crawl_artworks ORDER BY position")] == oldest_first


def test_the_language_is_sent_with_every_question(tmp_path: Path, standard: Sandbox):
    since = len(standard.log)
    settings = {"PIXIV_LANG": "zh_tw"}
    assert crawl("ranking", standard, tmp_path, max_works=2, settings=settings, **ROWS_ONLY).exit_code == 0
    assert crawl("bookmarks", standard, tmp_path, id="me", max_works=2, settings=settings, **ROWS_ONLY).exit_code == 0
    asked = [logged.query for logged in standard.log[since:] if logged.kind == "api" and logged.method == "GET"]
    assert asked
    assert all(query.endswith("lang=zh_tw") for query in asked)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("illust.details_many", ["illust_ids=5000111,5000211"]),
        ("comment.replies", ["comment_id=17"]),
        ("collection", ["id=701"]),
        ("user.requests", ["id=11"]),
        ("user.bookmark_tags", ["id=901"]),
        ("search.artworks", ["word=猫", "ai_type=1", "csw=0"]),
    ],
)
def test_each_through_the_command(tmp_path: Path, standard: Sandbox, name: str, given: list[str]):
    run = scrapy("api", name, *given, env=environment(standard, tmp_path, PIXIVCRAWL_PIXIV_LANG="en"))
    assert (run.returncode, run.stderr) == (0, "")
    assert isinstance(json.loads(run.stdout), dict)
    assert standard.log[-1].query.endswith("lang=en")
