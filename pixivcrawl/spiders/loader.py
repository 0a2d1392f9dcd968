"""Spiders by name, each from the file of that name, imported when it is asked for: all together cost a start a tenth of a second."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from scrapy import Request, Spider
from scrapy.spiderloader import SpiderLoader


class LazySpiderLoader(SpiderLoader):
    """Scrapy's own, from when more than one spider by its name is wanted."""

    def _load_all_spiders(self) -> None:
        """Scrapy's loader calls this when it is made: nothing is loaded yet."""

    def load(self, spider_name: str) -> type[Spider]:
        """Raises KeyError for a name that no spider has."""
        if spider_name not in self._spiders and spider_name.isidentifier():
            for package in self.spider_modules:
                if find_spec(name := f"{package}.{spider_name}") is not None:
                    self._load_spiders(import_module(name))
        if spider_name not in self._spiders:
            self._load_the_rest()
        return super().load(spider_name)

    def find_by_request(self, request: Request) -> list[str]:
        self._load_the_rest()
        return super().find_by_request(request)

    def list(self) -> list[str]:
        self._load_the_rest()
        return super().list()

    def _load_the_rest(self) -> None:
        self._spiders.clear()
        self._found.clear()
        super()._load_all_spiders()
