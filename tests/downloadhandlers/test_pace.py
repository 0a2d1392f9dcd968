from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request
from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration
from pixivcrawl.downloadhandlers.pace import (
    KEEPS_PLACE,
    LONGEST_KEPT,
    LONGEST_PAUSE,
    Pace,
    free_place,
    pace_of,
    pauses,
)
from pixivcrawl.run_stopping import RunStopping
from tests.downloadhandlers.hurry import in_no_time


def never() -> bool:
    return False


def paced(at_once: int = 1, delay: float = 0.0, wait: float = 200.0) -> Pace:
    pace = Pace("www.pixiv.net")
    pace.at_once, pace.delay, pace.rate_limit_wait = at_once, delay, wait
    return pace


def now() -> float:
    return asyncio.get_running_loop().time()


async def trip(
    pace: Pace, takes: float = 0.0, *, priority: int = 0, is_stopping: Callable[[], bool] = never
) -> tuple[float, float]:
    """When it left and when the answer came."""
    async with pace.turn(priority, is_stopping) as sent:
        await asyncio.sleep(takes)
        return sent, now()


async def trips(pace: Pace, durations: list[float]) -> list[tuple[float, float]]:
    return await asyncio.gather(*(trip(pace, takes) for takes in durations))


def test_the_delay_counts_from_the_answer() -> None:
    async def run() -> list[tuple[float, float]]:
        return await trips(paced(delay=1.5), [1, 0, 2, 0])

    assert in_no_time(run()) == [(0, 1), (2.5, 2.5), (4, 6), (7.5, 7.5)]


def test_each_place_rests_for_itself() -> None:
    async def run() -> list[tuple[float, float]]:
        return await trips(paced(at_once=2, delay=1), [5, 1, 1, 1])

    assert in_no_time(run()) == [(0, 5), (0, 1), (2, 3), (4, 5)]


def test_without_delay_the_next_leaves_at_once() -> None:
    async def run() -> list[tuple[float, float]]:
        return await trips(paced(), [1, 1, 1])

    assert in_no_time(run()) == [(0, 1), (1, 2), (2, 3)]


def test_the_more_urgent_leaves_first_then_the_earlier() -> None:
    async def run() -> list[int]:
        pace = paced()
        order: list[int] = []

        async def go(name: int, priority: int) -> None:
            async with pace.turn(priority, never):
                order.append(name)
                await asyncio.sleep(1)

        await asyncio.gather(go(1, 0), go(2, 0), go(3, 10), go(4, 0), go(5, 10))
        return order

    assert in_no_time(run()) == [1, 3, 5, 2, 4]


def test_a_place_is_given_back_when_the_request_fails() -> None:
    async def run() -> float:
        pace = paced(delay=1)
        with pytest.raises(ZeroDivisionError):
            async with pace.turn(0, never):
                raise ZeroDivisionError
        return (await trip(pace))[0]

    assert in_no_time(run()) == 1


@pytest.mark.parametrize(
    ("recorded_after", "leaves"), [(0.25, 0.25), (None, LONGEST_KEPT), (2 * LONGEST_KEPT, LONGEST_KEPT)]
)
def test_a_place_is_kept_until_the_answer_is_recorded(recorded_after: float | None, leaves: float) -> None:
    async def run() -> tuple[float, float]:
        pace = paced()
        async with pace.turn(0, never):
            free = pace.keep_place()
        if recorded_after is not None:
            for again in (0, 1):
                asyncio.get_running_loop().call_later(recorded_after + again, free)
        (second, _), (third, _) = await trips(pace, [10, 10])
        return second, third

    assert in_no_time(run()) == (leaves, leaves + 10)


@given(
    at_once=st.integers(1, 4),
    delay=st.floats(0, 10),
    journeys=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 20)), max_size=15),
)
def test_never_more_than_allowed_and_never_before_the_rest_is_over(
    at_once: int, delay: float, journeys: list[tuple[float, float]]
) -> None:
    async def run() -> list[tuple[float, float]]:
        pace = paced(at_once=at_once, delay=delay)

        async def go(arrives: float, takes: float) -> tuple[float, float]:
            await asyncio.sleep(arrives)
            return await trip(pace, takes)

        return await asyncio.gather(*(go(*journey) for journey in journeys))

    travelled = in_no_time(run())
    for left, _ in travelled:
        busy = sum(1 for begin, end in travelled if begin <= left < end + delay - 1e-6 * (1 + end))
        assert busy <= at_once


def test_kept_for_one_that_goes_first_the_others_keep_their_turn() -> None:
    async def run() -> list[str]:
        pace, left = paced(), []

        async def leave(name: str, priority: int) -> None:
            async with pace.turn(priority, never):
                left.append(name)

        with pace.kept_for(5):
            waiting = [asyncio.ensure_future(leave(name, 0)) for name in "ab"]
            await asyncio.sleep(100)
            await leave("first", 5)
            await asyncio.sleep(100)
            assert left == ["first"]
        await asyncio.gather(*waiting)
        return left

    assert in_no_time(run()) == ["first", "a", "b"]


