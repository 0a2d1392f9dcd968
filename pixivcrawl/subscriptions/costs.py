"""Estimates what a reading takes, in API requests, from earlier runs."""

from __future__ import annotations

from pixivcrawl.ledger.queries.subscriptions import ListRuns
from pixivcrawl.subscriptions.planning import DueList

ROWS_A_REQUEST = 100
ROWS_A_PAGE = 48
"""How many known works are compared by one request: of an artist, and of any other list."""

PEOPLE_A_REQUEST = 50

OF_WORKS = ("works_read", "requests_for_parts", "requests_for_many")
"""A run's counts of requests about its works, which the next one does not need."""


def requests_for(due: DueList, runs: ListRuns, works: int) -> int:
    """About how many API requests a reading takes, not counting new works; `works` are known on the list.

    Of a list that was never read, only that it takes one or more.
    """
    if due.wanted.artist is not None:
        return 2 + -(-works // ROWS_A_REQUEST) if due.compare else 1
    counts = runs.read.counts if runs.read is not None else {}
    for_works = sum(int(counts.get(name, 0)) for name in OF_WORKS)
    last = max(1, int(counts.get("api_requests", 1)) - for_works)
    return max(last, -(-works // ROWS_A_PAGE)) if due.compare else last


def requests_for_following(people: int) -> int:
    """What the whole list of followed users takes: the public part and the private one."""
    return 1 + max(1, -(-people // PEOPLE_A_REQUEST))
