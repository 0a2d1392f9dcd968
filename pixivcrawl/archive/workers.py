"""The worker processes that prove files, so that no file can end the process that asks.

How a worker ends decides the verdict about the file that it had:

- It crashes (SIGSEGV, SIGABRT, SIGBUS and their like), exits, runs out of memory, or does not come to an end within the time that the
  file's size allows: a verdict about the file, `Damaged` of kind "decoder died". The same bytes are not tried again by the same run.
- Any other signal, SIGKILL above all, comes from outside: from a person, or from a system without free memory. It says nothing about the
  file, which a new worker gets, after a pause that grows. A file to which that happens ten times in a row is parked, since each of its
  proofs may be what takes the memory: `Damaged` of kind "too much memory".

A worker that ends while it has no file says nothing about any.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pixivcrawl.api.text import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.memory import Budget
from pixivcrawl.archive.processes import KilledFromOutside, Process, start
from pixivcrawl.archive.verdict import Expected, Limits, Proof
from pixivcrawl.archive.worker import ASKS, RAISED
from pixivcrawl.errors import NoWorker

PROVE = "pixivcrawl.archive.proof:prove"

LEAST_SECONDS, BYTES_A_SECOND = 120, 100_000
"""The time that a file may take. The slowest format takes a tenth of a second a MB; half a billion pixels in a small file half a minute."""

PAUSES = (0.0, 0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before a file whose worker was killed from outside gets another one."""

STARTS, START_PAUSE = 200, 0.1
"""How often a worker is started if each is killed from outside before it has a file, and the seconds in between."""

_CRASHES = frozenset(
    -getattr(signal, name)
    for name in ("SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "SIGTRAP", "SIGSYS")
    if hasattr(signal, name)
)
_WINDOWS_CRASHES_FROM = 0xC0000000
"""Exit codes of processes that Windows ends for what they did; the task manager ends one with the code 1."""


class Workers:
    """At most `count` worker processes, each started once there is work for it and ended by `close`; safe in several threads."""

    def __init__(self, count: int, limits: Limits) -> None:
        self._limits = limits
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="proof")
        self._budget = Budget()
        self._changed = threading.Condition()
        self._idle: list[_Worker] = []
        self._living: set[_Worker] = set()
        self._closed = threading.Event()
        self._watch = threading.Thread(target=self._watch_the_time, name="proof-time", daemon=True)
        self._fatal: dict[str, str] = {}
        self._under_way: set[str] = set()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prove(self, path: Path, expected: Expected, sha256: str) -> Future[Proof]:
        """As `proof.prove` for the file at `path`, which has this SHA-256: its proof, or `Damaged`, `StorageFailed` or `NoWorker`."""
        return self._threads.submit(self._proven, path, expected, sha256)

    def run(self, work: str, path: Path, *arguments: Any, seconds: int | None = None) -> Future[Any]:
        """What the function `work` ("module:name") returns or raises for the file at `path` in a worker; only workers import it.

        Also raises `Damaged` if the worker dies or takes more than `seconds` (None: what the file's size allows), and `NoWorker`.
        """
        return self._threads.submit(self._done, work, path, *arguments, seconds=seconds)

    def close(self) -> None:
        """End all workers at once; unfinished calls raise CancelledError."""
        self._closed.set()
        self._threads.shutdown(wait=False, cancel_futures=True)
        with self._changed:
            for worker in self._living:
                worker.process.end()
            for worker in self._idle:
                worker.process.connection.close()

    # In the threads of the pool, one for each worker

    def _proven(self, path: Path, expected: Expected, sha256: str) -> Proof:
        with self._alone_with(sha256):
            if (reason := self._fatal.get(sha256)) is not None:
                raise Damaged(reason, "decoder died")
            try:
                proof: Proof = self._done(PROVE, path, expected, self._limits)
            except Damaged as damage:
                if damage.kind == "decoder died":
                    self._fatal[sha256] = damage.reason
                raise
            return proof

    @contextmanager
    def _alone_with(self, sha256: str) -> Iterator[None]:
        """Hold the proof of these bytes within the block; another thread with the same bytes waits for the verdict."""
        with self._changed:
            self._changed.wait_for(lambda: sha256 not in self._under_way)
            self._under_way.add(sha256)
        try:
            yield
        finally:
            with self._changed:
                self._under_way.discard(sha256)
                self._changed.notify_all()

    def _done(self, work: str, path: Path, *arguments: Any, seconds: int | None = None) -> Any:
        seconds = seconds or LEAST_SECONDS + _size_of(path) // BYTES_A_SECOND
        for pause in (*PAUSES, 0.0):
            try:
                return self._done_by_one((work, (path, *arguments)), seconds)
            except KilledFromOutside:
                if self._closed.wait(pause):
                    raise CancelledError from None
            except MemoryError:
                raise Damaged(
                    f"its decoder ran out of memory: it takes more than its header tells of, and than PROOF_MEMORY "
                    f"({self._limits.memory:,} bytes)",
                    "decoder died",
                ) from None
        raise Damaged(
            f"its decoder was killed {len(PAUSES) + 1} times, as a system does that has no memory left: free memory or lower PROOF_WORKERS",
            "too much memory",
        )

    def _done_by_one(self, question: Any, seconds: int) -> Any:
        worker = self._lent_at_last()
        try:
            answer = worker.ask(question, seconds, self._budget)
        except BaseException:
            # Also after it ran out of memory, because anything else in it may have failed too.
            self._buried(worker)
            raise
        with self._changed:
            self._idle.append(worker)
            self._changed.notify_all()
        return answer

    def _lent_at_last(self) -> _Worker:
        """As `_lent`; one that is killed before it has a file says nothing about that file."""
        for _ in range(STARTS):
            try:
                return self._lent()
            except KilledFromOutside:
                if self._closed.wait(START_PAUSE):
                    raise CancelledError from None
        raise KilledFromOutside

    def _lent(self) -> _Worker:
        """A worker for this thread alone, until it is idle again or buried."""
        with self._changed:
            if not self._idle:
                try:
                    self._begin_one()
                except NoWorker:
                    # If the system refuses one more, the existing workers continue.
                    self._changed.wait_for(lambda: self._idle or not self._living)
                    if not self._idle:
                        raise
            return self._idle.pop()

    def _begin_one(self) -> None:
        if self._closed.is_set():
            raise CancelledError
        worker = _Worker(start(self._limits.memory))
        self._living.add(worker)
        self._idle.append(worker)
        if not self._watch.is_alive():
            self._watch.start()

    def _buried(self, worker: _Worker) -> None:
        with self._changed:
            self._living.discard(worker)
            self._changed.notify_all()
        worker.process.end()
        worker.process.connection.close()

    # In a thread of its own

    def _watch_the_time(self) -> None:
        """Count second by second, so that time in which the whole process is stopped, or the machine asleep, does not count."""
        while not self._closed.wait(1):
            with self._changed:
                living = list(self._living)
            for worker in living:
                worker.spend_a_second()


