"""`detail=listing`: works come from the rows of lists with few questions; full detail completes them and fetches nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.works import UGOIRA, Page
from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, environment, rows
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox, World

TINY = Page("jpg", 48, 36)
ROWS = {"detail": "listing"}


@pytest.fixture(scope="module")
def standard():
    with Sandbox(World.standard(), tls=False) as running:
        yield running


def asked(sandbox: Sandbox, since: int = 0) -> list[str]:
    """The paths that the API was asked for, beginning with the request numbered `since`."""
    return [logged.path for logged in sandbox.log[since:] if logged.kind == "api"]


def fetched(sandbox: Sandbox, since: int = 0) -> Counter[int]:
    """The image host's answers, by status."""
    return Counter(logged.status for logged in sandbox.log[since:] if logged.kind == "image")


def levels(archive: Path) -> dict[str | None, int]:
    return dict(rows(archive, "SELECT detail, count(*) FROM artworks WHERE availability = 'available' GROUP BY detail"))


def by_rows(archive: Path, expected: Expected) -> Expected:
    """What of it comes by rows alone: no timing of an ugoira, unless its own page had to be asked for."""
    in_full = {work_id for (work_id,) in rows(archive, "SELECT id FROM artworks WHERE detail = 'full'")}

    def comes(name: str) -> bool:
        return not name.endswith(".json") or int(name.rpartition("/")[2].partition("_")[0]) in in_full

    return replace(expected, files={name: what for name, what in expected.files.items() if comes(name)})


@pytest.mark.long
def test_three_hundred_works_cost_a_question_a_hundred(tmp_path: Path):
    with Sandbox(World.of(works=255, size=(48, 36))) as sandbox:
        for _ in range(45):
            sandbox.world.add_work(11, kind=UGOIRA, pages=(TINY,), delays=(60, 80))
        assert crawl("user", sandbox, tmp_path, phpsessid=None, id=11, **ROWS).exit_code == 0
        assert_holds(tmp_path, by_rows(tmp_path, sandbox.world.expected.user(11)))
        questions = Counter(path.rpartition("/")[2] for path in asked(sandbox))
        assert questions == {"all": 1, "illusts": 3, "11": 1}
        assert fetched(sandbox) == {200: 300}
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, phpsessid=None, id=11, **ROWS).exit_code == 0
        assert asked(sandbox, since) == ["/ajax/user/11/profile/all"]
        assert not fetched(sandbox, since)


@pytest.mark.long
@pytest.mark.parametrize(("artist", "session"), [(11, True), (11, False), (13, True), (13, False), (14, True)])
def test_every_kind_of_work_comes_as_it_would_in_full(tmp_path: Path, standard: Sandbox, artist: int, session: bool):
    expected = standard.world.expected.user(artist, session=session)
    phpsessid = "" if session else None
    since = len(standard.log)
    run = crawl("user", standard, tmp_path, phpsessid=phpsessid, id=artist, **ROWS)
    assert run.exit_code == ("withheld" in expected.unavailable.values())
    assert_holds(tmp_path, by_rows(tmp_path, expected))
    assert dict(rows(tmp_path, "SELECT id, availability FROM artworks WHERE availability != 'available'")) == (
        expected.unavailable
    )
    # A row without a title stands in a work's place as far as anyone can tell: the work itself is asked.
    nameless = [work for work in standard.world.works_of(artist, None) if not work.title]
    looked_at_twice = list(expected.unavailable.values()).count("gone")
    assert len(asked(standard, since)) <= 3 + len(expected.unavailable) + looked_at_twice + len(nameless)
    assert not list((tmp_path / "quarantine").iterdir())

    since = len(standard.log)
    crawl("user", standard, tmp_path, phpsessid=phpsessid, id=artist, **ROWS)
    assert asked(standard, since) == [f"/ajax/user/{artist}/profile/all"]

    since = len(standard.log)
    crawl("user", standard, tmp_path, phpsessid=phpsessid, id=artist)
    assert not fetched(standard, since)
    assert_holds(tmp_path, expected)
    assert "listing" not in levels(tmp_path)


