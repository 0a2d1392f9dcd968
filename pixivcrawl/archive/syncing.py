"""Flushes writes to the disk."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Sync a file's bytes or, for a folder, the names in it after one was created, placed or replaced."""
    if path.is_dir() and os.name != "posix":  # Windows cannot sync a folder; NTFS keeps its own journal.
        return
    # Other systems also sync a file that was opened only for reading.
    descriptor = os.open(path, os.O_RDONLY if os.name == "posix" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
