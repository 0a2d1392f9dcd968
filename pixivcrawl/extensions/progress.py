"""How a run is getting on: a bar on a terminal, else a line a minute."""

from __future__ import annotations

import sys
import time
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured
from scrapy.utils.asyncio import AsyncioLoopingCall, create_looping_call
from twisted.internet.task import LoopingCall

LINE_EVERY, BAR_EVERY = 60.0, 0.5
"""Seconds between two lines in a log, and between two states of the bar."""


class Progress:
    """Reads the run's counts; writes to standard error, so that standard output holds the report alone."""

    def __init__(self, crawler: Crawler) -> None:
        if not crawler.settings.getbool("PROGRESS_ENABLED"):
            raise NotConfigured
        self.crawler = crawler
        self.started = time.monotonic()
        self.bar: Any = None
        self.ticking: AsyncioLoopingCall | LoopingCall | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        progress = cls(crawler)
        crawler.signals.connect(progress.start, signals.engine_started)
        crawler.signals.connect(progress.stop, signals.spider_closed)
        return progress

    def start(self) -> None:
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bar

            columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self.bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self.task = self.bar.add_task("", total=None)
            self.bar.start()
        self.ticking = create_looping_call(self.show)
        self.ticking.start(BAR_EVERY if self.bar else LINE_EVERY, now=False)

    def stop(self) -> None:
        if self.ticking is not None and self.ticking.running:
            self.ticking.stop()
        if self.bar is not None:
            self.bar.stop()

    def show(self) -> None:
        line = f"{self.crawler.spidercls.name}: {self.state()}"
        if self.bar is not None:
            found, read = self._count("works_listed"), self._count("works_read")
            self.bar.update(self.task, description=line, total=found or None, completed=read)
        else:
            sys.stderr.write(f"{line}, {time.monotonic() - self.started:.0f} s\n")

    def state(self) -> str:
        """The counts so far, in one line."""
        stored, megabytes = self._count("files_stored"), self._count("bytes_stored") / 1e6
        failed = self._count("files_failed") + self._count("works_failed")
        parts = [
            f"{self._count('works_listed'):,} works listed",
            f"{self._count('works_read'):,} read",
            f"{stored:,} files stored ({megabytes:,.1f} MB)",
        ]
        return ", ".join(parts + [f"{failed:,} failed"] * bool(failed))

    def _count(self, name: str) -> int:
        return int(self.crawler.stats.get_value(f"pixiv/{name}", 0))
