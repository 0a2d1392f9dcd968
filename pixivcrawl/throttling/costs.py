"""How long requests and pictures take: at the account's learned pace, and at the speed that earlier runs measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection

from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.updates.hosts import Pace
from pixivcrawl.reader import Reader
from pixivcrawl.throttling.learning import Bounds, pace_within

REQUESTS_A_WORK = 1.4
"""About every third work has more than one page, or is an ugoira, and takes a second request."""

ANSWER = 0.5
"""Seconds that an answer takes, about, where no run has measured it."""


ENOUGH_FILES = 10
"""So many files tell how fast and how large the next ones will be."""


@dataclass(frozen=True, slots=True)
class Speed:
    """Seconds of `rest` after each API answer, seconds until one is recorded, requests at once, and measured speeds."""

    rest: float
    answer: float
    at_once: int
    measured: queries.Measured

    def time_for(self, requests: float) -> timedelta:
        return timedelta(seconds=round(requests * (self.rest + self.answer) / self.at_once))

    def for_works(self, works: int) -> tuple[int, timedelta]:
        """The requests for so many works with unknown pages, and their time."""
        requests = ceil(works * REQUESTS_A_WORK)
        return requests, self.time_for(requests)

    @property
    def requests_a_day(self) -> int:
        return round(86400 * self.at_once / (self.rest + self.answer))

    def time_for_pictures(self, files: int, size: int | None) -> timedelta | None:
        """Estimated from their bytes, otherwise from their number; None if too few have been fetched."""
        known = self.measured
        if not known.seconds or known.files < ENOUGH_FILES:
            return None
        share = size / known.bytes if size and known.bytes else files / known.files
        return timedelta(seconds=round(known.seconds * share))


def speed_of(connection: Connection, configuration: Configuration, reader: Reader, now: datetime) -> Speed:
    """The expected speed of the next run, according to the ledger."""
    bounds = Bounds(configuration.api_delay, configuration.api_delay_least)
    kept = queries.kept_pace(connection, configuration.api.key, reader)
    known = queries.measured(connection)
    return Speed(
        pace_within(kept or Pace(bounds.usual, bounds.usual), bounds, now).delay,
        ANSWER if known.answer is None else known.answer,
        configuration.api_concurrency,
        known,
    )


def speed_without_a_ledger(configuration: Configuration) -> Speed:
    """The expected speed before the first run."""
    return Speed(configuration.api_delay, ANSWER, configuration.api_concurrency, queries.Measured(None, 0.0, 0, 0))
