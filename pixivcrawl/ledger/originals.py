"""Checks that a ledger and the store of its originals belong together: another archive's store is reported before anything is sent.

A store is marked with a name that the ledger knows. The ledger learns it first, so that a marker that it does not know is another's.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from uuid import uuid4

from sqlalchemy import URL

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import object_store_of
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.presence import alone
from pixivcrawl.ledger.queries import StoreInUse
from pixivcrawl.ledger.service import Ledger

CHANGES = "changes of stored files"
"""What one alone does at a time, of all archives that share an object store."""

OF_ANOTHER = "{} is the store of another archive: name another bucket or prefix in ORIGINALS_STORE"


def agree_on_store(
    archive: Archive, ledger: Ledger, *, writes: bool, removes: bool = False, believes: bool = False
) -> None:
    """Raises ConfigurationError or StorageFailed if the originals are elsewhere, or in a store that cannot keep them.

    What `writes` tries a store, and begins with a new one; what `removes` files from it tries that too. `believes`: a ledger that is
    being rebuilt takes the store for its own.
    """
    if (store := object_store_of(archive)) is None:
        if (known := ledger.read_now(queries.store_in_use)) is not None:
            raise ConfigurationError(
                f"the originals of this archive are in {known.address}: name it in ORIGINALS_STORE"
            )
        return
    marked = store.name()
    known = ledger.read_now(queries.store_in_use)
    if marked is None and ledger.read_now(queries.has_files):
        here = f"in {known.address}: name it in" if known is not None else "in folders: leave out"
        raise ConfigurationError(
            f"{archive.bucket} does not have the originals of this archive, which are {here} ORIGINALS_STORE"
        )
    if marked is not None and (known.name != marked if known is not None else not believes):
        raise ConfigurationError(OF_ANOTHER.format(archive.bucket))
    if not writes:
        return
    store.try_out()
    if removes:
        store.try_removal()
    if known is None:
        known = _known_from_now_on(ledger, StoreInUse(marked or uuid4().hex, str(archive.bucket)))
    if marked is None:
        store.give_name(known.name)
    if store.name() != known.name:
        raise ConfigurationError(OF_ANOTHER.format(archive.bucket))


def turn_at_store(archive: Archive, url: URL) -> AbstractContextManager[bool]:
    """Whether nobody else, on whatever machine, changes files that are in the archive's object store meanwhile; always without one.

    `url` is the ledger's.
    """
    return alone(url, CHANGES) if archive.bucket is not None else nullcontext(enter_result=True)


def _known_from_now_on(ledger: Ledger, store: StoreInUse) -> StoreInUse:
    # Another worker may be first: then its entry counts.
    with suppress(ValueError):
        ledger.write_now(updates.use_store, store.name, store.address, datetime.now(UTC))
    known = ledger.read_now(queries.store_in_use)
    assert known is not None
    return known
