"""What is done to a crawl from outside of its code: SIGKILL at an exact place, a clock that runs ahead, and less patience.

CHAOS_KILL names the places, separated by spaces, as `module:function:when:n`: the n-th call of that function (from 1) kills the process
`before` it begins, `after` it has returned, or (of a function that writes) `halfway`. CHAOS_AHEAD says by how many seconds the clock is
ahead, CHAOS_PATIENCE for how many an object store may be away.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import signal
import sys
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any


def inject(environment: Mapping[str, str]) -> None:
    for place in environment.get("CHAOS_KILL", "").split():
        kill_at(*place.split(":"))
    if ahead := environment.get("CHAOS_AHEAD"):
        set_the_clock_ahead(timedelta(seconds=float(ahead)))
    if patience := environment.get("CHAOS_PATIENCE"):
        from pixivcrawl.archive.stores import s3

        s3.PATIENCE = float(patience)


def kill_at(module: str, function: str, when: str, number: str) -> None:
    from pixivcrawl.ledger import changes

    *holders, name = function.split(".")
    holder: Any = functools.reduce(getattr, holders, importlib.import_module(module))
    original = getattr(holder, name)
    killing = deadly(original, when, int(number))
    setattr(holder, name, killing)
    # Which changes are journaled is decided by the function itself.
    if original in changes._TYPES:
        changes._TYPES[killing] = changes._TYPES[original]


def deadly(function: Callable[..., Any], when: str, number: int) -> Callable[..., Any]:
    calls = itertools.count(1)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        is_the_one = next(calls) == number
        if is_the_one and when == "before":
            die()
        if is_the_one and when == "halfway":
            tear(*args)
        result = function(*args, **kwargs)
        if is_the_one and when == "after":
            die()
        return result

    return wrapped


def die() -> None:
    os.killpg(os.getpgid(0), signal.SIGKILL)


def tear(path: Path, content: bytes, *_: int) -> None:
    """A write that stops in the middle."""
    with path.open("ab", buffering=0) as file:
        file.write(content[: len(content) // 2])
    die()


def set_the_clock_ahead(ahead: timedelta) -> None:
    """For every module of ours that asks what time it is."""
    from pydantic_core import core_schema

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ahead

        @classmethod
        def __get_pydantic_core_schema__(cls, *_: object) -> Any:
            """What a journal's change is read by: a datetime like any other."""
            return core_schema.datetime_schema()

    for name, module in list(sys.modules.items()):
        if name.startswith(("pixivcrawl.", "pipelines.")) and getattr(module, "datetime", None) is datetime:
            module.datetime = Ahead  # type: ignore[attr-defined]
