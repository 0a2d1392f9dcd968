"""The day's budget, with real ledgers and chosen days; tests/live/test_budget.py has it in whole runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from pixivcrawl.errors import BudgetSpent, StorageFailed
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.throttling.budget import Budget, budget_spent

HOST = "www.pixiv.net"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(open_ledger(tmp_path / "archive.sqlite")) as ledger:
        yield ledger


def open_ledger(path: Path) -> Ledger:
    return Ledger.open(f"sqlite:///{path}")


def counted(ledger: Ledger, now: datetime = NOON) -> int:
    return ledger.read_now(queries.requests_spent, HOST, now)


async def spend(budget: Budget, ledger: Ledger, times: int, limit: int = 0, now: datetime = NOON) -> None:
    try:
        for _ in range(times):
            await budget.spend(ledger, limit, now)
    finally:
        # Nobody waits for the counts: they are handed over in the next turn, and committed before this is.
        await asyncio.sleep(0)
        await ledger.write(updates.clear_pause, HOST)


def test_as_many_requests_leave_as_the_limit_says_and_are_counted(ledger: Ledger) -> None:
    async def run() -> None:
        budget = Budget(HOST, 901)
        await spend(budget, ledger, 3, limit=3)
        for _ in range(2):
            with pytest.raises(BudgetSpent, match="the 3 API requests of this day are spent"):
                await budget.spend(ledger, 3, NOON)
        await spend(budget, ledger, 1, limit=4)

    asyncio.run(run())
    assert counted(ledger) == 4


def test_without_a_limit_requests_are_counted_all_the_same(ledger: Ledger, caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(spend(Budget(HOST, 901), ledger, 20))
    assert counted(ledger) == 20
    assert not [record for record in caplog.records if record.name.startswith("pixivcrawl")]
    with pytest.raises(BudgetSpent):
        asyncio.run(spend(Budget(HOST, 901), ledger, 1, limit=20))


def test_an_earlier_run_has_spent_of_the_same_day_and_none_of_another(ledger: Ledger) -> None:
    ledger.write_now(updates.spend_request, HOST, 901, NOON - timedelta(hours=12))
    with pytest.raises(BudgetSpent):
        asyncio.run(spend(Budget(HOST, 901), ledger, 3, limit=3))
    assert counted(ledger) == 3
    asyncio.run(spend(Budget(HOST, 901), ledger, 3, limit=3, now=NOON + DAY))
    assert counted(ledger, NOON + DAY) == 3


def test_a_limit_that_was_lowered_below_what_is_spent_lets_nothing_leave(ledger: Ledger) -> None:
    asyncio.run(spend(Budget(HOST, 901), ledger, 5))
    with pytest.raises(BudgetSpent):
        asyncio.run(spend(Budget(HOST, 901), ledger, 1, limit=4))
    assert counted(ledger) == 5


def test_a_day_is_one_of_utc(ledger: Ledger) -> None:
    """Two in the morning in Japan is the day before."""

    async def run() -> None:
        budget = Budget(HOST, 901)
        await spend(budget, ledger, 2, limit=2)
        japan = timezone(timedelta(hours=9))
        with pytest.raises(BudgetSpent):
            await budget.spend(ledger, 2, datetime(2026, 3, 5, 2, tzinfo=japan))
        await spend(budget, ledger, 2, limit=2, now=datetime(2026, 3, 5, 9, tzinfo=japan))

    asyncio.run(run())
    assert counted(ledger, NOON + DAY) == 2


def test_all_ledgers_of_a_process_spend_from_one_budget(tmp_path: Path) -> None:
    """Each keeps the count of what was sent with it; whichever knows of more at first is believed."""
    with closing(open_ledger(tmp_path / "one.sqlite")) as one, closing(open_ledger(tmp_path / "two.sqlite")) as two:
        for _ in range(4):
            two.write_now(updates.spend_request, HOST, 901, NOON)

        async def run() -> None:
            budget = Budget(HOST, 901)
            await spend(budget, one, 3, limit=6)
            await spend(budget, two, 2, limit=6)
            for ledger in (one, two):
                with pytest.raises(BudgetSpent):
                    await budget.spend(ledger, 6, NOON)
            assert (counted(one), counted(two)) == (3, 6)
            await spend(budget, one, 6, limit=6, now=NOON + DAY)

        asyncio.run(run())
        assert (counted(one, NOON + DAY), counted(two, NOON + DAY)) == (6, 0)


def test_without_a_limit_a_ledger_is_asked_once_a_day(ledger: Ledger) -> None:
    """A run that asked before each request would wait for the disk each time."""

    async def run() -> None:
        budget = Budget(HOST, 901)
        await spend(budget, ledger, 1)
        for _ in range(5):
            await ledger.write(updates.spend_request, HOST, 901, NOON)
        await spend(budget, ledger, 2)

    asyncio.run(run())
    assert counted(ledger) == 8


def test_what_another_process_spends_meanwhile_is_spent(ledger: Ledger) -> None:
    async def run() -> None:
        budget = Budget(HOST, 901)
        await spend(budget, ledger, 1, limit=4)
        for _ in range(2):
            assert await ledger.write(updates.take_request, HOST, 901, 4, NOON)
        await spend(budget, ledger, 1, limit=4)
        with pytest.raises(BudgetSpent):
            await budget.spend(ledger, 4, NOON)

    asyncio.run(run())
    assert counted(ledger) == 4


def test_an_account_spends_of_its_own_budget(ledger: Ledger) -> None:
    asyncio.run(spend(Budget(HOST, 901), ledger, 3, limit=3))
    asyncio.run(spend(Budget(HOST, 902), ledger, 3, limit=3))
    with pytest.raises(BudgetSpent):
        asyncio.run(spend(Budget(HOST, 901), ledger, 1, limit=3))


def test_a_count_that_cannot_be_kept_is_said_and_stops_nothing(
    ledger: Ledger, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the disk fails, which whoever waits for the ledger says."""
    for error, said in ((ValueError("odd"), 1), (StorageFailed("full"), 0)):

        def fails(*_: object, error: Exception = error) -> None:
            raise error

        caplog.clear()
        with monkeypatch.context() as patch:
            patch.setattr(updates, "spend_request", fails)
            asyncio.run(spend(Budget(HOST, 901), ledger, 1))
        assert caplog.text.count("an API request could not be counted: odd") == said


@pytest.mark.parametrize(
    ("now", "again"),
    [
        (NOON, "2026-03-05 00:00"),
        (NOON.replace(hour=0), "2026-03-05 00:00"),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "2027-01-01 00:00"),
        (datetime(2026, 3, 5, 2, tzinfo=timezone(timedelta(hours=9))), "2026-03-05 00:00"),
    ],
)
def test_it_says_when_it_goes_on(now: datetime, again: str) -> None:
    said = str(budget_spent(12_345, now))
    assert said.startswith("the 12,345 API requests of this day are spent (PIXIV_API_BUDGET)")
    assert f"the same command goes on from {again} UTC (" in said
    here = datetime.fromisoformat(f"{again}+00:00").astimezone()
    assert said.endswith(f"({here:%Y-%m-%d %H:%M} here)")
