"""Disk and ledger that fail on purpose: one line that says what to do, exit code 5, and the same command goes on."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pixivcrawl.ledger import journal
from tests.commands.typing_in import type_in
from tests.live.injecting import injecting
from tests.live.running import PROJECT, assert_holds, complaints, environment, ledger_files, rows, scrapy, stored_files
from tests.sandbox.serving import Sandbox, World

COMMAND = ("crawl", "user", "-a", "id=11")

FAILING = """
import errno, os, pathlib
def failing(real, number, after=0, of=lambda *_: True):
    left = [after]
    def call(*args, **options):
        if of(*args):
            left[0] -= 1
            if left[0] < 0:
                raise OSError(number, os.strerror(number))
        return real(*args, **options)
    return call
"""
"""`failing(function, error)`: every call after the first `after` of those that `of` picks fails as the system would have it."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    # Slow enough for a fault to come into the middle.
    with Sandbox(World.of(artists=1, works=24, pages=2), tls=True, delay=0.02) as running:
        yield running


def mount(*options: str) -> None:
    program = shutil.which("mount")
    if program is None or os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    done = subprocess.run([program, *options], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=3m", "pixivcrawl-test", str(folder))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def begin(env: dict[str, str]) -> subprocess.Popen[str]:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL}
    return subprocess.Popen([sys.executable, "-m", "scrapy", *COMMAND], cwd=PROJECT, env=env, text=True, **pipes)


def in_the_middle(
    env: dict[str, str], sandbox: Sandbox, fault: Callable[[], object], place: Path | None = None
) -> tuple[int, str]:
    """Begin the run, let `fault` happen when images have come and `place` is there; the exit code and what was said on standard error."""
    run = begin(env)
    deadline = time.monotonic() + 60
    while len(sandbox.requests(kind="image")) < 12 or (place is not None and not place.exists()):
        assert time.monotonic() < deadline
        assert run.poll() is None, run.stderr
        time.sleep(0.01)
    fault()
    _, errors = run.communicate(timeout=60)
    return run.returncode, errors


def assert_one_line(exit_code: int, errors: str, says: str) -> None:
    assert exit_code == 5, errors
    (line,) = complaints(errors).splitlines()
    assert line.startswith("pixivcrawl: ")
    assert says in line
    assert "run the same command again" in line


def assert_sound(archive: Path) -> None:
    """Every row marked stored has its file with its bytes; the ledger is whole."""
    with sqlite3.connect(archive / "archive.sqlite") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert ledger_files(archive).items() <= stored_files(archive).items()


def assert_goes_on(archive: Path, sandbox: Sandbox, env: dict[str, str] | None = None) -> None:
    """The same command brings the rest, and nothing that was stored before."""
    # A disk that is too small for a beginning leaves a ledger without a table.
    begun = rows(archive, "SELECT 1 FROM sqlite_master WHERE name = 'files'")
    there = [path.rsplit("/", 1)[1] for path in ledger_files(archive)] if begun else []
    since = len(sandbox.log)
    run = scrapy(*COMMAND, env=env or environment(sandbox, archive))
    assert (run.returncode, complaints(run.stderr)) == (0, "")
    assert_holds(archive, sandbox.world.expected.user(11, session=True))
    fetched = {asked.path.rsplit("/", 1)[1].partition(".")[0] for asked in sandbox.log[since:] if asked.kind == "image"}
    assert not [name for name in there if "_".join(name.split("_")[:2]) in fetched]


def fill(disk: Path, leave: int = 0) -> None:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - leave))


