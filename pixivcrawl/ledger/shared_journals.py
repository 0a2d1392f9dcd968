"""The journals of all archives of a shared ledger, in the object store that they share: `journals/` with a folder for each archive's name.

A file goes there once it is finished, the oldest first. So what is there is the beginning of a journal, and never changes.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import object_store_of
from pixivcrawl.archive.stores.placing import NameTaken
from pixivcrawl.archive.syncing import sync
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.journal import (
    Entry,
    Position,
    SkippedParts,
    cut_torn_tail,
    files_of,
    in_order,
    read_files,
)

JOURNALS = "journals"

_logger = logging.getLogger(__name__)


@dataclass(slots=True)
class StoredJournal:
    """What the store has of the journal of the archive `name`: its `files`, oldest first. `position` is how far it was read."""

    archive: Archive
    name: str
    files: list[str]
    position: Position = field(default_factory=Position)

    def entries(self, passed_over: SkippedParts) -> Iterator[Entry]:
        """As `read_journal`, one file after another on this machine. Raises StorageFailed."""
        for entry in read_files(self._fetched(), passed_over):
            self.position = Position(entry.number or self.position.number, self.position.bytes)
            yield entry

    def _fetched(self) -> Iterator[Path]:
        store = object_store_of(self.archive)
        assert store is not None
        for file in self.files:
            with store.local(_path(self.name, file)) as here:
                self.position = Position(self.position.number, self.position.bytes + here.stat().st_size)
                yield here


def stored_journals(archive: Archive, but: Collection[str]) -> dict[str, StoredJournal]:
    """The journals in the store of an archive's originals, by the archives' names, `but` those of some. None without an object store.

    Raises StorageFailed.
    """
    if (store := object_store_of(archive)) is None:
        return {}
    _, names = store.listed(JOURNALS)
    found = {name: in_order(store.listed(f"{JOURNALS}/{name}")[0]) for name in names if name not in but}
    return {name: StoredJournal(archive, name, files) for name, files in found.items() if files}


class JournalUploads:
    """Puts what the object store lacks of the journal of the archive `name` there, in a thread of its own.

    Does nothing without a store, or without a shared ledger (`name` ""). What cannot be stored ends no run: it is logged, and tried again.
    """

    def __init__(self, archive: Archive, name: str) -> None:
        self._archive = archive
        self._name = name
        self._has_failed = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")

    def begin(self) -> None:
        """Store all files but the last one, which is still being written. After a failure the rest is left to the end."""
        self._thread.submit(self._upload, "the end of the run", is_written=True)

    def end(self) -> None:
        """Store the rest, when the journal is no longer written to."""
        self._thread.submit(self._upload, "the next run", is_written=False).result()

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    def _upload(self, next_try: str, *, is_written: bool) -> None:
        if not self._name or (is_written and self._has_failed) or (store := object_store_of(self._archive)) is None:
            return
        journal = self._archive.journal
        try:
            with storage_errors(journal):
                if not is_written:
                    cut_torn_tail(journal)
                files = files_of(journal)
            missing: list[Path] = []
            for file in reversed(files[:-1] if is_written else files):
                if store.head(_path(self._name, file.name)) is not None:
                    break
                missing.append(file)
            for file in reversed(missing):
                store.put_copy(file, _path(self._name, file.name))
        except (NameTaken, StorageFailed) as failure:
            self._has_failed = True
            _logger.warning("the journal is not in the object store yet; %s tries again (%s)", next_try, failure)


def put_back(archive: Archive, name: str, journal: Path) -> int:
    """Fetch what the folder `journal` lacks of the journal of the archive `name`, if there is a store and the ledger is shared.

    Returns how many files were fetched. Raises StorageFailed.
    """
    if not name or (store := object_store_of(archive)) is None:
        return 0
    fetched = 0
    for file in in_order(store.listed(f"{JOURNALS}/{name}")[0]):
        place, part = journal / file, journal / f".{file}"
        held = store.head(_path(name, file))
        with storage_errors(place):
            if held is None or (place.exists() and place.stat().st_size >= held.bytes):
                continue
            journal.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as copy:
                copy.writelines(store.read(_path(name, file)))
            sync(part)
            part.replace(place)
            sync(journal)
        fetched += 1
    return fetched


def packed_in_store(archive: Archive, name: str, location: Location) -> bytes:
    """The packed record at a place in the journal of the archive `name`. Raises OSError if it is not in the store, or there is none, and
    StorageFailed if the store cannot be asked.
    """
    if (store := object_store_of(archive)) is None:
        raise FileNotFoundError(location.file)
    return b"".join(store.read(_path(name, location.file), location.offset, location.offset + location.length))


def _path(name: str, file: str) -> str:
    return f"{JOURNALS}/{name}/{file}"