class _Worker:
    """A worker process, and the time that its work may still take."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self._clock = threading.Lock()
        self._seconds_left: int | None = None
        self._is_overdue = False

    def ask(self, question: Any, seconds: int, budget: Budget) -> Any:
        """What the work returns or raises. Raises `Damaged` if the worker dies of it, KilledFromOutside if it dies otherwise."""
        connection, held = self.process.connection, 0
        try:
            if self._is_overdue:
                # Ended in the moment in which its last answer came.
                raise KilledFromOutside
            connection.send(question)
        except OSError:
            raise KilledFromOutside from None
        self._set_clock(seconds)
        try:
            what, value = connection.recv()
            while what == ASKS:
                left = self._set_clock(None)
                budget.take(value, held)
                held += value
                self._set_clock(left)
                connection.send(None)
                what, value = connection.recv()
        except (EOFError, OSError):
            raise self._death(seconds) from None
        finally:
            self._set_clock(None)
            budget.give_back(held)
        if what == RAISED:
            raise value
        return value

    def spend_a_second(self) -> None:
        with self._clock:
            if self._seconds_left is None:
                return
            self._seconds_left -= 1
            if self._seconds_left < 0:
                self._is_overdue = True
                self.process.end()

    def _set_clock(self, seconds: int | None) -> int | None:
        """Set how many seconds are left; None stops the clock. Returns how many were left before."""
        with self._clock:
            left, self._seconds_left = self._seconds_left, seconds
        return left

    def _death(self, seconds: int) -> Exception:
        code = self.process.end()
        if self._is_overdue:
            return Damaged(f"its decoder did not finish within {plural(seconds, 'second')}", "decoder died")
        if code is None or not _died_of_its_work(code):
            return KilledFromOutside()
        how = f"crashed ({signal.Signals(-code).name})" if code < 0 else f"ended by itself (exit code {code})"
        return Damaged(f"its decoder {how}", "decoder died")


def _died_of_its_work(code: int) -> bool:
    if sys.platform == "win32":
        return code >= _WINDOWS_CRASHES_FROM
    return code >= 0 or code in _CRASHES


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        # The worker says what is wrong with it.
        return 0
