"""The page of a fleet: its lanes, its queue, and how its crawls ended."""

from __future__ import annotations

from sqlalchemy import Connection

from pixivcrawl.fleet.state import state_of_fleet
from pixivcrawl.gallery.request import NotFound, Page, PageRequest


def fleet(connection: Connection, asked: PageRequest) -> Page:
    """What `pixivcrawl fleet status` shows, of every account that has read."""
    if asked.fleet is None:
        raise NotFound("a fleet: this ledger is a file, and one machine's own")
    return Page("fleet.html", {"status": state_of_fleet(connection, asked.fleet)})
