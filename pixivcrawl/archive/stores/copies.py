"""Copies, on this machine, of files in an object store: each for as long as it is being read."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixivcrawl.archive.failures import storage_errors

_PREFIX = ".fetched-"


@contextmanager
def folder_of_copy(staging: Path) -> Iterator[Path]:
    """A folder for one copy, removed with it at the end of the block. Raises StorageFailed."""
    with storage_errors(staging):
        staging.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(staging, alone=False), tempfile.TemporaryDirectory(dir=staging, prefix=_PREFIX) as folder:
        yield Path(folder)


def drop_copies(staging: Path) -> None:
    """Remove the copies that killed processes left; none while any process reads one. Raises StorageFailed."""
    with storage_errors(staging):
        if not any(staging.glob(f"{_PREFIX}*")):
            return
        with _locked(staging, alone=True) as is_alone:
            # Only those that are still there: their readers may have removed some since.
            for folder in list(staging.glob(f"{_PREFIX}*")) if is_alone else ():
                shutil.rmtree(folder)


@contextmanager
def _locked(staging: Path, *, alone: bool) -> Iterator[bool]:
    """Lock the staging folder, together with other readers or `alone`. False if another process has it, or no lock can be had."""
    if sys.platform == "win32":
        # This disk cannot lock a folder.
        yield False
        return
    import fcntl  # only here: Windows has none

    descriptor = os.open(staging, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
            has_it = True
        except OSError:
            has_it = False
        yield has_it
    finally:
        os.close(descriptor)
