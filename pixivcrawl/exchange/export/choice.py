"""Which works an export is of, and what every form of export is given."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.filters import Filters
from pixivcrawl.ledger.queries.described import wanted_by
from pixivcrawl.ledger.queries.exported import Choice, ExportedWork, chosen_works, exported_works
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.saying import HowFar, complain

WORKS_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Selection:
    """The works of an export, by their ids from the smallest on. `hidden` is how many more a filter leaves out.

    `with_private`: what only the reader's own account sees may leave too. `limits` and `workers` are those of processes that decode.
    """

    archive: Archive
    ledger: Ledger
    work_ids: Sequence[int]
    hidden: int = 0
    with_private: bool = False
    limits: Limits = field(default_factory=Limits)
    workers: int = 1

    def works(self) -> Iterator[ExportedWork]:
        """Each work with all that is known of it."""
        for batch in self.batches():
            yield from batch

    def batches(self, first: int = 0) -> Iterator[list[ExportedWork]]:
        """The works from an id on, a few hundred at a moment, so that no long question holds up a crawl."""
        how_far, total = HowFar(), len(self.work_ids)
        for start in range(bisect_left(self.work_ids, first), total, WORKS_AT_ONCE):
            yield self.ledger.read_now(exported_works, self.work_ids[start : start + WORKS_AT_ONCE])
            how_far(f"read {min(start + WORKS_AT_ONCE, total):,} of {total:,} works")

    def one_by_one(self) -> Callable[[int], ExportedWork]:
        """Gives a work by its id, soonest where the next one that is asked for is one of the next."""
        ahead: dict[int, ExportedWork] = {}

        def work(work_id: int) -> ExportedWork:
            if work_id not in ahead:
                ahead.clear()
                ahead.update((each.id, each) for each in next(self.batches(work_id)))
            return ahead[work_id]

        return work


def select(archive: Archive, ledger: Ledger, choice: Choice, filters: Filters | None) -> Selection:
    """The works that are chosen, and wanted by the filters if there are some."""
    work_ids = ledger.read_now(chosen_works, choice)
    wanted = work_ids if filters is None else ledger.read_now(wanted_by, filters, work_ids)
    return Selection(archive, ledger, wanted, len(work_ids) - len(wanted), choice.with_private)


@dataclass(slots=True)
class Result:
    """What came of an export: lines for a person, and how many things were refused, each of which was named as it was met."""

    lines: list[str] = field(default_factory=list)
    refused: int = 0

    def refuse(self, what: str) -> None:
        """Name a file that was not exported, and why."""
        self.refused += 1
        complain(f"pixivcrawl: not exported: {what}")
