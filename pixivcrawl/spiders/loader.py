"""Loads a spider by name from the file of that name, when it is needed: importing all of them costs a start a tenth of a second."""

from __future__ import annotations

import builtins
from importlib import import_module
from importlib.util import find_spec

from scrapy import Request, Spider
from scrapy.spiderloader import SpiderLoader


class LazySpiderLoader(SpiderLoader):
    """Falls back to Scrapy's own loader when more than one spider by name is needed."""

    def _load_all_spiders(self) -> None:
        """Scrapy's loader calls this when it is created: nothing is loaded yet."""

    def load(self, spider_name: str) -> type[Spider]:
        """Raises KeyError for an unknown name."""
        if spider_name not in self._spiders and spider_name.isidentifier():
            for package in self.spider_modules:
                if find_spec(name := f"{package}.{spider_name}") is not None:
                    self._load_spiders(import_module(name))
        if spider_name not in self._spiders:
            self._load_the_rest()
        return super().load(spider_name)

    def list(self) -> builtins.list[str]:
        self._load_the_rest()
        return super().list()

    def find_by_request(self, request: Request) -> builtins.list[str]:
        self._load_the_rest()
        return super().find_by_request(request)

    def _load_the_rest(self) -> None:
        self._spiders.clear()
        self._found.clear()
        super()._load_all_spiders()
