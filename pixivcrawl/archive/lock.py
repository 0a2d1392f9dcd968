"""One run at a time in an archive. The system drops the lock when its process ends, so that a dead run is no obstacle."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from pixivcrawl.api.text import one_line
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ArchiveInUse

_LONGEST_RECORD = 4096


@dataclass(frozen=True, slots=True)
class Holder:
    """The last holder's own record: `started` is a UTC time (ISO 8601); `came_to_its_end`: not killed, and no longer at work."""

    task: str
    pid: int
    host: str
    started: str
    came_to_its_end: bool

    @property
    def is_at_work(self) -> bool:
        """As far as can be seen without trying the lock: on another machine, and on Windows, it is assumed to be."""
        if self.came_to_its_end or self.host != platform.node() or os.name != "posix":
            return not self.came_to_its_end
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            # The process exists, and belongs to another user.
            return True
        return True

    def __str__(self) -> str:
        said = f"'{self.task}' (process {self.pid} on {self.host}, since {self.started})"
        return one_line(said, _LONGEST_RECORD)


class ArchiveLock:
    """The lock of `archive`, held from `acquire` to `release` (any thread) or within a `with` block; within these, again and again.

    `.lock` holds a JSON object about its last holder: `task`, `pid`, `host`, `started` and, once it came to its end, `ended` (UTC,
    ISO 8601). `after_a_kill`, while the lock is held: an earlier holder did not come to its end, and what it left is not settled yet; the
    code that settles it sets this to False. Until then no holder is recorded as having ended.
    """

    __slots__ = ("_archive", "_descriptor", "_holders", "_lock", "_record", "_task", "after_a_kill")

    def __init__(self, archive: Archive, task: str) -> None:
        self._archive = archive
        self._task = task
        self._holders = 0
        self._descriptor: int | None = None
        self._record: dict[str, Any] = {}
        self.after_a_kill = False
        self._lock = FileLock(
            archive.lock_file,
            blocking=False,
            thread_local=False,
            preserve_lock_file=True,
            on_acquired=self._sign,
        )

    def acquire(self) -> None:
        """Take the lock at once. Raises `ArchiveInUse`, naming the holder, or `StorageFailed`."""
        if self._holders:
            self._holders += 1
            return
        with storage_errors(self._archive.lock_file):
            try:
                self._lock.acquire()
            except Timeout:
                raise ArchiveInUse(
                    f"the archive {self._archive.root} is in use by {_holder(self._archive)}: "
                    "wait until it ends or stop it, then run the same command again"
                ) from None
        self._holders = 1

    def release(self) -> None:
        """Give the lock back, once it was given back as often as it was taken; harmless when it is not held."""
        self._holders = max(0, self._holders - 1)
        if self._holders:
            return
        with storage_errors(self._archive.lock_file):
            if self._descriptor is not None and not self.after_a_kill:
                _write(self._descriptor, self._record | {"ended": _now()})
            self._descriptor = None
            self._lock.release()

    def __enter__(self) -> ArchiveLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _sign(self, descriptor: int) -> None:
        self.after_a_kill = not _came_to_its_end(os.read(descriptor, _LONGEST_RECORD))
        self._record = {"task": self._task, "pid": os.getpid(), "host": platform.node(), "started": _now()}
        _write(descriptor, self._record)
        # Otherwise a power cut might bring back the record of a holder that had ended.
        os.fsync(descriptor)
        self._descriptor = descriptor


def lock(archive: Archive, task: str) -> ArchiveLock:
    """The lock of `archive` for `task`: what this process does, in a few words without secrets (`crawl user`)."""
    return ArchiveLock(archive, task)


_HELD: dict[Path, ArchiveLock] = {}
"""The locks that this process holds for all of its runs, by the archive's folder."""


@contextmanager
def held_for_all_runs(archive: Archive, task: str) -> Iterator[None]:
    """Hold the lock of `archive` within the block, shared with the runs of this process (`lock_of_run`). Raises as `acquire` does."""
    with lock(archive, task) as held:
        _HELD[archive.root] = held
        try:
            yield
        finally:
            del _HELD[archive.root]


def lock_of_run(archive: Archive, task: str) -> ArchiveLock:
    """As `lock`, for one run among several of a process: the lock that the process holds for them, or one of its own."""
    return _HELD.get(archive.root) or lock(archive, task)


def last_holder(archive: Archive) -> Holder | None:
    """Who holds the lock of `archive` or held it last, read without touching it; None if it has no readable record."""
    try:
        with archive.lock_file.open("rb") as record:
            said = json.loads(record.read(_LONGEST_RECORD))
        return Holder(str(said["task"]), int(said["pid"]), str(said["host"]), str(said["started"]), "ended" in said)
    except (OSError, ValueError, KeyError, TypeError):
        # The holder has not written its record yet, or Windows does not let other processes read a locked file.
        return None


def _holder(archive: Archive) -> str:
    return str(last_holder(archive) or "another run")


def _came_to_its_end(record: bytes) -> bool:
    """Whether the holder with this record came to its end, or there was none."""
    try:
        return not record or "ended" in json.loads(record)
    except (ValueError, TypeError):
        return False


def _write(descriptor: int, record: Mapping[str, Any]) -> None:
    text = json.dumps(record).encode()
    os.lseek(descriptor, 0, os.SEEK_SET)
    # The old record goes last: a kill in between leaves one that cannot be read, never none.
    os.write(descriptor, text)
    os.ftruncate(descriptor, len(text))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
