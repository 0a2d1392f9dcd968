"""The grid of works."""

from __future__ import annotations

from sqlalchemy import Connection

from pixivcrawl.gallery.asked import Asked, Page
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.ledger.queries.browsing.works import cards


def works(connection: Connection, asked: Asked) -> Page:
    """The newest works."""
    page = asked.index.works(WorksQuery(), before=asked.query.get("before"), after=asked.query.get("after"))
    return Page("works.html", {"cards": cards(connection, page.ids), "page": page})
