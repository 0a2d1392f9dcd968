"""`pixivcrawl report`: writes what is new, revised and gone, for people or programs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from scrapy.settings import Settings
from sqlalchemy import Connection

from pixivcrawl.api.text import size
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import Configuration, filter_named
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.filters import Filters
from pixivcrawl.ledger.queries import reports
from pixivcrawl.ledger.queries.browsing.works import Picture, covers, pictures_at
from pixivcrawl.ledger.queries.reports import Change, Span
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reporting import page, text
from pixivcrawl.reporting.collect import News, Place, gather, place_of
from pixivcrawl.reporting.json_report import document
from pixivcrawl.reporting.output import FORMATS, STANDARD_OUTPUT, file_for, write_file, write_out
from pixivcrawl.reporting.thumbnails import thumbnails
from pixivcrawl.runs.command import ArchiveCommand
from pixivcrawl.verification.sampling import read_since

SINCE = "7d"

THUMBNAILS, MOST_THUMBNAILS = 60, 500
"""At some 8 kB each, half a megabyte and four."""


class Command(ArchiveCommand):
    example = "report --since 7d"

    def short_desc(self) -> str:
        return "Report what is new, revised, gone, back, renamed and failed since a time, as text, JSON or an HTML page"

    def long_desc(self) -> str:
        return (
            "Says what the archive learned since a time, by artist and by list, and what needs a person: pixivcrawl "
            "report --since 7d. It reads the ledger, sends nothing to pixiv, and can run beside a crawl. --output "
            "report.html writes a single page with thumbnails of the newest works; --format json writes every row. "
            "--filter NAME leaves out the works that the saved filter leaves out, and counts them; runs, lists and names are always shown. "
            "--until ends the period: pixivcrawl report --since 2026-11-01 --until 2026-12-01. Exit codes: 0 done; 2 "
            "wrong usage, or no archive yet; 5 the disk or the ledger failed."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument("--since", metavar="AGO", default=SINCE, help=f"7d, 12h, 2026-11-01 (default {SINCE})")
        parser.add_argument("--until", metavar="AGO", help="as --since (default: now)")
        parser.add_argument(
            "--filter", metavar="NAME", help="without the works that this filter of filters.toml leaves out"
        )
        parser.add_argument(
            "--format", choices=("text", "json", "html"), help="default: by the end of FILE's name, else text"
        )
        parser.add_argument("--output", metavar="FILE", help="write to FILE, replacing it")
        parser.add_argument(
            "--thumbnails",
            metavar="N",
            type=int,
            default=THUMBNAILS,
            help=f"thumbnails in an HTML page, at most {MOST_THUMBNAILS} (default {THUMBNAILS})",
        )

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        tell(Configuration.from_settings(settings), opts, filter_named(settings, opts.filter))
        return 0


def tell(configuration: Configuration, opts: argparse.Namespace, filters: Filters | None) -> None:
    """Write the report, without the works that filters leave out. Raises ConfigurationError and StorageFailed."""
    now = datetime.now(UTC)
    span = read_span(opts.since, opts.until, now)
    if not 0 <= opts.thumbnails <= MOST_THUMBNAILS:
        raise ConfigurationError(f"--thumbnails: {opts.thumbnails} is not a whole number from 0 to {MOST_THUMBNAILS}")
    to = None if opts.output in (None, STANDARD_OUTPUT) else file_for(opts.output, configuration.archive_dir)
    form = opts.format or (FORMATS.get(to.suffix.lower(), "text") if to is not None else "text")
    write: Callable[[Iterable[str]], None] = write_out if to is None else lambda pieces: write_file(to, pieces)
    ledger = Ledger.open(configuration.database_url, read_only=True)
    try:
        place = place_of(configuration)
        if filters is not None:
            span = ledger.read_now(reports.filtered, span, opts.filter, filters)
        if form == "json":
            ledger.read_now(lambda connection: write(document(connection, place, span, now)))
        elif form == "html":
            with Workers(configuration.proof_workers, configuration.proof_limits) as workers:
                write(html_page(ledger, configuration.archive, place, span, now, opts.thumbnails, workers))
        else:
            news = ledger.read_now(gather, place, span, now, text.LIMITS)
            write(f"{line}\n" for line in text.report_lines(news))
    finally:
        ledger.close()
    if to is not None:
        print(f"{to}: {size(to.stat().st_size)}")


def read_span(since: str, until: str | None, now: datetime) -> Span:
    """Raises ConfigurationError for a time that cannot be read, and for a span that ends before it begins."""
    span = Span(read_since(since, now), now if until is None else read_since(until, now, "--until"))
    if span.since >= span.until:
        raise ConfigurationError(f"--since: {since} is not before --until ({until or 'now'}); give an earlier time")
    return span


def html_page(
    ledger: Ledger, archive: Archive, place: Place, span: Span, now: datetime, most: int, workers: Workers
) -> Iterator[str]:
    """The page in pieces, with at most this many pictures, which `workers` draw."""
    news = ledger.read_now(gather, place, span, now, page.LIMITS)
    here = ledger.read_now(covers, [*mentioned(news)])
    revised = [change for change in news.changed.shown if change.field == "revision"][:most]
    shown = {*shown_with_pictures(news, most), *(change.work_id for change in revised)}
    pictures = thumbnails(archive, [here[work_id] for work_id in shown if work_id in here], workers)
    before = thumbnails(archive, ledger.read_now(covers_before, revised), workers)
    return page.page(news, page.PicturesShown(pictures, before, here))


def mentioned(news: News) -> Iterator[int]:
    """The works that the page names."""
    for works in news.newest.values():
        yield from (work.work_id for work in works)
    for part in (news.changed, news.gone, news.returned):
        yield from (event.work_id for event in part.shown)


def covers_before(connection: Connection, changes: Iterable[Change]) -> list[Picture]:
    """The first picture of each of these works before its images were replaced, of those that are here."""
    found: dict[int, Picture] = {}
    for change in changes:
        for picture in pictures_at(connection, change.work_id, str(change.was), limit=1):
            found.setdefault(change.work_id, picture)
    return list(found.values())


def shown_with_pictures(news: News, most: int) -> list[int]:
    """The works that get a picture: the newest of each artist in turn, so that every artist has one."""
    columns = [news.newest.get(artist.user_id, []) for artist in news.artists]
    longest = max(map(len, columns), default=0)
    rows = ([column[row] for column in columns if row < len(column)] for row in range(longest))
    return [work.work_id for row in rows for work in row if work.files][:most]
