"""`pixivcrawl rebuild`: rebuilds a lost or damaged ledger from the journal and the files."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scrapy.settings import Settings
from sqlalchemy import URL

from pixivcrawl.api.text import one_line, plural, size
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.archive.stores import object_store_of, store_of
from pixivcrawl.archive.stores.folder import ORIGINALS
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import ProgressPrinter
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.extensions.ledger import settle_intents
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.continuity import (
    go_on_after,
    go_on_without,
    is_short,
    name_of,
    named,
    note_position,
    position_in,
)
from pixivcrawl.ledger.engine import (
    TO_UPGRADE,
    engine_that_leaves_no_trace,
    is_empty,
    prepare,
    read_url,
    writing_engine,
)
from pixivcrawl.ledger.failures import place_of
from pixivcrawl.ledger.integrity import require_sound
from pixivcrawl.ledger.journal import Position, SkippedParts, end_of, is_of_old, read_journal
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.rebuilding import begin_beside, put_in_place
from pixivcrawl.ledger.replay import ReplayResult, replay
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.shared_journals import put_back, stored_journals
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.exclusive import alone_at_store
from pixivcrawl.verification.files import whose_originals
from pixivcrawl.verification.reconciling import Reconciliation, reconcile

NOT_ALL = 1
"""The exit code if something that the archive once had was not restored."""


class Command(ArchiveCommand):
    when_interrupted = "interrupted: nothing was replaced; run the same command again"
    example = "rebuild --check --replace"

    def short_desc(self) -> str:
        return "Rebuild a lost or damaged ledger from the journal and the files in originals/"

    def long_desc(self) -> str:
        return (
            "Repeats every change in the journal, then checks every file: one that is missing or has another size is "
            "fetched again by the next crawl, and one that the journal does not know is adopted if its name, folder "
            "and bytes are those of an original. --check also reads every file and compares its SHA-256. An existing "
            "ledger is kept: without --replace rebuild refuses; with it, the old ledger is moved to "
            "archive.sqlite.replaced-TIME. A ledger whose journal is gone or cut is continued as it is. Sends nothing "
            "to pixiv, deletes no file, and can be stopped and run again. With DATABASE_URL for PostgreSQL the "
            "database must be empty; --also names the folder of each other archive that shared it, whose changes are "
            "repeated in the order in which all were made; the journals of those that are not named are read from "
            "ORIGINALS_STORE, as far as they are there. Exit codes: 0 everything was restored; 1 something was not, and it says what; 2 "
            "wrong usage; 3 the archive is in use; 5 the disk or the database failed."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--replace", action="store_true", help="replace an existing ledger (the old one is kept)")
        parser.add_argument("--check", action="store_true", help="also read every file and compare its SHA-256")
        parser.add_argument(
            "--also",
            metavar="FOLDER",
            action="append",
            default=[],
            help="an archive of the same ledger, or a copy of its journal/ and .name; repeat for several (PostgreSQL)",
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        others = [Archive(Path(folder).absolute()) for folder in opts.also]
        return rebuild(Configuration.from_settings(settings), others, replace=opts.replace, check=opts.check)


@dataclass(frozen=True, slots=True)
class RebuildResult:
    """The result of a rebuild; `replaced` is where the old ledger is now, and `known_to_it` how many of its changes the journal lacks.

    `goes_on`: the ledger was kept, and its journal goes on with a gap. `from_store`: how many journals were read from the object store.
    """

    replayed: ReplayResult
    passed_over: SkippedParts
    reconciled: Reconciliation
    totals: queries.Totals
    elsewhere: Sequence[queries.FilesElsewhere] = ()
    replaced: Path | None = None
    known_to_it: int = 0
    goes_on: bool = False
    from_store: int = 0

    @property
    def is_all(self) -> bool:
        """Whether all that the ledger, journal or disk had was restored. Of an adopted file, more than its bytes was known before."""
        passed_over, files = self.passed_over, self.reconciled
        lost = (
            *(passed_over.missing, passed_over.lines, passed_over.stretches, self.known_to_it),
            *(files.missing, files.damaged, files.adopted, files.unproven),
        )
        return not any(lost) and not self.replayed.unknown and not self.replayed.failed


def rebuild(configuration: Configuration, others: Sequence[Archive] = (), *, replace: bool, check: bool) -> int:
    """Rebuild and print each step; returns the exit code. Raises ConfigurationError, ArchiveInUse or StorageFailed.

    `others` are the archives that shared the ledger on a server.
    """
    archive = configuration.archive
    print(f"archive: {archive.root}", flush=True)
    if not archive.journal.is_dir() and not _has_originals(archive):
        raise ConfigurationError("there is neither a journal nor originals: name the archive with -s ARCHIVE_DIR=...")
    if is_of_old(archive.journal):
        raise ConfigurationError(TO_UPGRADE.format(what=f"the journal {archive.journal}"))
    url = read_url(configuration.database_url)
    _require_others(archive, others, url)
    archive.create(configuration.archive_readers)
    with (
        lock(archive, "rebuild") as held,
        alone_at_store(archive, url),
        Workers(configuration.proof_workers, configuration.proof_limits) as workers,
    ):
        was_short = is_short(position_in(url, archive), end_of(archive.journal))
        _put_back_journals(archive, others, url)
        if was_short and not replace and not others:
            rebuilt = _go_on(archive, url, workers, check=check)
        elif url.get_backend_name() == "sqlite":
            rebuilt = _rebuild_file(archive, url, workers, may_replace=replace, check=check)
        else:
            _require_empty(url)
            # Before anything is written, so that the same command can be run again.
            if (store := object_store_of(archive)) is not None and store.name() is not None:
                store.try_removal()
            rebuilt = _make_ledger(archive, url, workers, others, check=check)
        held.after_a_kill = False
    print("\n".join([f"rebuilt: {place_of(url)}", *summary(rebuilt)]), flush=True)
    return 0 if rebuilt.is_all else NOT_ALL


def _has_originals(archive: Archive) -> bool:
    with storage_errors(archive.originals):
        return any(store_of(archive).listed(ORIGINALS))


def _put_back_journals(archive: Archive, others: Sequence[Archive], url: URL) -> None:
    """Complete the journals here with what the object store has of them."""
    for each in (archive, *others):
        if files := put_back(archive, name_of(each, url) or "", each.journal):
            print(f"{each.journal}: {plural(files, 'file')} from the object store", flush=True)


def _go_on(archive: Archive, url: URL, workers: Workers, *, check: bool) -> RebuildResult:
    """Keep a ledger that knew more than its journal, which may have come back from the object store."""
    require_sound(url)
    is_gap = is_short(position_in(url, archive), end_of(archive.journal))
    engine = writing_engine(url)
    try:
        prepare(engine)
        if is_gap:
            go_on_without(engine, archive, datetime.now(UTC))
    finally:
        engine.dispose()
    passed_over = SkippedParts()
    for _ in read_journal(archive.journal, passed_over):
        pass
    return dataclasses.replace(
        _reconciled(archive, url, workers, ReplayResult(), passed_over, check=check), goes_on=is_gap
    )


def _rebuild_file(archive: Archive, url: URL, workers: Workers, *, may_replace: bool, check: bool) -> RebuildResult:
    database = Path(url.database or "")
    if not may_replace and _holds_something(url):
        raise ConfigurationError(
            f"there is a ledger at {database}: add --replace to put a new one in its place (the old one is kept)"
        )
    known, end = position_in(url, archive), end_of(archive.journal).position
    beside = begin_beside(database)
    new = URL.create("sqlite", database=str(beside))
    rebuilt = _make_ledger(archive, new, workers, check=check)
    require_sound(new)
    return dataclasses.replace(
        rebuilt,
        replaced=put_in_place(beside, database),
        known_to_it=max(0, known.number - end.number) if known is not None else 0,
    )


def _holds_something(url: URL) -> bool:
    engine = engine_that_leaves_no_trace(url)
    try:
        return not is_empty(engine)
    finally:
        engine.dispose()


def _require_empty(url: URL) -> None:
    if _holds_something(url):
        raise ConfigurationError(f"the database {place_of(url)} is not empty: name an empty one in DATABASE_URL")


def _require_others(archive: Archive, others: Sequence[Archive], url: URL) -> None:
    """Raises ConfigurationError unless each of the other archives may have shared the ledger."""
    if others and url.get_backend_name() == "sqlite":
        raise ConfigurationError(
            "--also: a ledger in a file is of one archive: name the PostgreSQL database in DATABASE_URL"
        )
    names = {name_of(archive, url)}
    for other in others:
        name = name_of(other, url)
        if name is None or not other.journal.is_dir():
            raise ConfigurationError(
                f"--also {other.root}: it has no journal/ or no .name of an archive of a shared ledger"
            )
        if is_of_old(other.journal):
            raise ConfigurationError(TO_UPGRADE.format(what=f"the journal {other.journal}"))
        if name in names:
            raise ConfigurationError(f"--also {other.root}: it is the same archive as another one that is named")
        names.add(name)


def _make_ledger(
    archive: Archive, url: URL, workers: Workers, others: Sequence[Archive] = (), *, check: bool
) -> RebuildResult:
    """Make a ledger at `url`, where there is none yet: first from the journals, then from the originals.

    Journals of a shared ledger that are not here are read from the object store.
    """
    saying = ProgressPrinter()
    passed_over = SkippedParts()
    engine = writing_engine(url)
    try:
        prepare(engine)
        here = {named(each, url): each.journal for each in (archive, *others)}
        stored = {} if "" in here else stored_journals(archive, but=here)
        entries = {name: read_journal(journal, passed_over) for name, journal in here.items()}
        entries |= {name: journal.entries(passed_over) for name, journal in stored.items()}
        with engine.begin() as connection:
            # After a kill, opening what is left fails with the message that it is older than its journal.
            for name in entries:
                note_position(connection, name, Position())
        replayed = replay(engine, entries, lambda sofar: saying(f"{sofar.made:,} changes made again"))
        ends = {name: end_of(journal).position for name, journal in here.items()}
        ends |= {name: journal.position for name, journal in stored.items()}
        with engine.begin() as connection:
            for name, end in ends.items():
                note_position(connection, name, end)
            go_on_after(connection, replayed.order)
    finally:
        engine.dispose()
    rebuilt = _reconciled(archive, url, workers, replayed, passed_over, check=check)
    return dataclasses.replace(rebuilt, from_store=len(stored))


def _reconciled(
    archive: Archive, url: URL, workers: Workers, replayed: ReplayResult, passed_over: SkippedParts, *, check: bool
) -> RebuildResult:
    saying = ProgressPrinter()
    ledger = Ledger.open(url.render_as_string(hide_password=False), archive=archive)
    try:
        agree_on_store(archive, ledger, writes=True, removes=True, believes=True)
        settle_intents(archive, ledger)
        told = reconcile(
            archive,
            ledger,
            workers,
            check=check,
            tell=lambda sofar: saying(f"{plural(sofar.looked_at, 'file')} looked at"),
        )
        totals, elsewhere = (
            ledger.read_now(queries.status_totals),
            ledger.read_now(queries.files_elsewhere, whose_originals(archive, ledger)),
        )
        return RebuildResult(replayed, passed_over, told, totals, elsewhere)
    finally:
        ledger.close()


def summary(rebuilt: RebuildResult) -> Iterator[str]:
    """The result, a line each; zeros are left out."""
    totals, replayed, passed_over = rebuilt.totals, rebuilt.replayed, rebuilt.passed_over
    files = rebuilt.reconciled
    works, files_there = plural(totals.works, "work"), plural(totals.files, "file")
    yield f"  {works} of {plural(totals.artists, 'artist')}, {files_there}, {size(totals.bytes)}"
    yield f"  {plural(replayed.made, 'change')} from the journal, {replayed.answers:,} of them pixiv's answers"
    if replayed.unordered:
        yield f"  {plural(replayed.unordered, 'change')} from before archives were ordered: repeated one archive after the other"
    if rebuilt.from_store:
        yield f"  {plural(rebuilt.from_store, 'journal')} of other archives read from the object store"
    counts = {
        ("file", "written again from the ledger"): files.rewritten,
        ("file", "adopted that the journal did not know"): files.adopted,
        ("file", "missing: the next crawls fetch them again"): files.missing,
        ("file", "damaged, now in quarantine/: the next crawls fetch them again"): files.damaged,
        ("change", "missing in the journal"): passed_over.missing,
        ("change", "known to the old ledger but not to the journal"): rebuilt.known_to_it,
        ("line", "of the journal that cannot be read"): passed_over.lines,
    }
    yield from (f"  {plural(number, what)} {which}" for (what, which), number in counts.items() if number)
    yield from (f"  {there}" for there in rebuilt.elsewhere)
    if passed_over.stretches:
        yield f"  {plural(passed_over.stretches, 'torn or damaged place')} in the journal, {plural(passed_over.bytes, 'byte')}"
    for what, number in replayed.unknown.items():
        yield f"  {plural(number, 'change')} skipped, unknown to this version: {one_line(what, 80)}"
    for what, number in replayed.failed.items():
        yield f"  {plural(number, 'change')} passed over: {what} ({one_line(replayed.reasons[what], 160)})"
    if files.left_alone:
        yield f"  {plural(files.left_alone, 'file')} left alone:"
        yield from (f"    {one_line(path, 160)}: {one_line(why, 160)}" for path, why in files.named.items())
        if more := files.left_alone - len(files.named):
            yield f"    ... and {more:,} more"
    if rebuilt.goes_on:
        yield "  the ledger was kept, and its journal continues, but cannot rebuild it any more: keep a copy of it (pixivcrawl backup)"
    if rebuilt.replaced is not None:
        yield f"  the old ledger is kept: {rebuilt.replaced}"
