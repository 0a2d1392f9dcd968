from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.errors import ArchiveInUse, StorageFailed

HOLD = """
import sys, pathlib
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
lock(Archive(pathlib.Path(sys.argv[1])), "crawl user").acquire()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    archive.create()
    return archive


def a_process_that_holds(archive: Archive) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(archive.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_another_process_is_named_and_its_death_frees_the_archive(archive: Archive) -> None:
    with a_process_that_holds(archive) as process:
        with pytest.raises(ArchiveInUse) as refusal:
            lock(archive, "crawl user").acquire()
        line = str(refusal.value)
        assert f"'crawl user' (process {process.pid} on " in line
        assert "\n" not in line
        assert refusal.value.exit_code == 3
        process.send_signal(signal.SIGKILL)
    with lock(archive, "status"):
        assert f'"pid": {os.getpid()}' in archive.lock_file.read_text()


def test_two_in_one_process_exclude_each_other(archive: Archive) -> None:
    first, second = lock(archive, "crawl user"), lock(archive, "crawl artwork")
    with first, pytest.raises(ArchiveInUse, match="crawl user"):
        second.acquire()
    with second, pytest.raises(ArchiveInUse, match="crawl artwork"):
        first.acquire()


def test_it_may_be_released_in_another_thread_and_more_than_once(archive: Archive) -> None:
    held = lock(archive, "crawl user")
    held.acquire()
    thread = threading.Thread(target=held.release)
    thread.start()
    thread.join()
    held.release()
    with lock(archive, "crawl artwork"):
        pass


def test_what_a_dead_process_left_is_no_obstacle(archive: Archive) -> None:
    archive.lock_file.write_text('{"task": "crawl user", "pid": 1, "host": "gone", "started": "long ago"}' * 9)
    with lock(archive, "x"):
        assert archive.lock_file.read_text().count("{") == 1


@pytest.mark.parametrize("left", ["", "not json", "[]", '{"task": 1}', "\0" * 100])
def test_a_holder_that_cannot_be_read_is_another_run(archive: Archive, left: str) -> None:
    with lock(archive, "x"):
        archive.lock_file.write_text(left)
        with pytest.raises(ArchiveInUse, match="another run"):
            lock(archive, "y").acquire()


def test_a_lock_that_cannot_be_made_is_a_failure_of_storage(tmp_path: Path) -> None:
    (tmp_path / "archive").write_text("a file")
    with pytest.raises(StorageFailed, match="in the way"):
        lock(Archive(tmp_path / "archive"), "x").acquire()


def test_whoever_was_killed_is_told_of_until_somebody_has_seen_to_it(archive: Archive) -> None:
    with lock(archive, "first") as held:
        assert not held.after_a_kill
    with a_process_that_holds(archive) as process:
        process.send_signal(signal.SIGKILL)
    for _ in range(2):
        with lock(archive, "looks away") as held:
            assert held.after_a_kill
    with lock(archive, "looks") as held:
        held.after_a_kill = False
    assert '"ended"' in archive.lock_file.read_text()
    with lock(archive, "next") as held:
        assert not held.after_a_kill
        assert '"ended"' not in archive.lock_file.read_text()


@pytest.mark.parametrize("left", ["not json", "7", '{"task": "crawl user"', '{"task": "of an older version"}'])
def test_a_record_that_does_not_say_so_is_that_of_a_kill(archive: Archive, left: str) -> None:
    archive.lock_file.write_text(left)
    with lock(archive, "x") as held:
        assert held.after_a_kill
