"""Chooses which items of a run go into which feed."""

from __future__ import annotations

from typing import Any

from scrapy.crawler import Crawler
from scrapy.extensions.feedexport import FeedExporter, ItemFilter

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.items import feed_types


class TypedFeedExporter(FeedExporter):
    """Scrapy's feed exporter, with FEED_ITEMS for feeds without `item_classes`. Raises ConfigurationError for CSV of more than one type."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        for uri, options in self.feeds.items():
            chosen = self.filters[uri]
            if options["format"] == "csv" and "item_filter" not in options and len(chosen.item_classes) != 1:
                raise ConfigurationError(
                    f"{uri}: CSV holds items of one type: choose it with -s FEED_ITEMS=Artwork, or another of {', '.join(feed_types())}"
                )

    def _load_filter(self, feed_options: dict[str, Any]) -> ItemFilter:
        named = feed_options.get("item_classes") or [_type_named(name) for name in self.settings.getlist("FEED_ITEMS")]
        return super()._load_filter({**feed_options, "item_classes": named})


def _type_named(name: str) -> type[Any] | str:
    """One of our item types by name, or any other by its import path, which Scrapy reads."""
    types = feed_types()
    if name not in types and "." not in name:
        raise ConfigurationError(f"FEED_ITEMS={name}: no such type of item; there are {', '.join(types)}")
    return types.get(name, name)
