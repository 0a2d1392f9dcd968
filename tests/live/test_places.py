"""Where originals lie: folders that their owner linked, and names that are taken or cannot be used, known before a file is asked for."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.live.inside import crawl
from tests.live.running import assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

WORLD = {"artists": 2, "works": 4, "ugoira": 25, "size": (64, 48)}


@pytest.fixture
def sandbox():
    with Sandbox(World.of(**WORLD)) as running:
        yield running


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def link(place: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


def images(sandbox: Sandbox, artist: int) -> int:
    """How many images of an artist were asked for."""
    works = [f"/{work.id}_" for work in sandbox.world.works_of(artist, sandbox.world.readers[0])]
    return sum(any(work in logged.path for work in works) for logged in sandbox.requests("image"))


@pytest.mark.parametrize("which", ["originals", "originals/11", "."])
def test_a_linked_folder_works_completely(tmp_path: Path, archive: Path, sandbox: Sandbox, which: str):
    link(archive / which, tmp_path / "elsewhere")
    expected = sandbox.world.expected.user(11, session=True)
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    assert_holds(archive, expected)
    assert any((tmp_path / "elsewhere").rglob("*.jpg"))
    since = images(sandbox, 11)
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    assert images(sandbox, 11) == since

    env = environment(None, archive)
    verified = scrapy("verify", "--repair", env=env)
    assert (verified.returncode, verified.stdout.split()[-1]) == (0, "whole"), verified.stdout
    for part in archive.glob("archive.sqlite*"):
        part.unlink()
    assert scrapy("rebuild", "--check", env=env).returncode == 0
    assert_holds(archive, expected)


def test_a_link_that_leads_nowhere_is_one_line_at_the_start_and_no_file_is_called_missing(
    tmp_path: Path, archive: Path, sandbox: Sandbox
):
    link(archive / "originals", tmp_path / "elsewhere")
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    (tmp_path / "elsewhere").rename(tmp_path / "unmounted")
    since = len(sandbox.log)
    env = environment(sandbox, archive)
    for command in ("crawl user -a id=11", "verify --repair", "rebuild --replace"):
        run = scrapy(*command.split(), env=env)
        assert (run.returncode, complaints(run.stderr).count("\n")) == (5, 1), run.stderr
        assert "leads nowhere: mount the disk" in run.stderr
    assert len(sandbox.log) == since
    (tmp_path / "unmounted").rename(tmp_path / "elsewhere")
    assert_holds(archive, sandbox.world.expected.user(11, session=True))


def obstruct(archive: Path, artist: Path, file: Path, kind: str) -> None:
    """Make the place of `artist`, or of one of its files, one that cannot be used."""
    artist.parent.mkdir(parents=True)
    if kind == "a link that leads nowhere":
        artist.symlink_to(archive / "unmounted")
    elif kind == "a link that leads nowhere but to itself":
        artist.symlink_to(artist)
    elif kind == "something other than a folder":
        artist.write_text("mine")
    elif kind == "no permission":
        artist.mkdir()
        subprocess.run(["chattr", "+i", artist], check=True)
    elif kind == "two disks":
        artist.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "pixivcrawl-test", artist], check=True)
    else:
        artist.mkdir()
        if kind == "another file":
            file.write_text("mine")
        elif kind == "a folder":
            file.mkdir()
        else:
            file.symlink_to(archive / "elsewhere")


def clear(artist: Path, file: Path, kind: str) -> None:
    if kind == "no permission":
        subprocess.run(["chattr", "-i", artist], check=True)
    elif kind == "two disks":
        subprocess.run(["umount", artist], check=True)
    elif kind == "a folder":
        file.rmdir()
    elif kind in OF_A_FOLDER:
        artist.unlink()
    else:
        file.unlink()


OF_A_FOLDER = (
    "a link that leads nowhere",
    "a link that leads nowhere but to itself",
    "something other than a folder",
    "no permission",
    "two disks",
)
OF_A_FILE = ("another file", "a folder", "a link, which is not followed")


@pytest.mark.long
@pytest.mark.parametrize("kind", [*OF_A_FOLDER, *OF_A_FILE])
@pytest.mark.parametrize("ending", [".jpg", ".zip", ".json"])
def test_a_place_that_cannot_be_used_costs_no_transfer(archive: Path, sandbox: Sandbox, kind: str, ending: str):
    if kind in OF_A_FOLDER and ending != ".jpg":
        pytest.skip("a folder's trouble is that of all its files")
    expected = sandbox.world.expected.user(11, session=True)
    file = next(archive / name for name in sorted(expected.files) if name.endswith(ending))
    artist = archive / "originals" / "11"
    try:
        obstruct(archive, artist, file, kind)
    except subprocess.CalledProcessError:
        pytest.skip("only root may do that, on some disks")
    try:
        for _ in range(10 if (kind, ending) == ("another file", ".jpg") else 2):
            assert crawl("user", sandbox, archive, id="11,12").exit_code == 1
    finally:
        clear(artist, file, kind)
    assert not list((archive / "quarantine").iterdir())
    assert not (archive / "elsewhere").exists()
    # All of the other artist's, and of this one's what can be put in its place, once.
    assert images(sandbox, 12) == sum(
        not name.endswith(".json") for name in sandbox.world.expected.user(12, session=True).files
    )
    assert images(sandbox, 11) == (
        0 if kind in OF_A_FOLDER else sum(not name.endswith(".json") for name in expected.files) - 1
    )
    reasons = {reason for (reason,) in rows(archive, "SELECT failed_reason FROM files WHERE state = 'parked'")}
    assert len(reasons) == 1
    assert kind.removesuffix(" but to itself") in reasons.pop()
    assert crawl("user", sandbox, archive, id="11,12").exit_code == 0, "at once, with the obstacle away"
    assert_holds(archive, *(sandbox.world.expected.user(each, session=True) for each in (11, 12)))


@pytest.mark.long
def test_a_whole_original_that_lies_there_without_a_row_is_adopted_by_repair(
    tmp_path: Path, archive: Path, sandbox: Sandbox
):
    assert crawl("user", sandbox, tmp_path / "other", id=11).exit_code == 0
    expected = sandbox.world.expected.user(11, session=True)
    name = min(name for name in expected.files if name.endswith(".jpg"))
    assert crawl("user", sandbox, archive, id=12).exit_code == 0
    (archive / name).parent.mkdir()
    (tmp_path / "other" / name).rename(archive / name)
    assert crawl("user", sandbox, archive, id=11).exit_code == 1
    since = images(sandbox, 11)
    assert scrapy("verify", "--repair", env=environment(None, archive)).returncode == 1
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    assert images(sandbox, 11) == since
    assert_holds(archive, expected, sandbox.world.expected.user(12, session=True))
