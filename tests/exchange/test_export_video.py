"""`pixivcrawl export video`: each ugoira of an archive as a film."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.animations import conversion
from pixivcrawl.animations.conversion import alone_in
from pixivcrawl.sandbox.works import UGOIRA, Page
from tests.animations.drawing import film
from tests.commands.typing_in import type_in
from tests.sandbox.serving import Sandbox, World

DELAYS = (33, 41, 900)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    world = World.of(works=1, size=(48, 36))
    for _ in range(2):
        world.add_work(11, kind=UGOIRA, pages=(Page("png", 64, 48),), delays=DELAYS)
    folder = tmp_path / "archive"
    with Sandbox(world) as sandbox:
        assert type_in("crawl", "user", "-a", "id=11", sandbox=sandbox, archive=folder).code == 0
    return folder


def test_each_ugoira_is_made_once(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "videos"
    run = type_in("export", "video", str(target), "--all", archive=archive)
    assert (run.code, "2 mp4s made, 0 there already" in run.err) == (0, True), run.err
    made = sorted(target.glob("11/*"))
    assert [film(path).ends for path in made] == [sum(DELAYS) + 1] * 2
    times = [path.stat().st_mtime_ns for path in made]
    (target / "11" / f"{made[0].name}.part").write_bytes(b"left by a kill")
    made[0].unlink()
    run = type_in("export", "video", str(target), "--artist", "11", archive=archive)
    assert "1 mp4 made, 1 there already" in run.err
    assert sorted(target.glob("11/*")) == made
    assert made[1].stat().st_mtime_ns == times[1]
    assert type_in("export", "video", str(target), "--all", "--format", "webp", archive=archive).code == 0
    assert len(list(target.glob("11/*.webp"))) == 2


def test_two_at_once_are_said(archive: Path, tmp_path: Path) -> None:
    target = tmp_path / "videos"
    with alone_in(target):
        run = type_in("export", "video", str(target), "--all", archive=archive)
    assert (run.code, run.err.count("\n")) == (5, 1), run.err
    assert "another process makes videos there: wait for its end" in run.err
    assert type_in("export", "video", str(target), "--all", archive=archive).code == 0
    assert [path.suffix for path in target.glob("11/*")] == [".mp4", ".mp4"]


def test_a_zip_that_was_changed_is_named_and_the_others_are_made(archive: Path, tmp_path: Path) -> None:
    changed = min(archive.glob("originals/11/*.zip"))
    content = bytearray(changed.read_bytes())
    content[100] ^= 1
    changed.chmod(0o600)
    changed.write_bytes(content)
    run = type_in("export", "video", str(tmp_path / "videos"), "--all", archive=archive)
    assert run.code == 1
    assert (
        f"not exported: {changed.stem}.mp4: {changed.name} is not what the ledger has: run pixivcrawl verify" in run.err
    )
    assert len(list((tmp_path / "videos").glob("*/*"))) == 1


def test_without_the_extra_one_line_says_what_to_install(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "find_spec", lambda _name: None)
    run = type_in("export", "video", str(tmp_path / "videos"), "--all", archive=archive)
    assert (run.code, run.err.count("\n")) == (2, 1)
    assert "pip install 'pixivcrawl[video]'" in run.err
