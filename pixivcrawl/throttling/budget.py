"""An account's daily budget of API requests: counted as they leave, kept in the ledger, shared by all who use the account.

Days are in UTC, because pixiv does not say when its own count restarts.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary, WeakSet

from scrapy.crawler import Crawler

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import BudgetSpent, StorageFailed
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger, ledger_of
from pixivcrawl.ledger.updates.hosts import day_of
from pixivcrawl.run_ending import RunEnding, RunStopping
from pixivcrawl.throttling.lane import LaneFile, lane_of

logger = logging.getLogger(__name__)


class Budget:
    """The requests that an account sent to one host on one day."""

    def __init__(self, host: str, account: int) -> None:
        self._host = host
        self._account = account
        self._day = ""
        self._spent = 0
        self._ledgers: WeakSet[Ledger] = WeakSet()
        self._writes: set[asyncio.Future[None]] = set()

    async def spend(self, ledger: Ledger, limit: int, now: datetime, lane: LaneFile | None = None) -> None:
        """Count one request. Raises BudgetSpent and counts nothing once `limit` (0: none) were sent that day, by anyone."""
        day = day_of(now)
        if day != self._day:
            self._day, self._spent = day, 0
            self._ledgers.clear()
        if ledger not in self._ledgers:
            before = await ledger.read(queries.requests_spent, self._host, now, self._account)
            self._ledgers.add(ledger)
            self._spent = max(self._spent, before, lane.spent(day) if lane is not None else 0)
        if limit and self._spent >= limit:
            raise budget_spent(limit, now)
        self._spent += 1
        if lane is not None:
            lane.spend(day, at_once=limit > 0)
        if limit:
            # Others may spend of it at the same time: one is taken before the request leaves, so that a kill loses none either.
            if not await ledger.write(updates.take_request, self._host, self._account, limit, now):
                raise budget_spent(limit, now)
            return
        # Not waited for: the writer commits what comes within a few milliseconds together.
        write = asyncio.ensure_future(ledger.write(updates.spend_request, self._host, self._account, now))
        self._writes.add(write)
        write.add_done_callback(self._written)

    def _written(self, write: asyncio.Future[None]) -> None:
        self._writes.discard(write)
        if not write.cancelled() and (error := write.exception()) and not isinstance(error, StorageFailed):
            # A failed ledger is reported by the caller that needs its answer.
            logger.error("an API request could not be counted: %s", error)


def budget_spent(limit: int, now: datetime) -> BudgetSpent:
    """The error when the day's requests are used up."""
    again = (now.astimezone(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return BudgetSpent(
        f"the {limit:,} API requests of this day are spent (PIXIV_API_BUDGET): the same command goes on from "
        f"{again:%Y-%m-%d %H:%M} UTC ({again.astimezone():%Y-%m-%d %H:%M} here)"
    )


_BUDGETS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], Budget]] = WeakKeyDictionary()


async def spend(crawler: Crawler, configuration: Configuration, account: int) -> None:
    """Count an API request that is about to leave.

    When the day's requests are used up, the run ends with BudgetSpent (exit code 1); what is in flight, and the files of
    known works, still arrive. Raises RunStopping then, so that nothing is recorded for what was not asked; BudgetSpent without a run.
    """
    budgets = _BUDGETS.setdefault(asyncio.get_running_loop(), {})
    key = configuration.api.key, account
    try:
        await budgets.setdefault(key, Budget(*key)).spend(
            ledger_of(crawler), configuration.api_budget, datetime.now(UTC), lane_of(crawler)
        )
    except BudgetSpent as spent:
        ending = crawler.get_extension(RunEnding)
        if ending is None:
            raise
        ending.decide(spent)
        raise RunStopping(str(spent)) from None