class TestPause:
    def test_without_a_length_it_grows_while_more_follow_and_a_good_answer_ends_that(self) -> None:
        async def run() -> list[float]:
            pace = paced()
            starts = []
            for _ in range(6):
                async with pace.turn(0, never) as sent:
                    pace.pause(None, sent)
                starts.append(sent)
            async with pace.turn(0, never) as sent:
                assert pace.good_answer()
                assert not pace.good_answer()
            async with pace.turn(0, never) as again:
                assert pace.pause(None, again) == 200
            return [*starts, sent]

        starts = in_no_time(run())
        assert [later - earlier for earlier, later in pairwise(starts)] == [
            200,
            400,
            800,
            1600,
            LONGEST_PAUSE,
            LONGEST_PAUSE,
        ]

    def test_as_long_as_the_host_says(self) -> None:
        async def run() -> float:
            pace = paced()
            async with pace.turn(0, never) as sent:
                assert pace.pause(37.5, sent) == 37.5
            return (await trip(pace))[0]

        assert in_no_time(run()) == 37.5

    def test_those_that_travelled_together_say_it_once(self) -> None:
        async def run() -> float:
            pace = paced(at_once=3)

            async def refused() -> None:
                async with pace.turn(0, never) as sent:
                    await asyncio.sleep(1)
                    pace.pause(None, sent)

            await asyncio.gather(refused(), refused(), refused())
            return (await trip(pace))[0]

        assert in_no_time(run()) == 201

    def test_the_longest_word_counts(self) -> None:
        async def run() -> float:
            pace = paced(at_once=3)
            async with pace.turn(0, never) as first, pace.turn(0, never) as second, pace.turn(0, never) as third:
                assert pace.pause(50, first) == 50
                assert pace.pause(90, second) == 90
                assert pace.pause(10, third) is None
            return (await trip(pace))[0]

        assert in_no_time(run()) == 90

    def test_an_answer_to_one_that_left_before_the_pause_does_not_end_it(self) -> None:
        async def run() -> None:
            pace = paced(at_once=2)
            async with pace.turn(0, never) as first, pace.turn(0, never):
                pace.pause(None, first)
                assert not pace.good_answer()
            async with pace.turn(0, never) as sent:
                assert sent == 200
                assert pace.pause(None, sent) == 400

        in_no_time(run())

    def test_a_pause_of_an_earlier_run_goes_on_and_the_next_is_no_first_one(self) -> None:
        async def run() -> None:
            pace = paced()
            pace.go_on_with_pause(120)
            async with pace.turn(0, never) as sent:
                assert sent == 120
                assert pace.pause(None, sent) == 400

        in_no_time(run())

    def test_no_header_makes_a_pause_longer_than_a_day(self) -> None:
        async def run() -> None:
            pace = paced()
            async with pace.turn(0, never) as sent:
                assert pace.pause(1e12, sent) == 86400

        in_no_time(run())

    def test_it_is_said_once_in_one_line_when_it_is_worth_it(self, caplog: pytest.LogCaptureFixture) -> None:
        async def run() -> None:
            pace = paced(at_once=4)
            async with pace.turn(0, never) as first, pace.turn(0, never) as second, pace.turn(0, never) as third:
                pace.pause(2, first)
                pace.pause(100, second)
                pace.pause(100, third)

        with caplog.at_level(logging.INFO):
            in_no_time(run())
        [said] = caplog.messages
        assert said.startswith("www.pixiv.net asks for a pause: nothing is sent there for 100 s, until ")

    def test_what_is_waited_for_can_be_told(self) -> None:
        async def run() -> None:
            configuration = Configuration.from_settings(Settings())
            pace = pace_of("i.pximg.net", configuration)
            assert pauses() == {}
            async with pace.turn(0, never) as sent:
                pace.pause(100, sent)
            left = pauses()["i.pximg.net"] - datetime.now(UTC)
            assert timedelta(seconds=95) < left <= timedelta(seconds=100)

        in_no_time(run())


