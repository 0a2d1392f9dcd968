"""Rewrites a file that people also edit: as a whole or not at all, and never over a change made meanwhile."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.syncing import sync
from pixivcrawl.errors import ConfigurationError

TRIES = 5
"""How often a change is made again because the file has changed meanwhile."""

LOCK_WAIT = 10.0
"""Seconds that one change waits for another one by this program."""


def rewrite(path: Path, edit: Callable[[bytes], bytes]) -> bytes:
    """Replace a file by what `edit` makes of it, and return that; a missing file counts as empty.

    Raises ConfigurationError or StorageFailed, and whatever `edit` raises; the file is then as it was.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"), timeout=LOCK_WAIT)
        try:
            lock.acquire()
        except Timeout:
            raise ConfigurationError(f"{path} is being changed by another command: try again") from None
        try:
            return _rewrite(path, edit)
        finally:
            lock.release()


def _rewrite(path: Path, edit: Callable[[bytes], bytes]) -> bytes:
    for _ in range(TRIES):
        content = _content(path)
        wanted = edit(content)
        if _replace(path, content, wanted):
            return wanted
    raise ConfigurationError(f"{path} keeps being changed by something else: try again when that has ended")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _replace(path: Path, expected: bytes, wanted: bytes) -> bool:
    """Replace `expected` with `wanted`; False, without doing anything, if the file has changed meanwhile."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            temporary.write(wanted)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        if _content(path) != expected:
            return False
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()
    sync(path.parent)
    return True


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
