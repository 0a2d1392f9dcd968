"""Tunes Python's garbage collector for a crawl: much that stays, and then short-lived objects."""

from __future__ import annotations

import atexit
import gc
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

YOUNGEST_THRESHOLD = 10_000
"""New objects between two collections of the youngest; Python's default of 700 means one or two for each request."""


class GarbageCollection:
    """Exempts the objects made at start-up (modules, classes, the ledger's models) from garbage collection during the crawl.

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
        gc.set_threshold(YOUNGEST_THRESHOLD, *self._before[1:])

    def stop(self) -> None:
        gc.set_threshold(*self._before)
        gc.unfreeze()
        # A process that ends frees its memory at once; to look through it for garbage before takes half a second.
        atexit.unregister(gc.freeze)
        atexit.register(gc.freeze)
