"""Opens an archive for a command that changes it without a crawl."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ArchiveInUse
from pixivcrawl.extensions.ledger import settle_intents
from pixivcrawl.ledger.originals import agree_on_store, turn_at_store
from pixivcrawl.ledger.service import Ledger


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
            with alone_at_store(archive, ledger.url):
                settle_intents(archive, ledger)
                yield archive, ledger
        finally:
            ledger.close()


@contextmanager
def alone_at_store(archive: Archive, url: URL) -> Iterator[None]:
    """Have nobody else change files that are in the archive's object store meanwhile. Raises ArchiveInUse and StorageFailed."""
    with turn_at_store(archive, url) as is_alone:
        if not is_alone:
            raise ArchiveInUse(
                "another command changes files of this store (verify --repair, refetch, forget, rebuild, or the end of a crawl or "
                "import): run the same command again when it has ended"
            )
        yield
