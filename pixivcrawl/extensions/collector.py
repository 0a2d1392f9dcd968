"""Python's collector of circular garbage, told what a crawl is like: much that stays, and then short-lived things."""

from __future__ import annotations

import atexit
import gc
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

YOUNG = 10_000
"""Objects that may come between two looks at the youngest; Python's default of 700 is a look or two for each request."""


class Collector:
    """What start-up has made (modules, classes, the ledger's models) is not gone through again and again while the crawl runs.

    To go through all of it takes a tenth of a second, in which the event loop stands still.
    """

    def __init__(self) -> None:
        self._before = gc.get_threshold()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        collector = cls()
        crawler.signals.connect(collector.start, signals.engine_started)
        crawler.signals.connect(collector.stop, signals.engine_stopped)
        return collector

    def start(self) -> None:
        gc.freeze()
        gc.set_threshold(YOUNG, *self._before[1:])

    def stop(self) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
        # A process that ends frees its memory at once; to look through it for garbage before takes half a second.
        atexit.unregister(gc.freeze)
        atexit.register(gc.freeze)
