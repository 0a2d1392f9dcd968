"""`pixivcrawl status`: shows the state of the archive, or of one artist or work, as text or JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from scrapy.exceptions import UsageError
from scrapy.settings import BaseSettings, Settings
from sqlalchemy import Connection

from pixivcrawl.api.text import quoted
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import last_holder
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger.continuity import disagreement, require_ledger
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reader import VISITOR, Reader
from pixivcrawl.reporting import overview
from pixivcrawl.reporting.output import write_out
from pixivcrawl.reporting.status_text import LINES, lines_of
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.runs.exit_codes import complain
from pixivcrawl.session import introduction, reader_of, session_from_settings
from pixivcrawl.throttling.costs import speed_of


class Command(ArchiveCommand):
    example = "status 11"

    def syntax(self) -> str:
        return "[ARTIST | WORK | ADDRESS]"

    def short_desc(self) -> str:
        return "Show the state of the archive, or of one artist or work: what is there, missing, withheld, and why"

    def long_desc(self) -> str:
        return (
            f"Says in {LINES} lines who reads, what is there, what is missing and why, and what to do. --all shows every line, --missing "
            "what a later run tries again. For one artist or work, give an id or address: pixivcrawl status 5000111. --json writes "
            "everything, as docs/status.schema.json describes it. It reads the ledger, sends nothing to pixiv, and can run beside a "
            "crawl. Exit codes: 0 done; 2 wrong usage, no archive yet, or nothing is known of what was named; 5 the disk or the ledger "
            "failed."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--all", action="store_true", help="every artist, run and missing file, not only the first")
        parser.add_argument("--missing", action="store_true", help="only what is missing, every line, with reasons")
        parser.add_argument("--json", action="store_true", help="everything as JSON")

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        if len(args) > 1:
            raise UsageError(f"status shows one artist or work, not {quoted(args[1])} too", print_help=False)
        if args and opts.missing:
            raise UsageError(f"status {args[0]} already shows what is missing; leave --missing out", print_help=False)
        return show(settings, opts, *args)


def show(settings: BaseSettings, opts: argparse.Namespace, subject: str | None = None) -> int:
    configuration = Configuration.from_settings(settings)
    archive = configuration.archive
    database = read_url(configuration.database_url)
    if not opts.json:
        write_out(f"{line}\n" for line in who_reads(settings, archive))
    ledger = opened(configuration, archive)
    try:
        told = ledger.read_now(gathered, configuration, who_would_read(settings), opts, subject)
        why = disagreement(ledger.read_now, archive, database)
    finally:
        ledger.close()
    if opts.json and len(told) > 1:
        raise ConfigurationError(f"{subject} is the id of an artist and of a work: name one by the address of its page")
    if opts.json:
        reader = reader_of(session_from_settings(settings)).user_id
        now = datetime.now(UTC)
        write_out(piece for each in told for piece in overview.document(each, archive.root, reader, now))
    else:
        at_work = at_work_since(archive)
        lines = (line for each in told for line in lines_of(each, in_full=opts.all, at_work=at_work))
        write_out(f"{line}\n" for line in lines)
    return 0 if why is None else complain(StorageFailed(why))


def opened(configuration: Configuration, archive: Archive) -> Ledger:
    """The ledger, for reading. Raises ConfigurationError if there is no archive yet, StorageFailed if its ledger is lost."""
    database = read_url(configuration.database_url)
    require_ledger(database, archive)
    if database.get_backend_name() == "sqlite" and not Path(str(database.database)).exists():
        raise ConfigurationError(
            "there is no archive there yet; begin one with: pixivcrawl user ID (or name another with -s ARCHIVE_DIR=...)"
        )
    return Ledger.open(configuration.database_url, archive=archive, read_only=True)


def gathered(
    connection: Connection, configuration: Configuration, reader: Reader, opts: argparse.Namespace, subject: str | None
) -> list[overview.Overview]:
    if subject is not None:
        return overview.subject_overview(connection, subject)
    if opts.missing:
        return [overview.missing_overview(connection)]
    limit = None if opts.all or opts.json else LINES
    now = datetime.now(UTC)
    speed = speed_of(connection, configuration, reader, now)
    return [overview.archive_overview(connection, configuration, speed.for_works, now, limit)]


def who_would_read(settings: BaseSettings) -> Reader:
    """A visitor if the session cannot be used, which `who_reads` reports."""
    try:
        return reader_of(session_from_settings(settings))
    except ConfigurationError:
        return VISITOR


def who_reads(settings: BaseSettings, archive: Archive) -> Iterator[str]:
    """As in the first lines of a run; a session that cannot be used does not prevent it."""
    yield f"archive: {archive.root}"
    try:
        yield introduction(session_from_settings(settings))
    except ConfigurationError as error:
        yield f"reads as a visitor: {error}"


def at_work_since(archive: Archive) -> datetime | None:
    """Since when a process is using the archive; None if none is, or if it left no readable note."""
    holder = last_holder(archive)
    try:
        return datetime.fromisoformat(holder.started) if holder is not None and holder.is_at_work else None
    except ValueError:
        return None