def test_the_extension_of_a_work_and_of_its_artist_is_guessed_from_what_is_known(tmp_path: Path):
    with Sandbox(World.of(works=3, pages=[Page("png", 48, 36)] * 5)) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS).exit_code == 0
        # The first page of each work alone is tried as a JPEG.
        assert fetched(sandbox) == {404: 3, 200: 15}
        sandbox.world.add_work(11, pages=(Page("png", 48, 36),))
        sandbox.world.add_work(11, pages=(Page("gif", 48, 36),))
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS).exit_code == 0
        assert fetched(sandbox, since) == {200: 2, 404: 2}
        assert_holds(tmp_path, sandbox.world.expected.user(11))


@pytest.mark.long
@pytest.mark.parametrize(
    ("spider", "arguments", "expectation"),
    [
        ("bookmarks", {"id": "me"}, lambda world: world.expected.bookmarks(901)),
        ("series", {"id": 501}, lambda world: world.expected.series(501, session=True)),
        ("mypixiv", {}, lambda world: world.expected.mypixiv()),
        ("ranking", {"date": "20230113"}, lambda world: world.expected.ranking("daily", "20230113", session=True)),
    ],
)
def test_other_lists_come_from_their_rows_too(
    tmp_path: Path, standard: Sandbox, spider: str, arguments: dict[str, Any], expectation: Any
):
    expected = expectation(standard.world)
    since = len(standard.log)
    assert crawl(spider, standard, tmp_path, **arguments, **ROWS).exit_code == 0
    assert_holds(tmp_path, by_rows(tmp_path, expected))
    details = [path for path in asked(standard, since) if path.startswith("/ajax/illust/")]
    nameless = sum(f"/ajax/illust/{work.id}" in details for work in standard.world.works() if not work.title)
    # What is gone is looked at twice, but where the list itself shows that it is.
    assert len(set(details)) == len(expected.unavailable) + nameless
    assert len(details) - len(set(details)) <= len(expected.unavailable)


def test_a_work_that_was_revised_between_two_runs_stands_beside_its_older_self(tmp_path: Path):
    with Sandbox(World.of(works=4, pages=2, size=(48, 36))) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS).exit_code == 0
        before = sandbox.world.expected.user(11)
        sandbox.world.revise(sandbox.world.work_id(11, 2), pages=(Page("png", 60, 40),))
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11, refresh="true", **ROWS).exit_code == 0
        assert_holds(tmp_path, before, sandbox.world.expected.user(11))
        assert not [path for path in asked(sandbox, since) if path.startswith("/ajax/illust/")]
        assert levels(tmp_path) == {"listing": 4}


@pytest.mark.long
def test_a_revised_work_comes_although_a_new_one_stands_on_the_page_before_it(tmp_path: Path):
    with Sandbox(World.of(works=120, size=(16, 12))) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS).exit_code == 0
        before = sandbox.world.expected.user(11)
        sandbox.world.add_work(11, pages=(TINY,))
        sandbox.world.revise(sandbox.world.work_id(11, 2), pages=(Page("png", 60, 40),))
        sandbox.faults.api("/profile/illusts", kind="late", seconds=1)
        assert crawl("user", sandbox, tmp_path, id=11, refresh="true", **ROWS).exit_code == 0
        assert_holds(tmp_path, before, sandbox.world.expected.user(11))


