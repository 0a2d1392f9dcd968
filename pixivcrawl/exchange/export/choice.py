"""Chooses the works of an export, and what every form of export receives."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.console import ProgressPrinter, complain
from pixivcrawl.filters import Filters
from pixivcrawl.ledger.queries.described import wanted_by
from pixivcrawl.ledger.queries.exported import Choice, ExportedWork, chosen_works, exported_works
from pixivcrawl.ledger.service import Ledger

WORKS_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Selection:
    """The works of an export, in the order of their ids. `hidden` is how many more a filter leaves out.

    `with_private`: what only the reader's own account sees is exported too. `limits` and `workers` are for the decoding processes.
    """

    archive: Archive
    ledger: Ledger
    work_ids: Sequence[int]
    hidden: int = 0
    with_private: bool = False
    limits: Limits = field(default_factory=Limits)
    workers: int = 1

    def works(self) -> Iterator[ExportedWork]:
        """Each work with everything known about it."""
        for batch in self.batches():
            yield from batch

    def batches(self, first: int = 0) -> Iterator[list[ExportedWork]]:
        """The works from an id on, a few hundred at a time, so that no long query holds up a crawl."""
        how_far, total = ProgressPrinter(), len(self.work_ids)
        for start in range(bisect_left(self.work_ids, first), total, WORKS_AT_ONCE):
            yield self.ledger.read_now(exported_works, self.work_ids[start : start + WORKS_AT_ONCE])
            how_far(f"read {min(start + WORKS_AT_ONCE, total):,} of {total:,} works")

    def one_by_one(self) -> Callable[[int], ExportedWork]:
        """Returns a function that gives a work by its id, fastest when called in the order of the works."""
        ahead: dict[int, ExportedWork] = {}

        def work(work_id: int) -> ExportedWork:
            if work_id not in ahead:
                ahead.clear()
                ahead.update((each.id, each) for each in next(self.batches(work_id)))
            return ahead[work_id]

        return work


def select(archive: Archive, ledger: Ledger, choice: Choice, filters: Filters | None) -> Selection:
    """The works that are chosen and that the filters, if any, allow."""
    work_ids = ledger.read_now(chosen_works, choice)
    wanted = work_ids if filters is None else ledger.read_now(wanted_by, filters, work_ids)
    return Selection(archive, ledger, wanted, len(work_ids) - len(wanted), choice.with_private)


@dataclass(slots=True)
class Result:
    """The result of an export: lines for a person, and how many files were refused; each was named when it happened."""

    lines: list[str] = field(default_factory=list)
    refused: int = 0

    def refuse(self, what: str) -> None:
        """Report a file that was not exported, and why."""
        self.refused += 1
        complain(f"pixivcrawl: not exported: {what}")
