"""Opens and closes the ledger of a crawl: the archive's, under its lock, or a temporary one for crawls that archive nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler

from pixivcrawl.archive.layout import Archive, parse_staged_name
from pixivcrawl.archive.lock import lock_of_run
from pixivcrawl.archive.staging import forget, left_behind
from pixivcrawl.archive.stores import NewFile, store_of
from pixivcrawl.archive.stores.copies import drop_copies
from pixivcrawl.archive.stores.placing import NameTaken, discard, frames_text, holds, stage_text
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import say
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.originals import agree_on_store, turn_at_store
from pixivcrawl.ledger.scratch import scratch_ledger
from pixivcrawl.ledger.service import Ledger, attach, detach, is_archiving
from pixivcrawl.ledger.shared_journals import JournalUploads
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.throttling.lane import lane_held


class LedgerExtension:
    """Must come before everything that reads the ledger; Scrapy builds extensions before the engine."""

    def __init__(self, crawler: Crawler) -> None:
        configuration = Configuration.from_settings(crawler.settings)
        with ExitStack() as until_closed:
            ledger = archive_ledger(crawler, configuration) if is_archiving(crawler) else scratch_ledger(configuration)
            attach(crawler, until_closed.enter_context(ledger))
            until_closed.callback(detach, crawler)
            self._until_closed = until_closed.pop_all()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Raises ConfigurationError, ArchiveInUse or StorageFailed, each in one line."""
        extension = cls(crawler)
        # Everything that writes ends with the spider; this signal comes after that.
        crawler.signals.connect(extension.close, signals.engine_stopped)
        return extension

    def close(self) -> None:
        self._until_closed.close()


@contextmanager
def archive_ledger(crawler: Crawler, configuration: Configuration) -> Iterator[Ledger]:
    """The archive's ledger, under lock; what a killed run was about to place is finished or dropped first."""
    archive = configuration.archive
    archive.create(configuration.archive_readers)
    with lane_held(crawler, configuration), lock_of_run(archive, f"crawl {crawler.spidercls.name}") as lock:
        ledger = Ledger.open(configuration.database_url, archive=archive, after_a_kill=lock.after_a_kill)
        with closing(JournalUploads(archive, ledger.known_as)) as uploads:
            try:
                agree_on_store(archive, ledger, writes=True)
                ledger.on_journal_rotation(uploads.begin)
                settle_intents(archive, ledger)
                if lock.after_a_kill:
                    drop_doubles(archive, ledger)
                lock.after_a_kill = False
                yield ledger
                if ledger.broken is None:
                    if crawler.stats.get_value("pixiv/files_stored"):
                        drop_doubles(archive, ledger)
                    sweep_staging(archive, ledger)
            finally:
                ledger.close()
            if ledger.broken is None:
                uploads.end()


def settle_intents(archive: Archive, ledger: Ledger) -> None:
    """Finish or drop what a killed run was about to place.

    An intent's file is either in place with the very bytes (its row is marked stored), or still in staging with them (it is placed),
    or neither (the intent is forgotten, and the file is fetched again); a name that another file has taken is no place. An ugoira's
    frames are part of it.

    This folder does not show what was about to be placed in another archive that shares the ledger: such a file is fetched again, into this
    archive, if no process is at work in the other, and left alone otherwise.
    """
    of_works = ledger.read_now(queries.unsettled_intents, ledger.known_as)
    for intent in (*of_works, *ledger.read_now(queries.intents_of_users, ledger.known_as)):
        now = datetime.now(UTC)
        if _is_in_place(archive, intent):
            ledger.write_now(updates.settle_intent, intent, now)
        else:
            ledger.write_now(updates.forget_intent, intent, now)
    for intent in ledger.read_now(queries.abandoned_intents, ledger.known_as):
        ledger.write_now(updates.forget_intent, intent, datetime.now(UTC))


def drop_doubles(archive: Archive, ledger: Ledger) -> None:
    """Remove adopted files that have turned out to be of a revision under which their bytes are stored by now.

    The file goes before its row: what a kill leaves is found here again, and so are those that an object store keeps because it is
    another's turn to change it, or its credentials do not allow removals.
    """
    store = store_of(archive)
    if not (doubles := ledger.read_now(queries.adopted_doubles, "" if store.is_shared else ledger.known_as)):
        return
    with turn_at_store(archive, ledger.url) as is_alone:
        for double in doubles if is_alone else ():
            if not store.holds(double.stored_path, double.sha256):
                continue
            beside = [f"{double.path.removesuffix('.zip')}.json"] if double.kind == "ugoira" else []
            try:
                store.delete([double.path, *beside])
            except StorageFailed as failure:
                if not store.is_shared:
                    raise
                say(f"adopted files that are stored under their revision too are kept twice for now: {failure}")
                return
            key = double.work_id, double.page, double.revision, double.kind
            ledger.write_now(updates.record_double, *key, datetime.now(UTC))


def sweep_staging(archive: Archive, ledger: Ledger) -> None:
    """Remove staged files that are no longer needed, such as those of a work that has been revised.

    What a repair that was killed has moved there stays: it goes back to its place with the next one.
    """
    drop_copies(archive.staging)
    left = {name: place for name in left_behind(archive.staging) if (place := parse_staged_name(name)) is not None}
    if not left:
        return
    work_ids = sorted({place.work_id for place in left.values()})
    wanted = ledger.read_now(queries.unstored_places, work_ids)
    stored = {row.key: row for row in ledger.read_now(queries.files_by_id, work_ids, IN_PLACE)}
    for name, place in left.items():
        kind = "frames" if name.endswith(".json") else place.kind
        row = stored.get((place.work_id, place.page, place.revision, kind))
        if place not in wanted and not (row is not None and _is_missing(archive, row, archive.staging / name)):
            forget(archive.staging / name)
            discard(archive.staging / name)


def _is_missing(archive: Archive, row: queries.KeptFile, staged: Path) -> bool:
    """Whether a stored file's bytes are in the staging folder alone."""
    return holds(staged, row.sha256) and not (row.path and store_of(archive).holds(row.path, row.sha256))


def _is_in_place(archive: Archive, intent: updates.Intent) -> bool:
    """Whether the intent's files are in place, after staged files with the right bytes were put there."""
    store, original = store_of(archive), intent.original
    staged = [archive.staging_path(original)]
    missing = []
    if not store.holds(intent.path, intent.sha256):
        if not holds(staged[0], intent.sha256):
            return False
        missing.append(NewFile(staged[0], intent.path, intent.sha256, original.uploaded))
    if intent.frames_path is not None and original.frames is not None:
        # What the list of frames says is known, so that it can be written again; it comes before its zip.
        staged.append(archive.frames_staging_path(original))
        if stage_text(frames_text(original.frames), staged[-1]) != intent.frames_sha256:
            return False
        missing.insert(0, NewFile(staged[-1], intent.frames_path, intent.frames_sha256, original.uploaded))
    (trouble,) = store.put_new([missing]) if missing else (None,)
    if isinstance(trouble, NameTaken):
        # Another file or a symlink is in the way: the pipelines will meet it again and report it.
        return False
    if trouble is not None:
        raise trouble
    for file in staged:
        discard(file)
    return True
