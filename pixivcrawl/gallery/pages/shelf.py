"""The shelf: works that the person has marked."""

from __future__ import annotations

from sqlalchemy import Connection

from pixivcrawl.gallery.request import LARGEST_NUMBER, Page, PageRequest
from pixivcrawl.ledger.queries.browsing.works import cards

A_PAGE = 60


def shelf(connection: Connection, asked: PageRequest) -> Page:
    """Favourites, or what was hidden."""
    show = asked.one_of("show", ("favourites", "hidden", "notes"))
    ids = asked.shelf.marked(show, before=asked.whole("before", LARGEST_NUMBER), limit=A_PAGE + 1)
    older = ids[A_PAGE - 1] if len(ids) > A_PAGE else None
    found = cards(connection, ids[:A_PAGE])
    notes = {work_id: mark.note for work_id, mark in asked.shelf.marks_of(ids).items() if mark.note}
    return Page("shelf.html", {"show": show, "cards": found, "older": older, "notes": notes})
