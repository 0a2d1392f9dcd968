"""UGOIRA_VIDEO: each ugoira made into a video while the crawl goes on, and never to its harm."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pixivcrawl.animations import conversion
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.sandbox.works import UGOIRA, Page
from tests.animations.drawing import film
from tests.commands.typing_in import Typed, type_in
from tests.live.running import PROJECT, assert_holds, environment
from tests.sandbox.serving import Sandbox, World


@pytest.fixture
def sandbox():
    world = World.of(works=1, size=(48, 36))
    for delays in ((80, 120), (33, 41, 900)):
        world.add_work(11, kind=UGOIRA, pages=(Page("png", 64, 48),), delays=delays)
    with Sandbox(world) as running:
        yield running


def archived(sandbox: Sandbox, archive: Path, form: str = "mp4", **more: object) -> Typed:
    return type_in(
        *("crawl", "user", "-a", "id=11"),
        sandbox=sandbox,
        archive=archive,
        cookie=sandbox.cookie,
        UGOIRA_VIDEO=form,
        **more,
    )


def videos(archive: Path) -> list[Path]:
    return sorted((archive / "derived" / "videos").glob("*/*"))


def test_each_ugoira_is_a_video_when_the_run_has_ended(tmp_path: Path, sandbox: Sandbox) -> None:
    run = archived(sandbox, tmp_path)
    assert run.code == 0, run.err
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
    assert "2 videos made (UGOIRA_VIDEO)" in " ".join(run.err.split())
    one, other = videos(tmp_path)
    assert {path.suffix for path in (one, other)} == {".mp4"}
    assert {film(path).ends for path in (one, other)} == {201, 975}
    before = one.stat().st_mtime_ns
    assert archived(sandbox, tmp_path).code == 0
    assert (videos(tmp_path), one.stat().st_mtime_ns) == ([one, other], before)


def test_from_the_frames_as_uploaded_where_they_are_fetched(tmp_path: Path, sandbox: Sandbox) -> None:
    assert archived(sandbox, tmp_path, "webp", PIXIV_UGOIRA="frames").code == 0
    assert [path.name.split("_")[1] for path in videos(tmp_path)] == ["frames"] * 2


def test_what_was_there_before_the_setting_is_left_alone(tmp_path: Path, sandbox: Sandbox) -> None:
    assert archived(sandbox, tmp_path, "").code == 0
    assert archived(sandbox, tmp_path, "webp").code == 0
    assert videos(tmp_path) == []


def test_one_that_fails_is_said_and_tried_again_by_the_next_run(tmp_path: Path, sandbox: Sandbox) -> None:
    blocked = tmp_path / "derived" / "videos"
    blocked.mkdir(parents=True)
    (blocked / "11").write_text("in the way")
    run = archived(sandbox, tmp_path, "webp")
    assert run.code == 0
    assert run.err.count("pixivcrawl: UGOIRA_VIDEO failed for work ") == 2
    assert "something else is in the way" in run.err
    assert "2 videos not made (UGOIRA_VIDEO); the next run tries again" in " ".join(run.err.split())
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
    (blocked / "11").unlink()
    assert archived(sandbox, tmp_path, "webp").code == 0
    assert len(videos(tmp_path)) == 2


def test_a_form_that_cannot_be_made_is_refused_before_anything_is_sent(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = archived(sandbox, tmp_path, "avi")
    assert (run.code, sandbox.log) == (ConfigurationError.exit_code, [])
    assert "UGOIRA_VIDEO: 'avi' is not known; there is mp4, webp, webm, apng, or nothing" in run.err
    monkeypatch.setattr(conversion, "find_spec", lambda _name: None)
    run = archived(sandbox, tmp_path)
    assert (run.code, sandbox.log) == (ConfigurationError.exit_code, [])
    assert "pip install 'pixivcrawl[video]'" in run.err


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_meanwhile_leaves_the_rest_to_the_next(
    how: signal.Signals, tmp_path: Path, sandbox: Sandbox
) -> None:
    """Stopped by hand, a run does not wait for videos; what it left, or a kill left, the next one makes."""
    world = sandbox.world
    for _ in range(4):
        world.add_work(11, kind=UGOIRA, pages=(Page("png", 320, 240),), delays=(40,) * 20)
    env = environment(sandbox, tmp_path, PIXIVCRAWL_UGOIRA_VIDEO="webm")
    command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11"]
    with subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 60
        # The first one may be made, and its `.part` gone, between two looks.
        while not (list((tmp_path / "derived").rglob("*.part")) or videos(tmp_path)):
            assert time.monotonic() < until
            time.sleep(0.02)
        running.send_signal(how)
        running.communicate(timeout=60)
    made = {path.name: path.read_bytes() for path in videos(tmp_path) if path.suffix == ".webm"}
    assert len(made) < 6
    assert archived(sandbox, tmp_path, "webm").code == 0
    assert_holds(tmp_path, world.expected.user(11, session=True))
    assert {path.suffix for path in videos(tmp_path)} == {".webm"}
    assert len(videos(tmp_path)) == 6
    assert all(
        (tmp_path / "derived" / "videos" / "11" / name).read_bytes() == content for name, content in made.items()
    )
