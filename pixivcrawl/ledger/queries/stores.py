"""Which object store has the originals."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, exists, select

from pixivcrawl.ledger.models import FileRow, StoreRow, UserFileRow
from pixivcrawl.ledger.updates.state import IN_PLACE


class StoreInUse(NamedTuple):
    """What its marker says, and where it was when it was first used."""

    name: str
    address: str


def store_in_use(connection: Connection) -> StoreInUse | None:
    """The object store that has the originals; None if they are in folders."""
    row = connection.execute(select(StoreRow.name, StoreRow.address)).first()
    return StoreInUse(*row) if row is not None else None


def has_files(connection: Connection) -> bool:
    """Whether any file is in its place."""
    of_works, of_users = exists().where(FileRow.state.in_(IN_PLACE)), exists().where(UserFileRow.state == "stored")
    return bool(connection.execute(select(of_works | of_users)).scalar_one())
