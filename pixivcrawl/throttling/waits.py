"""What a crawl is waiting for, to show it to the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic
from weakref import WeakKeyDictionary

from scrapy.crawler import Crawler


@dataclass(frozen=True, slots=True, eq=False)
class Wait:
    """`what` is a line for a person; `until` is a time of `monotonic`, None if unknown."""

    what: str
    until: float | None

    @property
    def left(self) -> float | None:
        """The seconds left."""
        return None if self.until is None else max(0.0, self.until - monotonic())


_WAITS: WeakKeyDictionary[Crawler, list[Wait]] = WeakKeyDictionary()


@contextmanager
def waiting(crawler: Crawler, what: str, seconds: float | None = None) -> Iterator[None]:
    """Declare that the crawl waits meanwhile, for so many seconds or an unknown time."""
    wait = Wait(what, None if seconds is None else monotonic() + seconds)
    waits = _WAITS.setdefault(crawler, [])
    waits.append(wait)
    try:
        yield
    finally:
        waits.remove(wait)


def waits_of(crawler: Crawler) -> list[Wait]:
    """What the crawl waits for now, the longest known first; equal waits are shown once."""
    longest: dict[str, Wait] = {}
    for wait in sorted(_WAITS.get(crawler, []), key=lambda wait: wait.until or 0.0):
        longest[wait.what] = wait
    return list(longest.values())[::-1]
