"""Batches what arrives while a thread is busy for its next turn: one hand-over and one sync for many small files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class BatchWorker(Generic[T]):
    """Runs `work` in a thread of its own, on all waiting entries; it returns the error of each, or None, in order.

    An entry never waits for others: if it is the only one, it is done alone.
    """

    def __init__(self, work: Callable[[Sequence[T]], Sequence[Exception | None]], name: str) -> None:
        self._work = work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._at_work: asyncio.Future[None] | None = None

    async def done(self, what: T) -> None:
        """Wait until the entry is done. Raises its own error, or that of the whole batch."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((what, future))
        if self._at_work is None or self._at_work.done():
            self._at_work = asyncio.ensure_future(self._turns())
        await future

    def close(self) -> None:
        self._thread.shutdown()

    async def _turns(self) -> None:
        while self._waiting:
            turn, self._waiting = self._waiting, []
            outcomes: Sequence[BaseException | None]
            try:
                outcomes = await asyncio.get_running_loop().run_in_executor(
                    self._thread, self._work, [what for what, _ in turn]
                )
            except Exception as error:  # noqa: BLE001 (whatever it is, all who wait must hear of it)
                outcomes = [error] * len(turn)
            for (_, future), outcome in zip(turn, outcomes, strict=True):
                if future.done():
                    continue
                if outcome is None:
                    future.set_result(None)
                else:
                    future.set_exception(outcome)
