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

from pixivcrawl.configuration import Configuration
from pixivcrawl.run_ending import RunStopping
from pixivcrawl.throttling.rate_limiter import (
    HOLDS_SLOT,
    LONGEST_HOLD,
    LONGEST_PAUSE,
    RateLimiter,
    limiter_of,
    pauses,
    release_slot,
)
from tests.hurry import in_no_time
from tests.travelling import of_the_project


def never() -> bool:
    return False


def paced(at_once: int = 1, delay: float = 0.0, wait: float = 200.0) -> RateLimiter:
    limiter = RateLimiter("www.pixiv.net")
    limiter.at_once, limiter.delay, limiter.rate_limit_wait = at_once, delay, wait
    return limiter


def now() -> float:
    return asyncio.get_running_loop().time()


async def trip(
    limiter: RateLimiter, takes: float = 0.0, *, priority: int = 0, is_stopping: Callable[[], bool] = never
) -> tuple[float, float]:
    """When it left and when the answer came."""
    async with limiter.slot(priority, is_stopping) as sent:
        await asyncio.sleep(takes)
        return sent, now()


async def trips(limiter: RateLimiter, durations: list[float]) -> list[tuple[float, float]]:
    return await asyncio.gather(*(trip(limiter, takes) for takes in durations))


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
        limiter = paced()
        order: list[int] = []

        async def go(name: int, priority: int) -> None:
            async with limiter.slot(priority, never):
                order.append(name)
                await asyncio.sleep(1)

        await asyncio.gather(go(1, 0), go(2, 0), go(3, 10), go(4, 0), go(5, 10))
        return order

    assert in_no_time(run()) == [1, 3, 5, 2, 4]


def test_a_place_is_given_back_when_the_request_fails() -> None:
    async def run() -> float:
        limiter = paced(delay=1)
        with pytest.raises(ZeroDivisionError):
            async with limiter.slot(0, never):
                raise ZeroDivisionError
        return (await trip(limiter))[0]

    assert in_no_time(run()) == 1


@pytest.mark.parametrize(
    ("recorded_after", "leaves"), [(0.25, 0.25), (None, LONGEST_HOLD), (2 * LONGEST_HOLD, LONGEST_HOLD)]
)
def test_a_place_is_kept_until_the_answer_is_recorded(recorded_after: float | None, leaves: float) -> None:
    async def run() -> tuple[float, float]:
        limiter = paced()
        async with limiter.slot(0, never):
            free = limiter.hold_slot()
        if recorded_after is not None:
            for again in (0, 1):
                asyncio.get_running_loop().call_later(recorded_after + again, free)
        (second, _), (third, _) = await trips(limiter, [10, 10])
        return second, third

    assert in_no_time(run()) == (leaves, leaves + 10)


@pytest.mark.long
@given(
    at_once=st.integers(1, 4),
    delay=st.floats(0, 10),
    journeys=st.lists(st.tuples(st.floats(0, 30), st.floats(0, 20)), max_size=15),
)
def test_never_more_than_allowed_and_never_before_the_rest_is_over(
    at_once: int, delay: float, journeys: list[tuple[float, float]]
) -> None:
    async def run() -> list[tuple[float, float]]:
        limiter = paced(at_once=at_once, delay=delay)

        async def go(arrives: float, takes: float) -> tuple[float, float]:
            await asyncio.sleep(arrives)
            return await trip(limiter, takes)

        return await asyncio.gather(*(go(*journey) for journey in journeys))

    travelled = in_no_time(run())
    for left, _ in travelled:
        busy = sum(1 for begin, end in travelled if begin <= left < end + delay - 1e-6 * (1 + end))
        assert busy <= at_once


