"""Limits the memory of a process that proves pictures."""

from __future__ import annotations

import ctypes
import sys

M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def limit_heaps() -> None:
    """Limit glibc to two heaps, enough for pictures of 30 MB in a dozen threads; else each thread has one that keeps freed memory."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_ARENA_MAX, 2)
