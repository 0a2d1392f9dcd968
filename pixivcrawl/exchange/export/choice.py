"""Which works an export is of, and what every form of export is given."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pixivcrawl.archive.layout import Archive
from pixivcrawl.filters import Filters
from pixivcrawl.ledger.queries.exported import Choice, ExportedWork, chosen_works, exported_works, wanted_by
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.saying import HowFar, complain

WORKS_AT_ONCE = 250


@dataclass(frozen=True, slots=True)
class Selection:
    """The works of an export, by their ids from the smallest on. `hidden` is how many more a filter leaves out.

    `with_private`: what only the reader's own account sees may leave too.
    """

    archive: Archive
    ledger: Ledger
    work_ids: Sequence[int]
    hidden: int = 0
    with_private: bool = False

    def works(self) -> Iterator[ExportedWork]:
        """Each work with all that is known of it, a few hundred at a moment, so that no long question holds up a crawl."""
        how_far = HowFar()
        for start in range(0, len(self.work_ids), WORKS_AT_ONCE):
            yield from self.ledger.read_now(exported_works, self.work_ids[start : start + WORKS_AT_ONCE])
            how_far(f"read {min(start + WORKS_AT_ONCE, len(self.work_ids)):,} of {len(self.work_ids):,} works")


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
