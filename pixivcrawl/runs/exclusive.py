"""Opens an archive for a command that changes it without a crawl."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.archive.stores import object_store_of
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ArchiveInUse
from pixivcrawl.extensions.ledger import settle_intents
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.service import Ledger

_SHARED_STORE = "changes of stored files"


@contextmanager
def locked_ledger(configuration: Configuration, task: str) -> Iterator[tuple[Archive, Ledger]]:
    """The archive under its lock, and its ledger; what a killed run was about to place is finished or dropped first.

    Archives that share an object store take turns.

    Raises ArchiveInUse, ConfigurationError and StorageFailed.
    """
    archive = configuration.archive
    with lock(archive, task):
        archive.create(configuration.archive_readers)
        ledger = Ledger.open(configuration.database_url, archive=archive)
        try:
            agree_on_store(archive, ledger, writes=True, removes=True)
            is_shared = object_store_of(archive) is not None
            with ledger.alone(_SHARED_STORE) if is_shared else nullcontext(enter_result=True) as is_alone:
                if not is_alone:
                    raise ArchiveInUse(
                        "a command on another machine changes files of this store (verify --repair, refetch, forget): "
                        "run the same command again when it has ended"
                    )
                settle_intents(archive, ledger)
                yield archive, ledger
        finally:
            ledger.close()
