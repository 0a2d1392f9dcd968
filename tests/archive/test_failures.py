from __future__ import annotations

import errno
from pathlib import Path

import pytest

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.errors import StorageFailed


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "the disk is full: free space"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
        (errno.EPERM, "no permission"),
        (errno.EEXIST, "in the way"),
        (errno.ENOTDIR, "in the way"),
        (errno.ENOENT, "is gone"),
        (errno.EXDEV, "two disks"),
        (errno.EMFILE, "too many open files"),
        (errno.EIO, "check the disk"),
        (errno.ENAMETOOLONG, "choose a shorter one"),
    ],
)
def test_each_failure_says_what_to_do_in_one_line(number: int, says: str) -> None:
    with pytest.raises(StorageFailed, match=says) as failure, storage_errors(Path("/a\nb")):
        raise OSError(number, "whatever")
    assert "run the same command again" in str(failure.value)
    assert "\n" not in str(failure.value)
    assert failure.value.exit_code == 5


def test_what_is_no_failure_of_the_system_passes() -> None:
    with pytest.raises(OSError, match="image file is truncated"), storage_errors(Path("/x")):
        raise OSError("image file is truncated")
    with pytest.raises(ValueError), storage_errors(Path("/x")):
        raise ValueError
