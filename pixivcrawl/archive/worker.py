"""The code of a worker process: decodes one file after another for its parent process, until the parent is gone."""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, NoReturn

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.memory import share
from pixivcrawl.errors import PixivcrawlError

OWN_BYTES = 32 << 20
"""Bytes that a worker may map beyond its imports and what a proof may take: for questions, answers, code that is loaded late."""

PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG, from Linux's prctl.h."""

FIRST_TO_GO = "500"
"""The value for oom_score_adj: if the system runs out of memory, it kills a worker and not the crawl with its ledger."""

IS_LIMITED = sys.platform == "linux"
"""Whether this system enforces a limit on a process's memory; Windows and macOS do not, where only the limits by a file's header apply."""

ASKS, DONE, RAISED = "asks", "done", "raised"
"""A worker's messages: it needs so many more bytes; the result of its work (the first: it is ready); or the exception that this raised."""


def import_decoders() -> None:
    """Import what decodes, which takes a sixth of a second. OpenBLAS would start a thread, with memory of its own, for each core."""
    os.environ.update(OPENBLAS_NUM_THREADS="1")
    import pixivcrawl.archive.proof  # noqa: F401


def outlive_signals() -> None:
    """Ignore the signals with which a terminal or systemd ends every process of a run: the crawl then shuts down cleanly and needs its
    proofs for that.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def work(connection: Connection, memory: int) -> NoReturn:
    """Do all incoming work, with at most `memory` bytes for each piece, and end together with the parent."""
    try:
        connection.send(_answer(_make_ready, memory))
        while True:
            name, arguments = connection.recv()
            share.begin(lambda size: _ask(connection, size))
            connection.send(_answer(_do, name, *arguments))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        os._exit(0)


def _do(name: str, *arguments: Any) -> Any:
    return resolve_name(name)(*arguments)


def _make_ready(memory: int) -> None:
    outlive_signals()
    import_decoders()
    _give_way()
    _limit_memory(memory)
    gc.freeze()


def end_with(parent: int) -> None:
    """Have the system end this process with `parent`, which forked it. Where it cannot, the closed connection does, after the proof."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PARENT_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _ask(connection: Connection, size: int) -> None:
    connection.send((ASKS, size))
    connection.recv()


def _answer(function: Callable[..., Any], *arguments: Any) -> tuple[str, Any]:
    try:
        return DONE, function(*arguments)
    except (Damaged, PixivcrawlError, MemoryError) as expected:
        return RAISED, expected
    except Exception:  # noqa: BLE001 (a fault of ours, which is raised where it was asked for; its traceback travels as text)
        return RAISED, RuntimeError(f"a proof failed in its worker\n{traceback.format_exc()}")


def _give_way() -> None:
    if IS_LIMITED:
        # A container may not allow it.
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)


def _limit_memory(memory: int) -> None:
    """Also leave no core file when a decoder crashes."""
    if IS_LIMITED:
        import resource

        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        ceiling = mapped + OWN_BYTES + memory
        resource.setrlimit(
            resource.RLIMIT_AS, (ceiling if most == resource.RLIM_INFINITY else min(ceiling, most), most)
        )
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
