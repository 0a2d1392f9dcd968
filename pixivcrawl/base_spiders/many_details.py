"""Reads captions and AI marks of a list's works from the mobile site, a hundred works a request, before their own pages."""

from __future__ import annotations

from typing import Any

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.catalogue import ILLUST_DETAILS_MANY
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.ledger import queries

WORKS_A_REQUEST = 100
"""Pixiv: the most works for which the mobile site answers at once."""

LEAST_FOR_A_REQUEST = 5
"""The own pages of fewer works come soon enough."""


async def read_many_details(spider: PixivSpider[Any], crawl_id: int) -> None:
    """Ask for the works on the list of run `crawl_id` that are known only from rows and have no caption yet.

    Nothing is missing without them, because each work's own page says the same: the first odd answer ends this, and is reported.
    """
    after = 0
    while works := await spider.ledger.read(queries.works_without_caption, crawl_id, after, WORKS_A_REQUEST):
        if len(works) < LEAST_FOR_A_REQUEST:
            return
        after, work_ids = max(works), list(works.values())
        spider.count("requests_for_many")
        try:
            await spider.fetch(ILLUST_DETAILS_MANY, illust_ids=work_ids)
        except (AnswerRefused, BodyRefused) as refusal:
            spider.logger.warning("%s: each work is asked about by itself: %s", spider.name, refusal)
            return
