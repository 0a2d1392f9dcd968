"""Carries the known gaps of a list over to later runs, which do not close them by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pixivcrawl.api.bodies.rows import IllustRow
from pixivcrawl.api.ignored import ignored_parameters
from pixivcrawl.api.text import plural
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.pagination import ListCursor
from pixivcrawl.ledger import queries

GAP_COUNTS = {
    "lists_cut_off": ("part", "of this list not shown by pixiv in an earlier run; see pixivcrawl status"),
    "parameters_ignored": ("parameter", "ignored by pixiv in an earlier run; reread=true asks again"),
    "rows_withheld": ("row", "whose works were not shown in an earlier run; reread=true asks again"),
    "rows_refused": ("row", "unreadable in an earlier run; reread=true tries again"),
}
"""What to report of each count once more."""


async def carry_over_gaps(spider: PixivSpider[Any], crawl_id: int) -> None:
    """Take over an earlier reading's gaps into a reading that stops at what that one had read."""
    earlier = await spider.ledger.read(queries.counts_before, crawl_id)
    for name, (what, became) in GAP_COUNTS.items():
        number = earlier.get(name, 0)
        # What this run has seen of it is no more than the same again.
        if (more := number - spider.crawler.stats.get_value(f"pixiv/{name}", 0)) > 0:
            spider.count(name, more)
            spider.logger.error("%s: %s", spider.name, f"{plural(number, what)} {became}")


def taken_up(spider: PixivSpider[Any], readings: Iterable[ListCursor]) -> Iterator[ListCursor]:
    """The readings of a list, one after another; counts rows that an interrupted one left out as still missing."""
    for reading in readings:
        if reading.left_out:
            spider.count("rows_refused", reading.left_out)
        yield reading


def report_ignored_parameters(
    spider: PixivSpider[Any], asked: Mapping[str, Any], rows: Sequence[IllustRow], *, is_premium: bool | None = None
) -> None:
    """Report and count, once each, the parameters that pixiv ignored, as far as the rows show."""
    for name in ignored_parameters(asked, rows, is_premium=is_premium):
        if name not in spider.ignored_parameters:
            spider.ignored_parameters.add(name)
            spider.count("parameters_ignored")
            spider.logger.error("%s: pixiv ignored %s=%s: the list has other works", spider.name, name, asked[name])


async def report_withheld(spider: PixivSpider[Any], work_ids: Sequence[int]) -> None:
    """Report and count works that this reader is not shown, which rows alone would not reveal."""
    known = await spider.ledger.read(queries.known_works, work_ids)
    if missing := [work_id for work_id in work_ids if work_id not in known or known[work_id].detail is None]:
        spider.count("rows_withheld", len(missing))
        spider.logger.error("%s: withheld from this reader: work %s", spider.name, ", ".join(map(str, missing)))
