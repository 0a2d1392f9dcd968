"""One run at a time in an archive. The system drops the lock with its process, so that a dead run is no obstacle."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from types import TracebackType

from filelock import FileLock, Timeout

from pixivcrawl.api.wording import one_line
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ArchiveInUse

_LONGEST_RECORD = 4096


class ArchiveLock:
    """The lock of `archive`, held from `acquire` to `release` (any thread) or within a `with` block.

    `.lock` holds a JSON object about its last holder: `task`, `pid`, `host` and `started` (UTC, ISO 8601).
    """

    __slots__ = ("_archive", "_lock", "_task")

    def __init__(self, archive: Archive, task: str) -> None:
        self._archive = archive
        self._task = task
        self._lock = FileLock(
            archive.lock_file,
            blocking=False,
            thread_local=False,
            preserve_lock_file=True,
            on_acquired=self._sign,
        )

    def acquire(self) -> None:
        """Take the lock at once. Raises `ArchiveInUse`, naming the holder, or `StorageFailed`."""
        with storage_errors(self._archive.lock_file):
            try:
                self._lock.acquire()
            except Timeout:
                raise ArchiveInUse(
                    f"the archive {self._archive.root} is in use by {_holder(self._archive)}: "
                    "wait until it ends or stop it, then run the same command again"
                ) from None

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        with storage_errors(self._archive.lock_file):
            self._lock.release()

    def __enter__(self) -> ArchiveLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def _sign(self, descriptor: int) -> None:
        record = {
            "task": self._task,
            "pid": os.getpid(),
            "host": platform.node(),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(record).encode())


def lock(archive: Archive, task: str) -> ArchiveLock:
    """The lock of `archive` for `task`: what this process does, in a few words without secrets (`crawl user`)."""
    return ArchiveLock(archive, task)


def _holder(archive: Archive) -> str:
    try:
        with archive.lock_file.open("rb") as record:
            said = json.loads(record.read(_LONGEST_RECORD))
        holder = f"'{said['task']}' (process {said['pid']} on {said['host']}, since {said['started']})"
    except (OSError, ValueError, KeyError, TypeError):
        # It has the lock and has not signed yet, or Windows does not let others read a locked file.
        return "another run"
    return one_line(holder, _LONGEST_RECORD)
