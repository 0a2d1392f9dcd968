"""A watch beside the crawl, of which the product knows nothing: how long the event loop was busy at a stretch, and which threads worked.

`SCRAPY_SETTINGS_MODULE=benchmarks.watched` puts this extension beside the others; the file that PIXIVCRAWL_BENCHMARK_WATCH names gets
the result.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

EVERY = 0.005
"""Seconds between two looks."""

WORTH_COUNTING = 0.02


class Watch:
    """Asks the loop to call it every 5 ms, and notes by how much it is called late.

    And how much processor time the loop's thread took between two calls: what a stall would be on a machine without other work, at most.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self.long_ones = 0
        self.busiest = 0.0
        self.taken = 0.0
        self.due = 0.0
        self.started = 0.0
        self.timer: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        watch = cls()
        crawler.signals.connect(watch.start, signals.engine_started)
        # Before the ledger closes, with its threads.
        crawler.signals.connect(watch.stop, signals.spider_closed)
        return watch

    def start(self) -> None:
        self.started = time.process_time()
        self._look_again(asyncio.get_running_loop())

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        result = {
            "longest_stall": self.longest,
            "stalls_over_20_ms": self.long_ones,
            "longest_stall_by_processor_time": self.busiest,
            "processor": time.process_time(),
            "processor_before_the_start": self.started,
            "processor_by_thread": processor_by_thread(),
        }
        Path(os.environ["PIXIVCRAWL_BENCHMARK_WATCH"]).write_text(json.dumps(result), encoding="utf-8")

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self.taken = time.thread_time()
        self.due = loop.time() + EVERY
        self.timer = loop.call_at(self.due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self.due
        self.longest = max(self.longest, late)
        self.long_ones += late >= WORTH_COUNTING
        self.busiest = max(self.busiest, time.thread_time() - self.taken)
        self._look_again(loop)


def processor_by_thread() -> dict[str, float]:
    """Processor seconds of the threads that are there, summed for those of one pool."""
    taken: Counter[str] = Counter()
    for thread in threading.enumerate():
        assert thread.ident is not None
        name = re.sub(r"[-_0-9]+$", "", thread.name)
        taken[name] += round(1000 * time.clock_gettime(time.pthread_getcpuclockid(thread.ident)))
    return {name: milliseconds / 1000 for name, milliseconds in taken.items()}
