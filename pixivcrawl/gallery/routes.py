"""Which function answers which address."""

from __future__ import annotations

from typing import NamedTuple

from pixivcrawl.gallery.asked import PageFunction
from pixivcrawl.gallery.pages import works


class PageRoute(NamedTuple):
    """A page at an address; `{id:[0-9]+}` in it is `asked.number("id")`."""

    path: str
    page: PageFunction


PAGES = (
    PageRoute("/", works.works),
    PageRoute("/works", works.works),
)
