"""Which files a verification looks at: all, those stored since a time, or a random part whose bytes are read."""

from __future__ import annotations

import hashlib
import heapq
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pixivcrawl.errors import ConfigurationError

CIRCLE = 1 << 64
"""Files stand on a circle of this length, each at a place that follows from its path: an order shuffled once and for all."""

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


@dataclass(frozen=True, slots=True)
class Sample:
    """A share of all files (more than 0, at most 1), or so many of them."""

    share: float | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the circle that is read: `width` on from `start`.

    The next one begins where this one ends, so that samples of 5 % have read every file after 20 of them.
    """

    start: int
    width: int

    def holds(self, path: str) -> bool:
        return (place_on_circle(path) - self.start) % CIRCLE < self.width

    @property
    def end(self) -> int:
        return (self.start + self.width) % CIRCLE


WHOLE = Window(0, CIRCLE)


def read_sample(text: str) -> Sample:
    """`5%` or `200`. Raises ConfigurationError."""
    if found := re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%", text):
        share = float(found[1]) / 100
        if 0 < share <= 1:
            return Sample(share=share)
    elif re.fullmatch(r"[0-9]{1,12}", text) and int(text):
        return Sample(count=int(text))
    raise ConfigurationError("--sample: give a share, such as 5%, or a number of files, such as 200")


def read_since(text: str, now: datetime, option: str = "--since") -> datetime:
    """`7d`, `12h`, `30m`, `2w` before `now`, or a day (UTC) as 2026-11-01. Raises ConfigurationError, which names the option."""
    try:
        if found := re.fullmatch(r"([0-9]{1,6})([mhdw])", text):
            return now - int(found[1]) * _UNITS[found[2]]
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
            return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigurationError(f"{option}: give how long ago, such as 7d (m, h, d or w), or a day, such as 2026-11-01")


def place_on_circle(path: str) -> int:
    return int.from_bytes(hashlib.blake2b(path.encode(errors="surrogatepass"), digest_size=8).digest())


def next_window(sample: Sample, last_end: int | None, paths: Iterable[str]) -> Window:
    """The window after the one that ended at `last_end` (None before the first); `paths` are read only for a number of files."""
    start = secrets.randbelow(CIRCLE) if last_end is None else last_end % CIRCLE
    if sample.share is not None:
        return Window(start, round(sample.share * CIRCLE))
    assert sample.count is not None
    nearest = heapq.nsmallest(sample.count + 1, ((place_on_circle(path) - start) % CIRCLE for path in paths))
    return Window(start, CIRCLE if len(nearest) <= sample.count else nearest[-1])