class TestAFullDisk:
    @pytest.mark.long
    def test_while_originals_arrive(self, disk: Path, sandbox: Sandbox):
        archive = disk / "archive"
        env = environment(sandbox, archive, PIXIVCRAWL_PIXIV_IMAGE_CONCURRENCY="8")
        run = scrapy(*COMMAND, env=env)
        assert_one_line(run.returncode, run.stderr, "the disk is full: free space")
        assert ledger_files(archive)
        status = scrapy("status", env=env)
        assert (status.returncode, status.stderr) == (0, "")
        # At its start it sees at once that there is still no room.
        again = scrapy(*COMMAND, env=env)
        assert_one_line(again.returncode, again.stderr, "the disk is full: free space")
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        assert_sound(archive)
        assert_goes_on(archive, sandbox, env)

    @pytest.mark.long
    @pytest.mark.parametrize("leave", [0, 4 << 10, 16 << 10, 64 << 10, 200 << 10])
    def test_while_ledger_and_journal_grow(self, disk: Path, sandbox: Sandbox, leave: int):
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        archive = disk / "archive"
        env = environment(sandbox, archive)
        assert_one_line(*in_the_middle(env, sandbox, lambda: fill(disk, leave)), "the disk is full: free space")
        assert scrapy("status", env=env).returncode == 0
        (disk / "filler").unlink()
        assert_sound(archive)
        assert_goes_on(archive, sandbox, env)

    @pytest.mark.long
    @pytest.mark.parametrize("size", ["16k", "128k", "300k", "700k", "1m"])
    def test_that_is_too_small_for_a_beginning(self, disk: Path, sandbox: Sandbox, size: str):
        subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)
        run = scrapy(*COMMAND, env=environment(sandbox, disk / "archive"))
        assert_one_line(run.returncode, run.stderr, "space")
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        assert_goes_on(disk / "archive", sandbox)

    @pytest.mark.long
    def test_of_the_ledger_alone(self, disk: Path, tmp_path: Path, sandbox: Sandbox):
        subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
        env = environment(sandbox, tmp_path / "a", PIXIVCRAWL_DATABASE_URL=f"sqlite:///{disk}/ledger.sqlite")
        run = scrapy(*COMMAND, env=env)
        assert_one_line(run.returncode, run.stderr, "the disk is full: free space")
        assert scrapy("status", env=env).returncode == 0
        subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
        assert scrapy(*COMMAND, env=env).returncode == 0
        assert stored_files(tmp_path / "a").keys() == sandbox.world.expected.user(11, session=True).files.keys()


def test_status_reads_on_a_full_and_on_a_read_only_disk(disk: Path, sandbox: Sandbox):
    subprocess.run(["mount", "-o", "remount,size=40m", str(disk)], check=True)
    env = environment(sandbox, disk / "archive")
    assert scrapy("crawl", "artwork", "-a", "id=5000111", env=env).returncode == 0
    fill(disk)
    full = scrapy("status", env=env)
    (disk / "filler").unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    read_only = scrapy("status", env=env)
    for status in (full, read_only):
        assert (status.returncode, status.stderr) == (0, "")
        assert "1 work of 1 artist: 1 complete" in status.stdout
    run = scrapy(*COMMAND, env=env)
    assert_one_line(run.returncode, run.stderr, "is on a read-only disk: make it writable")


@pytest.mark.long
@pytest.mark.parametrize("folder", ["staging", "journal"])
def test_a_folder_that_becomes_read_only(tmp_path: Path, sandbox: Sandbox, folder: str):
    place = tmp_path / folder

    def read_only() -> None:
        mount("--bind", str(place), str(place))
        mount("-o", "remount,bind,ro", str(place))

    try:
        exit_code, errors = in_the_middle(environment(sandbox, tmp_path), sandbox, read_only)
    finally:
        subprocess.run(["umount", str(place)], check=False, capture_output=True)
    # What lay staged before is on another mount now, which may be met first.
    assert_one_line(exit_code, errors, "disk")
    assert_sound(tmp_path)
    assert_goes_on(tmp_path, sandbox)


FAULTS = {
    "quota in staging": (
        "pathlib.Path.open = failing(pathlib.Path.open, errno.EDQUOT, 16, lambda path, *_: path.suffix == '.part')",
        "the disk quota is used up: free space",
    ),
    "quota at the link": ("os.link = failing(os.link, errno.EDQUOT, 8)", "the disk quota is used up: free space"),
    "error at every link": ("os.link = failing(os.link, errno.EIO)", "the disk reports an error"),
    "error at a sync": ("os.fsync = failing(os.fsync, errno.EIO, 40)", "the disk reports an error"),
    "error in the journal": (
        "os.open = failing(os.open, errno.EIO, 5, lambda path, flags, *_: flags & os.O_APPEND)",
        "the disk reports an error",
    ),
    "error at a removal": ("os.unlink = failing(os.unlink, errno.EIO, 8)", "the disk reports an error"),
    "read-only originals": ("os.link = failing(os.link, errno.EROFS, 8)", "is on a read-only disk"),
}


