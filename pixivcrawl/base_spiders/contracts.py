"""Contracts for `scrapy check`, in addition to Scrapy's own; SPIDER_CONTRACTS names this."""

from __future__ import annotations

from typing import Any

from scrapy.contracts import Contract

from pixivcrawl.api.catalogue import find


class AsksContract(Contract):
    """The request whose answer the callback reads, an endpoint and its parameters: `@asks illust.detail id=5000011`.

    The works and artists are the sandbox's, whose addresses PIXIV_BASE_URL and PIXIV_IMAGE_HOSTS name.
    """

    name = "asks"

    def __init__(self, method: Any, endpoint: str, *values: str) -> None:
        super().__init__(method, endpoint, *values)
        self._request = method.__self__.api_request(find(endpoint), **dict(value.split("=", 1) for value in values))

    def adjust_request_args(self, args: dict[str, Any]) -> dict[str, Any]:
        request = self._request
        return args | {"url": request.url, "headers": request.headers, "meta": request.meta}
