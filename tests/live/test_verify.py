"""`scrapy verify`: names exactly what is damaged; its repair and one more run make the archive what it was."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox import Sandbox, World
from tests.canonical import dump
from tests.live.running import assert_holds, environment, scrapy
from tests.verification.damages import KINDS, Damager


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(artists=2, works=12, pages=2, size=(160, 120))) as running:
        yield running


@pytest.fixture(scope="module")
def whole(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both artists, archived undisturbed; to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    crawl_again(sandbox, folder)
    return folder


@pytest.fixture
def archive(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "archive")


def crawl_again(sandbox: Sandbox, archive: Path) -> None:
    for artist in (11, 12):
        run = scrapy("crawl", "user", "-a", f"id={artist}", env=environment(sandbox, archive))
        assert run.returncode == 0, run.stdout + run.stderr


def verify(archive: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return scrapy("verify", *options, env=environment(None, archive))


def findings(run: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    return [line for line in lines if "repair" not in line]


def test_every_damage_is_named_exactly_and_healed(sandbox: Sandbox, archive: Path, whole: Path) -> None:
    damager = Damager(archive, seed=4)
    expected = damager.plant(KINDS)
    run = verify(archive, "--json")
    assert (run.returncode, {(each["kind"], each["path"]) for each in findings(run)}) == (1, expected), run.stderr

    before = {path.name for path in archive.rglob("*") if path.is_file()}
    repaired = verify(archive, "--repair")
    assert repaired.returncode == 1, repaired.stderr
    assert "Traceback" not in repaired.stderr
    clean = verify(archive, "--deep")
    assert (clean.returncode, clean.stdout.count("\n")) == (0, 2), clean.stdout
    kept = " ".join(path.name for path in archive.rglob("*") if path.is_file())
    renamed = {Path(path).name for kind, path in expected if kind in ("unknown", "missing")}
    assert [
        name for name in before - renamed if name.split(".")[0] not in kept and "(" not in name and name[0].isascii()
    ] == []

    asked = len(sandbox.log)
    crawl_again(sandbox, archive)
    images = [logged.path for logged in sandbox.log[asked:] if "/img-original/" in logged.path]
    assert len(images) == 4, "a flip, a truncation, a zeroed block, a deletion; everything else was there"
    assert_holds(archive, *(sandbox.world.expected.user(artist, session=True) for artist in (11, 12)))
    assert verify(archive).returncode == 0
    healed, undisturbed = dump(archive), dump(whole)
    invented = [row for row in healed["files"] if row not in undisturbed["files"]]
    assert [row for row in invented if "state='superseded'" not in row] == []
    assert len(invented) == 1, "the page that no work has"
    healed["files"] = [row for row in healed["files"] if row not in invented]
    assert healed == undisturbed
