"""Limits the memory of a process that proves pictures."""

from __future__ import annotations

import ctypes
import sys

M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def limit_heaps() -> None:
    """glibc gives every thread a heap that keeps what was freed in it: for pictures of 30 MB in a dozen threads, two heaps are enough."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_ARENA_MAX, 2)
