"""The spider that one would write without this project: Scrapy's own FilesPipeline, which proves nothing and keeps no facts.

`scrapy runspider benchmarks/stock.py -a origin=https://127.0.0.1:PORT -a cookie=... -s FILES_STORE=FOLDER`
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import scrapy
from scrapy.http import TextResponse


class StockSpider(scrapy.Spider):
    name = "stock"
    custom_settings = {  # noqa: RUF012
        "ITEM_PIPELINES": {"scrapy.pipelines.files.FilesPipeline": 1},
        # 16 images and 8 API requests; both hosts have one name here.
        "CONCURRENT_REQUESTS": 24,
        "CONCURRENT_REQUESTS_PER_DOMAIN": 24,
        "DEFAULT_REQUEST_HEADERS": {"Referer": "https://www.pixiv.net/", "User-Agent": "Mozilla/5.0"},
        "COOKIES_ENABLED": False,
        "LOG_LEVEL": "WARNING",
    }

    def __init__(self, origin: str, cookie: str, artist: str = "11") -> None:
        super().__init__()
        self.origin, self.artist = origin, artist
        self.headers = {"Cookie": f"PHPSESSID={cookie}"}

    def ask(self, path: str, callback: Any, **kept: Any) -> scrapy.Request:
        return scrapy.Request(f"{self.origin}/ajax/{path}", callback, headers=self.headers, cb_kwargs=kept)

    async def start(self) -> AsyncIterator[Any]:
        yield self.ask(f"user/{self.artist}/profile/all", self.listed)

    def listed(self, response: TextResponse) -> Iterator[scrapy.Request]:
        body = response.json()["body"]
        for work_id in [*body["illusts"], *body["manga"]]:
            yield self.ask(f"illust/{work_id}", self.described)

    def described(self, response: TextResponse) -> Iterator[Any]:
        work = response.json()["body"]
        if work["illustType"] == 2:
            yield self.ask(f"illust/{work['id']}/ugoira_meta", self.animated, work=work)
        elif work["pageCount"] > 1:
            yield self.ask(f"illust/{work['id']}/pages", self.paged, work=work)
        else:
            yield {"work": work, "file_urls": [work["urls"]["original"]]}

    def paged(self, response: TextResponse, work: Any) -> Iterator[Any]:
        yield {"work": work, "file_urls": [page["urls"]["original"] for page in response.json()["body"]]}

    def animated(self, response: TextResponse, work: Any) -> Iterator[Any]:
        yield {"work": work, "file_urls": [response.json()["body"]["originalSrc"]]}
