"""Lists that come back empty are looked at a second time, after everything else that a command has to do: many cost one wait."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from pixivcrawl.sandbox import Sandbox, World
from tests.live.inside import crawl
from tests.live.running import assert_holds
from tests.live.syncing import sync

WAIT = 2.0
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
