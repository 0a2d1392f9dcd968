"""No file ends the process that has it proven: what a worker dies of is a verdict, what kills it from outside is none."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, wait
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.archive import processes, workers
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.verdict import Expected, Limits, Proof
from pixivcrawl.archive.workers import Workers
from pixivcrawl.errors import NoWorker, StorageFailed
from tests.archive import making

LIMITS = Limits(memory=64 << 20)
ON_LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="no other system holds a process to a limit, or tells of another"
)


@pytest.fixture
def pool() -> Iterator[Workers]:
    with Workers(2, LIMITS) as pool:
        yield pool


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.jpg"
    path.write_bytes(making.jpeg())
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def refused(pool: Workers, work: str, path: Path, *arguments: Any) -> Damaged:
    with pytest.raises(Damaged) as damage:
        pool.run(work, path, *arguments).result()
    return damage.value


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def until(happened: Any, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_picture_is_proven(pool: Workers, picture: Path):
    assert pool.prove(picture, Expected("jpg", 240, 160), sha256(picture)).result() == Proof("jpg", 240, 160, 1)


def test_what_a_proof_raises_is_raised_where_it_is_asked_for(pool: Workers, picture: Path, tmp_path: Path):
    with pytest.raises(Damaged) as damage:
        pool.prove(picture, Expected("png"), sha256(picture)).result()
    assert (damage.value.kind, str(damage.value)) == ("wrong format", "is a jpg instead of a png")
    with pytest.raises(StorageFailed, match="is gone while it was in use"):
        pool.prove(tmp_path / "nothing", Expected("jpg"), "0" * 64).result()
    with pytest.raises(RuntimeError, match="LookupError: a fault of ours"):
        pool.run("tests.archive.deadly:fail", picture).result()


@pytest.mark.parametrize(
    ("work", "arguments", "reason"),
    [
        ("tests.archive.deadly:crash", (), "its decoder crashed (SIGSEGV)"),
        ("tests.archive.deadly:crash_and_tell", (), "its decoder crashed (SIGABRT)"),
        ("tests.archive.deadly:end", (1,), "its decoder ended by itself (exit code 1)"),
        ("tests.archive.deadly:end", (0,), "its decoder ended by itself (exit code 0)"),
    ],
)
def test_what_a_worker_dies_of_is_a_verdict(pool: Workers, picture: Path, work: str, arguments: Any, reason: str):
    damage = refused(pool, work, picture, *arguments)
    assert (damage.kind, damage.reason) == ("decoder died", reason)
    assert pool.prove(picture, Expected("jpg"), sha256(picture)).result().width == 240


@pytest.mark.long
@pytest.mark.parametrize("work", ["tests.archive.deadly:hang", "tests.archive.deadly:count_for_ever"])
def test_what_never_ends_is_ended(pool: Workers, picture: Path, monkeypatch: pytest.MonkeyPatch, work: str):
    monkeypatch.setattr(workers, "LEAST_SECONDS", 1)
    damage = refused(pool, work, picture)
    assert (damage.kind, damage.reason) == ("decoder died", "its decoder did not finish within 1 second")
    assert pool.prove(picture, Expected("jpg"), sha256(picture)).result().width == 240


@pytest.mark.long
def test_a_large_file_has_more_time(pool: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "LEAST_SECONDS", 1)
    monkeypatch.setattr(workers, "BYTES_A_SECOND", 2)
    path = tmp_path / "file"
    path.write_bytes(b"123")
    assert "within 2 seconds" in refused(pool, "tests.archive.deadly:hang", path).reason


@ON_LINUX
def test_memory_beyond_the_limit_is_not_to_be_had(pool: Workers, picture: Path):
    assert pool.run("tests.archive.deadly:allocate", picture, LIMITS.memory).result() == LIMITS.memory
    damage = refused(pool, "tests.archive.deadly:allocate", picture, LIMITS.memory + (40 << 20))
    assert damage.kind == "decoder died"
    assert "more than its header tells of, and than PROOF_MEMORY (67,108,864 bytes)" in damage.reason
    assert pool.prove(picture, Expected("jpg"), sha256(picture)).result().width == 240


@pytest.mark.parametrize("memory", [1, 1 << 10])
def test_a_limit_too_small_for_anything_is_named(picture: Path, memory: int):
    with Workers(1, Limits(memory=memory)) as pool:
        for _ in range(3):
            with pytest.raises(Damaged, match="PROOF_MEMORY") as damage:
                pool.prove(picture, Expected("jpg"), sha256(picture)).result()
            assert damage.value.kind == "too much memory"
        (worker,) = {pool.run("tests.archive.deadly:process_id", picture).result() for _ in range(3)}
        assert is_alive(worker), "nothing crashed"


def test_who_is_killed_from_outside_is_replaced(pool: Workers, picture: Path):
    assert pool.run("tests.archive.deadly:be_killed", picture, 5).result() == "killed 5 times"


def test_what_is_always_killed_is_left_for_another_time(pool: Workers, picture: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "PAUSES", (0.0,) * 9)
    damage = refused(pool, "tests.archive.deadly:be_killed", picture, 100)
    assert damage.kind == "too much memory"
    assert "killed 10 times" in damage.reason
    assert "PROOF_WORKERS" in damage.reason


def test_an_idle_worker_that_is_killed_is_no_verdict(pool: Workers, picture: Path):
    for number in (signal.SIGKILL, signal.SIGSEGV):
        worker = pool.run("tests.archive.deadly:process_id", picture).result()
        os.kill(worker, number)
        until(lambda worker=worker: not is_alive(worker))
        assert pool.prove(picture, Expected("jpg"), sha256(picture)).result().width == 240


def test_a_fork_server_that_is_killed_is_replaced(pool: Workers, picture: Path):
    server = pool.run("tests.archive.deadly:fork_server", picture).result()
    os.kill(server, signal.SIGKILL)
    until(lambda: not is_alive(server))
    assert pool.run("tests.archive.deadly:fork_server", picture).result() != server
    assert pool.prove(picture, Expected("jpg"), sha256(picture)).result().width == 240


def test_signals_that_a_whole_terminal_gets_end_no_worker(pool: Workers, picture: Path):
    before = pool.run("tests.archive.deadly:process_id", picture).result()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(before, number)
        os.kill(pool.run("tests.archive.deadly:fork_server", picture).result(), number)
    assert pool.run("tests.archive.deadly:process_id", picture).result() == before


def test_the_same_bytes_are_tried_once(pool: Workers, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "PROVE", "tests.archive.deadly:crash_and_tell")
    again = tmp_path / "again.jpg"
    again.write_bytes(picture.read_bytes())
    asked = [pool.prove(path, Expected("jpg"), sha256(picture)) for path in (picture, again, picture, again)]
    reasons = {str(one.exception()) for one in asked}
    assert reasons == {"its decoder crashed (SIGABRT)"}
    assert len(list(tmp_path.glob("*.tried"))) == 1
    assert next(tmp_path.glob("*.tried")).read_text() == "tried\n"
    picture.write_bytes(making.jpeg(64, 48))
    monkeypatch.undo()
    assert pool.prove(picture, Expected("jpg"), sha256(picture)).result().width == 64


def test_results_come_to_whom_they_belong(pool: Workers, tmp_path: Path):
    sizes = [(10 + number, 60 - number) for number in range(40)]
    asked = []
    for number, (width, height) in enumerate(sizes):
        path = tmp_path / f"{number}.jpg"
        path.write_bytes(making.jpeg(width, height))
        asked.append(pool.prove(path, Expected("jpg", width, height), sha256(path)))
    assert [(one.result().width, one.result().height) for one in asked] == sizes


def test_no_more_workers_than_asked_for_and_none_before_there_is_work(picture: Path):
    with Workers(2, LIMITS) as pool:
        assert not pool._living
        picture.write_text("")
        asked = [pool.run("tests.archive.deadly:wait_for", picture) for _ in range(5)]
        until(lambda: len(pool._living) == 2)
        assert not wait(asked, 0.1).done
        picture.write_text("go on")
        assert {one.result() for one in asked} == {"go on"}
        assert len(pool._living) == 2


def test_two_pools_in_one_process(picture: Path):
    with Workers(1, LIMITS) as one, Workers(1, Limits(memory=1)) as other:
        assert one.prove(picture, Expected("jpg"), sha256(picture)).result().width == 240
        with pytest.raises(Damaged):
            other.prove(picture, Expected("jpg"), sha256(picture)).result()
        one.close()
        with pytest.raises(Damaged):
            other.prove(picture, Expected("jpg"), sha256(picture)).result()


def test_a_pool_that_is_closed_ends_its_workers_at_once(picture: Path):
    pool = Workers(2, LIMITS)
    living = {pool.run("tests.archive.deadly:process_id", picture).result()}
    under_way = pool.run("tests.archive.deadly:hang", picture)
    until(under_way.running)
    began = time.monotonic()
    pool.close()
    with pytest.raises(CancelledError):
        under_way.result(30)
    assert time.monotonic() - began < 30
    assert not any(map(is_alive, living))


@ON_LINUX
def test_a_worker_holds_nothing_of_its_parent(pool: Workers, picture: Path, tmp_path: Path):
    with (tmp_path / "lock").open("w"):
        opened = pool.run("tests.archive.deadly:descriptors", picture).result()
    assert not [name for name in opened if str(tmp_path) in name]
    assert sum(name.startswith("socket:") for name in opened) == 1


PARENT = """
import sys
from pathlib import Path
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers

