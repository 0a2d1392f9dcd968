"""`ugoira=frames`: beside pixiv's own zip of an ugoira its frames as uploaded, whenever they are asked for, and never lost again."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pixivcrawl.sandbox.works import UGOIRA, Page, Work
from tests.live.inside import crawl
from tests.live.running import assert_holds, complaints, environment, rows, scrapy, stored_files
from tests.live.test_going_on import killed_when
from tests.sandbox.expected import Expectations, Expected
from tests.sandbox.serving import Sandbox, World


def with_frames(sandbox: Sandbox, artist: int = 11) -> Expected:
    """What an archive of the artist's works holds with the frames of all ugoira."""
    return Expectations(sandbox.world, frames=True).user(artist, session=True)


def world_of(*ugoira: dict) -> World:
    """Artist 11 with one ugoira after another, of two PNG frames unless they say otherwise."""
    world = World.of(works=0)
    for facts in ugoira:
        world.add_work(11, **{"kind": UGOIRA, "pages": (Page("png", 64, 48),), "delays": (80, 120)} | facts)
    return world


def works_of(sandbox: Sandbox) -> list[Work]:
    return sandbox.world.works_of(11, None)


def fetched(sandbox: Sandbox, since: int = 0) -> Counter[int]:
    """The image host's answers, by status."""
    return Counter(logged.status for logged in sandbox.log[since:] if logged.kind == "image")


def asked(sandbox: Sandbox, since: int = 0) -> list[str]:
    return [logged.path for logged in sandbox.log[since:] if logged.kind == "api"]


def status_of(archive: Path) -> str:
    return scrapy("status", env=environment(None, archive)).stdout


@pytest.mark.long
def test_every_frame_is_archived_as_it_was_uploaded(tmp_path: Path):
    with Sandbox(World.standard()) as sandbox:
        for artist in (11, 13):
            assert crawl("user", sandbox, tmp_path, id=artist, ugoira="frames").exit_code == 0
        expected = with_frames(sandbox)
        assert_holds(tmp_path, expected, with_frames(sandbox, 13))
        larger = sandbox.world.work_id(11, 13)
        sizes = rows(tmp_path, f"SELECT DISTINCT kind, format, width, height FROM files WHERE artwork_id = {larger}")
        assert set(sizes) == {
            ("ugoira", "zip", 1620, 1080),
            ("frame", "png", 2400, 1600),
            ("frames", "json", 1620, 1080),
        }
        mixed = sandbox.world.work_id(11, 4)
        assert [path.rpartition(".")[2] for path in sorted(stored_files(tmp_path)) if f"{mixed}_frame" in path] == [
            "jpg",
            "jpg",
            "gif",
            "jpg",
            "jpg",
            "jpg",
        ]
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        assert (asked(sandbox, since), fetched(sandbox, since)) == (["/ajax/user/11/profile/all"], Counter())


@pytest.mark.long
def test_an_archive_of_zips_gets_its_frames_without_a_question_about_a_work(tmp_path: Path):
    with Sandbox(world_of({}, {"frame_forms": ("png", "gif-still")})) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        assert "2 ugoira only as pixiv's own zip" in status_of(tmp_path)
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11, settings={"PIXIV_UGOIRA": "frames"}).exit_code == 0
        assert_holds(tmp_path, with_frames(sandbox))
        assert asked(sandbox, since) == ["/ajax/user/11/profile/all"]
        # The frame of another kind is looked for under the extensions of the others first.
        assert fetched(sandbox, since) == {200: 4, 404: 2}
        assert "only as pixiv's own zip" not in status_of(tmp_path)
        # Neither run has anything left to do; the list is the same one whether an argument or a setting asks.
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        assert not fetched(sandbox, since)
        assert_holds(tmp_path, with_frames(sandbox))
        assert rows(tmp_path, "SELECT count(DISTINCT list_id) FROM crawls") == [(2,)]


@pytest.mark.parametrize("before", [{"ugoira": "zip"}, {"ugoira": "frames"}])
@pytest.mark.long
def test_rows_bring_the_frames_too(tmp_path: Path, before: dict[str, str]):
    with Sandbox(world_of({}, {})) as sandbox:
        for arguments in (before, {"ugoira": "frames"}):
            assert crawl("user", sandbox, tmp_path, id=11, detail="listing", **arguments).exit_code == 0
        assert_holds(tmp_path, with_frames(sandbox))
        # How many frames there are, and where, a work's own page and its timing tell.
        assert not fetched(sandbox)[404]
        assert Counter(path.rpartition("/")[2] for path in asked(sandbox))["ugoira_meta"] == 2
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        assert not fetched(sandbox, since)
        assert_holds(tmp_path, with_frames(sandbox))


