"""A request that travels when the run is ending has a few seconds left."""

from __future__ import annotations

import asyncio

import pytest
from scrapy.exceptions import DownloadFailedError

from pixivcrawl.downloadhandlers.stopping import LAST_SECONDS, Deadline
from pixivcrawl.run_ending import RunStopping
from tests.hurry import in_no_time


def always() -> bool:
    return True


async def travel(deadline: Deadline, seconds: float) -> float:
    """When it ended, by the loop's clock."""
    try:
        await deadline.kept(asyncio.sleep(seconds))
    except RunStopping:
        return -asyncio.get_running_loop().time()
    return asyncio.get_running_loop().time()


def test_what_takes_longer_than_the_last_seconds_is_cut_off() -> None:
    ends_at = 10.0

    async def way() -> list[float]:
        deadline = Deadline(lambda: asyncio.get_running_loop().time() >= ends_at, always)
        return await asyncio.gather(*(travel(deadline, seconds) for seconds in (5, 12, 60)))

    before, in_time, cut_off = in_no_time(way())
    assert (before, in_time) == (5, 12)
    assert ends_at + LAST_SECONDS <= -cut_off <= ends_at + LAST_SECONDS + 0.5


def test_what_travels_when_the_lane_is_lost_is_cut_off_at_once_and_counts_as_lost() -> None:
    lost_at = 10.0

    async def way() -> float:
        deadline = Deadline(lambda: False, lambda: asyncio.get_running_loop().time() < lost_at)
        with pytest.raises(DownloadFailedError, match="the account's lane was lost"):
            await travel(deadline, 60)
        return asyncio.get_running_loop().time()

    assert lost_at <= in_no_time(way()) <= lost_at + 0.5


def test_another_timeout_is_no_end_of_the_run() -> None:
    async def silence() -> None:
        raise TimeoutError("the server is silent")

    with pytest.raises(TimeoutError, match="silent"):
        in_no_time(Deadline(lambda: True, always).kept(silence()))


def test_nothing_is_looked_for_when_nothing_travels() -> None:
    looks: list[float] = []

    async def way() -> None:
        deadline = Deadline(lambda: looks.append(0) or False, always)  # type: ignore[func-returns-value]
        await travel(deadline, 1)
        await asyncio.sleep(60)

    in_no_time(way())
    assert 3 <= len(looks) <= 5
