"""With the usual umask nothing of an archive can be read by others, and a link that somebody planted is not followed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.running import PROJECT, complaints, environment, scrapy
from tests.sandbox.serving import Sandbox, World

CRAWL = ("crawl", "user", "-a", "id=11")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=3, ugoira=34, size=(64, 48))) as running:
        yield running


def with_umask(umask: int, *arguments: str, env: dict[str, str], cwd: Path) -> int:
    command = [sys.executable, "-m", "scrapy", *arguments]
    ended = subprocess.run(
        command, cwd=PROJECT, env=env, umask=umask, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
    )
    assert b"Traceback" not in ended.stderr, ended.stderr
    return ended.returncode


def modes(folder: Path) -> dict[str, set[int]]:
    """The modes of all folders and of all files, the folder itself among them."""
    paths = [folder, *folder.rglob("*")]
    return {
        kind: {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir() == (kind == "folders")}
        for kind in ("folders", "files")
    }


def everything(env: dict[str, str], folder: Path, sandbox: Sandbox) -> None:
    """A crawl, with a damaged file for the quarantine, and the commands that leave something."""
    sandbox.faults.image(sandbox.world.work_id(11, 1), kind="zeroed_half")
    assert with_umask(0o022, *CRAWL, "-O", str(folder / "feed.json"), env=env, cwd=folder) == 1
    sandbox.faults.clear()
    assert with_umask(0o022, "subscribe", "https://www.pixiv.net/users/11", env=env, cwd=folder) == 0
    assert with_umask(0o022, "verify", "--sample", "50%", env=env, cwd=folder) == 0
    assert with_umask(0o022, "backup", str(folder / "copy.sqlite"), env=env, cwd=folder) == 0
    assert with_umask(0o022, "rebuild", "--replace", env=env, cwd=folder) == 0


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
@pytest.mark.long
def test_nothing_can_be_read_by_others(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path / "archive")
    everything(env, tmp_path, sandbox)
    assert modes(tmp_path / "archive") == {"folders": {0o700}, "files": {0o600}}
    for made in ("feed.json", "copy.sqlite"):
        assert stat.S_IMODE((tmp_path / made).stat().st_mode) == 0o600


@pytest.mark.long
def test_a_shared_archive_can_be_read_by_the_group_and_changed_by_nobody(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path / "archive", PIXIVCRAWL_ARCHIVE_READERS="group")
    assert with_umask(0o022, *CRAWL, env=env, cwd=tmp_path) == 0
    originals = modes(tmp_path / "archive" / "originals")
    assert originals == {"folders": {0o750}, "files": {0o640}}
    assert stat.S_IMODE((tmp_path / "archive" / "archive.sqlite").stat().st_mode) == 0o640
    wrong = scrapy(*CRAWL, env=env | {"PIXIVCRAWL_ARCHIVE_READERS": "world"})
    assert wrong.returncode == 2
    assert "ARCHIVE_READERS" in wrong.stderr


@pytest.mark.parametrize("name", [".lock", "archive.sqlite", "archive.sqlite-wal", "journal"])
def test_a_planted_link_is_refused_and_what_it_leads_to_is_left_alone(tmp_path: Path, sandbox: Sandbox, name: str):
    archive, precious = tmp_path / "archive", tmp_path / "precious"
    precious.write_bytes(b"")
    env = environment(sandbox, archive)
    if name == "journal":
        assert scrapy(*CRAWL, env=env).returncode == 0
        (file,) = (archive / "journal").iterdir()
        precious.write_bytes(file.read_bytes())
        file.unlink()
    else:
        archive.mkdir()
        file = archive / name
    file.symlink_to(precious)
    before, since = precious.read_bytes(), len(sandbox.log)
    run = scrapy(*CRAWL, env=env)
    assert (run.returncode, complaints(run.stderr).count("\n")) == (5, 1), run.stderr
    assert "link" in run.stderr
    assert precious.read_bytes() == before
    assert len(sandbox.log) == since
