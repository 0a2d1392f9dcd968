"""What artists change, remove and bring back: every former state stays, and nothing is called gone that was not looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.live.inside import Run, crawl
from tests.live.running import assert_holds, rows
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox, World


@pytest.fixture
def sandbox():
    with Sandbox(World.of(works=6)) as running:
        yield running


def archived(sandbox: Sandbox, folder: Path, **arguments: object) -> Run:
    return crawl("user", sandbox, folder, id=11, **arguments)


def asked_for(sandbox: Sandbox, since: int) -> list[str]:
    return [logged.path for logged in sandbox.requests("api")[since:]]


def state(folder: Path, work_id: int) -> tuple[str, str | None]:
    return rows(folder, f"SELECT availability, unavailable_reason FROM artworks WHERE id = {work_id}")[0]


def expected(sandbox: Sandbox) -> Expected:
    return sandbox.world.expected.user(11, session=True)


def test_a_work_that_vanishes_gains_a_tombstone_and_keeps_its_files(tmp_path: Path, sandbox: Sandbox):
    assert archived(sandbox, tmp_path).exit_code == 0
    before = expected(sandbox)
    work_id = sandbox.world.work_id(11, 3)
    sandbox.world.remove(work_id)
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path).exit_code == 0
    assert asked_for(sandbox, since) == ["/ajax/user/11/profile/all", f"/ajax/illust/{work_id}"]
    availability, reason = state(tmp_path, work_id)
    assert (availability, bool(reason)) == ("gone", True)
    assert rows(tmp_path, "SELECT count(*) FROM artworks WHERE unavailable_since IS NOT NULL") == [(1,)]
    assert_holds(tmp_path, before)

    # It is not asked for again while nothing changes, and is back when it is listed again.
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path).exit_code == 0
    assert asked_for(sandbox, since) == ["/ajax/user/11/profile/all"]
    sandbox.world.restore(work_id)
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path).exit_code == 0
    assert asked_for(sandbox, since) == ["/ajax/user/11/profile/all", f"/ajax/illust/{work_id}"]
    assert state(tmp_path, work_id) == ("available", None)
    assert_holds(tmp_path, before)


def test_a_work_that_is_only_unlisted_is_looked_at_once(tmp_path: Path, sandbox: Sandbox):
    assert archived(sandbox, tmp_path).exit_code == 0
    before = expected(sandbox)
    work_id = sandbox.world.work_id(11, 3)
    sandbox.world.remove(work_id, listed=False)
    sandbox.world._change(work_id, gone=False)
    assert archived(sandbox, tmp_path).exit_code == 0
    sandbox.world.add_work(11)
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path).exit_code == 0
    assert f"/ajax/illust/{work_id}" not in asked_for(sandbox, since)
    assert state(tmp_path, work_id) == ("available", None)
    assert_holds(tmp_path, before, expected(sandbox))


@pytest.mark.parametrize("known", [False, True], ids=["a new archive", "a known artist"])
def test_an_empty_answer_is_believed_only_at_a_second_look(tmp_path: Path, sandbox: Sandbox, *, known: bool):
    if known:
        assert archived(sandbox, tmp_path).exit_code == 0
    sandbox.faults.api("/profile/all$", kind="empty", times=1)
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path).exit_code == 0
    assert asked_for(sandbox, since)[:2] == ["/ajax/user/11/profile/all"] * 2
    assert known == (asked_for(sandbox, since)[2:] == [])
    assert_holds(tmp_path, expected(sandbox))


def test_an_artist_without_works_is_looked_at_twice_once(tmp_path: Path):
    with Sandbox(World.of(works=0)) as sandbox:
        assert archived(sandbox, tmp_path).exit_code == 0
        since = len(sandbox.requests("api"))
        assert archived(sandbox, tmp_path).exit_code == 0
        assert asked_for(sandbox, since) == ["/ajax/user/11/profile/all"]


def test_a_reading_that_stops_early_calls_nothing_gone(tmp_path: Path, sandbox: Sandbox):
    assert archived(sandbox, tmp_path).exit_code == 0
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path, max_works=2).exit_code == 0
    assert asked_for(sandbox, since) == ["/ajax/user/11/profile/all"]


def test_an_artist_who_left_takes_the_works_along_and_brings_them_back(tmp_path: Path, sandbox: Sandbox):
    assert archived(sandbox, tmp_path).exit_code == 0
    before = expected(sandbox)
    world = sandbox.world
    artist = world._artists[11]
    world._artists[11] = replace(artist, left=True)
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path).exit_code == 1
    assert asked_for(sandbox, since) == 2 * ["/ajax/user/11/profile/all"], "one 404 is not believed"
    assert rows(tmp_path, "SELECT DISTINCT availability, unavailable_reason FROM artworks") == [
        ("gone", "its artist left pixiv")
    ]
    assert rows(tmp_path, "SELECT availability FROM users WHERE id = 11") == [("gone",)]
    assert_holds(tmp_path, before)

    world._artists[11] = artist
    assert archived(sandbox, tmp_path).exit_code == 0
    assert rows(tmp_path, "SELECT DISTINCT availability FROM artworks") == [("available",)]
    assert rows(tmp_path, "SELECT availability FROM users WHERE id = 11") == [("available",)]
    assert_holds(tmp_path, before)


def test_a_rename_moves_nothing_and_is_a_row(tmp_path: Path, sandbox: Sandbox):
    assert archived(sandbox, tmp_path).exit_code == 0
    sandbox.world.rename(11, "another name")
    new = sandbox.world.add_work(11)
    assert archived(sandbox, tmp_path).exit_code == 0
    assert rows(tmp_path, "SELECT name FROM user_names WHERE user_id = 11 ORDER BY id") == [
        ("artist 11",),
        ("another name",),
    ]
    assert {path.name for path in (tmp_path / "originals").iterdir()} == {"11"}
    assert (tmp_path / "originals" / "11" / f"{new.id}_p0_{new.revision}.jpg").is_file()


def test_changed_facts_keep_their_former_values_with_dates(tmp_path: Path, sandbox: Sandbox):
    assert archived(sandbox, tmp_path).exit_code == 0
    work_id = sandbox.world.work_id(11, 2)
    former = sandbox.world.work(work_id)
    assert former is not None
    sandbox.world._change(work_id, title="another", caption="new words", tags=("other",))
    sandbox.world.revise(work_id)
    assert archived(sandbox, tmp_path, refresh="true").exit_code == 0
    kept = rows(
        tmp_path,
        f"SELECT field, value, true_from < true_to FROM artwork_versions WHERE artwork_id = {work_id}",
    )
    fields = {field: value for field, value, _ in kept}
    assert fields.keys() >= {"title", "caption", "tags", "revision"}
    assert former.revision in fields["revision"]
    assert all(ordered for *_, ordered in kept)


def test_a_revision_met_in_an_ordinary_run(tmp_path: Path, sandbox: Sandbox):
    """The image's old address answers 404 while the work is on its way in."""
    sandbox.faults.image(kind="status:500")
    assert archived(sandbox, tmp_path).exit_code == 1
    sandbox.faults.clear()
    sandbox.world.revise(sandbox.world.work_id(11, 4))
    assert archived(sandbox, tmp_path).exit_code == 0
    assert_holds(tmp_path, expected(sandbox))


@pytest.mark.parametrize("arguments", [{"id": "901"}, {"id": "901", "reread": "true"}])
def test_bookmarks_keep_one_order_however_often_they_are_read(tmp_path: Path, arguments: dict[str, str]):
    def order() -> list[tuple[int, int]]:
        return rows(tmp_path, "SELECT position, artwork_id FROM bookmarks ORDER BY position DESC")

    with Sandbox(World.of(works=8)) as sandbox:
        assert crawl("bookmarks", sandbox, tmp_path, **arguments).exit_code == 0
        first = order()
        assert [position for position, _ in first] == list(range(len(first), 0, -1))
        assert crawl("bookmarks", sandbox, tmp_path, **arguments).exit_code == 0
        assert order() == first
