"""How a run ends before its time: who decides it, who asks whether it does, and what is raised for what is left undone."""

from __future__ import annotations

import asyncio
from datetime import datetime

from scrapy.crawler import Crawler
from scrapy.exceptions import IgnoreRequest

from pixivcrawl.errors import PixivcrawlError

STOPPING_IS_SEEN_WITHIN = 0.25
"""Seconds between two looks of one who waits at whether the run is ending."""

TRIES = "tries"
"""The key in a request's `meta` of how often it was sent again."""

ANSWERED, LOST = "requests/answered", "requests/lost"
"""Counts of requests that brought an answer, of whatever kind, and of those that brought none."""


class RunStopping(IgnoreRequest):
    """The run is ending: what still waited was not sent, and nothing about its work is to be recorded."""


class RunEnding:
    """Why a run ends, as soon as anybody knows; the extension that records the run is one.

    `confirmed` is when pixiv last showed that it knows the session.
    """

    def __init__(self, crawler: Crawler) -> None:
        self.crawler = crawler
        self.error: PixivcrawlError | None = None
        self.confirmed: datetime | None = None
        self._stopping: asyncio.Future[None] | None = None

    @property
    def is_ending(self) -> bool:
        """An error has stopped the run."""
        return self._stopping is not None

    def decide(self, error: PixivcrawlError) -> None:
        """`error` decides how the run ends, which goes on until then."""
        self.error = self.error or error

    def end(self, error: PixivcrawlError) -> None:
        """Stop the run in good order, once, because of `error`."""
        if self._stopping is None:
            self.error = error
            self._stopping = asyncio.ensure_future(self.crawler.stop_async())


def end_run(crawler: Crawler, error: PixivcrawlError) -> Exception:
    """Stop the run in good order because of `error`; gives what to raise meanwhile, so that nothing is recorded of what was asked for."""
    ending = crawler.get_extension(RunEnding)
    if ending is None:
        return error
    ending.end(error)
    stopping = RunStopping(str(error))
    stopping.__cause__ = error
    return stopping


def is_stopping(crawler: Crawler) -> bool:
    """Whether the run takes no new work: a request that has not left stays."""
    engine = crawler.engine
    # Scrapy has no public word for a spider that is being closed while the engine still runs.
    slot = engine._slot  # noqa: SLF001
    return not engine.running or slot is None or slot.closing is not None