@pytest.mark.parametrize(
    "fault", ["quota in staging", *(pytest.param(name, marks=pytest.mark.long) for name in list(FAULTS)[1:])]
)
@pytest.mark.long
def test_errors_of_the_system(tmp_path: Path, sandbox: Sandbox, fault: str):
    code, says = FAULTS[fault]
    archive = tmp_path / "archive"
    run = scrapy(*COMMAND, env=environment(sandbox, archive, **injecting(tmp_path / "injected", FAILING + code)))
    assert_one_line(run.returncode, run.stderr, says)
    assert_sound(archive)
    assert_goes_on(archive, sandbox)


def test_a_journal_that_fails_in_the_last_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    append = journal._append

    def failing(path: Path, member: bytes, size: int) -> None:
        if b'"run-ended"' in gzip.decompress(member):
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        append(path, member, size)

    monkeypatch.setattr(journal, "_append", failing)
    with Sandbox(World.demo()) as sandbox:
        run = type_in("crawl", "artwork", "-a", "id=5000111", sandbox=sandbox, archive=tmp_path)
        assert_one_line(run.code, run.err, "the disk reports an error")
        assert "artwork: stopped" in run.err
        monkeypatch.undo()
        again = type_in("crawl", "artwork", "-a", "id=5000111", sandbox=sandbox, archive=tmp_path)
        assert (again.code, complaints(again.err)) == (0, "")


