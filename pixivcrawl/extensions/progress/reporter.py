"""Shows a run's progress: lines at the bottom of a terminal, otherwise a line a minute and at each change.

All of it goes to standard error, so that standard output holds the report alone; without a terminal it goes where the log goes.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.settings import BaseSettings
from scrapy.utils.log import get_scrapy_root_handler

from pixivcrawl import console
from pixivcrawl.api.text import one_line, spoken
from pixivcrawl.extensions.progress.estimate import ProgressEstimate
from pixivcrawl.extensions.progress.terminal import OverallProgress, is_terminal
from pixivcrawl.ledger.service import is_archiving
from pixivcrawl.run_ending import is_stopping
from pixivcrawl.throttling.rate_limiter import pauses
from pixivcrawl.throttling.waits import waits_of

if TYPE_CHECKING:
    from rich.text import Text

    from pixivcrawl.extensions.progress.footer import LiveFooter

LINE_EVERY, BAR_EVERY = 60.0, 0.5
"""Seconds between two lines in a log, and between two states of the bar."""

COUNT_AHEAD_SECONDS = 5.0
"""Seconds before a line at which the ledger is asked what is left."""

SHORTEST_PAUSE_SAID = 5.0
"""Seconds of a pause whose end is worth a line; its beginning is in the log."""


class Progress:
    """Reports one crawl, for as long as its engine runs, to the process's reporter."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("PROGRESS_ENABLED") or not is_archiving(crawler):
            raise NotConfigured
        self._crawler = crawler
        self._watch: ProgressReporter | None = None
        self._is_own = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        progress = cls(crawler)
        crawler.signals.connect(progress.start, signals.engine_started)
        crawler.signals.connect(progress.stop, signals.spider_closed)
        return progress

    def start(self) -> None:
        self._is_own = not _REPORTERS
        self._watch = ProgressReporter() if self._is_own else _REPORTERS[-1]
        if self._is_own:
            self._watch.begin()
        self._watch.show(self._crawler)

    def stop(self) -> None:
        if self._watch is not None:
            self._watch.show(None)
            if self._is_own:
                self._watch.end()


