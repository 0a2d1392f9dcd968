"""Applies the filters to the works of a page before a request is spent on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pixivcrawl.filters import Filters
from pixivcrawl.items import Artwork
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import Ledger


async def left_out(
    filters: Filters, ledger: Ledger, work_ids: Sequence[int], rows: Mapping[int, Artwork], *, refresh: bool
) -> set[int]:
    """The works on a page that are not wanted, judged by their rows or, if these are not enough, by what the ledger knows.

    With `refresh`, what the ledger knows of a work from a row alone is not trusted.
    """
    by_row = {work_id: filters.fits(rows[work_id]) for work_id in work_ids if work_id in rows}
    undecided = [work_id for work_id in work_ids if by_row.get(work_id) is None]
    described = await ledger.read(queries.described_works, undecided)
    known = {work_id: work for work_id, work in described.items() if work.detail == "full" or not refresh}
    return {
        work_id
        for work_id in work_ids
        if by_row.get(work_id) is False or (work_id in known and filters.fits(known[work_id]) is False)
    }
