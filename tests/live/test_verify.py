"""`pixivcrawl verify`: names exactly what is damaged; its repair and one more run make the archive what it was."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from tests.canonical import dump
from tests.commands.typing_in import Typed, type_in
from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, environment, stored_files
from tests.sandbox.serving import Sandbox, World
from tests.verification.damages import KINDS, Damager


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(artists=2, works=12, pages=2, size=(160, 120))) as running:
        yield running


@pytest.fixture(scope="module")
def whole(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both artists, archived undisturbed; to be copied."""
    folder = tmp_path_factory.mktemp("whole")
    crawl_both(sandbox, folder)
    return folder


@pytest.fixture
def archive(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "archive")


def crawl_both(sandbox: Sandbox, archive: Path) -> None:
    for artist in (11, 12):
        assert crawl("user", sandbox, archive, id=artist).exit_code == 0


def verify(archive: Path, *options: str) -> Typed:
    return type_in("verify", *options, archive=archive)


def found(run: Typed) -> set[tuple[str, str]]:
    lines: list[dict[str, Any]] = [json.loads(line) for line in run.out.splitlines()]
    return {(line["kind"], line["path"]) for line in lines if "repair" not in line}


def test_every_damage_is_named_exactly_and_healed(sandbox: Sandbox, archive: Path, whole: Path) -> None:
    expected = Damager(archive, seed=4).plant(KINDS)
    run = verify(archive, "--json")
    assert (run.code, found(run)) == (1, expected), run.err
    before = everything(archive)
    assert verify(archive, "--repair").code == 1
    assert everything(archive) >= before, "nothing is deleted"
    clean = verify(archive, "--deep")
    assert (clean.code, clean.out.count("\n"), "whole" in clean.out) == (0, 2, True), clean.out

    asked = len(sandbox.log)
    crawl_both(sandbox, archive)
    images = [logged.path for logged in sandbox.log[asked:] if "/img-original/" in logged.path]
    assert len(images) == 4, "a flip, a truncation, a zeroed block, a deletion; everything else was there"
    assert_holds(archive, *(sandbox.world.expected.user(artist, session=True) for artist in (11, 12)))
    healed, undisturbed = dump(archive), dump(whole)
    invented = [row for row in healed["files"] if "state='superseded'" in row]
    assert len(invented) == 1, "the page that no work has"
    healed["files"] = [row for row in healed["files"] if row not in invented]
    assert healed == undisturbed
    assert verify(archive).code == 0


def everything(archive: Path) -> set[bytes]:
    folders = (archive / "originals", archive / "quarantine")
    return {path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.long
def test_every_kind_of_original_is_whole_and_is_fetched_again_when_it_is_not(tmp_path: Path) -> None:
    with Sandbox(World.demo()) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        undisturbed = dump(tmp_path)
        assert verify(tmp_path, "--deep").code == 0
        for path in stored_files(tmp_path):
            with (tmp_path / path).open("r+b") as file:
                file.write(b"\0\0\0\0")
        assert verify(tmp_path, "--repair").code == 1
        assert verify(tmp_path).code == 0
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
        assert dump(tmp_path) == undisturbed


@pytest.mark.long
def test_a_lost_page_of_an_older_revision_leaves_its_work_complete(tmp_path: Path) -> None:
    with Sandbox(World.of(works=2)) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        old = min(stored_files(tmp_path))
        sandbox.world.revise(int(Path(old).name.partition("_")[0]))
        assert crawl("user", sandbox, tmp_path, id=11, refresh=True).exit_code == 0
        body = (tmp_path / old).read_bytes()
        (tmp_path / old).unlink()
        assert verify(tmp_path, "--repair").code == 1
        asked = len(sandbox.log)
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        assert [logged.path for logged in sandbox.log[asked:]] == ["/ajax/user/11/profile/all"]
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
        (tmp_path / old).write_bytes(body)
        assert found(verify(tmp_path, "--json")) == {("unknown", old)}
        verify(tmp_path, "--repair")
        assert verify(tmp_path).code == 0
        assert (tmp_path / old).read_bytes() == body


def test_it_reads_while_the_archive_is_in_use_and_does_not_repair_then(archive: Path) -> None:
    (archive / "originals" / "\x1b[2Jextra").touch()
    with lock(Archive(archive), "crawl user"):
        reading = verify(archive)
        repairing = verify(archive, "--repair")
    assert reading.code == 1
    assert "\x1b" not in reading.out
    assert (repairing.code, repairing.err.count("\n")) == (3, 1)
    assert "crawl user" in repairing.err


@pytest.mark.parametrize(
    "options", [["--sample", "0"], ["--sample=110%"], ["--since", "yesterday"], ["originals"], ["--no-such"]]
)
def test_wrong_usage_is_said(archive: Path, options: list[str]) -> None:
    assert verify(archive, *options).code == 2


def test_without_an_archive_it_says_how_to_begin_one(tmp_path: Path) -> None:
    run = verify(tmp_path / "none")
    assert (run.code, "pixivcrawl user" in run.err) == (2, True)
    assert not (tmp_path / "none").exists()


def test_samples_take_turns(archive: Path) -> None:
    (broken,) = list(stored_files(archive))[:1]
    about = (archive / broken).stat()
    (archive / broken).write_bytes(bytes(about.st_size))
    os.utime(archive / broken, ns=(about.st_atime_ns, about.st_mtime_ns))
    codes = [verify(archive, "--sample", "25%").code for _ in range(4)]
    assert sorted(codes) == [0, 0, 0, 1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.long
def test_stopped_and_continued_it_finds_the_same(archive: Path, number: signal.Signals) -> None:
    expected = Damager(archive, seed=5).plant(["deletion", "bit flip", "extra file"])
    sound = sorted(path for path in stored_files(archive) if path not in {path for _, path in expected})
    for path in sound[-4:]:
        make_long(archive, path)
        expected.add(("changed", path))
    env = environment(None, archive)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.verification.hasty", "verify", "--json"],
        cwd=PROJECT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (archive / "verify.json").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == (-9 if number == signal.SIGKILL else 130), said
    begun = json.loads((archive / "verify.json").read_text())["unfinished"]
    assert 0 < begun["files"] < 48
    going_on = verify(archive, "--json", "--continue")
    assert found(going_on) == expected
    assert "continuing after" in going_on.err
    assert "from the beginning" in verify(archive, "--json", "--continue").err


INTERRUPTED_WHILE_CLEANING_UP = """
import os, signal, sys, time
from scrapy.cmdline import execute
from pixivcrawl.commands import verify

class Left:
    def __del__(self):
        os.kill(os.getpid(), {number})

def look(*_, **__):
    Left()
    time.sleep(30)

verify.look = look
sys.argv = ["scrapy", "verify"]
execute()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_though_python_drops_what_is_raised_while_it_cleans_up(archive: Path, number: signal.Signals) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_CLEANING_UP.format(number=int(number))],
        cwd=PROJECT, env=environment(None, archive), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (130, "pixivcrawl: interrupted; --continue goes on from there\n")


def make_long(archive: Path, path: str) -> None:
    """So that reading it takes a while; without taking room on the disk, and as the ledger has it but for the SHA-256."""
    size = 96 << 20
    about = (archive / path).stat()
    os.truncate(archive / path, size)
    os.utime(archive / path, ns=(about.st_atime_ns, about.st_mtime_ns))
    with closing(sqlite3.connect(archive / "archive.sqlite")) as connection, connection:
        connection.execute("UPDATE files SET bytes = ? WHERE path = ?", (size, path))
