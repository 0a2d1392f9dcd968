"""Reads lists page by page: where reading may stop, what is checked twice, and how it continues after an interruption.

A list that has the newest first may stop at its frontier: what stood at its head when it was last read to its end. Otherwise it is read
until pixiv ends it. Between two pages a list changes: what is added pushes rows on to a page still to come, where they come again;
what is removed pulls rows on to pages that were read, so that a list whose total fell is asked again from so many rows before.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from pixivcrawl.api.answers import Answer, AnswerKind, AnswerRefused
from pixivcrawl.api.endpoint import Endpoint
from pixivcrawl.api.paging import Offset, PageNumber, came

Body = TypeVar("Body")
Answered = TypeVar("Answered", covariant=True)

FRONTIER = 300
"""How many ids at the head of a list are remembered; removals there must not use them all up."""

FRONTIER_NEIGHBOURS = 3
"""This many neighbours of the frontier, side by side at the end of a page, are the frontier; fewer may have been moved to the head."""

MOST_STEPS_BACK = 20
"""How often one reading goes back because a total fell: pixiv's caches may disagree about a total for ever."""

BETWEEN_PARTS = 0
"""Separates the frontiers of a list's parts; no id is 0."""


@dataclass(slots=True)
class ListCursor:
    """How far a list has been read. It is kept after each page, and another run continues from it.

    `following` is the next request, None at the end. `until` is the frontier to stop at, `head` what stands at the list's head now.
    `began` is an ISO time; `first_total` and `total` are pixiv's count at the first page and at the last one read. `position` is the
    place of the next row for lists that number their rows downwards. `left_out` is how many rows could not be read.
    """

    following: dict[str, Any] | None
    began: str
    until: list[int] = field(default_factory=list)
    head: list[int] = field(default_factory=list)
    first_total: int | None = None
    total: int | None = None
    position: int | None = None
    met_frontier: bool = False
    left_out: int = 0

    @property
    def since(self) -> datetime:
        return datetime.fromisoformat(self.began)

    @property
    def is_whole(self) -> bool:
        """Whether every row was read, from the first to the last, under one and the same total."""
        ended = self.following is None and not self.met_frontier and not self.left_out
        return ended and self.total is not None and self.first_total == self.total

    @property
    def frontier(self) -> list[int]:
        """What the next reading may stop at: the head of this one and, if it met its own frontier, what was behind it."""
        if not self.met_frontier or len(self.head) >= FRONTIER:
            return self.head
        known = set(self.head)
        return [*self.head, *(each for each in self.until if each not in known)][:FRONTIER]

    def note_head(self, ids: Sequence[int]) -> None:
        known = set(self.head)
        self.head += [each for each in ids if each not in known][: FRONTIER - len(self.head)]


class AskForPage(Protocol[Answered]):
    """Fetches one page; looks a second time, after the throttle time, if it is empty."""

    def __call__(self, **values: Any) -> Awaitable[Answered]: ...


@dataclass(frozen=True, slots=True)
class ListPage(Generic[Body]):
    """One page of a part of a list: its body, the ids on it in order, and the cursor after it."""

    body: Body
    ids: list[int]
    reading: ListCursor
    part: str
    readings: ListCursors

    @property
    def cursor(self) -> str:
        """Where to continue after this page."""
        return self.readings.cursor(self.part, self.reading)

    @property
    def whole_total(self) -> int | None:
        """How many rows the list has, on the last page of a reading that saw all of them; None on every other page."""
        return self.reading.total if self.reading.is_whole else None


async def paginate(
    reading: ListCursor, endpoint: Endpoint[Body], ask: AskForPage[Body], ids_of: Callable[[Body], list[int]]
) -> AsyncIterator[tuple[Body, list[int]]]:
    """The pages from `reading.following` on, to the frontier or the end; `reading` is up to date whenever a page is yielded.

    pixiv: past the end of some lists the last page comes again and again; a page that is the same as the one before it ends the list,
    and so do two empty ones. Raises AnswerRefused for a list that had rows a moment ago and is empty even at a second look.
    """
    paging = endpoint.paging
    assert paging is not None
    last: list[int] | None = None
    latest: list[int] = []
    steps_back = MOST_STEPS_BACK
    while (values := reading.following) is not None:
        body = await ask(**values)
        total = None if paging.total is None else paging.total(body)
        if last and not total and reading.total and endpoint.looks_throttled(body):
            raise AnswerRefused(
                endpoint.name, Answer(AnswerKind.THROTTLED, 200, "no rows where there were some a moment ago")
            )
        lost = (reading.total or 0) - total if total is not None else 0
        reading.first_total = total if reading.first_total is None else reading.first_total
        reading.total = total
        if lost > 0 and steps_back and (earlier := _before(endpoint, values, lost, len(last or ()))) != values:
            reading.following, last, latest = earlier, None, []
            steps_back -= 1
            continue
        ids = ids_of(body)
        # A total that grew says that new rows have pushed the same ones onto this page.
        if ids == last and lost >= 0:
            reading.following = None
            return
        rows = paging.rows(body)
        reading.left_out += came(rows) - len(rows)
        reading.following = endpoint.next_page(values, body)
        reading.note_head(ids)
        latest = [*latest, *ids][-FRONTIER_NEIGHBOURS:]
        if _is_frontier(reading.until, latest):
            reading.following, reading.met_frontier = None, True
        yield body, ids
        last = ids


