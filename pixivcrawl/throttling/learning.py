"""How a pace adapts to answers, within the bounds that a person sets: pure functions without a clock or state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

from pixivcrawl.ledger.updates.hosts import Pace

REFUSED_FOR = timedelta(days=1)
"""So long a delay holds that a refusal made longer."""

LONGER, LONGEST = 1.5, 4.0
"""A refusal makes the delay so many times as long; several, at most so many times PIXIV_API_DELAY."""

QUIET_ANSWERS, SHORTER = 1000, 0.95
"""After so many answers without a refusal, the delay is reduced by this factor. pixiv: the count of requests matters, and 187 without a
pause are one too many; five times as many are a quarter of an hour or more at any pace that may be learned."""

SLOW_TIMES, SLOW_SECONDS = 2.0, 0.1
"""An answer is slow that takes so many times the typical one and so many seconds more."""

LATEST_COUNTS = 1 / 8
"""How much of the typical answer is the latest one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds of rest after each answer: `usual` is what the person set, `least` the minimum after long without a refusal."""

    usual: float
    least: float


def pace_within(pace: Pace, bounds: Bounds, now: datetime) -> Pace:
    """What still holds of a learned pace: a refusal counts for a day, anything else while the person's delay is unchanged."""
    if _is_fresh(pace.refused_at, now):
        delay = min(max(pace.delay, bounds.usual), LONGEST * bounds.usual)
        return replace(pace, delay=delay, usual=bounds.usual)
    if pace.usual != bounds.usual or pace.delay > bounds.usual:
        return replace(pace, delay=bounds.usual, usual=bounds.usual, answers=0)
    return replace(pace, delay=max(pace.delay, bounds.least))


def pace_after_answer(pace: Pace, bounds: Bounds, now: datetime) -> Pace:
    """The pace after an answer that was not a refusal."""
    pace = pace_within(pace, bounds, now)
    answers = pace.answers + 1
    if _is_fresh(pace.refused_at, now) or pace.delay <= bounds.least or answers < QUIET_ANSWERS:
        return replace(pace, answers=answers)
    return replace(pace, delay=max(bounds.least, SHORTER * pace.delay), answers=0)


def pace_after_refusal(pace: Pace, bounds: Bounds, now: datetime) -> Pace:
    """The pace after a refusal because the account asked too much."""
    delay = LONGER * max(pace_within(pace, bounds, now).delay, bounds.usual)
    return Pace(min(delay, LONGEST * bounds.usual), bounds.usual, refused_at=now)


def _is_fresh(refused_at: datetime | None, now: datetime) -> bool:
    # A clock that was set back makes no day longer.
    return refused_at is not None and abs(now - refused_at) < REFUSED_FOR


@dataclass(frozen=True, slots=True)
class Places:
    """How many files are fetched at once: one more after each round of quick answers, half as many at trouble, as in TCP.

    `typical` is how many seconds pass until an answer begins while no more than `least` travel: what more at once is measured by. Times
    are those of one monotonic clock.
    """

    least: int
    most: int
    number: float
    typical: float | None = None
    fell_at: float = -inf

    @property
    def at_once(self) -> int:
        return int(self.number)


def places_after_answer(places: Places, seconds: float, *, sent: float, now: float, is_full: bool) -> Places:
    """The places after an answer that began so many seconds after its request was `sent`; `is_full`: others wait."""
    slow = places.typical is not None and seconds > max(SLOW_TIMES * places.typical, places.typical + SLOW_SECONDS)
    if places.at_once == places.least:
        before = seconds if places.typical is None else places.typical
        places = replace(places, typical=before + LATEST_COUNTS * (seconds - before))
    if slow:
        return places_after_trouble(places, sent=sent, now=now)
    if not is_full:
        return places
    return replace(places, number=min(float(places.most), places.number + 1 / places.at_once))


def places_after_trouble(places: Places, *, sent: float, now: float) -> Places:
    """The places after a request was refused, failed or slow. Requests that were in flight together count as one trouble."""
    if sent < places.fell_at:
        return places
    return replace(places, number=max(float(places.least), places.number / 2), fell_at=now)
