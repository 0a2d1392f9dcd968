"""Opens an archive for a command that changes it without a crawl."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.configuration import Configuration
from pixivcrawl.extensions.ledger import settle_intents
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.service import Ledger


@contextmanager
def locked_ledger(configuration: Configuration, task: str) -> Iterator[tuple[Archive, Ledger]]:
    """The archive under its lock, and its ledger; what a killed run was about to place is finished or dropped first.

    Raises ArchiveInUse, ConfigurationError and StorageFailed.
    """
    archive = configuration.archive
    with lock(archive, task):
        archive.create(configuration.archive_readers)
        ledger = Ledger.open(configuration.database_url, archive=archive)
        try:
            agree_on_store(archive, ledger, writes=True)
            settle_intents(archive, ledger)
            yield archive, ledger
        finally:
            ledger.close()
