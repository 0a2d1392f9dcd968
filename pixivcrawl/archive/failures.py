"""Turns every `OSError` of this package into `StorageFailed`, with one line that says what is wrong with the disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixivcrawl.errors import StorageFailed

_AGAIN = "then run the same command again"


@contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Raise `StorageFailed` for an `OSError` of the system while working in `place` (a file or a folder)."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise storage_failure(error.errno, place) from error


def storage_failure(number: int, place: Path) -> StorageFailed:
    """The one line for system error `number` at `place`."""
    return StorageFailed(" ".join(_explanation(number, str(place)).split()))


def _explanation(number: int, place: str) -> str:
    match number:
        case errno.ENOSPC:
            return f"the disk is full: free space for {place}, {_AGAIN}"
        case errno.EDQUOT:
            return f"the disk quota is used up: free space for {place}, {_AGAIN}"
        case errno.EROFS:
            return f"{place} is on a read-only disk: make it writable, {_AGAIN}"
        case errno.EACCES | errno.EPERM:
            return f"no permission for {place}: give this user the right to read and write there, {_AGAIN}"
        case errno.EEXIST | errno.ENOTDIR | errno.EISDIR:
            return f"something else is in the way at {place}: move it away, {_AGAIN}"
        case errno.ELOOP:
            return f"{place} is a link, and a file that is one is never followed: move it away, {_AGAIN}"
        case errno.ENOENT:
            return f"{place} is gone while it was in use: see what removed it, {_AGAIN}"
        case errno.EFBIG:
            return f"{place} is larger than its disk (4 GB on FAT) or ulimit -f allows: choose another disk or raise the limit, {_AGAIN}"
        case errno.ENAMETOOLONG:
            return f"the name of {place} is longer than its disk takes: choose a shorter one, {_AGAIN}"
        case errno.EXDEV:
            return f"{place} and the staging folder are on two disks: keep the archive on one disk, {_AGAIN}"
        case errno.EMFILE | errno.ENFILE:
            return f"too many open files at {place}: raise the limit (ulimit -n), {_AGAIN}"
        case errno.EIO:
            return f"the disk reports an error at {place}: check the disk and its cable, {_AGAIN}"
        case _:
            return f"cannot use {place} ({os.strerror(number)}): check the disk, {_AGAIN}"
