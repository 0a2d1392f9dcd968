"""What a reading remembers of a list, where it may stop, and how much it tells to be ahead."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.base_spiders.pagination import FRONTIER, ListCursor, ListCursors, paginate, rows_ahead
from tests.spiders.test_reading import COUNTED_PAGES, NOW, PAGES, ROWS, STEPS, Site, ids


def reading(following: dict[str, Any] | None, **facts: Any) -> ListCursor:
    return ListCursor(following, NOW.isoformat(), **facts)


def seen(site: Site, on: ListCursor, endpoint: Endpoint[Any] = STEPS) -> list[int]:
    async def run() -> list[int]:
        return [row async for _, rows in paginate(on, endpoint, site.ask, lambda body: body[0]) for row in rows]

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("frontier", "read"),
    [
        ([5], 5),
        ([4, 5], 5),
        ([3, 4, 5], 5),
        ([3, 4, 5, 6], 5),
        ([1, 2, 3, 4, 5], 5),
        ([10, 3, 4, 5], 5),
        ([5, 4, 3], 10 + ROWS),
        ([3, 5, 4], 10 + ROWS),
        ([4], 10 + ROWS),
        ([5, 6], 10 + ROWS),
        ([8, 9, 10], 10),
        ([9, 10], 10),
        ([99], 10 + ROWS),
        ([], 10 + ROWS),
    ],
)
def test_a_reading_stops_where_the_end_of_a_page_are_neighbours_of_its_frontier(frontier: list[int], read: int) -> None:
    """Three of them, or as many as there are."""
    on = reading({"offset": 0, "limit": ROWS}, until=frontier)
    assert seen(Site(ids(1, 10 + ROWS)), on) == ids(1, read)
    assert on.met_frontier == (read <= 10)
    assert on.following is None


def test_three_neighbours_may_lie_on_two_pages() -> None:
    on = reading({"offset": 0, "limit": 1}, until=[2, 3, 4])
    assert seen(Site(ids(1, 9)), on) == ids(1, 4)


def test_the_head_is_remembered_up_to_a_bound_and_each_row_once() -> None:
    on = reading(None)
    on.note_head([1, 2])
    on.note_head([2, 3, 1, 4])
    assert on.head == [1, 2, 3, 4]
    on.note_head(ids(10, 1000))
    assert len(on.head) == FRONTIER
    on.note_head([5000])
    assert on.head[-1] == 10 + FRONTIER - 5


@pytest.mark.parametrize("met", [False, True])
def test_behind_a_frontier_that_was_met_the_old_one_goes_on(met: bool) -> None:
    on = reading(None, head=[1, 2, 3], until=[3, 4, 5], met_frontier=met)
    assert on.frontier == ([1, 2, 3, 4, 5] if met else [1, 2, 3])
    on = reading(None, head=ids(1, FRONTIER - 1), until=[7, 1000, 1001], met_frontier=met)
    assert on.frontier == ids(1, FRONTIER - 1) + [1000] * met
    on = reading(None, head=ids(1, FRONTIER), until=[1000], met_frontier=met)
    assert on.frontier == ids(1, FRONTIER)


def test_a_reading_is_whole_that_came_to_the_end_under_one_total() -> None:
    facts: dict[str, Any] = {"first_total": 7, "total": 7}
    assert reading(None, **facts).is_whole
    assert reading(None, **(facts | {"first_total": 0, "total": 0})).is_whole
    for other in ({"total": 8}, {"total": None}, {"total": None, "first_total": None}, {"met_frontier": True}):
        assert not reading(None, **(facts | other)).is_whole
    assert not reading({"offset": 5}, **facts).is_whole


@pytest.mark.parametrize(
    ("endpoint", "on", "ahead"),
    [
        (STEPS, reading({"offset": 30, "limit": ROWS}, total=100), 70),
        (STEPS, reading({"offset": "30"}, total=100), 70),
        (STEPS, reading({"offset": 130}, total=100), 0),
        (STEPS, reading({"offset": 0}, total=0), 0),
        (STEPS, reading(None, total=100), 0),
        (STEPS, reading({"offset": 30}), 0),
        (STEPS, reading({"offset": 30}, total=100, until=[1]), 0),
        (COUNTED_PAGES, reading({"p": 3}, total=100), 80),
        (COUNTED_PAGES, reading({}, total=100), 100),
        (COUNTED_PAGES, reading({"p": 11}, total=100), 0),
        (COUNTED_PAGES, reading({"p": 12}, total=100), 0),
    ],
)
def test_how_many_rows_are_ahead(endpoint: Endpoint[Any], on: ListCursor, ahead: int) -> None:
    assert rows_ahead(on, endpoint, 10) == ahead


@pytest.mark.parametrize(("lost", "asked"), [(1, 6), (2, 5), (3, 4), (6, 1), (7, 1), (30, 1)])
def test_before_any_page_each_lost_row_may_have_been_a_page(lost: int, asked: int) -> None:
    """So many pages back, where nobody has seen yet how many rows a page has; and from the first one at most."""
    total = 5 * 9 + 2
    site = Site(ids(1, total))
    seen(site, reading({"p": 7}, total=total + lost), COUNTED_PAGES)
    assert [values["p"] for values in site.asked][:2] == [7, asked]


@pytest.mark.parametrize(("lost", "asked"), [(1, 29), (7, 23), (30, 0), (31, 0)])
def test_rows_that_were_lost_are_gone_back_for_to_the_first_at_most(lost: int, asked: int) -> None:
    site = Site(ids(1, 50))
    seen(site, reading({"offset": 30, "limit": ROWS}, total=50 + lost))
    assert [values["offset"] for values in site.asked][:2] == [30, asked]


@pytest.mark.parametrize(
    ("age", "again"),
    [
        (timedelta(0), False),
        (timedelta(minutes=59), False),
        (timedelta(hours=1), True),
        (timedelta(hours=2), True),
        (timedelta(seconds=-1), True),
    ],
)
def test_a_part_that_was_just_read_is_not_read_once_more(age: timedelta, again: bool) -> None:
    """After a kill within the next part; a clock that was set back makes nothing fresh."""
    parts, hour = ("one", "two"), timedelta(hours=1)
    before = ListCursors(None, [], reread=False, parts=parts, fresh=hour)
    first = STEPS.canonical({})
    assert len(list(before.readings("one", STEPS, first, NOW, newest_first=True))) == 1
    interrupted = next(before.readings("two", STEPS, first, NOW, newest_first=True))
    cursor = before.cursor("two", interrupted)
    after = ListCursors(cursor, [], reread=False, parts=parts, fresh=hour)
    assert len(list(after.readings("one", STEPS, first, NOW + age, newest_first=True))) == again
    assert len(list(after.readings("two", STEPS, first, NOW + age, newest_first=True))) == 2


def test_only_lists_with_the_newest_first_leave_a_frontier() -> None:
    for newest_first, left in ((True, [1, 2]), (False, [])):
        readings = ListCursors(None, [], reread=False, parts=("",))
        for on in readings.readings("", STEPS, STEPS.canonical({}), NOW, newest_first=newest_first):
            on.note_head([1, 2])
        assert readings.frontier == left


def test_the_frontiers_of_parts_are_kept_in_one_and_taken_apart_again() -> None:
    joined = [1, 2, 0, 0, 3]
    readings = ListCursors(None, joined, reread=False, parts=("one", "two", "three"))
    assert readings.frontier == joined
    found = {
        part: next(readings.readings(part, PAGES, {"p": 1}, NOW, newest_first=True)).until
        for part in ("one", "two", "three")
    }
    assert found == {"one": [1, 2], "two": [], "three": [3]}
    assert ListCursors(None, joined, reread=True, parts=("one", "two", "three")).frontier == [0, 0]
