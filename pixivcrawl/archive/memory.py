"""The memory that proofs take: a worker asks before it takes much, and the process that started the workers grants what fits."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

FREE = 4 << 20
"""Bytes that a proof takes without asking: most files and their decoders need less, and to ask takes a tenth of a millisecond."""

TOTAL = 64 << 20
"""Bytes beyond these that all proofs of a run hold at once: two files of 30 MB with their decoders."""


class Budget:
    """Grants bytes, first come first served, while they fit; a request that could never fit is granted once no other proof holds any.

    So a proof that holds some and asks for more never waits for another waiting proof.
    """

    def __init__(self, total: int = TOTAL) -> None:
        self._total = total
        self._held = 0
        self._at_work = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    def take(self, size: int, holds: int = 0) -> None:
        """Wait until there are `size` bytes more for a proof that holds `holds` already."""
        turn = object()
        with self._changed:
            self._waiting.append(turn)
            if holds:
                self._at_work -= 1
                self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting[0] is turn and self._lets_in(size))
            self._waiting.popleft()
            self._held += size
            self._at_work += 1
            self._changed.notify_all()

    def give_back(self, size: int) -> None:
        """Give back all that a proof holds."""
        if size:
            with self._changed:
                self._held -= size
                self._at_work -= 1
                self._changed.notify_all()

    def _lets_in(self, size: int) -> bool:
        return self._held + size <= self._total or not self._at_work


class Share:
    """What the one proof of this process may hold; it asks for anything beyond that, and keeps it until the proof ends."""

    def __init__(self) -> None:
        self._ask: Callable[[int], None] = lambda _size: None
        self._granted = FREE

    def begin(self, ask: Callable[[int], None]) -> None:
        """Begin a new proof, which calls `ask` with a number of bytes; the call returns once there is room for them."""
        self._ask, self._granted = ask, FREE

    def need(self, size: int) -> None:
        """Wait until there is room for `size` bytes in all."""
        if size > self._granted:
            self._ask(size - self._granted)
            self._granted = size


share = Share()
"""The share of this process; in a process that is no worker, it never asks."""
