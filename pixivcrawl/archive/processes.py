"""How a worker process is started and ended: forked by a process that has imported the decoders once, spawned where there is no fork.

Python's own fork server does the same, but it dies with a traceback when the system refuses a fork, is interrupted by Ctrl-C while it
imports, cannot import from a zipped egg before Python 3.14, leaves a socket in the temporary folder when it is killed, and has every child
run the main module again, be it a console script or a test.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import types
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import NoReturn, Protocol

from pixivcrawl.api.text import one_line
from pixivcrawl.archive.worker import RAISED, end_with, import_decoders, outlive_signals, work
from pixivcrawl.errors import NoWorker

LONGEST_DEATH = 1.0
"""Seconds to wait for a killed process to die: one that is waiting for a broken disk dies only when the disk answers."""

LONGEST_REASON = 200

_REQUEST = struct.Struct("!cq")
_FORK, _END = b"f", b"e"
_ANSWER = struct.Struct("!q")
_NEVER = -(1 << 62)
"""The answer about a process that did not die in time: no exit code."""


class KilledFromOutside(Exception):
    """A process was killed from outside while it was being started, or at work."""


class Process(Protocol):
    """A worker process and the connection to it."""

    connection: Connection

    def end(self) -> int | None:
        """Kill it if it still lives; gives its exit code, negative for the signal that ended it, None where that is not known."""


def start(memory: int) -> Process:
    """A new worker, ready for work that takes at most `memory` bytes. Raises NoWorker, or KilledFromOutside."""
    try:
        process = _fork_server().fork(memory) if hasattr(os, "fork") else _Spawned(memory)
    except OSError as error:
        raise _no_worker(error.strerror or str(error)) from error
    try:
        what, value = process.connection.recv()
    except (EOFError, OSError):
        raise _end_of_start(process.end()) from None
    if what == RAISED:
        process.end()
        raise _no_worker(str(value))
    return process


def _end_of_start(code: int | None, said: str = "") -> Exception:
    return KilledFromOutside() if code is None or code < 0 else _no_worker(said or f"exit code {code}")


def _no_worker(reason: str) -> NoWorker:
    said = one_line(reason.strip().rpartition("\n")[2], LONGEST_REASON)
    return NoWorker(
        f"no process for proofs can be started ({said}): free memory or allow more processes, then run the same command again"
    )


# Where there is fork


@dataclass(slots=True)
class _Forked:
    connection: Connection
    server: _ForkServer
    pid: int
    code: int | None = None

    def end(self) -> int | None:
        if self.code is None:
            self.code = self.server.end(self.pid)
        return self.code


class _ForkServer:
    """A process with the decoders in its memory, which it shares with the workers that it forks when this process asks it to."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self.is_gone = False
        self._control, theirs = socket.socketpair()
        with theirs:
            # It inherits nothing that this process has open (the archive's lock, the ledger, sockets), except its end of the pair.
            self._process = subprocess.Popen(  # noqa: S603 (ourselves)
                [sys.executable, "-c", _boot(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )
        assert self._process.stderr is not None
        with self._process.stderr as errors:
            # Read to the end, which comes when the server has imported everything, or failed to.
            said = errors.read().decode(errors="replace")
        if not self._control.recv(1):
            code = self._process.wait()
            self._control.close()
            raise _end_of_start(code, said)
        atexit.register(self.close)

    def fork(self, memory: int) -> _Forked:
        """Raises OSError where the system refuses, KilledFromOutside when the server is gone."""
        ours, theirs = socket.socketpair()
        with theirs:
            pid = self._asked(_FORK, memory, theirs)
        if pid is None or pid < 0:
            ours.close()
            if pid is None:
                raise KilledFromOutside
            raise OSError(-pid, os.strerror(-pid))
        return _Forked(Connection(ours.detach()), self, pid)

    def end(self, pid: int) -> int | None:
        code = self._asked(_END, pid)
        return None if code == _NEVER else code

    def close(self) -> None:
        """Its workers end with it; where the system cannot notify them, those at work end after their proof."""
        self.is_gone = True
        self._control.close()
        self._process.kill()
        self._process.wait()

    def _asked(self, what: bytes, number: int, connection: socket.socket | None = None) -> int | None:
        """The server's answer; None if the server is gone."""
        with self._asking:
            try:
                if self.is_gone:
                    return None
                request = _REQUEST.pack(what, number)
                if connection is None:
                    self._control.sendall(request)
                else:
                    socket.send_fds(self._control, [request], [connection.fileno()])
                answer = self._control.recv(_ANSWER.size, socket.MSG_WAITALL)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
            if len(answer) == _ANSWER.size:
                return int(_ANSWER.unpack(answer)[0])
            self.close()
            return None


_starting = threading.Lock()
_servers: list[_ForkServer] = []


def _fork_server() -> _ForkServer:
    """The fork server of this process, which ends with it; a new one if it was killed."""
    with _starting:
        if not _servers or _servers[-1].is_gone:
            _servers[:] = [_ForkServer()]
        return _servers[-1]


def _boot(control: int) -> str:
    # With the `sys.path` of this process, which a console script, an egg or a test may have changed; it does not run the main module.
    return f"import sys; sys.path[:] = {sys.path!r}; from pixivcrawl.archive.processes import serve; serve({control})"


def serve(control_descriptor: int) -> NoReturn:
    """Run the fork server: fork a worker for each connection received, end one for each number, until the process that asks is gone."""
    outlive_signals()
    control = socket.socket(fileno=control_descriptor)
    import_decoders()
    gc.freeze()
    os.dup2(sys.stdout.fileno(), sys.stderr.fileno())
    control.sendall(b"\n")
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _REQUEST.size, 1)
        if not request:
            os._exit(0)
        what, number = _REQUEST.unpack(request)
        answer = _forked(control, descriptors[0], number) if what == _FORK else _ended(number)
        control.sendall(_ANSWER.pack(answer))


def _forked(control: socket.socket, descriptor: int, memory: int) -> int:
    """The new worker's process id, or the system's error as a negative number."""
    server = os.getpid()
    try:
        pid = os.fork()
    except OSError as error:
        os.close(descriptor)
        return -(error.errno or 1)
    if pid == 0:
        try:
            control.close()
            end_with(server)
            work(Connection(descriptor), memory)
        finally:
            os._exit(1)
    os.close(descriptor)
    return pid


def _ended(pid: int) -> int:
    """Kill a worker and give its exit code. The signal does not change that of one that is already ending: its connection closes only after
    its exit code is settled."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    for _ in range(round(LONGEST_DEATH / 0.001)):
        gone, status = os.waitpid(pid, os.WNOHANG)
        if gone:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.001)
    return _NEVER


# Where there is none


class _Spawned:
    """A worker process that imports the decoders itself."""

    def __init__(self, memory: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=work, args=(theirs, memory), daemon=True)
        with theirs, _starting, _without_main_module():
            self._process.start()

    def end(self) -> int | None:
        self._process.kill()
        self._process.join(LONGEST_DEATH)
        return self._process.exitcode


@contextmanager
def _without_main_module() -> Iterator[None]:
    """Otherwise the child would run it again."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main
