"""Lists that come back empty are looked at a second time, after everything else that a command has to do: many cost one wait."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.live.inside import crawl
from tests.live.running import assert_holds
from tests.live.syncing import sync
from tests.sandbox.serving import Sandbox, World

WAIT = 5.0
"""Seconds between two looks: more than a slow machine takes from one artist to the next."""
ARTISTS = range(11, 51)
WITH_WORKS = (12, 20, 33, 49)


def world() -> World:
    """Forty artists whom the reader follows, of whom few have a work."""
    made = World.of(artists=len(ARTISTS), works=0)
    for artist in WITH_WORKS:
        made.add_work(artist)
    made.shelf(901).follows = list(ARTISTS)
    return made


def second_looks(sandbox: Sandbox, artists: list[int]) -> list[float]:
    """Seconds between the two looks at each."""
    times = {
        artist: [one.time for one in sandbox.log if one.path == f"/ajax/user/{artist}/profile/all"]
        for artist in artists
    }
    assert {artist: len(looks) for artist, looks in times.items()} == dict.fromkeys(artists, 2)
    return [later - earlier for earlier, later in times.values()]


@pytest.mark.long
def test_a_sync_of_forty_artists_waits_once(tmp_path: Path):
    (tmp_path / "subscriptions.toml").write_text('[[subscription]]\nfrom = "following"\nname = "all"\nevery = "1d"\n')
    with Sandbox(world()) as sandbox:
        done = sync(sandbox, tmp_path, settings={"PIXIV_THROTTLE_WAIT": WAIT})
        assert done.exit_code == 0, done.said
        empty = [artist for artist in ARTISTS if artist not in WITH_WORKS]
        assert min(second_looks(sandbox, empty)) >= WAIT
        looked_at = [one.time for one in sandbox.log if one.path.endswith("/profile/all")]
        waits = [later - earlier for earlier, later in pairwise(looked_at)]
        assert sum(wait >= WAIT for wait in waits) <= 1
        assert_holds(tmp_path, *(sandbox.world.expected.user(artist, session=True) for artist in WITH_WORKS))


@pytest.mark.long
def test_several_artists_of_one_run_wait_once(tmp_path: Path):
    with Sandbox(world()) as sandbox:
        ids = ",".join(map(str, ARTISTS[:12]))
        done = crawl("user", sandbox, tmp_path, id=ids, settings={"PIXIV_THROTTLE_WAIT": WAIT})
        assert done.exit_code == 0, done.counts
        empty = [artist for artist in ARTISTS[:12] if artist not in WITH_WORKS]
        assert min(second_looks(sandbox, empty)) >= WAIT
        assert sandbox.log[-1].time - sandbox.log[0].time < 3 * WAIT


def test_artists_whose_lists_were_throttled_are_archived_in_the_same_run(tmp_path: Path):
    with Sandbox(World.of(artists=3, works=2)) as sandbox:
        for artist in (11, 12, 13):
            sandbox.faults.api(f"/ajax/user/{artist}/profile/all", kind="empty", times=1)
        done = crawl("user", sandbox, tmp_path, id="11,12,13", settings={"PIXIV_THROTTLE_WAIT": 0.5})
        assert done.exit_code == 0, done.counts
        assert_holds(tmp_path, *(sandbox.world.expected.user(artist, session=True) for artist in (11, 12, 13)))


# Where something else says that a list is empty


LONG = {"PIXIV_THROTTLE_WAIT": 60.0}


@pytest.mark.parametrize("spider", ["following", "followers"])
def test_ones_own_list_of_people_is_believed_when_pixiv_counts_nobody(tmp_path: Path, spider: str):
    with Sandbox(World.of(works=1)) as sandbox:
        sandbox.world.shelf(901).follows, sandbox.world.shelf(901).followers = [], []
        done = crawl(spider, sandbox, tmp_path, id="me", settings=LONG)
        assert done.exit_code == 0, done.counts
        assert [one.path for one in sandbox.log] == [f"/ajax/user/901/{spider}", "/ajax/user/extra"]


def test_ones_own_list_of_people_is_looked_at_again_when_pixiv_counts_some(tmp_path: Path):
    with Sandbox(World.of(works=1)) as sandbox:
        sandbox.faults.api("/ajax/user/901/following", kind="empty", times=1)
        done = crawl("following", sandbox, tmp_path, id="me", settings={"PIXIV_THROTTLE_WAIT": 0.3})
        assert (done.exit_code, done.counts["people_listed"]) == (0, len(sandbox.world.shelf(901).follows))
        looks = [one.time for one in sandbox.log if one.path.endswith("/following")]
        assert len(looks) == 2
        assert looks[1] - looks[0] >= 0.3


def test_an_artist_who_writes_alone_is_believed(tmp_path: Path):
    with Sandbox(World.of(works=1)) as sandbox:
        sandbox.world.remove(sandbox.world.work_id(11, 1))
        assert crawl("user", sandbox, tmp_path, id=11, settings=LONG).exit_code == 0
        assert [one.path for one in sandbox.requests("api")] == ["/ajax/user/11/profile/all", "/ajax/user/11"]


@pytest.mark.parametrize(
    ("spider", "arguments", "path"),
    [
        ("user", {"id": 15, "latest": "true"}, "/works/latest"),
        ("search", {"word": "猫", "target": "top"}, "/search/top/"),
    ],
)
def test_a_list_of_one_answer_is_looked_at_twice_too(tmp_path: Path, spider: str, arguments: dict[str, Any], path: str):
    with Sandbox(World.standard(), tls=False) as sandbox:
        rows_only = {"files": "false", "detail": "listing", **arguments}
        sandbox.faults.api(path, kind="empty", times=1)
        done = crawl(spider, sandbox, tmp_path, **rows_only)
        assert (done.exit_code, done.counts["works_listed"] > 0) == (0, True)
        assert sum(path in one.path for one in sandbox.log) == 2