path = Path(sys.argv[1])
pool = Workers(2, Limits())
print(pool.run("tests.archive.deadly:process_id", path).result(), pool.run("tests.archive.deadly:fork_server", path).result(), flush=True)
pool.run(f"tests.archive.deadly:{sys.argv[2]}", path).result()
"""
"""Without `if __name__ == "__main__"`: what runs this again runs for ever."""


@ON_LINUX
@pytest.mark.parametrize("work", ["hang", "count_for_ever"])
def test_a_parent_that_is_killed_leaves_nobody_behind(picture: Path, tmp_path: Path, work: str):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, script, picture, work], env=env, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        children = [int(word) for word in parent.stdout.readline().split()]
        assert all(map(is_alive, children))
        time.sleep(0.1)
        parent.kill()
        until(lambda: not any(map(is_alive, children)), 30)
        assert parent.stdout.read() == "", "nobody holds its output open"


def test_the_main_module_is_not_run_again(pool: Workers, picture: Path):
    assert pool.run("tests.archive.deadly:main_module", picture).result() is None


# Where nothing can be started


def test_a_program_that_cannot_be_started_is_said_in_one_line(picture: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(processes, "_servers", [])
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with (
        Workers(1, LIMITS) as pool,
        pytest.raises(NoWorker, match=r"can be started \(No such file or directory\)") as refusal,
    ):
        pool.prove(picture, Expected("jpg"), sha256(picture)).result()
    assert len(str(refusal.value).splitlines()) == 1


def test_decoders_that_cannot_be_imported_are_said_in_one_line(
    picture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (tmp_path / "simplejpeg.py").write_text("raise ImportError('no such library')")
    monkeypatch.setattr(processes, "_servers", [])
    monkeypatch.syspath_prepend(tmp_path)
    with Workers(2, LIMITS) as pool:
        asked = [pool.prove(picture, Expected("jpg"), sha256(picture)) for _ in range(4)]
        for one in asked:
            assert isinstance(one.exception(), NoWorker)
            assert "(ImportError: no such library)" in str(one.exception())


REFUSING_FORKS = """
import errno, os
forks, most = 0, {most}
forking = os.fork
def fork():
    global forks
    forks += 1
    if forks > most:
        raise OSError(errno.EAGAIN, "refused")
    return forking()
os.fork = fork
"""


@pytest.mark.parametrize("most", [0, 1])
def test_where_the_system_refuses_a_process_those_that_there_are_go_on(
    picture: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, most: int
):
    (tmp_path / "sitecustomize.py").write_text(REFUSING_FORKS.format(most=most))
    monkeypatch.setattr(processes, "_servers", [])
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Workers(2, LIMITS) as pool:
        asked = [pool.prove(picture, Expected("jpg"), sha256(picture) + str(number)) for number in range(6)]
        if most:
            assert {one.result().width for one in asked} == {240}
        else:
            assert all("(Resource temporarily unavailable)" in str(one.exception()) for one in asked)


def test_where_there_is_no_fork_workers_are_spawned(picture: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(os, "fork")
    with Workers(1, LIMITS) as pool:
        assert pool.prove(picture, Expected("jpg"), sha256(picture)).result().width == 240
        assert pool.run("tests.archive.deadly:main_module", picture).result() is None
        assert refused(pool, "tests.archive.deadly:crash", picture).reason == "its decoder crashed (SIGSEGV)"
        assert pool.run("tests.archive.deadly:be_killed", picture, 1).result() == "killed 1 times"