def test_a_row_that_is_older_than_its_work_is_settled_by_the_work_itself(tmp_path: Path):
    with Sandbox(World.of(works=3, size=(48, 36))) as sandbox:
        sandbox.faults.image(kind="status:500")
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS, settings={"PIXIV_IMAGE_RETRY_DELAY": 0}).exit_code == 1
        sandbox.faults.clear()
        revised, gone = sandbox.world.work_id(11, 1), sandbox.world.work_id(11, 3)
        sandbox.world.revise(revised)
        sandbox.world.remove(gone)
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        details = [path for path in asked(sandbox, since) if path.startswith("/ajax/illust/")]
        assert sorted(details) == [f"/ajax/illust/{revised}", f"/ajax/illust/{gone}"]
        assert rows(tmp_path, "SELECT id FROM artworks WHERE availability = 'gone'") == [(gone,)]


def test_what_a_row_leaves_open_of_a_filter_is_asked(tmp_path: Path):
    with Sandbox(World.of(works=6, size=(48, 36))) as sandbox:
        liked = {work.id for work in sandbox.world.works_of(11, None) if work.bookmark_count >= 150}
        assert 0 < len(liked) < 6
        command: dict[str, Any] = {"id": 11, "min_bookmarks": 150, **ROWS}
        assert crawl("user", sandbox, tmp_path, **command).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.artwork(liked))
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, **command).exit_code == 0
        assert asked(sandbox, since) == ["/ajax/user/11/profile/all"]


def test_a_backfill_completes_the_oldest_works_first_and_fetches_nothing_twice(tmp_path: Path):
    with Sandbox(World.of(works=7, pages=2, size=(48, 36))) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS).exit_code == 0
        since = len(sandbox.log)
        assert crawl("artwork", sandbox, tmp_path, backfill="true", max_works=3).exit_code == 0
        assert levels(tmp_path) == {"full": 3, "listing": 4}
        oldest = [sandbox.world.work_id(11, number) for number in (1, 2, 3)]
        assert rows(tmp_path, "SELECT id FROM artworks WHERE detail = 'full' ORDER BY id") == [(id,) for id in oldest]
        assert crawl("artwork", sandbox, tmp_path, backfill="true").exit_code == 0
        assert levels(tmp_path) == {"full": 7}
        assert len(asked(sandbox, since)) == 14
        assert not fetched(sandbox, since)
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        captions = {work.id: work.caption for work in sandbox.world.works_of(11, None)}
        assert dict(rows(tmp_path, "SELECT id, caption FROM artworks")) == captions
        since = len(sandbox.log)
        assert crawl("artwork", sandbox, tmp_path, backfill="true").exit_code == 0
        assert not sandbox.log[since:]


def test_a_page_whose_size_is_not_what_the_work_itself_tells_is_fetched_again(tmp_path: Path):
    with Sandbox(World.of(works=1, pages=3, size=(60, 40))) as sandbox:
        [work] = sandbox.world.works_of(11, None)
        # A whole picture of another size: a row tells that of the first page alone.
        sandbox.faults.image(work.id, 2, kind="wrong_size")
        assert crawl("user", sandbox, tmp_path, id=11, **ROWS).exit_code == 0
        sandbox.faults.clear()
        since = len(sandbox.log)
        assert crawl("artwork", sandbox, tmp_path, backfill="true").exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        assert fetched(sandbox, since) == {200: 1}
        assert len(list((tmp_path / "quarantine").glob("*_p2_*.jpg"))) == 1


@pytest.mark.long
def test_a_run_that_is_killed_goes_on_from_its_rows(tmp_path: Path):
    with Sandbox(World.of(works=60, pages=[Page("png", 300, 200), Page("jpg", 300, 200)])) as sandbox:
        env = environment(sandbox, tmp_path)
        command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11", "-a", "detail=listing"]
        run = subprocess.Popen(
            command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while fetched(sandbox)[200] < 30:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        first = len(sandbox.log)
        again = crawl("user", sandbox, tmp_path, id=11, **ROWS)
        assert again.exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        in_flight = 8
        assert fetched(sandbox)[200] <= 120 + in_flight
        assert not [path for path in asked(sandbox, first) if path.startswith("/ajax/illust/")]
        assert not list((tmp_path / "quarantine").iterdir())
