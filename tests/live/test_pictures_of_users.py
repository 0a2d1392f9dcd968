"""Avatars and backgrounds of artists: fetched with their page, kept when they change, and as safe as any other file."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from pixivcrawl.sandbox.pictures import AVATAR, BACKGROUND
from tests.live.inside import crawl
from tests.live.running import PROJECT, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

ARTIST = 902
"""One of no works, with an avatar and a background."""

FILES = "SELECT state, kind, count(*) FROM user_files GROUP BY state, kind ORDER BY state, kind"


@pytest.fixture
def sandbox():
    with Sandbox(World.standard()) as running:
        yield running


def pictures(archive: Path) -> list[str]:
    return sorted(path.relative_to(archive).as_posix() for path in (archive / "users").rglob("*") if path.is_file())


def asked(sandbox: Sandbox) -> list[str]:
    return [logged.path for logged in sandbox.requests("portrait")]


def read_artist(sandbox: Sandbox, archive: Path, artist: int = ARTIST, **arguments: str) -> int:
    return crawl("user", sandbox, archive, id=artist, **arguments).exit_code


def test_both_are_kept_when_they_change_twice(tmp_path: Path, sandbox: Sandbox):
    for changes in range(3):
        assert read_artist(sandbox, tmp_path, refresh="true") == 0
        assert read_artist(sandbox, tmp_path) == 0
        assert len(pictures(tmp_path)) == len(asked(sandbox)) == 2 * (changes + 1)
        sandbox.world.repicture(ARTIST)
    assert pictures(tmp_path)[0] == "users/902/avatar_20200504234218.jpg"
    assert len({path.read_bytes() for path in (tmp_path / "users/902").iterdir()}) == 6
    assert rows(tmp_path, FILES) == [("stored", "avatar", 3), ("stored", "background", 3)]
    assert scrapy("verify", "--deep", env=environment(None, tmp_path)).returncode == 0


def test_they_are_fetched_as_they_were_uploaded(tmp_path: Path, sandbox: Sandbox):
    read_artist(sandbox, tmp_path)
    sizes = {path.name.partition("_")[0]: Image.open(path).size for path in (tmp_path / "users/902").iterdir()}
    # The page names both reduced: to 170 pixels, and into a box.
    assert sizes == {"avatar": AVATAR, "background": BACKGROUND}
    referers = {logged.headers["referer"] for logged in sandbox.requests("portrait")}
    assert referers == {"https://www.pixiv.net/users/902"}


def test_they_cost_no_request_of_the_api(tmp_path: Path, sandbox: Sandbox):
    for files in ("false", "true"):
        read_artist(sandbox, tmp_path / files, files=files)
    requests = [logged.path for logged in sandbox.requests("api")]
    half = len(requests) // 2
    assert requests[:half] == requests[half:]
    assert len(asked(sandbox)) == 2


def test_a_picture_that_nobody_chose_is_not_kept(tmp_path: Path, sandbox: Sandbox):
    assert read_artist(sandbox, tmp_path, 12) == 0
    assert (pictures(tmp_path), asked(sandbox)) == ([], [])


def test_one_alone_is_fetched_by_name(tmp_path: Path, sandbox: Sandbox):
    for changes in range(3):
        assert read_artist(sandbox, tmp_path, only="avatar") == 0
        sandbox.world.repicture(ARTIST)
        assert [path.partition("_")[0] for path in pictures(tmp_path)] == ["users/902/avatar"] * (changes + 1)
    assert [logged.path for logged in sandbox.requests("api")] == ["/ajax/user/902"] * 3
    # The whole artist is another list, and brings the other one.
    assert read_artist(sandbox, tmp_path, refresh="true") == 0
    assert rows(tmp_path, FILES)[:2] == [("stored", "avatar", 4), ("stored", "background", 1)]


@pytest.mark.parametrize("only", ["avatar", "background"])
def test_that_there_is_none_is_said(tmp_path: Path, sandbox: Sandbox, only: str):
    ended = scrapy("archive", f"https://www.pixiv.net/users/12/{only}", env=environment(sandbox, tmp_path))
    assert ended.returncode == 0
    assert f"artist 12 has chosen no {only}" in ended.stderr


def test_without_files_they_come_with_the_run_that_wants_some(tmp_path: Path, sandbox: Sandbox):
    assert read_artist(sandbox, tmp_path, files="false") == 0
    assert pictures(tmp_path) == []
    assert read_artist(sandbox, tmp_path) == 0
    assert len(pictures(tmp_path)) == 2


def test_one_that_does_not_come_is_said_and_tried_again(tmp_path: Path, sandbox: Sandbox):
    hosts = sandbox.settings()["PIXIV_IMAGE_HOSTS"]
    assert crawl("user", sandbox, tmp_path, id=ARTIST, settings={"PIXIV_IMAGE_HOSTS": "i.pximg.net"}).exit_code == 1
    said = scrapy("status", env=environment(None, tmp_path)).stdout
    assert re.search(
        r"user 902 avatar: http://127\.0\.0\.1:\d+ is not among PIXIV_IMAGE_HOSTS, so nothing is fetched from it;", said
    )
    assert crawl("user", sandbox, tmp_path, id=ARTIST, settings={"PIXIV_IMAGE_HOSTS": hosts}).exit_code == 0
    assert len(pictures(tmp_path)) == 2


def test_one_that_was_changed_meanwhile_is_looked_for_on_the_page(tmp_path: Path, sandbox: Sandbox):
    read_artist(sandbox, tmp_path, files="false")
    sandbox.world.repicture(ARTIST)
    assert read_artist(sandbox, tmp_path) == 1
    said = scrapy("status", env=environment(None, tmp_path)).stdout
    assert "user 902 avatar: its address answers 404: changed or removed since the user's page was read" in said
    assert read_artist(sandbox, tmp_path) == 0
    assert rows(tmp_path, FILES) == [
        ("stored", "avatar", 1),
        ("stored", "background", 1),
        ("superseded", "avatar", 1),
        ("superseded", "background", 1),
    ]
    before = len(sandbox.requests("api"))
    assert read_artist(sandbox, tmp_path) == 0
    assert len(sandbox.requests("api")) == before + 1


def test_one_that_cannot_be_had_is_said_each_time_and_asked_for_later_and_later(tmp_path: Path, sandbox: Sandbox):
    sandbox.faults.portrait(ARTIST, kind="status:404")
    assert [read_artist(sandbox, tmp_path) for _ in range(4)] == [1, 1, 1, 1]
    # The first two runs asked, the others wait, and do not ask for the page either.
    assert len(asked(sandbox)) == 4
    assert len([logged for logged in sandbox.requests("api") if logged.path == "/ajax/user/902"]) == 2
    summary = scrapy("crawl", "user", "-a", "id=902", env=environment(sandbox, tmp_path)).stderr
    assert "2  pictures of an artist's page waiting after a failure in an earlier run" in summary
    sandbox.faults.clear()
    assert read_artist(sandbox, tmp_path, only="avatar") == 0
    assert rows(tmp_path, FILES) == [("parked", "background", 1), ("stored", "avatar", 1)]


def test_a_damaged_one_goes_to_quarantine_and_is_fetched_again(tmp_path: Path, sandbox: Sandbox):
    whole = sandbox.world.pictures.portrait(sandbox.world.artist(ARTIST), AVATAR).whole
    sandbox.faults.portrait(ARTIST, kind="replaced", body=whole[: len(whole) // 2])
    assert read_artist(sandbox, tmp_path) == 1
    assert pictures(tmp_path) == []
    quarantined = {path.name.partition("_")[2] for path in (tmp_path / "quarantine").iterdir()}
    assert {"user902_avatar_20200504234218.jpg", "user902_background_20200504234218.jpg"} <= quarantined
    sandbox.faults.clear()
    assert read_artist(sandbox, tmp_path) == 0
    assert len(pictures(tmp_path)) == 2


def test_what_is_lost_is_mended_and_what_is_older_is_known_again(tmp_path: Path, sandbox: Sandbox):
    assert read_artist(sandbox, tmp_path) == 0
    sandbox.world.repicture(ARTIST)
    assert read_artist(sandbox, tmp_path, refresh="true") == 0
    older, latest = sorted((tmp_path / "users/902").glob("avatar_*"))
    kept = older.read_bytes()
    older.unlink()
    latest.write_bytes(b"no picture")
    stray = tmp_path / "users/902/notes.txt"
    stray.write_text("mine")
    env = environment(sandbox, tmp_path)
    damaged = scrapy("verify", "--repair", env=env)
    assert damaged.returncode == 1
    assert not stray.exists()
    assert rows(tmp_path, FILES) == [
        ("stored", "background", 2),
        ("superseded", "avatar", 1),
        ("wanted", "avatar", 1),
    ]
    older.write_bytes(kept)
    assert scrapy("verify", "--repair", env=env).returncode == 1
    assert read_artist(sandbox, tmp_path) == 0
    assert rows(tmp_path, FILES) == [("stored", "avatar", 2), ("stored", "background", 2)]
    assert scrapy("verify", env=env).returncode == 0


@pytest.mark.parametrize("with_journal", [True, False])
def test_they_come_back_with_a_ledger_that_is_made_again(tmp_path: Path, sandbox: Sandbox, with_journal: bool):
    assert read_artist(sandbox, tmp_path) == 0
    for path in tmp_path.glob("archive.sqlite*"):
        path.unlink()
    for path in () if with_journal else (tmp_path / "journal").iterdir():
        path.unlink()
    scrapy("rebuild", env=environment(sandbox, tmp_path))
    assert rows(tmp_path, FILES) == [("stored", "avatar", 1), ("stored", "background", 1)]
    assert (
        len(rows(tmp_path, "SELECT sha256 FROM user_files WHERE path IN ('" + "','".join(pictures(tmp_path)) + "')"))
        == 2
    )
    before = len(asked(sandbox))
    assert read_artist(sandbox, tmp_path, refresh="true") == 0
    assert len(asked(sandbox)) == before


KILLS = {
    "before it is placed": ("pixivcrawl.archive.stores.folder", "put", "'avatar' in str(arguments[1])", "before"),
    "once it is placed": ("pixivcrawl.archive.stores.folder", "put", "'avatar' in str(arguments[1])", "after"),
    "before that is recorded": (
        "pixivcrawl.ledger.updates.files",
        "_upsert_files",
        "any((row['kind'], row['state']) == ('avatar', 'stored') for row in arguments[1])",
        "before",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("kill", KILLS)
def test_a_kill_while_one_is_placed_loses_none(tmp_path: Path, sandbox: Sandbox, kill: str):
    module, name, condition, moment = KILLS[kill]
    assert read_artist(sandbox, tmp_path, files="false") == 0
    code = f"""
import os, signal, {module} as module, scrapy.cmdline
real = module.{name}
def kill(*arguments):
    if not {condition}:
        return real(*arguments)
    if {moment == "after"}:
        real(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
module.{name} = kill
scrapy.cmdline.execute(["scrapy", "crawl", "user", "-a", "id=902"])
"""
    env = environment(sandbox, tmp_path)
    killed = subprocess.run([sys.executable, "-c", code], env=env, cwd=PROJECT, check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert read_artist(sandbox, tmp_path) == 0
    assert rows(tmp_path, FILES) == [("stored", "avatar", 1), ("stored", "background", 1)]
    assert len(asked(sandbox)) <= 3
    assert not list((tmp_path / "staging").iterdir())
