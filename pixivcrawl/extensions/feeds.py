"""Chooses which items of a run go into which feed."""

from __future__ import annotations

import re
from typing import Any

from scrapy.crawler import Crawler
from scrapy.extensions.feedexport import FeedExporter, ItemFilter

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.faults import without_login
from pixivcrawl.items import feed_types

_NAMED = re.compile(r"%\((\w+)\)")
"""What Scrapy fills into the name of a feed."""


class TypedFeedExporter(FeedExporter):
    """Scrapy's feed exporter, with FEED_ITEMS for feeds without `item_classes`.

    Raises ConfigurationError for CSV of more than one type, and for feeds that cannot be written, which Scrapy would leave out.
    """

    def __init__(self, crawler: Crawler) -> None:
        for uri, options in crawler.settings.getdict("FEEDS").items():
            if not isinstance(options, dict):
                raise ConfigurationError(
                    f'FEEDS: {quoted(without_login(str(uri)))} needs options, such as {{"format": "jsonlines"}}'
                )
        super().__init__(crawler)
        known = {*dir(crawler.spider), "time", "batch_time", "batch_id"}
        for uri, options in self.feeds.items():
            if not options["uri_params"] and (unknown := set(_NAMED.findall(uri)) - known):
                raise ConfigurationError(
                    f"{without_login(uri)}: %({min(unknown)})s is no argument of this spider: correct the name"
                )
            chosen = self.filters[uri]
            if options["format"] == "csv" and "item_filter" not in options and len(chosen.item_classes) != 1:
                raise ConfigurationError(
                    f"{without_login(uri)}: CSV holds items of one type: choose it with -s FEED_ITEMS=Artwork, "
                    f"or another of {', '.join(feed_types())}"
                )

    def _exporter_supported(self, format_: str) -> bool:
        if format_ not in self.exporters:
            raise ConfigurationError(
                f"FEEDS: there is no format {quoted(format_)}; choose one of {', '.join(self.exporters)}"
            )
        return True

    def _storage_supported(self, uri: str, feed_options: dict[str, Any]) -> bool:
        if not super()._storage_supported(uri, feed_options):
            raise ConfigurationError(
                f"{without_login(uri)}: no feed can be stored there: name a file, or install what its kind of address needs"
            )
        return True

    def _load_filter(self, feed_options: dict[str, Any]) -> ItemFilter:
        named = feed_options.get("item_classes") or [_type_named(name) for name in self.settings.getlist("FEED_ITEMS")]
        return super()._load_filter({**feed_options, "item_classes": named})


def _type_named(name: str) -> type[Any] | str:
    """One of our item types by name, or any other by its import path, which Scrapy reads."""
    types = feed_types()
    if name not in types and "." not in name:
        raise ConfigurationError(f"FEED_ITEMS={name}: no such type of item; there are {', '.join(types)}")
    return types.get(name, name)