class ProgressReporter:
    """Shows the crawls of one command, one after another, while its event loop runs."""

    def __init__(self, overall: Callable[[], OverallProgress] | None = None) -> None:
        self._overall = overall
        self._crawler: Crawler | None = None
        self._estimate: ProgressEstimate | None = None
        self._footer: LiveFooter | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._next_line = time.monotonic() + LINE_EVERY
        self._pauses: set[str] = set()

    def begin(self) -> None:
        _REPORTERS.append(self)
        if is_terminal():
            # Only here: most runs are a timer's.
            from pixivcrawl.extensions.progress.footer import LiveFooter

            self._footer = LiveFooter(self.lines)
            self._footer.put_up()
        self._ticking = asyncio.ensure_future(self._tick())

    def end(self) -> None:
        """May be called again, and after the event loop has ended."""
        if self in _REPORTERS:
            _REPORTERS.remove(self)
        if self._ticking is not None and not self._ticking.get_loop().is_closed():
            self._ticking.cancel()
        if self._footer is not None:
            self._footer.take_down()

    def show(self, crawler: Crawler | None) -> None:
        """Show this crawl from now on; None: between two crawls."""
        self._crawler = crawler
        self._estimate = None if crawler is None else ProgressEstimate(crawler)
        if self._footer is not None:
            self._footer.refresh()
        else:
            # The rest of a run may be over before the next look.
            self._say_ended_pauses()

    def lines(self, width: int) -> list[Text]:
        """The lines for the bottom of a terminal this many columns wide."""
        from pixivcrawl.extensions.progress.lines import bar_line, text_line

        lines = []
        if self._overall is not None:
            whole = self._overall()
            parts = [whole.command, f"{whole.done:,} of {whole.total:,}", *self._whole_left(whole)]
            lines.append(bar_line(parts, whole.done, whole.total, width))
        if self._estimate is not None:
            done, total = self._estimate.done, self._estimate.total
            lines.append(bar_line([self._name(), *self._estimate.parts()], done, total, width))
        lines += [text_line(wait, width) for wait in self._waits()]
        return lines or [text_line("", width)]

    async def _tick(self) -> None:
        while True:
            with suppress(RuntimeError):
                # Scrapy raises this if there is no engine yet, or no longer one.
                await self._look()
            await asyncio.sleep(BAR_EVERY)

    async def _look(self) -> None:
        if self._estimate is not None:
            self._estimate.note(paused=self._estimate.wait > 0)
            if self._footer is not None or time.monotonic() > self._next_line - COUNT_AHEAD_SECONDS:
                await self._estimate.count_what_is_left()
        if self._footer is not None:
            self._footer.refresh()
            return
        self._say_ended_pauses()
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + LINE_EVERY
            say(self.line())

    def line(self) -> str:
        """The progress in one line of a log."""
        parts = []
        if self._overall is not None:
            whole = self._overall()
            parts.append(", ".join([f"{whole.command}: {whole.done:,} of {whole.total:,}", *self._whole_left(whole)]))
        if self._estimate is not None:
            parts.append(f"{self._name()}: {', '.join(self._estimate.parts())}")
        return "; ".join([*parts, *self._waits()])

    def _whole_left(self, whole: OverallProgress) -> list[str]:
        """How long the command still takes, with the current crawl; nothing if unknown."""
        if whole.seconds_left is None:
            return []
        seconds = whole.seconds_left + ((self._estimate and self._estimate.seconds_left) or 0)
        return [f"about {spoken(seconds)} left"] if seconds >= 1 else []

    def _name(self) -> str:
        """The crawl's name for people."""
        name = self._overall().current if self._overall is not None else ""
        if not name and self._crawler is not None:
            name = self._crawler.spidercls.name
        return one_line(name, 60)

    def _waits(self) -> list[str]:
        """What is being waited for, a line each."""
        if self._crawler is None:
            return []
        if self._crawler.engine and is_stopping(self._crawler):
            return ["ending: finishing what is in flight; press Ctrl-C again to end at once"]
        now = datetime.now(UTC)
        waits = [
            f"waiting {clock((until - now).total_seconds())}: {host} asks for a pause, until {until.astimezone():%H:%M:%S}"
            for host, until in pauses().items()
        ]
        for wait in waits_of(self._crawler):
            for_long = "" if wait.left is None else f" {clock(wait.left)}"
            waits.append(f"waiting{for_long}: {one_line(wait.what, 160)}")
        return waits

    def _say_ended_pauses(self) -> None:
        """Print a line for each host whose pause was long enough to mention and has ended since the last call."""
        now, going_on = datetime.now(UTC), pauses()
        long = {host for host, until in going_on.items() if (until - now).total_seconds() >= SHORTEST_PAUSE_SAID}
        before, self._pauses = self._pauses, (self._pauses & going_on.keys()) | long
        for host in sorted(before - self._pauses):
            say(f"{host}: the pause is over, continuing")


_REPORTERS: list[ProgressReporter] = []
"""The reporter of this process, while there is one."""


@contextmanager
def watched(settings: BaseSettings, overall: Callable[[], OverallProgress] | None) -> Iterator[None]:
    """Meanwhile show the crawls of this process as parts of one whole; needs a running event loop."""
    if overall is None or not settings.getbool("PROGRESS_ENABLED"):
        yield
        return
    watch = ProgressReporter(overall)
    watch.begin()
    try:
        yield
    finally:
        watch.end()


def say(line: str) -> None:
    """Write a line to the log file, if there is one, whatever its level; otherwise to standard error."""
    handler = get_scrapy_root_handler()
    if isinstance(handler, logging.FileHandler):
        handler.handle(logging.LogRecord(__name__, logging.INFO, __file__, 0, "%s", (line,), None))
    else:
        console.say(line)


def clock(seconds: float) -> str:
    """A remaining time, as a clock counts it down: 0:07, 2:34, 1:00:00."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