def rows_ahead(reading: ListCursor, endpoint: Endpoint[Any], rows_a_page: int) -> int:
    """About how many rows are still to be read; 0 if the list has no total, or may end anywhere, at its frontier."""
    if reading.following is None or reading.total is None or reading.until:
        return 0
    match endpoint.paging:
        case Offset():
            return max(0, reading.total - int(reading.following["offset"]))
        case PageNumber(parameter=name):
            return max(0, reading.total - (int(reading.following.get(name, 1)) - 1) * rows_a_page)
    return 0


def _before(endpoint: Endpoint[Any], values: dict[str, Any], rows: int, rows_a_page: int) -> dict[str, Any]:
    """The request for a page that begins at least this many rows before the one that `values` ask for."""
    match endpoint.paging:
        case Offset():
            return {**values, "offset": max(0, values["offset"] - rows)}
        case PageNumber(parameter=name):
            pages = -(-rows // max(1, rows_a_page))
            return {**values, name: max(1, values.get(name, 1) - pages)}
    return values


def _is_frontier(frontier: Sequence[int], latest: Sequence[int]) -> bool:
    """Whether the latest ids are neighbours in the frontier, in its order."""
    run = min(FRONTIER_NEIGHBOURS, len(frontier))
    if not run or len(latest) < run or latest[-run] not in frontier:
        return False
    start = frontier.index(latest[-run])
    return list(frontier[start : start + run]) == list(latest[-run:])


class ListCursors:
    """The lists that one run reads: where an interrupted run stopped, and the frontier that each part may stop at.

    Most lists are of one part, called "". `cursor` and `frontier` are what the ledger kept of the runs before. Parts that the interrupted
    run began less than `fresh` ago, and read to what ends them, are not read once more. `met_frontier`: one of them was read no further
    than an earlier run had come.
    """

    def __init__(
        self,
        cursor: str | None,
        frontier: Sequence[int],
        *,
        reread: bool,
        parts: Sequence[str],
        fresh: timedelta = timedelta(0),
    ) -> None:
        self._reread = reread
        self._parts = parts
        self._fresh = fresh
        self.met_frontier = False
        self._began: dict[str, str] = {}
        self._before = dict(zip(parts, _split(frontier), strict=False))
        self._frontiers = {} if reread else self._before.copy()
        self._interrupted: dict[str, ListCursor] = {}
        if cursor is not None:
            self._take_up(json.loads(cursor))

    @property
    def frontier(self) -> list[int]:
        """The frontiers of all parts as one list, as the ledger keeps them."""
        joined: list[int] = []
        for part in self._parts:
            joined += [BETWEEN_PARTS] * (part != self._parts[0]) + self._frontiers.get(part, [])
        return joined

    def was_empty(self, part: str) -> bool:
        """Whether a part was empty when it was last read to its end; meaningless for a list that never was."""
        return self._before.get(part) == []

    def readings(
        self, part: str, endpoint: Endpoint[Any], first: dict[str, Any], now: datetime, *, newest_first: bool
    ) -> Iterator[ListCursor]:
        """What to read of a part, in this order: the rest of an interrupted reading, then the list from its head."""
        if part in self._began and timedelta(0) <= now - datetime.fromisoformat(self._began[part]) < self._fresh:
            return
        until = self._frontiers.get(part, [])
        interrupted = self._interrupted.pop(part, None)
        if interrupted is not None:
            if interrupted.following is not None:
                interrupted.following = _with_overlap(endpoint, interrupted.following)
                yield interrupted
                self.met_frontier |= interrupted.met_frontier
            until = interrupted.frontier
        reading = ListCursor(first, now.isoformat(), until=until)
        yield reading
        self.met_frontier |= reading.met_frontier
        self._began[part] = reading.began
        if newest_first:
            self._frontiers[part] = reading.frontier

    def cursor(self, part: str, reading: ListCursor) -> str:
        """Where the run is now, for a run that may have to continue from here."""
        read = {name: ids for name, ids in self._frontiers.items() if name != part}
        began = {name: moment for name, moment in self._began.items() if name != part}
        kept = {"part": part, "read": read, "began": began, "reading": asdict(reading)}
        return json.dumps(kept, separators=(",", ":"))

    def _take_up(self, kept: dict[str, Any]) -> None:
        reading = ListCursor(**kept["reading"])
        if self._reread and reading.until:
            # It would not have gone on to the end.
            return
        self._frontiers |= kept["read"]
        # Runs of earlier versions left it out.
        self._began = kept.get("began", {})
        self._interrupted[kept["part"]] = reading


def _with_overlap(endpoint: Endpoint[Any], values: dict[str, Any]) -> dict[str, Any]:
    """The page before, for a list counted in pages without a total, which may have shrunk in the meantime."""
    if isinstance(endpoint.paging, PageNumber) and endpoint.paging.total is None:
        return _before(endpoint, values, 1, 1)
    return values


def _split(frontier: Sequence[int]) -> Iterator[list[int]]:
    part: list[int] = []
    for each in frontier:
        if each == BETWEEN_PARTS:
            yield part
            part = []
        else:
            part.append(each)
    yield part
