"""Finds artists by account name: pixiv.me leads from the name to their page."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from scrapy import Request
from scrapy.exceptions import DownloadFailedError

from pixivcrawl.api.text import quoted
from pixivcrawl.api.urls import Target, UrlRefused, read_url

if TYPE_CHECKING:
    from pixivcrawl.base_spiders.listing import ListingSpider

NOT_FOUND = 404

PAGES = ("https://www.pixiv.net/", "http://www.pixiv.net/")
"""Where pixiv.me may lead; an id on a mirror of pixiv's, which a person may paste, proves nothing here."""


class NoArtist(Exception):
    """The name does not lead to an artist; the message says where it leads."""


async def artist_called(spider: ListingSpider[Any], account: str) -> int | None:
    """The id of the artist with that account name; None, which is reported and counted, if pixiv.me does not say.

    Asked once and without the session; the answer's redirect is not followed, only read for the id in its address.
    """
    try:
        request = Request(
            f"{spider.configuration.pixiv_me}/{account}", headers={"Accept": "text/html"}, dont_filter=True
        )
        response = await spider.crawler.engine.download_async(request)
        return _id_in(response.status, (response.headers.get("Location") or b"").decode("latin-1"))
    except (DownloadFailedError, NoArtist) as why:
        spider.list_failed(f"pixiv.me/{account}: {why}; give the artist's id, or the address of their page")
        return None


def _id_in(status: int, location: str) -> int:
    if status == NOT_FOUND:
        raise NoArtist("pixiv knows no account of that name")
    if not 300 <= status < 400 or not location:
        raise NoArtist(f"it leads nowhere (the answer was {status})")
    target = Target("", {})
    if location.startswith(PAGES):
        with suppress(UrlRefused):
            target = read_url(location)
    if target.spider != "user" or set(target.arguments) != {"id"}:
        raise NoArtist(f"it leads to {quoted(location, 120)}, which is not an artist's page")
    return int(target.arguments["id"])