def test_kept_for_one_that_goes_first_the_others_keep_their_turn() -> None:
    async def run() -> list[str]:
        limiter, left = paced(), []

        async def leave(name: str, priority: int) -> None:
            async with limiter.slot(priority, never):
                left.append(name)

        with limiter.reserved_for(5):
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
            limiter = paced()
            starts = []
            for _ in range(6):
                async with limiter.slot(0, never) as sent:
                    limiter.pause(None, sent)
                starts.append(sent)
            async with limiter.slot(0, never) as sent:
                assert limiter.good_answer()
                assert not limiter.good_answer()
            async with limiter.slot(0, never) as again:
                assert limiter.pause(None, again) == 200
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
            limiter = paced()
            async with limiter.slot(0, never) as sent:
                assert limiter.pause(37.5, sent) == 37.5
            return (await trip(limiter))[0]

        assert in_no_time(run()) == 37.5

    def test_those_that_travelled_together_say_it_once(self) -> None:
        async def run() -> float:
            limiter = paced(at_once=3)

            async def refused() -> None:
                async with limiter.slot(0, never) as sent:
                    await asyncio.sleep(1)
                    limiter.pause(None, sent)

            await asyncio.gather(refused(), refused(), refused())
            return (await trip(limiter))[0]

        assert in_no_time(run()) == 201

    def test_the_longest_word_counts(self) -> None:
        async def run() -> float:
            limiter = paced(at_once=3)
            async with (
                limiter.slot(0, never) as first,
                limiter.slot(0, never) as second,
                limiter.slot(0, never) as third,
            ):
                assert limiter.pause(50, first) == 50
                assert limiter.pause(90, second) == 90
                assert limiter.pause(10, third) is None
            return (await trip(limiter))[0]

        assert in_no_time(run()) == 90

    def test_an_answer_to_one_that_left_before_the_pause_does_not_end_it(self) -> None:
        async def run() -> None:
            limiter = paced(at_once=2)
            async with limiter.slot(0, never) as first, limiter.slot(0, never):
                limiter.pause(None, first)
                assert not limiter.good_answer()
            async with limiter.slot(0, never) as sent:
                assert sent == 200
                assert limiter.pause(None, sent) == 400

        in_no_time(run())

    def test_a_pause_of_an_earlier_run_goes_on_and_the_next_is_no_first_one(self) -> None:
        async def run() -> None:
            limiter = paced()
            limiter.go_on_with_pause(120)
            async with limiter.slot(0, never) as sent:
                assert sent == 120
                assert limiter.pause(None, sent) == 400

        in_no_time(run())

    def test_no_header_makes_a_pause_longer_than_a_day(self) -> None:
        async def run() -> None:
            limiter = paced()
            async with limiter.slot(0, never) as sent:
                assert limiter.pause(1e12, sent) == 86400

        in_no_time(run())

    def test_it_is_said_once_in_one_line_when_it_is_worth_it(self, caplog: pytest.LogCaptureFixture) -> None:
        async def run() -> None:
            limiter = paced(at_once=4)
            async with (
                limiter.slot(0, never) as first,
                limiter.slot(0, never) as second,
                limiter.slot(0, never) as third,
            ):
                limiter.pause(2, first)
                limiter.pause(100, second)
                limiter.pause(100, third)

        with caplog.at_level(logging.INFO):
            in_no_time(run())
        [said] = caplog.messages
        assert said.startswith("www.pixiv.net asks for a pause: nothing is sent there for 100 s, until ")

    def test_what_is_waited_for_can_be_told(self) -> None:
        async def run() -> None:
            configuration = Configuration.from_settings(of_the_project({}))
            limiter = limiter_of("i.pximg.net", configuration)
            assert pauses() == {}
            async with limiter.slot(0, never) as sent:
                limiter.pause(100, sent)
            left = pauses()["i.pximg.net"] - datetime.now(UTC)
            assert timedelta(seconds=95) < left <= timedelta(seconds=100)

        in_no_time(run())


