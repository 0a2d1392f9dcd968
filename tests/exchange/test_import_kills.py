"""An import that is killed anywhere, and run again, ends as one that nobody disturbed; the folder that it reads stays as it is."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.canonical import Dump, dump
from tests.exchange.fetched import Sandbox, bring_in, gallery_dl, tree
from tests.live.chaos.plans import campaign
from tests.live.running import PROJECT, environment, rows, stored_files
from tests.sandbox.serving import World

MOST_KILLS = 3


@dataclass
class Undisturbed:
    sandbox: Sandbox
    folder: Path
    tree: dict[str, tuple[str, int, int]]
    files: dict[str, str]
    facts: Dump


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    """A folder with works that were revised and works that are gone since, and what comes of it."""
    place = tmp_path_factory.mktemp("undisturbed")
    world = World.of(works=60, page_counts=(1, 3), ugoira=10, size=(96, 72))
    with Sandbox(world) as sandbox:
        gallery_dl(sandbox, place / "gallery-dl", "--write-metadata")
        for sidecar in sorted((place / "gallery-dl").rglob("*.jpg.json"))[::2]:
            sidecar.unlink()
        shown = [work.id for work in world.works_of(11, world.readers[0])]
        for work_id in shown[:6]:
            world.revise(work_id)
        for work_id in shown[30:33]:
            world.remove(work_id)
        assert bring_in(sandbox, place / "archive", place / "gallery-dl").exit_code == 0
        kept = tree(place / "gallery-dl")
        yield Undisturbed(sandbox, place / "gallery-dl", kept, stored_files(place / "archive"), dump(place / "archive"))


@pytest.mark.parametrize("seed", campaign(range(50)))
def test_killed_anywhere_it_ends_as_if_nobody_had(undisturbed: Undisturbed, tmp_path: Path, seed: int):
    dice = random.Random(seed)
    for _ in range(dice.randint(1, MOST_KILLS)):
        kill_an_import(undisturbed, tmp_path, dice)
    assert_ends_as_undisturbed(undisturbed, tmp_path)


@pytest.mark.long
def test_killed_between_the_works_and_the_files_that_their_rows_name(undisturbed: Undisturbed, tmp_path: Path):
    place = "pixivcrawl.ledger.updates:record_originals_of_rows:before:1"
    killed = bring_in(undisturbed.sandbox, tmp_path, undisturbed.folder, CHAOS_KILL=place)
    assert killed.exit_code == -signal.SIGKILL, killed.errors
    assert rows(tmp_path, "SELECT (SELECT count(*) > 0 FROM artworks), (SELECT count(*) FROM files)") == [(1, 0)]
    assert_ends_as_undisturbed(undisturbed, tmp_path)


def assert_ends_as_undisturbed(undisturbed: Undisturbed, tmp_path: Path) -> None:
    done = bring_in(undisturbed.sandbox, tmp_path, undisturbed.folder)
    assert (done.exit_code, done.image_requests) == (0, 0), done.errors
    assert stored_files(tmp_path) == undisturbed.files
    assert dump(tmp_path) == undisturbed.facts
    assert not list((tmp_path / "staging").iterdir())
    assert tree(undisturbed.folder) == undisturbed.tree


def kill_an_import(undisturbed: Undisturbed, archive: Path, dice: random.Random) -> None:
    """Kill one after some time, or once so many files are in their places."""
    command = [sys.executable, "-m", "scrapy", "import", str(undisturbed.folder)]
    env = environment(undisturbed.sandbox, archive)
    child = subprocess.Popen(command, cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    files = dice.choice([0, dice.randrange(len(undisturbed.files))])
    ends = time.monotonic() + dice.uniform(1, 6)
    while child.poll() is None and time.monotonic() < ends:
        if files and sum(1 for _ in (archive / "originals").glob("*/*")) >= files:
            break
        time.sleep(0.002)
    time.sleep(dice.uniform(0, 0.02))
    child.kill()
    child.wait()
