"""A copy of a file that shares its blocks on the disk until one of the two is changed: a reflink."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

FICLONE = 0x40049409
"""Linux's ioctl request that makes one file share another one's blocks (linux/fs.h)."""

_CANNOT = frozenset(
    {errno.EOPNOTSUPP, errno.ENOTSUP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM, errno.EACCES}
)
"""Errors of a disk that cannot share blocks, or not with that other disk; a network disk answers EACCES or EPERM."""


def clone(source: Path, target: Path) -> bool:
    """Make `target`, which is not there yet, a reflink of `source`; False, and no file, where the disk or the system has none.

    Raises OSError for anything else, as where the disk is full.
    """
    try:
        if sys.platform == "linux":
            _clone_on_linux(source, target)
        elif sys.platform == "darwin":
            _clone_on_macos(source, target)
        else:
            return False
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        return False
    return True


def _clone_on_linux(source: Path, target: Path) -> None:
    import fcntl  # only here: Windows has none

    with source.open("rb") as held:
        new = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        try:
            fcntl.ioctl(new, FICLONE, held.fileno())
        except OSError:
            target.unlink()
            raise
        finally:
            os.close(new)


def _clone_on_macos(source: Path, target: Path) -> None:
    system = ctypes.CDLL(None, use_errno=True)
    if system.clonefile(os.fsencode(source), os.fsencode(target), 0):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(target))
