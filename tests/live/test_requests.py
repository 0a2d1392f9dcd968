"""The spider `requests`: what was asked for is kept, and what came of it archived."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.standard(), tls=True) as running:
        yield running


@pytest.mark.long
def test_completed_requests_are_kept_and_their_works_archived(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "requests", "-a", "state=complete", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    world = sandbox.world
    assert_holds(tmp_path, *(world.expected.requests(kind, session=True) for kind in ("illust", "manga", "ugoira")))
    kept = {
        row[0]: row[1:]
        for row in rows(
            tmp_path, "SELECT id, kind, state, creator_id, requester_id, artwork_id FROM commission_requests"
        )
    }
    complete = [one for one in world.commissions if one.is_complete]
    assert set(kept) == {one.id for one in complete}
    for one in complete:
        work_id = None if one.post_type == "novel" else one.work_id
        assert kept[one.id] == (one.post_type, "complete", one.creator_id, one.fan_id, work_id)
    assert len({logged.path for logged in sandbox.log if "/complete/illust" in logged.path}) == 1
    assert len([logged for logged in sandbox.log if "/complete/illust" in logged.path]) >= 3


def test_a_recommended_request_is_kept_and_its_work_is_not(tmp_path: Path, sandbox: Sandbox):
    command = ("crawl", "requests", "-a", "type=ugoira", "-a", "files=false", "-a", "detail=listing")
    assert scrapy(*command, env=environment(sandbox, tmp_path)).returncode == 0
    listed = {work_id for (work_id,) in rows(tmp_path, "SELECT artwork_id FROM crawl_artworks")}
    drawn = [one for one in sandbox.world.commissions if one.is_complete and one.post_type == "ugoira"]
    assert listed == {one.work_id for one in drawn}
    novels = rows(tmp_path, "SELECT artwork_id FROM commission_requests WHERE kind = 'novel'")
    assert novels
    assert set(novels) == {(None,)}


def test_requests_in_progress_have_a_price_and_no_work(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "requests", "-a", "state=in_progress", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    asked = [one for one in sandbox.world.commissions if not one.is_complete]
    assert len(asked) > 24
    kept = rows(tmp_path, "SELECT id, price, text, title, artwork_id FROM commission_requests ORDER BY id")
    assert kept == [(one.id, 5000, "絵をください。", "絵", None) for one in asked]


def test_creators_are_known_by_their_ids_and_the_pages_kept(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "requests", "-a", "state=creators", "-a", "type=illust", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    makers = {artist.id for artist in sandbox.world.artists() if artist.accepts_requests}
    assert {user_id for (user_id,) in rows(tmp_path, "SELECT id FROM users")} == makers
    assert rows(tmp_path, "SELECT endpoint FROM snapshots") == [("requests.creators_illust",)]


def test_the_overview_is_kept_with_its_works(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "requests", "-a", "state=overview", "-a", "files=false", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    states = dict(rows(tmp_path, "SELECT state, count(*) FROM commission_requests GROUP BY state"))
    assert states["complete"] > 12
    assert states["inProgress"] == 12
    works = {
        one.work_id for one in sandbox.world.commissions if one.is_complete and one.post_type in ("illust", "manga")
    }
    listed = {work_id for (work_id,) in rows(tmp_path, "SELECT artwork_id FROM crawl_artworks")}
    assert listed
    assert listed <= works
    assert rows(tmp_path, "SELECT endpoint FROM snapshots") == [("requests.overview",)]
