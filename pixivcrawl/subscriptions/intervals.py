"""Intervals as people write them: `6h`, `30d`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from pixivcrawl.api.text import quoted

NEVER = "never"

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_INTERVAL = re.compile(r"([1-9][0-9]{0,3})([mhdw])", re.ASCII)


def read_interval(value: Any) -> timedelta:
    """Raises ValueError, in one line, unless the text is a number from 1 to 9999 followed by m, h, d or w."""
    found = _INTERVAL.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{quoted(value)}: write a number and m, h, d or w in quotation marks, such as {quoted('6h')}")
    return int(found[1]) * _UNITS[found[2]]


def read_period(value: Any) -> timedelta | None:
    """As `read_interval`; None for never (`never`, 0)."""
    if value == NEVER or (value == 0 and value is not False):
        return None
    try:
        return read_interval(value)
    except ValueError as refused:
        raise ValueError(f"{refused}, or {quoted(NEVER)}") from None


def interval_text(interval: timedelta | None) -> str:
    """The shortest text that `read_period` reads as this interval."""
    if interval is None:
        return NEVER
    name = next(name for name in reversed(_UNITS) if not interval % _UNITS[name] or name == "m")
    return f"{interval // _UNITS[name]}{name}"