def replace_with_file(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.write_text("in the way")


def put_back(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.with_name("moved").rename(path)


def move(path: Path) -> None:
    path.rename(path.with_name("moved"))


@pytest.mark.long
@pytest.mark.parametrize("name", ["originals", "originals/11", "staging", "journal", "."])
@pytest.mark.parametrize("fault", [move, replace_with_file])
def test_a_folder_that_goes_under_way(tmp_path: Path, sandbox: Sandbox, name: str, fault: Callable[[Path], None]):
    archive = tmp_path / "archive"
    place = archive / name
    exit_code, errors = in_the_middle(environment(sandbox, archive), sandbox, lambda: fault(place), place)
    if (name, fault) == ("originals/11", move):
        # An artist's folder is made again, unless it goes in the moment in which files are placed in it.
        if exit_code != 0:
            assert_one_line(exit_code, errors, "")
        place.mkdir(exist_ok=True)
        for path in list((archive / "originals/moved").iterdir()):
            path.rename(place / path.name)
        (archive / "originals/moved").rmdir()
    else:
        # What it says is what was met first: nothing there, a file in the way, a ledger that was replaced.
        assert_one_line(exit_code, errors, "")
        put_back(place)
    assert_sound(archive)
    assert_goes_on(archive, sandbox)


class TestTheLedgerUnderWay:
    @pytest.mark.parametrize("name", ["archive.sqlite", pytest.param("archive.sqlite-wal", marks=pytest.mark.long)])
    @pytest.mark.long
    def test_removed(self, tmp_path: Path, sandbox: Sandbox, name: str):
        copy = tmp_path / "moved"
        exit_code, errors = in_the_middle(
            environment(sandbox, tmp_path), sandbox, lambda: (tmp_path / name).rename(copy)
        )
        assert_one_line(exit_code, errors, "was removed or replaced while it was in use: put it back")
        if name == "archive.sqlite":
            copy.rename(tmp_path / name)
        assert_sound(tmp_path)
        assert_goes_on(tmp_path, sandbox)

    @pytest.mark.long
    def test_locked_for_a_while_then_for_too_long(self, tmp_path: Path, sandbox: Sandbox):
        def lock_for(seconds: float) -> Callable[[], None]:
            code = (
                "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30);"
                f"c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); time.sleep({seconds})"
            )

            def lock() -> None:
                arguments = [sys.executable, "-c", code, str(tmp_path / "archive" / "archive.sqlite")]
                holder = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
                holders.append(holder)
                assert holder.stdout.readline() == "locked\n"

            return lock

        holders: list[subprocess.Popen[str]] = []
        archive = tmp_path / "archive"
        # LOCK_WAIT is bound to a connection when it is made; patience is looked up at each batch.
        hurried = injecting(
            tmp_path / "injected",
            f"""
            import sys
            sys.path.insert(0, {str(PROJECT)!r})
            import pixivcrawl.ledger.engine as engine, pixivcrawl.ledger.writer as writer
            engine.LOCK_WAIT = 0.5
            engine.BUSY_TIMEOUT = writer.BUSY_TIMEOUT = 3
        """,
        )
        env = environment(sandbox, archive)
        exit_code, errors = in_the_middle(env | hurried, sandbox, lock_for(20))
        assert_one_line(exit_code, errors, "is locked by another program: close it")
        holders[0].kill()
        holders[0].wait()
        assert_sound(archive)
        lock_for(8)()
        # At its start, and longer than SQLite itself waits.
        assert_goes_on(archive, sandbox)
        assert holders[1].wait() == 0

    @pytest.mark.long
    def test_read_by_someone_who_does_not_end(self, tmp_path: Path, sandbox: Sandbox):
        readers = []

        def read() -> None:
            reader = sqlite3.connect(tmp_path / "archive.sqlite", isolation_level=None)
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM files").fetchall()
            readers.append(reader)

        exit_code, errors = in_the_middle(environment(sandbox, tmp_path), sandbox, read)
        assert (exit_code, complaints(errors)) == (0, "")
        readers[0].close()
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


class TestANameThatExistsAlready:
    @pytest.fixture
    def name(self, sandbox: Sandbox) -> str:
        return min(sandbox.world.expected.user(11, session=True).files)

    @pytest.mark.parametrize(
        "kind", ["other bytes", *(pytest.param(kind, marks=pytest.mark.long) for kind in ("folder", "dangling", "out"))]
    )
    @pytest.mark.long
    def test_is_left_as_it_is_and_parks_that_file_alone(self, tmp_path: Path, sandbox: Sandbox, name: str, kind: str):
        archive, taken = tmp_path / "archive", tmp_path / "archive" / name
        taken.parent.mkdir(parents=True)
        if kind == "other bytes":
            taken.write_text("mine")
        elif kind == "folder":
            taken.mkdir()
        else:
            taken.symlink_to("nowhere" if kind == "dangling" else tmp_path / "elsewhere")
        before = taken.lstat()
        env = environment(sandbox, archive)
        run = scrapy(*COMMAND, env=env)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        assert (taken.lstat().st_ino, taken.lstat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        assert not (tmp_path / "elsewhere").exists()
        expected = sandbox.world.expected.user(11, session=True).files
        assert ledger_files(archive).keys() == expected.keys() - {name}
        assert f"lies at {name}: move it away" in scrapy("status", env=env).stdout
        taken.rmdir() if kind == "folder" else taken.unlink()
        assert scrapy(*COMMAND, env=env).returncode == 0
        assert_holds(archive, sandbox.world.expected.user(11, session=True))

    @pytest.mark.long
    def test_is_no_obstacle_to_the_next_start(self, tmp_path: Path, sandbox: Sandbox, name: str):
        """Killed between the intent and the discovery that the name was taken meanwhile."""
        archive, taken = tmp_path / "archive", tmp_path / "archive" / name
        killed = (
            "import os\nfrom pathlib import Path\nlink = os.link\n"
            "def taken(a, b, **_):\n"
            "    if not str(b).endswith(%r):\n"
            "        return link(a, b)\n"
            "    Path(b).write_text('mine')\n"
            "    os._exit(9)\n"
            "os.link = taken"
        )
        env = environment(sandbox, archive)
        assert scrapy(*COMMAND, env=env | injecting(tmp_path / "injected", killed % name)).returncode == 9
        assert rows(archive, "SELECT count(*) FROM files WHERE state = 'intent'") != [(0,)]
        run = scrapy(*COMMAND, env=env)
        assert run.returncode == 1
        assert "Traceback" not in run.stderr
        assert taken.read_text() == "mine"


@pytest.mark.long
class TestTheLock:
    def test_a_second_run_says_who_holds_it(self, tmp_path: Path, sandbox: Sandbox):
        sandbox.faults.image(kind="slow")
        env = environment(sandbox, tmp_path)
        first = begin(env)
        while not sandbox.requests(kind="image"):
            time.sleep(0.01)
        second = scrapy(*COMMAND, env=env)
        first.kill()
        first.communicate()
        assert second.returncode == 3
        (line,) = complaints(second.stderr).splitlines()
        assert f"is in use by 'crawl user' (process {first.pid} on " in line

    def test_two_at_the_very_same_time(self, tmp_path: Path, sandbox: Sandbox):
        runs = [begin(environment(sandbox, tmp_path)) for _ in range(3)]
        codes = sorted((run.communicate(timeout=120), run.returncode)[1] for run in runs)
        assert codes.count(3) == 2
        assert codes[0] == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))

    @pytest.mark.parametrize("left", ["garbage", "folder"])
    def test_a_file_that_is_no_lock(self, tmp_path: Path, sandbox: Sandbox, left: str):
        place = tmp_path / ".lock"
        place.mkdir() if left == "folder" else place.write_bytes(os.urandom(9000))
        place.chmod(0o555)
        run = scrapy(*COMMAND, env=environment(sandbox, tmp_path))
        if left == "folder":
            assert_one_line(run.returncode, run.stderr, "in the way")
        else:
            assert (run.returncode, complaints(run.stderr)) == (0, "")

    def test_a_killed_run_leaves_none(self, tmp_path: Path, sandbox: Sandbox):
        env = environment(sandbox, tmp_path)
        run = begin(env)
        while len(sandbox.requests(kind="image")) < 8:
            time.sleep(0.01)
        run.kill()
        # Not waited for yet: a zombie holds nothing.
        time.sleep(0.2)
        assert_goes_on(tmp_path, sandbox)
        run.communicate()


CLOCK = """
import datetime, itertools, time
REAL, PER_JUMP = datetime.datetime, 7
OFFSETS = itertools.cycle([datetime.timedelta(**jump) for jump in ({}, {"hours": 3}, {"days": -1}, {"days": 2000}, {"days": -2000})])
state = [0, next(OFFSETS)]
def offset():
    state[0] += 1
    if state[0] % PER_JUMP == 0:
        state[1] = next(OFFSETS)
    return state[1]
class Jumping(type(REAL)):
    def __instancecheck__(cls, value):
        return isinstance(value, REAL)
class datetime_(REAL, metaclass=Jumping):
    @classmethod
    def now(cls, tz=None):
        return REAL.now(tz) + offset()
datetime.datetime = datetime_
real = time.time
time.time = lambda: real() + offset().total_seconds()
"""


BACK_AT_THE_END = """
import sys, time
real = time.time
def back():
    caller = sys._getframe(1).f_code.co_name
    return real() - (2e8 if caller in ("timeout", "runUntilCurrent") else 0)
time.time = back
"""
"""Set back between the moment when Twisted is told to do something and the one when it looks for what there is to do."""


@pytest.mark.parametrize(
    "command", [COMMAND, pytest.param(("archive", "5000111"), marks=pytest.mark.long)], ids=lambda command: command[0]
)
@pytest.mark.long
def test_a_run_ends_although_the_clock_is_set_back(tmp_path: Path, sandbox: Sandbox, command: tuple[str, ...]):
    env = environment(sandbox, tmp_path / "archive", **injecting(tmp_path / "injected", BACK_AT_THE_END))
    assert scrapy(*command, env=env).returncode == 0


@pytest.mark.long
def test_a_clock_that_jumps_changes_no_pause_and_loses_nothing(tmp_path: Path, sandbox: Sandbox):
    archive = tmp_path / "archive"
    sandbox.faults.api("illust/", kind="status:429", retry_after=3, times=2)
    sandbox.faults.image(kind="status:500", times=8)
    env = environment(sandbox, archive, **injecting(tmp_path / "injected", CLOCK))
    began = time.monotonic()
    for _ in range(4):
        run = scrapy(*COMMAND, env=env)
        assert "Traceback" not in run.stderr
        assert run.returncode in (0, 1)
        if run.returncode == 0:
            break
        assert "due" in scrapy("status", env=env).stdout
    assert time.monotonic() - began < 90
    asked = sandbox.requests(kind="api")
    for before, after in pairwise(asked):
        assert before.status != 429 or after.time - before.time > 2.9
    # Due times that a jump has written are at most seven days away for the true clock.
    with sqlite3.connect(archive / "archive.sqlite") as connection:
        connection.execute("UPDATE files SET next_attempt = NULL WHERE state = 'stored'")
    last = scrapy(*COMMAND, env=environment(sandbox, archive))
    assert last.returncode == 0, last.stdout
    assert_holds(archive, sandbox.world.expected.user(11, session=True))
