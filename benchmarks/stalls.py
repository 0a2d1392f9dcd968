"""How long the event loop was busy at a stretch, measured beside the crawl: nothing of the product's own takes part.

`SCRAPY_SETTINGS_MODULE=benchmarks.watched` puts this extension beside the others; the file that PIXIVCRAWL_BENCHMARK_STALLS names gets
the result.
"""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

EVERY = 0.005
"""Seconds between two looks."""

WORTH_COUNTING = 0.02


class Stalls:
    """Asks the loop to call it every 5 ms, and notes by how much it is called late."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.long_ones = 0
        self.due = 0.0
        self.timer: asyncio.TimerHandle | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        stalls = cls()
        crawler.signals.connect(stalls.start, signals.engine_started)
        crawler.signals.connect(stalls.stop, signals.engine_stopped)
        return stalls

    def start(self) -> None:
        self._look_again(asyncio.get_running_loop())

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
        result = {"longest": self.longest, "over_20_ms": self.long_ones}
        Path(os.environ["PIXIVCRAWL_BENCHMARK_STALLS"]).write_text(json.dumps(result), encoding="utf-8")

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self.due = loop.time() + EVERY
        self.timer = loop.call_at(self.due, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        late = loop.time() - self.due
        self.longest = max(self.longest, late)
        self.long_ones += late >= WORTH_COUNTING
        self._look_again(loop)
