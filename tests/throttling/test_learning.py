"""What the pace learns: never beyond what the person set, at once slower, slowly faster."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pixivcrawl.ledger.updates.hosts import Pace
from pixivcrawl.throttling.learning import (
    LONGEST,
    QUIET_ANSWERS,
    REFUSED_FOR,
    Bounds,
    Places,
    pace_after_answer,
    pace_after_refusal,
    pace_within,
    places_after_answer,
    places_after_trouble,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
USUAL = Bounds(1.5, 1.5)
LOWERED = Bounds(1.5, 0.5)

bounds = st.tuples(st.floats(0, 10), st.floats(0, 10)).map(lambda both: Bounds(max(both), min(both)))
events = st.lists(st.tuples(st.sampled_from(["answer", "refusal", "day"]), st.integers(1, 3000)), max_size=12)


def after(pace: Pace, within: Bounds, *told: tuple[str, int]) -> tuple[Pace, datetime]:
    now = NOW
    for what, number in told:
        for _ in range(number if what == "answer" else 1):
            if what == "answer":
                pace = pace_after_answer(pace, within, now)
            elif what == "refusal":
                pace = pace_after_refusal(pace, within, now)
            else:
                now += timedelta(minutes=number)
    return pace, now


@pytest.mark.long
@given(bounds, events)
def test_never_below_the_least_nor_beyond_four_times_the_usual(within: Bounds, told: list[tuple[str, int]]):
    pace, _ = after(Pace(within.usual, within.usual), within, *told)
    assert within.least <= pace.delay <= LONGEST * within.usual


@pytest.mark.long
@given(bounds, events)
def test_within_a_day_of_a_refusal_never_faster_than_usual(within: Bounds, told: list[tuple[str, int]]):
    pace, now = after(Pace(within.usual, within.usual), within, *told, ("refusal", 1), ("answer", 2500))
    assert pace_within(pace, within, now + REFUSED_FOR / 2).delay >= within.usual
    assert pace_within(pace, within, now + REFUSED_FOR).delay <= within.usual


@given(st.floats(0.1, 10), events)
def test_nothing_is_shortened_unless_the_person_lowers_the_least(usual: float, told: list[tuple[str, int]]):
    pace, _ = after(Pace(usual, usual), Bounds(usual, usual), *told)
    assert pace.delay >= usual


@given(bounds, bounds, events)
def test_another_delay_of_the_person_s_holds_at_once(before: Bounds, within: Bounds, told: list[tuple[str, int]]):
    assume(before.usual != within.usual)
    pace, now = after(Pace(before.usual, before.usual), before, *told)
    holds = pace_within(pace, within, now + 2 * REFUSED_FOR)
    assert (holds.delay, holds.usual) == (within.usual, within.usual)


def test_a_refusal_makes_the_delay_half_as_long_again_and_several_four_times():
    delays = []
    pace = Pace(1.5, 1.5)
    for _ in range(5):
        pace = pace_after_refusal(pace, USUAL, NOW)
        delays.append(pace.delay)
    assert delays == [2.25, 3.375, 5.0625, 6, 6]


def test_a_thousand_quiet_answers_make_it_a_twentieth_shorter():
    pace, _ = after(Pace(1.5, 1.5), LOWERED, ("answer", QUIET_ANSWERS - 1))
    assert pace.delay == 1.5
    assert pace_after_answer(pace, LOWERED, NOW).delay == pytest.approx(1.425)
    assert after(Pace(1.5, 1.5), LOWERED, ("answer", 30 * QUIET_ANSWERS))[0].delay == 0.5


def test_after_a_refusal_it_begins_at_the_usual_delay_again():
    fast, _ = after(Pace(1.5, 1.5), LOWERED, ("answer", 30 * QUIET_ANSWERS), ("refusal", 1))
    assert fast.delay == 2.25
    rested, _ = after(fast, LOWERED, ("answer", 2 * QUIET_ANSWERS), ("day", 1440), ("answer", 1))
    assert (rested.delay, rested.answers) == (1.5, 1)


def test_a_clock_that_was_set_back_makes_no_day_longer():
    pace = pace_after_refusal(Pace(1.5, 1.5), USUAL, NOW)
    assert pace_within(pace, USUAL, NOW - timedelta(days=400)).delay == 1.5


def answered(places: Places, *seconds: float, is_full: bool = True) -> Places:
    for number, each in enumerate(seconds):
        places = places_after_answer(places, each, sent=number, now=number + each, is_full=is_full)
    return places


steps = st.lists(st.tuples(st.sampled_from(["answer", "trouble"]), st.floats(0, 60), st.booleans()), max_size=80)


@given(st.integers(1, 16), st.integers(0, 16), steps)
def test_places_stay_within_their_bounds(least: int, more: int, told: list[tuple[str, float, bool]]):
    places = Places(least, least + more, least)
    for now, (what, seconds, is_full) in enumerate(told):
        if what == "answer":
            places = places_after_answer(places, seconds, sent=now - seconds, now=now, is_full=is_full)
        else:
            places = places_after_trouble(places, sent=now - seconds, now=now)
        assert least <= places.at_once <= least + more


def test_one_more_for_each_round_of_quick_answers():
    rounds = [4, 5, 6, 7]
    assert [answered(Places(4, 8, 4), *[0.2] * sum(rounds[:number])).at_once for number in range(5)] == [4, 5, 6, 7, 8]
    assert answered(Places(4, 8, 4), *[0.2] * 1000).at_once == 8


def test_nothing_is_learned_while_nobody_waits_for_a_place():
    assert answered(Places(4, 8, 4), *[0.2] * 1000, is_full=False).at_once == 4


def test_a_slow_answer_and_a_refusal_halve_them_at_once():
    many = answered(Places(2, 32, 2), *[0.2] * 1000)
    assert many.at_once == 32
    assert answered(many, 0.5).at_once == 16
    assert places_after_trouble(many, sent=0, now=1).at_once == 16


def test_what_travelled_together_is_one_trouble():
    many = Places(2, 32, 32, typical=0.2)
    for sent in range(5):
        many = places_after_trouble(many, sent=sent, now=10)
    assert many.at_once == 16
    assert places_after_trouble(many, sent=10, now=11).at_once == 8


def test_slow_is_measured_by_what_few_at_once_took():
    """A line that gets slower with each place more is noticed, although each step is a small one."""
    places = answered(Places(4, 32, 4), *[0.2] * 4)
    most = places.at_once
    for number in range(1000):
        seconds = 0.2 * places.at_once / 4
        places = places_after_answer(places, seconds, sent=number, now=number + seconds, is_full=True)
        most = max(most, places.at_once)
    assert most == 9


def test_a_line_that_stays_slow_is_learned_as_it_is():
    slow = answered(Places(4, 8, 4), *[0.2] * 100, *[2.0] * 100)
    assert slow.at_once == 8
