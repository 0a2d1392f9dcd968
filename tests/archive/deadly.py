"""Work for worker processes that no decoder should do to them."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn


def crash(_path: Path, *_: Any) -> None:
    """Reads where nothing is."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def crash_and_tell(path: Path, *_: Any) -> NoReturn:
    """Crashes, and leaves a line beside the file each time."""
    with path.with_suffix(".tried").open("a") as told:
        told.write("tried\n")
    os.abort()


def end(_path: Path, code: int) -> NoReturn:
    os._exit(code)


def hang(_path: Path) -> None:
    time.sleep(600)


def count_for_ever(_path: Path) -> NoReturn:
    while True:
        sum(range(1000))


def allocate(_path: Path, size: int) -> int:
    """Touches every page."""
    return len(b"x" * size)


def be_killed(path: Path, times: int) -> str:
    """Killed as from outside, so many times; then all goes well."""
    told = path.with_suffix(".killed")
    killed = len(told.read_text()) if told.exists() else 0
    if killed < times:
        told.write_text("x" * (killed + 1))
        os.kill(os.getpid(), signal.SIGKILL)
    return f"killed {killed} times"


def fail(_path: Path) -> NoReturn:
    raise LookupError("a fault of ours")


def process_id(_path: Path) -> int:
    return os.getpid()


def descriptors(_path: Path) -> list[str]:
    """What the process has open."""
    return [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()]


def fork_server(_path: Path) -> int:
    return os.getppid()


def main_module(_path: Path) -> str | None:
    return getattr(sys.modules["__main__"], "__file__", None)


def wait_for(path: Path) -> str:
    """Until the file says something."""
    while not (said := path.read_text()):
        time.sleep(0.01)
    return said
