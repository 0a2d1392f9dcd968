"""Which function answers which address."""

from __future__ import annotations

from typing import NamedTuple

from pixivcrawl.gallery.pages import days, duplicates, fleet, history, lists, people, reader, shelf, work, works
from pixivcrawl.gallery.request import PageFunction


class PageRoute(NamedTuple):
    """A page at an address; `{id:[0-9]+}` in it is `asked.number("id")`."""

    path: str
    page: PageFunction


PAGES = (
    PageRoute("/", works.works),
    PageRoute("/works", works.works),
    PageRoute("/works/{id:[0-9]+}/history", history.history),
    PageRoute("/works/{id:[0-9]+}/revisions", history.revisions),
    PageRoute("/works/{id:[0-9]+}/read", reader.read),
    PageRoute("/artists", people.artists),
    PageRoute("/artists/{id:[0-9]+}", people.artist),
    PageRoute("/tags", lists.tags),
    PageRoute("/tags/{name}", lists.tag),
    PageRoute("/series/{id:[0-9]+}", lists.series),
    PageRoute("/rankings", lists.rankings),
    PageRoute("/rankings/{mode}/{date}", lists.ranking),
    PageRoute("/bookmarks", lists.bookmark_owners),
    PageRoute("/bookmarks/{id:[0-9]+}", lists.bookmarks),
    PageRoute("/follows", people.followers),
    PageRoute("/follows/{id:[0-9]+}", people.follows),
    PageRoute("/requests", lists.requests),
    PageRoute("/gone", days.gone),
    PageRoute("/changes", days.changes),
    PageRoute("/missing", days.missing),
    PageRoute("/duplicates", duplicates.duplicates),
    PageRoute("/stats", days.stats),
    PageRoute("/runs", days.runs),
    PageRoute("/fleet", fleet.fleet),
    PageRoute("/complete", works.complete),
    PageRoute("/works/{id:[0-9]+}", work.work),
    PageRoute("/works/{id:[0-9]+}/check", work.check),
    PageRoute("/shelf", shelf.shelf),
)
