"""`export video` killed in the middle of a film: the next run makes it again, and each film is as if nobody had disturbed it.

`-m campaign` kills it 50 times.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ImageChops, ImageStat

from pixivcrawl.items import Frame, Original
from pixivcrawl.ledger.updates import record_artwork
from tests.animations.drawing import film, zipped
from tests.archive.making import encoded
from tests.exchange.export.killing import Killer
from tests.gallery.making import keep
from tests.index.pictures import scaled, shapes
from tests.ledger.making import NOW, an_artwork, an_ugoira, connected, sqlite_url

FILMS, FRAMES = 2, 90
"""x264 writes nothing of the first 40 frames, at which it looks ahead."""

PATIENCE = 60.0
"""Seconds until a film is begun, at most."""


def a_film(folder: Path, number: int) -> tuple[Original, bytes]:
    """An ugoira whose frames are all other pictures, which takes a while to encode."""
    dice = random.Random(number)
    delays = [dice.randrange(20, 200) for _ in range(FRAMES)]
    frames = [encoded(scaled(shapes(dice), 0.3), "JPEG", quality=90) for _ in range(FRAMES)]
    drawn = zipped(folder, frames, delays)
    listed = tuple(Frame(frame.file, frame.delay) for frame in drawn.frames)
    return replace(an_ugoira(number), frames=listed), drawn.files[0].path.read_bytes()


@pytest.fixture
def killer(tmp_path: Path) -> Iterator[Killer]:
    root = tmp_path / "archive"
    root.mkdir()
    with connected(sqlite_url(root)) as connection:
        for number in range(1, FILMS + 1):
            original, body = a_film(tmp_path, number)
            record_artwork(connection, an_artwork(number, kind="ugoira", originals=(original,)), NOW)
            keep(connection, root, original, body)
    killer = Killer(root)
    yield killer
    killer.close()


def begun(folder: Path, then: float) -> Callable[[], None]:
    """Waits until a film is being made, and `then` seconds more."""

    def wait() -> None:
        until = time.monotonic() + PATIENCE
        while not list(folder.rglob("*.part")):
            assert time.monotonic() < until
            time.sleep(0.001)
        time.sleep(then)

    return wait


def same(one: Path, other: Path) -> bool:
    """Whether two films show the same at the same times; x264 makes other bytes of the same frames now and then."""
    first, second = film(one), film(other)
    differ = [
        max(ImageStat.Stat(ImageChops.difference(*both)).mean) for both in zip(first.frames, second.frames, strict=True)
    ]
    return (first.begins, first.ends) == (second.begins, second.ends) and max(differ) < 1


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "kills", [pytest.param(3, marks=pytest.mark.long), pytest.param(50, marks=pytest.mark.campaign)]
)
def test_killed_in_the_middle_of_a_film_it_goes_on(killer: Killer, tmp_path: Path, kills: int) -> None:
    undisturbed = tmp_path / "undisturbed"
    killer.run("video", undisturbed)
    times = sorted(path.stat().st_mtime for path in undisturbed.rglob("*.mp4"))
    films = names(undisturbed)
    assert len(films) == FILMS
    dice, lasts, killed, tries = random.Random(kills), (times[-1] - times[0]) / (FILMS - 1), 0, 0
    while killed < kills:
        tries += 1
        assert tries < kills * 5
        out = tmp_path / f"out {tries}"
        was_killed = killer.run("video", out, begun(out, dice.uniform(0, lasts)))
        whole = {path: path.stat().st_mtime_ns for path in out.rglob("*.mp4")}
        # Else it ended before, or was between two films.
        killed += was_killed and bool(list(out.rglob("*.part")))
        assert not killer.run("video", out)
        assert names(out) == films
        assert {path: path.stat().st_mtime_ns for path in whole} == whole
        assert all(same(out / name, undisturbed / name) for name in films)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.mp4*"))