class TestLearning:
    def test_images_are_more_at_once_while_answers_are_quick_and_fewer_at_the_first_trouble(self) -> None:
        configuration = Configuration.from_settings(of_the_project({}))

        async def run() -> list[int]:
            limiter = limiter_of("i.pximg.net", configuration)
            at_once = []

            async def fetch(takes: float, *, is_refused: bool = False) -> None:
                async with limiter.slot(0, never) as sent:
                    await asyncio.sleep(takes)
                    limiter.trouble(sent) if is_refused else limiter.answer_began(sent, takes)

            for takes, times in ((0.2, 3), (0.2, 60), (1.0, 8), (0.2, 60)):
                await asyncio.gather(*(fetch(takes) for _ in range(times)))
                at_once.append(limiter.at_once)
            await fetch(0.2, is_refused=True)
            return [*at_once, limiter.at_once]

        assert in_no_time(run()) == [4, 8, 4, 8, 4]

    def test_both_numbers_the_same_keep_it_there(self) -> None:
        fixed = Configuration.from_settings(of_the_project({"PIXIV_IMAGE_CONCURRENCY_MOST": 4}))

        async def run() -> int:
            limiter = limiter_of("i.pximg.net", fixed)

            async def fetch() -> None:
                async with limiter.slot(0, never) as sent:
                    limiter.answer_began(sent, 0.2)

            await asyncio.gather(*(fetch() for _ in range(60)))
            return limiter.at_once

        assert in_no_time(run()) == 4

    def test_a_refusal_by_the_api_is_kept_in_mind_for_the_day(self, caplog: pytest.LogCaptureFixture) -> None:
        configuration = Configuration.from_settings(of_the_project({}))

        async def run() -> list[tuple[float, float]]:
            limiter = limiter_of("www.pixiv.net", configuration)
            async with limiter.slot(0, never) as sent:
                limiter.pause(100, sent)
            return [await trip(limiter_of("www.pixiv.net", configuration), 1) for _ in range(2)]

        assert in_no_time(run()) == [(100, 101), (103.25, 104.25)]
        assert "www.pixiv.net: for a day 2.25 s of rest after each answer" in caplog.messages

    def test_where_nothing_is_refused_for_long_it_shrinks_to_what_the_person_allows(self) -> None:
        configuration = Configuration.from_settings(of_the_project({"PIXIV_API_DELAY_LEAST": 1.0}))

        async def run() -> list[float]:
            limiter = limiter_of("www.pixiv.net", configuration)
            delays = []
            for _ in range(10):
                for _ in range(1000):
                    limiter.good_answer()
                delays.append(limiter.delay)
            return delays

        assert in_no_time(run()) == pytest.approx([max(1.0, 1.5 * 0.95**number) for number in range(1, 11)])


class TestStopping:
    def test_who_waits_gives_up_soon(self) -> None:
        async def run() -> None:
            limiter = paced()
            async with limiter.slot(0, never) as sent:
                limiter.pause(1000, sent)
            with pytest.raises(RunStopping):
                await trip(limiter, is_stopping=lambda: now() >= 10)
            assert 10 <= now() <= 10.25

        in_no_time(run())

    def test_nothing_leaves_from_a_run_that_ends_although_there_is_room(self) -> None:
        async def run() -> None:
            with pytest.raises(RunStopping):
                await trip(paced(), is_stopping=lambda: True)

        in_no_time(run())

    def test_one_run_ends_and_another_goes_on(self) -> None:
        async def run() -> list[object]:
            limiter = paced()
            stopping = [trip(limiter, 5, is_stopping=lambda: now() >= 1) for _ in range(3)]
            return await asyncio.gather(*stopping, trip(limiter, 1), trip(limiter, 1), return_exceptions=True)

        first, second, third, fourth, fifth = in_no_time(run())
        assert (first, fourth, fifth) == ((0, 5), (5, 6), (6, 7))
        assert isinstance(second, RunStopping)
        assert isinstance(third, RunStopping)

    def test_who_is_cancelled_keeps_no_place(self) -> None:
        async def run() -> tuple[float, float]:
            limiter = paced()
            first = asyncio.ensure_future(trip(limiter, 3))
            second = asyncio.ensure_future(trip(limiter))
            await asyncio.sleep(1)
            second.cancel()
            await first
            return await trip(limiter, 1)

        assert in_no_time(run()) == (3, 4)

    def test_who_is_cancelled_on_the_doorstep_keeps_no_place(self) -> None:
        async def run() -> tuple[float, float]:
            limiter = paced()
            async with limiter.slot(0, never):
                second = asyncio.ensure_future(trip(limiter))
                await asyncio.sleep(1)
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            return await trip(limiter, 1)

        assert in_no_time(run()) == (1, 2)


