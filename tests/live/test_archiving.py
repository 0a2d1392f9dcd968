"""`scrapy crawl` against the sandbox behind its TLS door: the whole list, nothing else, and nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.running import assert_holds, complaints, environment, rows, scrapy, stored_files
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.standard(), tls=True) as running:
        yield running


def paths(sandbox: Sandbox, since: int) -> list[str]:
    return [logged.path for logged in sandbox.log[since:]]


@pytest.mark.parametrize(
    ("artist", "session"), [(11, True), (11, False), (12, True), (13, True), (14, True), (15, True)]
)
def test_an_artist_is_archived_exactly_and_never_twice(tmp_path: Path, sandbox: Sandbox, artist: int, session: bool):
    expected = sandbox.world.expected.user(artist, session=session)
    env = environment(sandbox, tmp_path, session=session)
    first = scrapy("crawl", "user", "-a", f"id={artist}", env=env)
    waits = any(reason == "withheld" for reason in expected.unavailable.values())
    assert (first.returncode, complaints(first.stderr) if not waits else "") == (1 if waits else 0, ""), first.stderr
    assert_holds(tmp_path, expected)
    unavailable = rows(tmp_path, "SELECT id, availability FROM artworks WHERE availability != 'available'")
    assert dict(unavailable) == expected.unavailable

    since = len(sandbox.log)
    scrapy("crawl", "user", "-a", f"id={artist}", env=env)
    assert paths(sandbox, since) == [f"/ajax/user/{artist}/profile/all"]


def test_an_artists_works_under_a_tag(tmp_path: Path, sandbox: Sandbox):
    tag = sandbox.world.works_of(11, sandbox.world.readers[0])[0].tags[0]
    env = environment(sandbox, tmp_path)
    run = scrapy("crawl", "user", "-a", "id=11", "-a", f"tag={tag}", env=env)
    assert run.returncode == 0, run.stderr
    assert_holds(tmp_path, sandbox.world.expected.tagged(11, tag, session=True))


@pytest.mark.long
def test_an_artists_latest_works(tmp_path: Path, sandbox: Sandbox):
    run = scrapy("crawl", "user", "-a", "id=15", "-a", "latest=true", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    newest = [work.id for work in sandbox.world.works_of(15, sandbox.world.readers[0])]
    kept = {int(name.split("/")[2].split("_")[0]) for name in stored_files(tmp_path)}
    assert kept
    assert kept == set(sorted(newest, reverse=True)[: len(kept)])


@pytest.mark.long
def test_works_that_wait_for_a_session_come_when_there_is_one(tmp_path: Path, sandbox: Sandbox):
    without = scrapy("crawl", "user", "-a", "id=13", env=environment(sandbox, tmp_path, session=False))
    assert without.returncode == 1
    assert scrapy("crawl", "user", "-a", "id=13", env=environment(sandbox, tmp_path)).returncode == 0
    assert_holds(tmp_path, sandbox.world.expected.user(13, session=True))


def test_single_works_by_id_and_address(tmp_path: Path, sandbox: Sandbox):
    works = [work.id for work in sandbox.world.works_of(11, sandbox.world.readers[0])][:3]
    named = f"{works[0]},https://www.pixiv.net/en/artworks/{works[1]} {works[2]}"
    run = scrapy("crawl", "artwork", "-a", f"id={named}", env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    assert_holds(tmp_path, sandbox.world.expected.artwork(works, session=True))


@pytest.mark.long
def test_a_ranking_with_its_ranks(tmp_path: Path, sandbox: Sandbox):
    mode, date = next(key for key in sandbox.world.rankings if key[0] == "daily")
    env = environment(sandbox, tmp_path)
    run = scrapy("crawl", "ranking", "-a", f"mode={mode}", "-a", f"date={date}", env=env)
    assert run.returncode == 0, run.stderr
    assert_holds(tmp_path, sandbox.world.expected.ranking(mode, date, session=True))
    entries = rows(tmp_path, "SELECT rank, artwork_id FROM ranking_entries ORDER BY rank")
    assert entries == list(enumerate(sandbox.world.rankings[mode, date], 1))
    since = len(sandbox.log)
    assert scrapy("crawl", "ranking", "-a", f"mode={mode}", "-a", f"date={date}", env=env).returncode == 0
    assert paths(sandbox, since) == []


def test_a_revised_work_stands_beside_its_older_self(tmp_path: Path):
    with Sandbox(World.demo(), tls=True) as sandbox:
        env = environment(sandbox, tmp_path)
        assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 0
        before = sandbox.world.expected.user(11, session=True)
        work_id = sandbox.world.works_of(11, sandbox.world.readers[0])[0].id
        sandbox.world.revise(work_id)
        sandbox.world.retitle(work_id, "another title")
        assert scrapy("crawl", "user", "-a", "id=11", "-a", "refresh=true", env=env).returncode == 0
        assert_holds(tmp_path, before, sandbox.world.expected.user(11, session=True))
        former = rows(tmp_path, f"SELECT field, value FROM artwork_versions WHERE artwork_id = {work_id}")
        assert dict(former).keys() >= {"title", "revision"}
        assert '"another title"' not in dict(former).values()


@pytest.mark.long
def test_a_ranking_of_one_kind_of_work(tmp_path: Path, sandbox: Sandbox):
    mode, date = next(key for key in sandbox.world.rankings if key[0] == "daily")
    arguments = ("-a", f"mode={mode}", "-a", f"date={date}", "-a", "content=manga")
    run = scrapy("crawl", "ranking", *arguments, env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    assert_holds(tmp_path, sandbox.world.expected.ranking(mode, date, "manga", session=True))
