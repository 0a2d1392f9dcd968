"""All proofs of a run share one budget of memory, which the process keeps that asks for them."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest

from pixivcrawl.archive.memory import FREE, TOTAL, Budget, Share

LONG_ENOUGH = 0.1
"""Seconds after which a thread that still waits is taken to wait."""


def begin(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def waits(thread: threading.Thread) -> bool:
    thread.join(LONG_ENOUGH)
    return thread.is_alive()


def goes_on(thread: threading.Thread) -> bool:
    thread.join(30)
    return not thread.is_alive()


def test_proofs_hold_no_more_than_the_budget_together():
    budget, counting, held, most = Budget(), threading.Lock(), 0, 0

    def prove(size: int) -> None:
        nonlocal held, most
        budget.take(size)
        with counting:
            held += size
            most = max(most, held)
        time.sleep(0.01)
        with counting:
            held -= size
        budget.give_back(size)

    threads = [begin(lambda size=TOTAL * share // 10: prove(size)) for share in (3, 4, 6, 2, 9, 1, 5, 7) * 2]
    for thread in threads:
        thread.join(10)
    assert TOTAL * 5 // 10 < most <= TOTAL


def test_what_alone_is_more_than_the_budget_is_let_in_alone():
    budget = Budget(100)
    budget.take(1)
    giant = begin(lambda: budget.take(1000))
    assert waits(giant)
    small = begin(lambda: budget.take(1))
    assert waits(small), "first come, first served"
    budget.give_back(1)
    assert goes_on(giant)
    assert waits(small)
    budget.give_back(1000)
    assert goes_on(small)


def test_two_that_hold_some_and_need_more_do_not_wait_for_each_other():
    budget = Budget(100)
    budget.take(60)
    budget.take(40)
    one = begin(lambda: budget.take(50, 60))
    assert waits(one)
    other = begin(lambda: budget.take(50, 40))
    assert goes_on(one), "nobody else is at work"
    assert waits(other)
    budget.give_back(110)
    assert goes_on(other)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_asked_in_whatever_order_everybody_is_served(seed: int):
    budget, dice = Budget(100), random.Random(seed)
    plans = [[dice.randint(1, 150) for _ in range(dice.randint(1, 4))] for _ in range(20)]

    def prove(plan: list[int]) -> None:
        held = 0
        for size in plan:
            budget.take(size, held)
            held += size
        budget.give_back(held)

    for thread in [begin(lambda plan=plan: prove(plan)) for plan in plans]:
        thread.join(10)
        assert not thread.is_alive()
    budget.take(100)


def test_a_proof_asks_only_for_what_it_does_not_have():
    share, asked = Share(), []
    share.begin(asked.append)
    for size in (FREE, FREE + 1000, 5, FREE + 1000, FREE + 1005):
        share.need(size)
    assert asked == [1000, 5]
    share.begin(asked.append)
    share.need(FREE + 7)
    assert asked == [1000, 5, 7]
