"""The proof workers of a crawl."""

from __future__ import annotations

import weakref

from scrapy import signals
from scrapy.crawler import Crawler

from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import Configuration

_WORKERS: weakref.WeakKeyDictionary[Crawler, Workers] = weakref.WeakKeyDictionary()


def workers_of(crawler: Crawler) -> Workers:
    """The worker processes that prove a crawl's files; they end with the crawl."""
    if crawler not in _WORKERS:
        configuration = Configuration.from_settings(crawler.settings)
        workers = _WORKERS[crawler] = Workers(configuration.proof_workers, configuration.proof_limits)
        crawler.signals.connect(workers.close, signals.engine_stopped)
    return _WORKERS[crawler]
