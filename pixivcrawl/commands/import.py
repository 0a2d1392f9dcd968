"""`pixivcrawl import`: what other tools have fetched, brought into the archive without a picture being asked for again."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from scrapy.exceptions import UsageError
from scrapy.settings import Settings

from pixivcrawl.api.text import one_line, plural
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import held_for_all_runs
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import Configuration
from pixivcrawl.exchange.asking import converted_of_gone, known_of, listed_to_ask, works_to_ask
from pixivcrawl.exchange.importing import Brought, Importing, told
from pixivcrawl.exchange.reading import read_folders, source_named
from pixivcrawl.exchange.source import Source
from pixivcrawl.exchange.sources import SOURCES
from pixivcrawl.extensions.ledger import drop_doubles, settle_intents
from pixivcrawl.extensions.run_record import FAILED
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.originals import agree_on_store
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.rows_spider import RowsFound, WantedRows, fetch_rows


class Command(ArchiveCommand):
    example = "import ~/gallery-dl --dry-run"

    def syntax(self) -> str:
        return "FOLDER ..."

    def short_desc(self) -> str:
        return "Bring in what another tool has fetched, without asking pixiv for a picture"

    def long_desc(self) -> str:
        return (
            "Reads folders of gallery-dl, PixivUtil2 and Powerful Pixiv Downloader, and any others whose files bear pixiv's names; "
            "finds out which page of which work, and at which revision, each file is, and by what evidence; asks pixiv for the "
            "works' rows alone, a hundred works a request; proves each file whole and copies it into the archive, or sends it to its "
            "object store. What cannot be shown to be of a known revision is adopted: kept, shown so, counted apart, and the present "
            "one is still fetched. What is damaged, reduced or converted is named and left where it is. The folders themselves are "
            "only read. A second import of the same folders does nothing. Exit codes: 0 done; 1 some files could not be read, or "
            "pixiv not be asked about them; 2 wrong usage; 3 the archive is in use; 4 pixiv refused the account; 5 the disk, the object "
            "store or the ledger cannot go on."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        names = ", ".join(source.name for source in SOURCES)
        parser.add_argument(
            "--dry-run", action="store_true", help="tell what would become of each file, and write nothing"
        )
        parser.add_argument(
            "--from",
            dest="source",
            metavar="TOOL",
            help=f"which tool filled the folders: {names}; found out without it",
        )
        parser.add_argument(
            "--link",
            action="store_true",
            help="hard links in place of copies: who changes a file in its folder then changes the archive; its time becomes pixiv's",
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if not args:
            raise UsageError(
                "import needs to know which folders, as in: pixivcrawl import ~/gallery-dl", print_help=False
            )
        try:
            return bring_in(settings, [Path(typed).absolute() for typed in args], opts)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


def bring_in(settings: Settings, places: Sequence[Path], opts: argparse.Namespace) -> int:
    """Gives the exit code. Raises PixivcrawlError."""
    configuration = Configuration.from_settings(settings)
    archive = configuration.archive
    if opts.link and archive.bucket is not None:
        raise UsageError(
            f"--link makes hard links, and the originals are in {archive.bucket}: leave it out", print_help=False
        )
    named = source_named(opts.source) if opts.source is not None else None
    if opts.dry_run:
        return _bring_in(settings, configuration, archive, places, named, opts)
    archive.create(configuration.archive_readers)
    with held_for_all_runs(archive, "import"):
        return _bring_in(settings, configuration, archive, places, named, opts)


def _bring_in(
    settings: Settings,
    configuration: Configuration,
    archive: Archive,
    places: Sequence[Path],
    named: Source | None,
    opts: argparse.Namespace,
) -> int:
    writes = not opts.dry_run
    with _ledger(configuration, archive, writes=writes) as ledger:
        held = list(read_folders(places, archive, named, ledger))
        offered = list(chain.from_iterable(holding.offered for _, _, holding in held))
        by_artist = works_to_ask(ledger, offered)
        listed = listed_to_ask(ledger, [work for _, _, holding in held for work in holding.entries], offered)
    wanted = WantedRows(by_artist, listed)
    shown = fetch_rows(settings, wanted, keeps=writes) if wanted else RowsFound()
    failed = bool(shown.unanswered)
    with (
        _ledger(configuration, archive, writes=writes) as ledger,
        Workers(configuration.proof_workers, configuration.proof_limits) as workers,
    ):
        if writes and ledger is not None and listed:
            ledger.write_now(updates.record_stubs, listed, datetime.now(UTC))
        asked = set(chain.from_iterable(by_artist.values()))
        known = known_of(ledger, offered, asked, shown.works, shown.artists, shown.unanswered)
        importing = Importing(archive, ledger, writes, workers, known, _say_what_became, link=opts.link)
        for place, source, holding in held:
            print(f"{source.name}: {place}", flush=True)
            lonely = converted_of_gone(ledger, holding.passed, shown)
            for passed in holding.passed:
                of_gone = "; pixiv does not show the work today: keep it" if passed.converted_of in lonely else ""
                _say_what_became("left", passed.path, f"{passed.reason}{of_gone}")
            importing.brought = Brought(here=holding.here, left=len(holding.passed))
            asyncio.run(importing.bring(holding.offered))
            if writes and ledger is not None:
                drop_doubles(archive, ledger)
            failed |= importing.brought.failed
            print("\n".join(f"  {line}" for line in told(importing.brought)), flush=True)
    if listed:
        print(f"{plural(len(listed), 'work')} that lists name and no file is of: known now, and missing here")
    return FAILED if failed else 0


@contextmanager
def _ledger(configuration: Configuration, archive: Archive, *, writes: bool) -> Iterator[Ledger | None]:
    """The archive's ledger; None where nothing is to be written and there is none yet."""
    url = configuration.database_url
    database = read_url(url)
    if not writes and database.get_backend_name() == "sqlite" and not Path(database.database or "").exists():
        yield None
        return
    ledger = Ledger.open(url, archive=archive) if writes else Ledger.open(url, read_only=True)
    try:
        agree_on_store(archive, ledger, writes=writes)
        if writes:
            settle_intents(archive, ledger)
        yield ledger
    finally:
        ledger.close()


def _say_what_became(what: str, path: Path, why: str) -> None:
    print(one_line(f"  {what}: {path}: {why}", 900))
