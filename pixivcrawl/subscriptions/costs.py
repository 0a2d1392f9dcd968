"""What a reading takes: API requests, as far as earlier runs tell, and time at a pace."""

from __future__ import annotations

from datetime import timedelta

from pixivcrawl.ledger.queries.subscriptions import ListRuns
from pixivcrawl.subscriptions.planning import Due

ROWS_A_REQUEST = 100
ROWS_A_PAGE = 48
"""How many known works are compared by one request: of an artist, and of any other list."""

PEOPLE_A_REQUEST = 50

ANSWER = 0.5
"""Seconds that an answer takes, about."""


def requests_for(due: Due, runs: ListRuns, works: int) -> int:
    """About how many API requests a reading takes, before what new works take; `works` are known on the list.

    Of a list that was never read, only that it takes one or more.
    """
    if due.wanted.artist is not None:
        return 2 + -(-works // ROWS_A_REQUEST) if due.compare else 1
    counts = runs.read.counts if runs.read is not None else {}
    for_works = int(counts.get("works_read", 0)) + int(counts.get("requests_for_many", 0))
    last = max(1, int(counts.get("api_requests", 1)) - for_works)
    return max(last, -(-works // ROWS_A_PAGE)) if due.compare else last


def requests_for_following(people: int) -> int:
    """What the whole list of those whom the reader follows takes: the public part and the private one."""
    return 1 + max(1, -(-people // PEOPLE_A_REQUEST))


def time_for(requests: int, delay: float) -> timedelta:
    """How long so many requests take, with a pause of `delay` seconds after each answer."""
    return timedelta(seconds=round(requests * (delay + ANSWER)))


def requests_a_day(delay: float) -> int:
    """How many API requests a whole day holds at this pace."""
    return round(86400 / (delay + ANSWER))
