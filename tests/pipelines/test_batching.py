"""What comes while a thread is at work is done by its next turn, and everyone hears of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

import pytest

from pipelines.batching import BatchWorker


class Worker:
    """Notes its turns; the first one lasts until it is let go. What is negative goes wrong, and 0 everything with it."""

    def __init__(self) -> None:
        self.turns: list[list[int]] = []
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self, numbers: Sequence[int]) -> list[Exception | None]:
        self.turns.append(list(numbers))
        self.begun.set()
        assert self.let_go.wait(10)
        if 0 in numbers:
            raise RuntimeError("nothing works")
        return [ValueError(f"{number}") if number < 0 else None for number in numbers]


async def outcomes(together: BatchWorker[int], worker: Worker, *numbers: int) -> list[BaseException | None]:
    """The first number alone; the others while it is at work."""
    first = asyncio.ensure_future(together.done(numbers[0]))
    await asyncio.to_thread(worker.begun.wait)
    others = [asyncio.ensure_future(together.done(number)) for number in numbers[1:]]
    await asyncio.sleep(0)
    worker.let_go.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_one_turn_for_all_that_came_meanwhile() -> None:
    worker = Worker()
    together = BatchWorker(worker, "worker")
    assert asyncio.run(outcomes(together, worker, 1, 2, 3, 4)) == [None] * 4
    assert worker.turns == [[1], [2, 3, 4]]
    together.close()


def test_everyone_hears_of_their_own() -> None:
    worker = Worker()
    together = BatchWorker(worker, "worker")
    done = asyncio.run(outcomes(together, worker, 1, -2, 3))
    assert [str(outcome) for outcome in done] == ["None", "-2", "None"]
    together.close()


def test_what_goes_wrong_with_all_is_heard_by_all_and_the_next_turn_is_made() -> None:
    worker = Worker()
    together = BatchWorker(worker, "worker")

    async def way() -> None:
        done = await outcomes(together, worker, 1, 0, 3)
        assert [str(outcome) for outcome in done] == ["None", "nothing works", "nothing works"]
        await together.done(4)
        with pytest.raises(ValueError, match="-5"):
            await together.done(-5)

    asyncio.run(way())
    assert worker.turns == [[1], [0, 3], [4], [-5]]
    together.close()


def test_who_gave_up_keeps_nobody_waiting() -> None:
    worker = Worker()
    together = BatchWorker(worker, "worker")

    async def way() -> None:
        first = asyncio.ensure_future(together.done(1))
        await asyncio.to_thread(worker.begun.wait)
        first.cancel()
        second = asyncio.ensure_future(together.done(2))
        await asyncio.sleep(0)
        worker.let_go.set()
        await second
        assert first.cancelled()

    asyncio.run(way())
    assert worker.turns == [[1], [2]]
    together.close()