@pytest.mark.long
def test_a_revision_keeps_the_frames_before_it_and_fetches_those_after_it(tmp_path: Path):
    with Sandbox(world_of({})) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        first = stored_files(tmp_path)
        sandbox.world.revise(works_of(sandbox)[0].id, delays=(80, 80, 80), frame_forms=("gif-still",))
        # Whoever wants zips alone leaves the frames where they are.
        assert crawl("user", sandbox, tmp_path, id=11, refresh="true").exit_code == 0
        assert stored_files(tmp_path) == first | sandbox.world.expected.user(11).files | json_of(tmp_path)
        assert "1 ugoira only as pixiv's own zip" in status_of(tmp_path)
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        assert len(stored_files(tmp_path)) == 4 + 5
        assert stored_files(tmp_path).items() >= first.items()
        assert scrapy("verify", "--deep", env=environment(None, tmp_path)).returncode == 0


def json_of(archive: Path) -> dict[str, str]:
    return {path: sha256 for path, sha256 in stored_files(archive).items() if path.endswith(".json")}


def test_frames_that_are_wanted_stay_so_when_a_run_asks_for_zips_alone(tmp_path: Path):
    with Sandbox(world_of({})) as sandbox:
        work = works_of(sandbox)[0]
        sandbox.faults.image(work.id, 1, kind="status:500")
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 1
        assert f"work {work.id} frame 1: the image host answered 500" in status_of(tmp_path)
        assert crawl("artwork", sandbox, tmp_path, id=work.id, refresh="true").exit_code == 1
        sandbox.faults.clear()
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        assert_holds(tmp_path, with_frames(sandbox))


def test_a_frame_that_is_not_what_pixiv_names_is_no_original(tmp_path: Path):
    with Sandbox(world_of({"delays": (60,) * 5})) as sandbox:
        work = works_of(sandbox)[0]
        kinds = ("wrong_size", "wrong_format", "zeroed_half", "html", "status:404")
        for number, kind in enumerate(kinds):
            sandbox.faults.image(work.id, number, kind=kind)
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 1
        assert_holds(tmp_path, sandbox.world.expected.user(11))
        sandbox.faults.clear()
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        assert_holds(tmp_path, with_frames(sandbox))


@pytest.mark.long
def test_a_kill_among_frames_loses_none_and_fetches_few_twice(tmp_path: Path):
    with Sandbox(world_of(*[{"delays": (60,) * 20, "pages": (Page("png", 400, 300),)}] * 3)) as sandbox:
        env = environment(sandbox, tmp_path, PIXIVCRAWL_PIXIV_UGOIRA="frames")
        killed_when(env, lambda: len(sandbox.requests("image")) >= 25)
        assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 0
        assert_holds(tmp_path, with_frames(sandbox))
        in_flight = 8
        assert fetched(sandbox)[200] <= 3 * 21 + in_flight


def test_a_lost_frame_is_mended_and_a_lost_ledger_comes_back_with_its_frames(tmp_path: Path):
    with Sandbox(world_of({}, {})) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        lost, damaged = sorted((tmp_path / "originals/11").glob("*_frame*"))[:2]
        lost.unlink()
        damaged.write_bytes(b"no picture")
        env = environment(sandbox, tmp_path)
        assert scrapy("verify", "--repair", env=env).returncode == 1
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, with_frames(sandbox))
        assert (len(asked(sandbox, since)), fetched(sandbox, since)) == (1, {200: 2})
        for path in tmp_path.glob("archive.sqlite*"):
            path.unlink()
        assert scrapy("rebuild", env=env).returncode == 0
        assert_holds(tmp_path, with_frames(sandbox))
        since = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        assert (len(asked(sandbox, since)), fetched(sandbox, since)) == (1, {})


def test_frames_without_a_journal_are_adopted_and_the_rest_is_fetched(tmp_path: Path):
    with Sandbox(world_of({"delays": (60,) * 3})) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11, ugoira="frames").exit_code == 0
        next(iter((tmp_path / "originals/11").glob("*_frame1_*"))).unlink()
        for path in (*tmp_path.glob("archive.sqlite*"), *(tmp_path / "journal").iterdir()):
            path.unlink()
        scrapy("rebuild", env=environment(sandbox, tmp_path))
        # Zips alone first: what is adopted stays, and what is missing is seen when frames are asked for.
        for ugoira, missing in (("zip", {}), ("frames", {200: 1})):
            since = len(sandbox.log)
            assert crawl("user", sandbox, tmp_path, id=11, ugoira=ugoira).exit_code == 0
            assert fetched(sandbox, since) == missing
        assert_holds(tmp_path, with_frames(sandbox))


def test_frames_are_files(tmp_path: Path):
    command = ("crawl", "user", "-a", "id=11", "-a", "files=false", "-a", "ugoira=frames")
    run = scrapy(*command, env=environment(None, tmp_path))
    assert (run.returncode, complaints(run.stderr).count("\n")) == (2, 1)
    assert "ugoira='frames': frames are files" in run.stderr
    run = scrapy("crawl", "user", "-a", "id=11", "-s", "PIXIV_UGOIRA=gif", env=environment(None, tmp_path))
    assert (run.returncode, run.stderr) == (
        2,
        "pixivcrawl: PIXIV_UGOIRA: 'gif' is not known; there is zip and frames\n",
    )
