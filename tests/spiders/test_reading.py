"""Reading a list that changes, is interrupted, throttled or repeats itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.api.paging import Offset, PageNumber
from pixivcrawl.api.parameters import Param
from pixivcrawl.base_spiders.pagination import FRONTIER, ListCursor, ListCursors, paginate

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ROWS = 5

STEPS = Endpoint(
    "steps",
    "steps",
    "A list in steps.",
    body=tuple,
    params=(Param("offset", "integer", "", default=0), Param("limit", "integer", "", default=ROWS)),
    paging=Offset(rows=lambda body: body[0], more=lambda body, at: at < body[1], total=lambda body: body[1]),
)
PAGES = Endpoint(
    "pages",
    "pages",
    "A list in pages that never says that it has ended.",
    body=tuple,
    params=(Param("p", "integer", "", default=1, least=1),),
    paging=PageNumber(rows=lambda body: body[0], more=lambda body, page: True),
)
COUNTED_PAGES = Endpoint(
    "counted_pages",
    "pages",
    "A list in pages with a total.",
    body=tuple,
    params=PAGES.params,
    paging=PageNumber(
        rows=lambda body: body[0], more=lambda body, page: page * ROWS < body[1], total=lambda body: body[1]
    ),
)


@dataclass
class Site:
    """A list as pixiv would answer for it; `between` happens before each answer."""

    ids: list[int]
    between: Iterator[Callable[[list[int]], None]] = field(default_factory=lambda: iter(()))
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def ask(self, **values: Any) -> tuple[list[int], int]:
        if self.asked:
            next(self.between, lambda listed: None)(self.ids)
        self.asked.append(values)
        if "p" in values:
            start = ROWS * (min(values["p"], max(1, -(-len(self.ids) // ROWS))) - 1)
            return self.ids[start : start + ROWS], len(self.ids)
        return self.ids[values["offset"] :][: values["limit"]], len(self.ids)


def ids(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


def read(
    site: Site,
    endpoint: Endpoint[Any] = STEPS,
    *,
    cursor: str | None = None,
    frontier: tuple[int, ...] = (),
    reread: bool = False,
    newest_first: bool = True,
    pages: int | None = None,
) -> tuple[list[int], ListCursors, str | None, list[ListCursor]]:
    """A run: the ids seen, and what it leaves to the next one; killed after so many `pages`."""

    async def run() -> tuple[list[int], ListCursors, str | None, list[ListCursor]]:
        seen: list[int] = []
        whole: list[ListCursor] = []
        kept = cursor
        readings = ListCursors(cursor, frontier, reread=reread, parts=("",))
        count = 0
        for reading in readings.readings("", endpoint, endpoint.canonical({}), NOW, newest_first=newest_first):
            async for _, rows in paginate(reading, endpoint, site.ask, lambda body: body[0]):
                if count == pages:
                    return seen, readings, kept, whole
                seen += rows
                kept = readings.cursor("", reading)
                count += 1
                whole += [reading] * reading.is_whole
        return seen, readings, None, whole

    return asyncio.run(run())


def test_a_list_that_does_not_change_is_read_once_and_then_one_page():
    site = Site(ids(1, 23))
    seen, readings, cursor, whole = read(site)
    assert (seen, cursor, len(whole), len(site.asked)) == (ids(1, 23), None, 1, 5)
    again = Site(site.ids)
    seen, later, _, whole = read(again, frontier=tuple(readings.frontier))
    assert (seen, len(again.asked), whole) == (ids(1, 5), 1, [])
    assert later.frontier == readings.frontier


def test_new_rows_are_read_and_those_behind_them_are_not():
    _, readings, _, _ = read(Site(ids(101, 200)))
    site = Site([*ids(1, 11), *ids(101, 200)])
    seen, later, _, _ = read(site, frontier=tuple(readings.frontier))
    assert seen == [*ids(1, 11), *ids(101, 104)]
    assert later.frontier == site.ids


def test_works_moved_to_the_head_are_no_frontier():
    _, readings, _, _ = read(Site(ids(101, 200)))
    moved = [*ids(1, 3), 150, 160, *ids(4, 9), *(each for each in ids(101, 200) if each not in (150, 160))]
    seen, _, _, _ = read(Site(moved), frontier=tuple(readings.frontier))
    assert set(seen) >= set(ids(1, 9))
    assert len(seen) < 20


def test_a_frontier_whose_head_was_removed_is_met_further_down():
    _, readings, _, _ = read(Site(ids(1, 400)))
    assert len(readings.frontier) == FRONTIER
    site = Site([1000, *ids(FRONTIER - 50, 400)])
    seen, _, _, _ = read(site, frontier=tuple(readings.frontier))
    assert seen == site.ids[:ROWS]


def test_without_its_frontier_a_list_is_read_to_its_end():
    seen, _, _, whole = read(Site(ids(1, 40)), frontier=tuple(ids(100, 130)))
    assert seen == ids(1, 40)
    assert whole


def test_a_list_in_another_order_has_no_frontier():
    _, readings, _, _ = read(Site(ids(1, 40)), newest_first=False)
    assert readings.frontier == []


def test_reread_goes_past_the_frontier():
    _, readings, _, _ = read(Site(ids(1, 40)))
    seen, _, _, whole = read(Site(ids(1, 40)), frontier=tuple(readings.frontier), reread=True)
    assert seen == ids(1, 40)
    assert whole


def test_an_interrupted_reread_goes_on_but_an_interrupted_look_at_the_head_does_not_count_as_one():
    site = Site(ids(1, 40))
    _, readings, _, _ = read(site)
    frontier = tuple(readings.frontier)
    _, _, cursor, _ = read(site, frontier=frontier, reread=True, pages=3)
    seen, _, _, _ = read(site, cursor=cursor, frontier=frontier, reread=True)
    assert set(seen) == {*ids(16, 40), *ids(1, 5)}

    longer = Site([*ids(101, 130), *site.ids])
    _, _, cursor, _ = read(longer, frontier=frontier, pages=3)
    seen, _, _, _ = read(longer, cursor=cursor, frontier=frontier, reread=True)
    assert seen == longer.ids


def test_a_page_that_repeats_ends_the_list():
    site = Site(ids(1, 12))
    seen, _, cursor, _ = read(site, PAGES)
    assert seen == ids(1, 12)
    assert cursor is None
    assert [values["p"] for values in site.asked] == [1, 2, 3, 4]


def test_a_list_of_pages_without_a_total_goes_on_one_page_before():
    _, _, cursor, _ = read(Site(ids(1, 40)), PAGES, pages=3)
    site = Site(ids(1, 40))
    del site.ids[2:5]
    seen, _, _, _ = read(site, PAGES, cursor=cursor)
    assert site.asked[0]["p"] == 3
    assert set(seen) >= set(ids(16, 40))


def test_an_interrupted_list_goes_on_from_its_cursor_and_then_looks_at_its_head():
    site = Site(ids(1, 50))
    _, _, cursor, _ = read(site, pages=4)
    later = Site([1000, 1001, *site.ids])
    seen, readings, cursor, _ = read(later, cursor=cursor)
    assert [values["offset"] for values in later.asked] == [20, 25, 30, 35, 40, 45, 50, 0]
    assert set(seen) >= {1000, 1001, *ids(21, 50)}
    assert readings.frontier[:4] == [1000, 1001, 1, 2]
    assert cursor is None


def test_an_interruption_while_the_head_is_read_again_is_gone_on_from_too():
    _, _, cursor, _ = read(Site(ids(1, 50)), pages=4)
    site = Site([*ids(1001, 1030), *ids(1, 50)])
    seen, _, cursor, _ = read(site, cursor=cursor, pages=14)
    assert 0 < site.asked[-1]["offset"] < 30
    rest, readings, cursor, _ = read(site, cursor=cursor)
    assert {*seen, *rest} >= {*ids(1001, 1030), *ids(21, 50)}
    assert readings.frontier[:2] == [1001, 1002]
    assert cursor is None


def test_a_total_that_falls_has_rows_asked_for_again():
    def remove(listed: list[int]) -> None:
        del listed[1:4]

    site = Site(ids(1, 30), iter([remove]))
    seen, _, _, whole = read(site)
    assert set(seen) == set(ids(1, 30))
    assert whole == []
    assert [values["offset"] for values in site.asked][:3] == [0, 5, 2]


def test_a_total_that_falls_while_nobody_reads_has_rows_asked_for_again():
    site = Site(ids(1, 30))
    seen, _, cursor, _ = read(site, pages=3)
    del site.ids[2:9]
    rest, _, _, whole = read(site, cursor=cursor)
    assert {*seen, *rest} == set(ids(1, 30))
    assert whole == []


def test_a_total_that_falls_in_a_list_of_pages():
    def remove(listed: list[int]) -> None:
        del listed[1:3]

    seen, _, _, _ = read(Site(ids(1, 30), iter([remove])), COUNTED_PAGES)
    assert set(seen) == set(ids(1, 30))


def test_totals_that_contradict_each_other_for_ever_end():
    class Wavering(Site):
        async def ask(self, **values: Any) -> tuple[list[int], int]:
            rows, total = await super().ask(**values)
            return rows, total + 3 * (len(self.asked) % 2)

    seen, _, _, _ = read(Wavering(ids(1, 100)), COUNTED_PAGES)
    assert set(seen) == set(ids(1, 100))


def test_a_list_that_is_empty_all_at_once_has_not_ended():
    site = Site(ids(1, 30), iter([lambda listed: None, lambda listed: listed.clear()]))
    with pytest.raises(AnswerRefused, match="throttled"):
        read(site)


def test_a_list_that_was_emptied_while_nobody_read_ends():
    _, _, cursor, _ = read(Site(ids(1, 30)), pages=2)
    seen, _, cursor, _ = read(Site([]), cursor=cursor)
    assert (seen, cursor) == ([], None)


def test_a_page_with_nothing_but_advertisements_is_no_end():
    class WithAdvertisements(Site):
        async def ask(self, **values: Any) -> tuple[list[int], int]:
            rows, total = await super().ask(**values)
            return ([] if values["offset"] == 10 else rows), total

    seen, _, cursor, _ = read(WithAdvertisements(ids(1, 30)))
    assert seen == [*ids(1, 10), *ids(16, 30)]
    assert cursor is None


def test_an_empty_list_is_whole():
    seen, readings, _, whole = read(Site([]))
    assert seen == []
    assert len(whole) == 1
    assert readings.frontier == []


def test_each_part_has_its_own_frontier_and_place():
    async def pages(readings: ListCursors, part: str, site: Site, now: datetime) -> list[int]:
        seen = []
        for reading in readings.readings(part, STEPS, STEPS.canonical({}), now, newest_first=True):
            async for _, rows in paginate(reading, STEPS, site.ask, lambda body: body[0]):
                seen += rows
                cursors.append(readings.cursor(part, reading))
        return seen

    def run(readings: ListCursors, now: datetime = NOW) -> list[list[int]]:
        return [asyncio.run(pages(readings, part, Site(listed), now)) for part, listed in lists.items()]

    lists = {"show": ids(1, 20), "hide": ids(101, 120)}
    cursors: list[str] = []
    first = ListCursors(None, (), reread=False, parts=tuple(lists))
    assert run(first) == list(lists.values())
    assert run(ListCursors(None, first.frontier, reread=False, parts=tuple(lists))) == [ids(1, 5), ids(101, 105)]
    # Killed after the second page of the private list.
    assert run(ListCursors(cursors[5], (), reread=False, parts=tuple(lists))) == [
        ids(1, 5),
        [*ids(111, 120), *ids(101, 105)],
    ]
    # The public list, read a moment before, is looked at again when that is long enough ago, or in a time to come.
    minute, killed = timedelta(minutes=1), cursors[5]
    for later, public in ((timedelta(0), []), (minute, ids(1, 5)), (-minute, ids(1, 5))):
        going_on = ListCursors(killed, (), reread=False, parts=tuple(lists), fresh=minute)
        assert run(going_on, NOW + later) == [public, [*ids(111, 120), *ids(101, 105)]]
        assert run(ListCursors(None, going_on.frontier, reread=False, parts=tuple(lists))) == [ids(1, 5), ids(101, 105)]


CHANGE = st.tuples(st.sampled_from(["add", "remove", "move"]), st.integers(0, 60))
CHANGES, FEW_CHANGES = st.lists(CHANGE, max_size=8), st.lists(CHANGE, max_size=4)


def change(changes: list[tuple[str, int]], fresh: Iterator[int], moves: list[int]) -> Callable[[list[int]], None]:
    def apply(listed: list[int]) -> None:
        for kind, place in changes:
            if kind == "add":
                listed.insert(0, next(fresh))
            elif listed and kind == "remove":
                listed.pop(place % len(listed))
            elif listed and len(moves) < 2:
                moves.append(place)
                listed.insert(0, listed.pop(place % len(listed)))

    return apply


@example(size=6, during=[[("add", 0)] * 5], killed_after=[], between=[[], [], [], []], unread=[])
@given(
    size=st.integers(0, 60),
    # Fewer than a page between two questions: a page that shifts by its whole length under the same total cannot be told from a repeat.
    during=st.lists(FEW_CHANGES, max_size=14),
    killed_after=st.lists(st.integers(0, 6), max_size=3),
    between=st.lists(CHANGES, min_size=4, max_size=4),
    unread=CHANGES,
)
def test_whatever_happens_to_a_list_nothing_that_stays_on_it_is_missed(
    size: int,
    during: list[list[tuple[str, int]]],
    killed_after: list[int],
    between: list[list[tuple[str, int]]],
    unread: list[tuple[str, int]],
):
    """Kills, and changes between any two pages; then a run that stops at the frontier: every row was seen by one of them."""
    fresh = iter(range(1000, 10**6))
    moves: list[int] = []
    site = Site(list(range(1, size + 1)), (change(each, fresh, moves) for each in during))
    seen: set[int] = set()
    cursor: str | None = None
    for pages, meanwhile in zip([*killed_after, None], between, strict=False):
        found, readings, cursor, _ = read(site, cursor=cursor, pages=pages)
        seen |= set(found)
        change(meanwhile if pages is not None else unread, fresh, moves)(site.ids)
    frontier = tuple(readings.frontier)
    assume(len(frontier) >= 3)
    found, _, _, _ = read(Site(site.ids), frontier=frontier)
    assert set(site.ids) <= seen | set(found)
