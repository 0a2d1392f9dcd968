"""Rechecks of empty lists: a throttled list has no rows, just as an empty one.

pixiv: throttling lasts about three minutes, so that what is still empty after that time is empty. Where a command has more to do, that
comes first: the list counts as failed, the command asks for it again at its end, and many empty lists cost one wait.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from time import monotonic
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from scrapy.crawler import Crawler

from pixivcrawl.api.answers import Answer, AnswerKind, AnswerRefused


class RecheckDeferred(AnswerRefused):
    """A list came back empty, and is asked for again later."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint, Answer(AnswerKind.THROTTLED, 200, "it came back empty"))

    def __str__(self) -> str:
        return f"{self.endpoint} came back empty and is asked for again later"


RECHECKS_DEFERRED = "lists_looked_at_later"
"""The count of lists that are asked for again at the end of the command."""

_DEFERRING: WeakSet[Crawler] = WeakSet()
_FIRST_CHECKS: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, float]] = WeakKeyDictionary()


def defer_rechecks(crawler: Crawler) -> None:
    """Let this crawl not wait for rechecks, because the command has more to do."""
    _DEFERRING.add(crawler)


def defers_rechecks(crawler: Crawler) -> bool:
    return crawler in _DEFERRING


def seconds_until_recheck(endpoint: str, parameters: Mapping[str, Any], wait: float) -> float:
    """How long to wait before a request that just came back empty is sent again; 0 if that was its recheck."""
    looks = _FIRST_CHECKS.setdefault(asyncio.get_running_loop(), {})
    question = json.dumps([endpoint, parameters], sort_keys=True, default=str)
    return max(0.0, looks.setdefault(question, monotonic()) + wait - monotonic())
