"""What a crawl waits for, so that whoever watches it can be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from weakref import WeakKeyDictionary

from scrapy.crawler import Crawler


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """`what` is said to a person, in a line; `until` is a time of `monotonic`, None where nobody knows how long it takes."""

    what: str
    until: float | None

    @property
    def left(self) -> float | None:
        """Seconds."""
        return None if self.until is None else max(0.0, self.until - monotonic())


_WAITS: WeakKeyDictionary[Crawler, list[Wait]] = WeakKeyDictionary()


@contextmanager
def waiting(crawler: Crawler, what: str, seconds: float | None = None) -> Iterator[None]:
    """Meanwhile the crawl waits, for so many seconds or for as long as it takes."""
    wait = Wait(what, None if seconds is None else monotonic() + seconds)
    waits = _WAITS.setdefault(crawler, [])
    waits.append(wait)
    try:
        yield
    finally:
        waits.remove(wait)


def waits_of(crawler: Crawler) -> list[Wait]:
    """What the crawl waits for now, the longest known first; several that wait for the same thing are one."""
    longest: dict[str, Wait] = {}
    for wait in sorted(_WAITS.get(crawler, []), key=lambda wait: wait.until or 0.0):
        longest[wait.what] = wait
    return list(longest.values())[::-1]
