"""Fills columns that earlier parsers left empty with what kept answers say."""

from __future__ import annotations

from sqlalchemy import Connection, func, literal, update

from pixivcrawl.items import Facts
from pixivcrawl.ledger.models import ArtworkRow, UserRow, table
from pixivcrawl.ledger.updates.change_log import note_changes
from pixivcrawl.ledger.updates.upsert import as_kept, rows_of

_ARTWORKS, _USERS = table(ArtworkRow), table(UserRow)


def fill_unknown(connection: Connection, facts: Facts) -> None:
    """Fill the empty columns of works and users from kept answers. Known values stay, and nothing becomes history."""
    for target, items in ((_ARTWORKS, facts.artworks), (_USERS, facts.users)):
        for row in rows_of(items):
            told = {name: value for name, value in row.items() if name != "id" and value is not None}
            filled = {
                name: func.coalesce(target.c[name], literal(as_kept(value), target.c[name].type))
                for name, value in told.items()
            }
            connection.execute(update(target).where(target.c.id == row["id"]).values(filled))
    note_changes(connection, "work", [artwork.work_id for artwork in facts.artworks])
