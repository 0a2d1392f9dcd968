"""What a list lacks and no run brings by itself is not forgotten by the runs that come after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pixivcrawl.ledger import queries
from pixivcrawl.spiders.pixiv import PixivSpider
from pixivcrawl.spiders.reading import Reading

LACKED = {
    "lists_cut_off": "in an earlier run pixiv did not show {} parts of this list; see scrapy status",
    "rows_refused": "{} rows could not be read in an earlier run; reread=true reads them again",
}
"""What to say of each count once more."""


async def remember_what_is_lacking(spider: PixivSpider[Any], crawl_id: int) -> None:
    """A reading that stops where an earlier one had come lacks what that one lacked."""
    earlier = await spider.ledger.read(queries.counts_before, crawl_id)
    for name, what in LACKED.items():
        number = earlier.get(name, 0)
        # What this run has seen of it is no more than the same again.
        if (more := number - spider.crawler.stats.get_value(f"pixiv/{name}", 0)) > 0:
            spider.count(name, more)
            spider.logger.error("%s: %s", spider.name, what.format(number))


def taken_up(spider: PixivSpider[Any], readings: Iterable[Reading]) -> Iterator[Reading]:
    """The readings of a list, one after the other; rows that an interrupted one left out are missing still."""
    for reading in readings:
        if reading.left_out:
            spider.count("rows_refused", reading.left_out)
        yield reading
