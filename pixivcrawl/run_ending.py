"""How a run ends early: who decides it, who checks for it, and what is raised for work that is left undone."""

from __future__ import annotations

import asyncio
from datetime import datetime

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from pixivcrawl.errors import PixivcrawlError

STOPPING_IS_SEEN_WITHIN = 0.25
"""Seconds between two checks of whoever waits for whether the run is ending."""

TRIES = "tries"
"""The key in a request's `meta` for how often it was sent again."""

ANSWERED, LOST = "requests/answered", "requests/lost"
"""Counts of requests that brought an answer, of whatever kind, and of those that brought none."""


class RunStopping(IgnoreRequest):
    """The run is ending: whatever still waited was not sent, and nothing about its work is to be recorded."""


class RunEnding:
    """Why a run ends, as soon as it is known; the extension that records the run implements this.

    `confirmed` is when pixiv last showed that it knows the session.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.error: PixivcrawlError | None = None
        self.confirmed: datetime | None = None
        self._stopping: asyncio.Future[None] | None = None

    @property
    def is_ending(self) -> bool:
        """Whether an error has stopped the run."""
        return self._stopping is not None

    def decide(self, error: PixivcrawlError) -> None:
        """Let `error` decide how the run ends; it continues until then."""
        self.error = self.error or error

    def end(self, error: PixivcrawlError) -> None:
        """Shut the run down, once, because of `error`."""
        if self._stopping is None:
            self.error = error
            self._stopping = asyncio.ensure_future(self.crawler.stop_async())


def end_run(crawler: Crawler, error: PixivcrawlError) -> Exception:
    """Shut the run down because of `error`; returns what to raise meanwhile, so that nothing is recorded for unanswered requests."""
    ending = crawler.get_extension(RunEnding)
    if ending is None:
        return error
    ending.end(error)
    stopping = RunStopping(str(error))
    stopping.__cause__ = error
    return stopping


def is_stopping(crawler: Crawler) -> bool:
    """Whether the run takes no new work: a request that has not been sent stays unsent."""
    engine = crawler.engine
    # Scrapy has no public word for a spider that is being closed while the engine still runs.
    slot = engine._slot  # noqa: SLF001
    return not engine.running or slot is None or slot.closing is not None
