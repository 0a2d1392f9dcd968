"""Detects parameters that pixiv ignored, from the rows of an answer. pixiv: it ignores silently what it does not offer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.bodies.rows import IllustRow

AI = 2
"""pixiv: aiType of a work that an AI made."""

KINDS_OF_TYPE = {"illust_and_ugoira": (0, 2), "illust": (0,), "manga": (1,), "ugoira": (2,)}

UNSQUARE = 0.2
"""A picture whose sides differ by more than this share is not square to anyone."""

DISORDER = 0.25
"""Of neighbours on a page that stand in order of time, so many the other way round are another order; a few are works that were
published later than they were posted."""

BY_CHANCE = 8
"""So many works of a page stand in order of time by chance once in 40,000 times."""


def ignored_parameters(
    asked: Mapping[str, Any], rows: Sequence[IllustRow], *, is_premium: bool | None = None
) -> list[str]:
    """The parameters in `asked` that some of the rows contradict. `is_premium`: whether the reader is, if known."""
    shown = [row for row in rows if not row.is_masked]
    names = [
        name
        for name, agrees in _AGREES.items()
        if asked.get(name) is not None and not all(agrees(row, asked[name]) for row in shown)
    ]
    order = asked.get("order", "")
    return [*names, "order"] if order and _is_in_another_order(order, shown, is_premium=is_premium) else names


def day_of(row: IllustRow) -> date | None:
    """The day on which a work was published, in Japan's time zone."""
    return row.created.astimezone(JAPAN).date() if row.created else None


def _is_in_another_order(order: str, rows: Sequence[IllustRow], *, is_premium: bool | None) -> bool:
    times = [row.created for row in rows if row.created is not None]
    rising = sum(earlier < later for earlier, later in pairwise(times))
    falling = sum(earlier > later for earlier, later in pairwise(times))
    if order in ("date_d", "date"):
        wrong = rising if order == "date_d" else falling
        return wrong > DISORDER * (rising + falling)
    # Works by popularity stand in no order of time.
    enough = 2 if is_premium is False else BY_CHANCE
    return order.startswith("popular") and len(times) >= enough and rising == 0 < falling


def _fits_mode(row: IllustRow, mode: str) -> bool:
    return mode not in ("safe", "r18") or row.x_restrict is None or (row.x_restrict > 0) == (mode == "r18")


def _fits_type(row: IllustRow, kind: str) -> bool:
    return kind not in KINDS_OF_TYPE or row.illust_type in KINDS_OF_TYPE[kind]


def _has_shape(row: IllustRow, ratio: str) -> bool:
    if not row.width or not row.height:
        return True
    if float(ratio) == 0:
        return abs(row.width - row.height) <= UNSQUARE * max(row.width, row.height)
    return row.width >= row.height if float(ratio) > 0 else row.width <= row.height


def _at_least(name: str) -> Callable[[IllustRow, int], bool]:
    return lambda row, least: (number := getattr(row, name)) is None or number >= least


def _at_most(name: str) -> Callable[[IllustRow, int], bool]:
    return lambda row, most: (number := getattr(row, name)) is None or number <= most


_AGREES: Mapping[str, Callable[[IllustRow, Any], bool]] = {
    "mode": _fits_mode,
    "type": _fits_type,
    "scd": lambda row, first: (day := day_of(row)) is None or day.isoformat() >= first,
    "ecd": lambda row, last: (day := day_of(row)) is None or day.isoformat() <= last,
    "wlt": _at_least("width"),
    "wgt": _at_most("width"),
    "hlt": _at_least("height"),
    "hgt": _at_most("height"),
    "ratio": _has_shape,
    "blt": _at_least("bookmark_count"),
    "bgt": _at_most("bookmark_count"),
    # pixiv: 1 hides what an AI made.
    "ai_type": lambda row, hidden: hidden != 1 or row.ai_type != AI,
}
