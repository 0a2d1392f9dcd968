"""Reads the feed for a sync, to find which followed artists have something new."""

from __future__ import annotations

from pixivcrawl.spiders.feed import FeedSpider


class NewsSpider(FeedSpider):
    """Reads the feed's rows from its head down to what was seen before; the first time only the head.

    If the feed ends before that, the sync asks for every artist.
    """

    name = "news"
    others_fill_gaps = True
    filters_by_default = False
    # Two, so that a page that ends among what was seen before shows some of it whatever comes in between.
    pages_at_first = 2
