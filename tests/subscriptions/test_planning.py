"""What is due: however runs ended and whatever the clock did, nothing is held up for ever and nothing runs without need."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.ledger.queries import NO_RUNS, Feed, ListRun, ListRuns
from pixivcrawl.subscriptions.planning import (
    EARLIEST,
    LONGEST_RETRY,
    DueList,
    WantedList,
    due,
    may_be_known_by_the_feed,
    next_comparison,
    next_reading,
    next_turn,
    within_share,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def a_list(name: str = "a", every: timedelta = DAY, refresh: timedelta | None = 30 * DAY) -> WantedList:
    return WantedList(name, "user", {"id": "11"}, {"id": [11], "name": name}, every, refresh, artist=11)


def a_run(started: datetime, outcome: str | None = "complete", crawl_id: int = 5) -> ListRun:
    return ListRun(crawl_id, started, outcome, None, {}, saw_the_list=outcome == "complete")


def read_at(started: datetime, **more: object) -> ListRuns:
    run = a_run(started)
    return ListRuns(read=run, first_read=started, last=run, **more)  # type: ignore[arg-type]


intervals = st.timedeltas(MINUTE, 4000 * DAY)
moments = st.datetimes(datetime(2007, 9, 10), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(every=intervals, last=moments)
def test_a_list_that_was_read_is_due_after_its_interval(every: timedelta, last: datetime) -> None:
    wanted, runs = a_list(every=every, refresh=None), read_at(last)
    assert due([wanted], {wanted.key: runs}, last + every)
    soon = last + every - min(every / 10, EARLIEST) - timedelta(microseconds=1)
    assert not due([wanted], {wanted.key: runs}, soon)


@given(every=intervals, last=moments, now=moments, failures=st.integers(0, 40), incomplete=st.integers(0, 9))
def test_whatever_the_clock_does_a_list_is_due_again_before_long(
    every: timedelta, last: datetime, now: datetime, failures: int, incomplete: int
) -> None:
    failed = tuple(a_run(last, "finished with failures", 6 + each) for each in range(failures))
    at = next_reading(a_list(every=every), read_at(last, failed=failed, incomplete=incomplete), now)
    assert at is not None
    assert at - now <= max(every, LONGEST_RETRY)


@given(every=intervals, failures=st.integers(1, 40))
def test_a_list_that_cannot_be_read_waits_ever_longer(every: timedelta, failures: int) -> None:
    def wait(number: int) -> timedelta:
        at = next_reading(a_list(every=every), ListRuns(failed=(a_run(NOW, "finished with failures"),) * number), NOW)
        assert at is not None
        return at - NOW

    assert wait(1) <= HOUR
    assert wait(failures) <= wait(failures + 1) <= max(every, LONGEST_RETRY)


@given(refresh=st.timedeltas(DAY, 4000 * DAY), name=st.text(min_size=1))
def test_the_first_comparison_comes_in_the_second_half_of_its_period(refresh: timedelta, name: str) -> None:
    wanted = a_list(name, refresh=refresh)
    at = next_comparison(wanted, read_at(NOW), NOW)
    assert at is not None
    assert refresh / 2 - EARLIEST <= at - NOW <= refresh
    compared = next_comparison(wanted, read_at(NOW - refresh, compared=NOW), NOW)
    assert compared is not None
    assert refresh - EARLIEST <= compared - NOW <= refresh


def test_what_was_subscribed_to_together_is_not_compared_together() -> None:
    lists = [a_list(f"list {number}") for number in range(50)]
    first = [next_comparison(wanted, read_at(NOW), NOW) for wanted in lists]
    days = [(at - NOW).days for at in first if at is not None]
    assert len(days) == 50
    assert max(days.count(day) for day in days) <= 12
    assert len(set(days)) >= 12


def test_no_comparison_of_what_is_never_to_be_or_was_never_read() -> None:
    assert next_comparison(a_list(refresh=None), read_at(NOW - 900 * DAY), NOW) is None
    assert next_comparison(a_list(), NO_RUNS, NOW) is None


@given(
    every=intervals,
    refresh=st.none() | intervals,
    read=st.timedeltas(timedelta(0), 99 * DAY),
    compared=st.none() | st.timedeltas(timedelta(0), 99 * DAY),
    failures=st.integers(0, 3),
)
def test_nothing_is_due_before_its_turn_and_then_it_is(
    every: timedelta, refresh: timedelta | None, read: timedelta, compared: timedelta | None, failures: int
) -> None:
    wanted = a_list(every=every, refresh=refresh)
    failed = tuple(a_run(NOW, "finished with failures") for _ in range(failures))
    runs = read_at(NOW - read, compared=compared and NOW - compared, failed=failed)
    at = next_turn(wanted, runs, NOW)
    assert at is not None
    if due([wanted], {wanted.key: runs}, NOW):
        return
    assert at > NOW
    assert due([wanted], {wanted.key: runs}, at)
    assert not due([wanted], {wanted.key: runs}, at - timedelta(microseconds=1))


def test_the_order() -> None:
    lists = {name: a_list(name) for name in ("never read", "late", "later", "to compare", "fresh")}
    runs = {
        lists["late"].key: read_at(NOW - 2 * DAY),
        lists["later"].key: read_at(NOW - 3 * DAY),
        lists["to compare"].key: ListRuns(read=a_run(NOW), first_read=NOW - 90 * DAY, compared=NOW - 60 * DAY),
        lists["fresh"].key: read_at(NOW - HOUR),
    }
    planned = due(lists.values(), runs, NOW)
    assert [(each.wanted.name, each.compare, each.extra) for each in planned] == [
        ("later", False, False),
        ("late", False, False),
        ("to compare", True, True),
        ("never read", False, False),
    ]
    forced = due(lists.values(), runs, NOW, forced=[lists["fresh"].key])
    assert "fresh" in [each.wanted.name for each in forced]


@given(
    costs=st.lists(st.tuples(st.integers(1, 50), st.booleans(), st.booleans()), max_size=30), share=st.integers(-9, 99)
)
def test_comparisons_stay_within_their_share_and_readings_are_never_lost(
    costs: list[tuple[int, bool, bool]], share: int
) -> None:
    plan = [
        DueList(a_list(str(place)), NOW, compare, extra=compare and extra)
        for place, (_, compare, extra) in enumerate(costs)
    ]
    kept = within_share(plan, lambda each: costs[int(each.wanted.name)][0], share)
    compared = [costs[int(each.wanted.name)][0] for each in kept if each.compare]
    assert sum(compared[:-1]) < max(share, 1)
    assert bool(compared) == any(compare for _, compare, _ in costs)
    names = [each.wanted.name for each in kept]
    assert [each.wanted.name for each in plan if not each.extra] == [
        name for name in names if not plan[int(name)].extra
    ]


def test_when_the_feed_tells_of_an_artist() -> None:
    """Only when it was read before and after the list, without a gap, and the reader followed the artist all the time."""
    feed = Feed(1, a_run(NOW, crawl_id=9), unbroken_from=3, followed={11: NOW - 3 * DAY})
    runs = read_at(NOW - 2 * DAY)
    assert may_be_known_by_the_feed(a_list(), runs, feed)
    for other in (
        Feed(1, feed.read, unbroken_from=5, followed=feed.followed),
        Feed(1, a_run(NOW, crawl_id=4), unbroken_from=3, followed=feed.followed),
        Feed(1, feed.read, unbroken_from=3, followed={11: NOW - DAY}),
        Feed(1, feed.read, unbroken_from=3, followed={12: NOW - 3 * DAY}),
    ):
        assert not may_be_known_by_the_feed(a_list(), runs, other)
    failed = read_at(NOW - 2 * DAY, failed=(a_run(NOW - DAY, "finished with failures", 6),))
    unfinished = ListRuns(read=a_run(NOW - 2 * DAY, "finished with failures"))
    for those in (failed, unfinished, NO_RUNS):
        assert not may_be_known_by_the_feed(a_list(), those, feed)