class TestSharing:
    def test_every_crawl_of_a_loop_has_the_same_pace(self) -> None:
        configuration = Configuration.from_settings(of_the_project({}))

        async def run() -> RateLimiter:
            assert limiter_of("i.pximg.net", configuration) is limiter_of("i.pximg.net", configuration)
            assert limiter_of("i.pximg.net", configuration) is not limiter_of("www.pixiv.net", configuration)
            return limiter_of("www.pixiv.net", configuration)

        assert in_no_time(run()) is not in_no_time(run())

    def test_the_api_and_the_images_have_their_own(self) -> None:
        configuration = Configuration.from_settings(
            of_the_project(
                {"PIXIV_API_CONCURRENCY": 2, "PIXIV_API_DELAY": 3, "PIXIV_IMAGE_CONCURRENCY": 5, "PIXIV_IMAGE_DELAY": 7}
            )
        )

        async def run() -> list[tuple[int, float]]:
            both = (limiter_of(host, configuration) for host in ("www.pixiv.net", "i.pximg.net"))
            return [(limiter.at_once, limiter.delay) for limiter in both]

        assert in_no_time(run()) == [(2, 3), (5, 7)]

    def test_a_loop_that_is_gone_leaves_nothing(self) -> None:
        async def run() -> weakref.ref[RateLimiter]:
            limiter = limiter_of("i.pximg.net", Configuration.from_settings(of_the_project({})))
            async with limiter.slot(0, never) as sent:
                limiter.pause(1000, sent)
            return weakref.ref(limiter)

        left = in_no_time(run())
        gc.collect()
        assert left() is None


def test_a_pause_tells_how_much_of_it_is_left() -> None:
    async def run() -> list[float]:
        limiter = paced()
        left = [limiter.pause_left]
        limiter.pause(10, now())
        for seconds in (0, 4, 5.5, 0.5, 100):
            await asyncio.sleep(seconds)
            left.append(limiter.pause_left)
        return left

    assert in_no_time(run()) == [0, 10, 6, 0.5, 0, 0]


def test_a_place_is_freed_by_the_request_that_keeps_it() -> None:
    async def run() -> list[float]:
        limiter = paced()
        request = Request("https://www.pixiv.net/")
        release_slot(request)
        async with limiter.slot(0, never):
            request.meta[HOLDS_SLOT] = limiter.hold_slot()
        waiting = asyncio.ensure_future(trip(limiter))
        await asyncio.sleep(2)
        release_slot(request)
        return list(await waiting)

    assert in_no_time(run()) == [2, 2]


def test_kept_for_a_priority_it_lets_that_and_higher_ones_leave() -> None:
    async def run() -> list[list[float]]:
        limiter = paced(at_once=3)
        with limiter.reserved_for(5):
            waiting = [asyncio.ensure_future(trip(limiter, priority=priority)) for priority in (4, 5, 6)]
            await asyncio.sleep(10)
        return [list(await each) for each in waiting]

    assert in_no_time(run()) == [[10, 10], [0, 0], [0, 0]]


def test_a_pause_that_is_over_is_none() -> None:
    """Also before the host's first answer behind it."""

    async def run() -> list[str]:
        configuration = Configuration.from_settings(of_the_project({}))
        for host, seconds in (("over", -1), ("on", 60)):
            limiter_of(host, configuration).paused_until = datetime.now(UTC) + timedelta(seconds=seconds)
        return list(pauses())

    assert in_no_time(run()) == ["on"]