class TestStopping:
    def test_who_waits_gives_up_soon(self) -> None:
        async def run() -> None:
            pace = paced()
            async with pace.turn(0, never) as sent:
                pace.pause(1000, sent)
            with pytest.raises(RunStopping):
                await trip(pace, is_stopping=lambda: now() >= 10)
            assert 10 <= now() <= 10.25

        in_no_time(run())

    def test_nothing_leaves_from_a_run_that_ends_although_there_is_room(self) -> None:
        async def run() -> None:
            with pytest.raises(RunStopping):
                await trip(paced(), is_stopping=lambda: True)

        in_no_time(run())

    def test_one_run_ends_and_another_goes_on(self) -> None:
        async def run() -> list[object]:
            pace = paced()
            stopping = [trip(pace, 5, is_stopping=lambda: now() >= 1) for _ in range(3)]
            return await asyncio.gather(*stopping, trip(pace, 1), trip(pace, 1), return_exceptions=True)

        first, second, third, fourth, fifth = in_no_time(run())
        assert (first, fourth, fifth) == ((0, 5), (5, 6), (6, 7))
        assert isinstance(second, RunStopping)
        assert isinstance(third, RunStopping)

    def test_who_is_cancelled_keeps_no_place(self) -> None:
        async def run() -> tuple[float, float]:
            pace = paced()
            first = asyncio.ensure_future(trip(pace, 3))
            second = asyncio.ensure_future(trip(pace))
            await asyncio.sleep(1)
            second.cancel()
            await first
            return await trip(pace, 1)

        assert in_no_time(run()) == (3, 4)

    def test_who_is_cancelled_on_the_doorstep_keeps_no_place(self) -> None:
        async def run() -> tuple[float, float]:
            pace = paced()
            async with pace.turn(0, never):
                second = asyncio.ensure_future(trip(pace))
                await asyncio.sleep(1)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            return await trip(pace, 1)

        assert in_no_time(run()) == (1, 2)


class TestSharing:
    def test_every_crawl_of_a_loop_has_the_same_pace(self) -> None:
        configuration = Configuration.from_settings(Settings())

        async def run() -> Pace:
            assert pace_of("i.pximg.net", configuration) is pace_of("i.pximg.net", configuration)
            assert pace_of("i.pximg.net", configuration) is not pace_of("www.pixiv.net", configuration)
            return pace_of("www.pixiv.net", configuration)

        assert in_no_time(run()) is not in_no_time(run())

    def test_the_api_and_the_images_have_their_own(self) -> None:
        configuration = Configuration.from_settings(
            Settings(
                {"PIXIV_API_CONCURRENCY": 2, "PIXIV_API_DELAY": 3, "PIXIV_IMAGE_CONCURRENCY": 5, "PIXIV_IMAGE_DELAY": 7}
            )
        )

        async def run() -> list[tuple[int, float]]:
            both = (pace_of(host, configuration) for host in ("www.pixiv.net", "i.pximg.net"))
            return [(pace.at_once, pace.delay) for pace in both]

        assert in_no_time(run()) == [(2, 3), (5, 7)]

    def test_a_loop_that_is_gone_leaves_nothing(self) -> None:
        async def run() -> weakref.ref[Pace]:
            pace = pace_of("i.pximg.net", Configuration.from_settings(Settings()))
            async with pace.turn(0, never) as sent:
                pace.pause(1000, sent)
            return weakref.ref(pace)

        left = in_no_time(run())
        gc.collect()
        assert left() is None


def test_a_pause_tells_how_much_of_it_is_left() -> None:
    async def run() -> list[float]:
        pace = paced()
        left = [pace.pause_left]
        pace.pause(10, now())
        for seconds in (0, 4, 5.5, 0.5, 100):
            await asyncio.sleep(seconds)
            left.append(pace.pause_left)
        return left

    assert in_no_time(run()) == [0, 10, 6, 0.5, 0, 0]


def test_a_place_is_freed_by_the_request_that_keeps_it() -> None:
    async def run() -> list[float]:
        pace = paced()
        request = Request("https://www.pixiv.net/")
        free_place(request)
        async with pace.turn(0, never):
            request.meta[KEEPS_PLACE] = pace.keep_place()
        waiting = asyncio.ensure_future(trip(pace))
        await asyncio.sleep(2)
        free_place(request)
        return list(await waiting)

    assert in_no_time(run()) == [2, 2]


def test_kept_for_a_priority_it_lets_that_and_higher_ones_leave() -> None:
    async def run() -> list[list[float]]:
        pace = paced(at_once=3)
        with pace.kept_for(5):
            waiting = [asyncio.ensure_future(trip(pace, priority=priority)) for priority in (4, 5, 6)]
            await asyncio.sleep(10)
        return [list(await each) for each in waiting]

    assert in_no_time(run()) == [[10, 10], [0, 0], [0, 0]]


def test_a_pause_that_is_over_is_none() -> None:
    """Also before the host's first answer behind it."""

    async def run() -> list[str]:
        configuration = Configuration.from_settings(Settings())
        for host, seconds in (("over", -1), ("on", 60)):
            pace_of(host, configuration).paused_until = datetime.now(UTC) + timedelta(seconds=seconds)
        return list(pauses())

    assert in_no_time(run()) == ["on"]
