"""`pixivcrawl status`: what the archive holds, what is missing and why, and how the last runs ended."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from scrapy.commands import ScrapyCommand
from scrapy.exceptions import UsageError
from sqlalchemy import Connection

from pixivcrawl.api.withheld import WHAT_TO_DO
from pixivcrawl.api.wording import one_line, plural
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import last_holder
from pixivcrawl.commands.crawl import show_any_text
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError, PixivcrawlError, StorageFailed
from pixivcrawl.items import name_of_file
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.continuity import disagreement, require_ledger
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.exit_codes import complain


class Command(ScrapyCommand):
    requires_project = True
    requires_crawler_process = False
    example = "status --all"

    def short_desc(self) -> str:
        return "What the archive holds, per artist, what is missing and why, and the last runs"

    def long_desc(self) -> str:
        return (
            "Reads the ledger and sends nothing to pixiv; it may run beside a crawl. "
            "-s ARCHIVE_DIR=... names another archive; --all shows every line instead of the first of each part."
        )

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        parser.add_argument(
            "--all", action="store_true", help="every artist and every missing file, not only the first"
        )

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        if args:
            raise UsageError(f"status takes no {args[0]!r}", print_help=False)
        assert self.settings is not None
        show_any_text()
        try:
            self.exitcode = show(Configuration.from_settings(self.settings), limit=None if opts.all else 20)
        except PixivcrawlError as error:
            self.exitcode = complain(error)


def show(configuration: Configuration, limit: int | None) -> int:
    print(f"archive: {configuration.archive_dir}")
    archive = Archive(configuration.archive_dir)
    database = read_url(configuration.database_url)
    require_ledger(database, archive)
    if database.get_backend_name() == "sqlite" and not Path(str(database.database)).exists():
        raise ConfigurationError(
            "there is no archive there yet; begin one with: pixivcrawl user ID (or name another with -s ARCHIVE_DIR=...)"
        )
    ledger = Ledger.open(configuration.database_url, read_only=True)
    try:
        for line in ledger.read_now(report, limit, at_work_since(archive)):
            print(line)
        for line in ledger.read_now(plan, configuration, datetime.now(UTC)):
            print(line)
        why = disagreement(ledger.read_now, archive, database)
    finally:
        ledger.close()
    return 0 if why is None else complain(StorageFailed(why))


def at_work_since(archive: Archive) -> datetime | None:
    """Since when a process is at work in the archive; None when none is, or none that signs where it can be read."""
    holder = last_holder(archive)
    try:
        return datetime.fromisoformat(holder.started) if holder is not None and holder.is_at_work else None
    except ValueError:
        return None


def report(connection: Connection, limit: int | None, at_work: datetime | None = None) -> list[str]:
    """The whole report, a line each; `limit` lines of each part at most. Runs that began at `at_work` or later may be under way."""
    all_of_it, artists = queries.status_of_works(connection, limit)
    unread = queries.artists_unread(connection)
    runs = (crawl_line(crawl, at_work) for crawl in queries.last_crawls(connection, 5))
    return [
        *totals(all_of_it),
        *odd(*queries.status_odd(connection)),
        *zips_alone(*queries.status_of_zips(connection)),
        *part("artists", (artist_line(each, is_listed=each.user_id not in unread) for each in artists), limit),
        *part("missing", map(missing_line, queries.status_missing(connection, limit)), limit),
        *part("withheld", map(withheld_line, queries.status_withheld(connection)), None),
        *part("unavailable", map(unavailable_line, queries.status_unavailable(connection, limit)), limit),
        # Nothing is to be done about them, so that only who asks for everything is shown which they are.
        *part("kept though odd", map(odd_line, queries.status_odd_files(connection)) if limit is None else (), limit),
        *part("lists shown only in part", map(in_part_line, queries.lists_shown_in_part(connection)), limit),
        *part("last runs", runs, None),
        *part("hosts that asked for a pause", map(pause_line, queries.host_pauses(connection)), None),
    ]


REQUESTS_A_WORK = 1.4
"""About every third work has more than one page, or is an ugoira, and takes a second request."""

SECONDS_AN_ANSWER = 0.3


def plan(connection: Connection, configuration: Configuration, now: datetime) -> list[str]:
    """What was spent of the day's API requests, and about how long what is left to ask for will take."""
    spent = queries.requests_spent(connection, configuration.api.key, now)
    budget = configuration.api_budget
    left = max(0, budget - spent)
    of_budget = f"{left:,} of {budget:,} left" if budget else "no limit (PIXIV_API_BUDGET)"
    lines = ["", f"API requests today (UTC): {spent:,} sent, {of_budget}"]
    waiting, details = queries.status_to_ask(connection)
    all_here = "all pictures here, " if not waiting and not queries.status_missing(connection, 1) else ""
    if details:
        lines.append(f"{all_here}{plural(details, 'detail')} to come: {estimate(details, configuration, left)}")
    for works, what in (
        (waiting, "to ask for"),
        (queries.status_of_rows(connection) - details, "known from rows alone (pixivcrawl artwork --backfill)"),
    ):
        if works > 0:
            lines.append(f"{plural(works, 'work')} {what}: {estimate(works, configuration, left)}")
    return lines


def estimate(works: int, configuration: Configuration, left: int) -> str:
    """About how many requests so many works take and how long, `left` of them today where there is a budget."""
    requests = math.ceil(works * REQUESTS_A_WORK)
    seconds = requests * (configuration.api_delay + SECONDS_AN_ANSWER) / configuration.api_concurrency
    days = 0 if not configuration.api_budget else math.ceil(max(0, requests - left) / configuration.api_budget)
    more = f" of asking, spread over {plural(days + 1, 'day')} by the budget" if days else ""
    return f"about {plural(requests, 'request')}, {duration(seconds)}{more} (an estimate)"


def duration(seconds: float) -> str:
    """A time in the largest unit that it fills."""
    for unit, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} seconds"


def totals(all_of_it: queries.Totals) -> list[str]:
    works = (
        f"{plural(all_of_it.works, 'work')} of {plural(all_of_it.artists, 'artist')}: "
        f"{all_of_it.complete:,} complete, {all_of_it.to_do:,} to do, "
        f"{all_of_it.parked:,} waiting after a failure, {all_of_it.unavailable:,} unavailable"
    )
    return [works, f"{plural(all_of_it.files, 'file')}, {all_of_it.bytes / 1e6:,.1f} MB"]


def odd(flawed: int, as_served: int) -> list[str]:
    """How many files are kept though something about them is odd."""
    told = {"flawed: kept": flawed, "doubtful and kept as served": as_served}
    return [f"{plural(files, 'file')} {what}, see docs/proof.md" for what, files in told.items() if files]


def odd_line(file: queries.OddFile) -> str:
    return f"{file.path}: {'as served: ' if file.as_served else ''}{one_line(file.flaw or 'the decoder warned', 200)}"


def zips_alone(may_be_had: int, gone: int, untimed: int) -> list[str]:
    """How many ugoira are there as pixiv made them alone, and how many without their timing."""
    told = {"-a ugoira=frames also fetches the frames as uploaded": may_be_had, "the works are gone": gone}
    lines = [f"{ugoira:,} ugoira as pixiv's own zip alone: {what}" for what, ugoira in told.items() if ugoira]
    return [*lines, *([f"{untimed:,} ugoira whose timing is awaited: it comes with the details"] if untimed else [])]


def part(title: str, lines: Iterable[str], limit: int | None) -> list[str]:
    """A heading and its lines; nothing where there are none."""
    indented = [f"  {line}" for line in lines]
    if not indented:
        return []
    more = ["  ... (pixivcrawl status --all shows everything)"] if limit is not None and len(indented) >= limit else []
    return ["", f"{title}:", *indented, *more]


def artist_line(artist: queries.ArtistStatus, *, is_listed: bool = True) -> str:
    """`is_listed`: what is missing can be told, because the artist's list was read to its end, or nobody began to read it."""
    left = "" if artist.availability != "gone" else ", left pixiv"
    name = one_line(artist.name or "", 40)
    missing = [f"{artist.missing:,} missing"] if artist.missing or is_listed else []
    unread = [] if is_listed else ["list not read to its end"]
    return (
        f"{artist.user_id} {name}{left}: {plural(artist.works, 'work')}, {artist.complete:,} complete, "
        f"{', '.join([*missing, *unread])}, "
        f"{artist.unavailable:,} unavailable; {plural(artist.files, 'file')}, {artist.bytes / 1e6:,.1f} MB"
    )


def missing_line(missing: queries.Missing) -> str:
    what = (
        f"work {missing.work_id}" if missing.page is None else name_of_file(missing.kind, missing.work_id, missing.page)
    )
    if missing.reason is None:
        return f"{what}: not tried yet"
    return f"{what}: {one_line(missing.reason, 160)}; {due(missing.next_attempt)}"


def due(moment: datetime | None) -> str:
    if moment is None or moment <= datetime.now(UTC):
        return "due at the next run"
    return f"due {moment.astimezone():%Y-%m-%d %H:%M}"


def withheld_line(counted: tuple[str | None, int | None, int]) -> str:
    reason, reader, number = counted
    whom = {0: "a visitor", None: "a reader who was not kept"}.get(reader, f"account {reader}")
    to_do = next((advice for known, advice in WHAT_TO_DO.items() if known == reason), "run the same command again")
    return f"{plural(number, 'work')} from {whom}: {one_line(reason or '', 80)}: {to_do}"


def unavailable_line(work: queries.Unavailable) -> str:
    kept = f", {plural(work.files, 'file')} kept" if work.files else ""
    reason = f" ({one_line(work.reason, 80)})" if work.reason else ""
    return f"work {work.work_id} {one_line(work.title or '', 40)}: {work.availability}{reason} since {work.since:%Y-%m-%d}{kept}"


def in_part_line(crawl: queries.CrawlRecord) -> str:
    parts, passed, rows = (
        crawl.counts.get(name, 0) for name in ("lists_cut_off", "parameters_ignored", "rows_refused")
    )
    lacks = {
        f"{plural(parts, 'part')} that pixiv did not show": parts,
        f"{plural(passed, 'parameter')} that pixiv passed over": passed,
        f"{plural(rows, 'row')} that nobody can read": rows,
    }
    said = " and ".join(what for what, number in lacks.items() if number)
    artists = "; following with archive=true reads the artists' own lists" if crawl.spider == "feed" else ""
    return f"{run_of(crawl)}: {said} when it was read on {crawl.started:%Y-%m-%d}{artists}; reread=true reads it anew"


def run_of(crawl: queries.CrawlRecord) -> str:
    """The spider and its arguments, as far as they say something."""
    said = {name: value for name, value in crawl.arguments.items() if value not in (None, False, "all")}
    arguments = (
        f"{name}={','.join(map(str, value)) if isinstance(value, list) else value}" for name, value in said.items()
    )
    return f"{crawl.spider} {one_line(' '.join(arguments))}".strip()


def crawl_line(crawl: queries.CrawlRecord, at_work: datetime | None = None) -> str:
    counts = f"{plural(crawl.counts.get('files_stored', 0), 'file')} stored, {plural(crawl.counts.get('api_requests', 0), 'API request')}"
    is_under_way = at_work is not None and crawl.started >= at_work
    outcome = crawl.outcome or ("under way" if is_under_way else "broke off (killed, or the disk or the ledger failed)")
    reason = f": {one_line(crawl.reason, 120)}" if crawl.reason else ""
    reader = "" if crawl.reader is None else f" as account {crawl.reader}" if crawl.reader else " as a visitor"
    began = f"{crawl.started.astimezone():%Y-%m-%d %H:%M}"
    return f"{began} {run_of(crawl)}{reader}: {outcome}{reason}; {counts}"


def pause_line(pause: queries.HostPause) -> str:
    return f"{pause.host} until {pause.until.astimezone():%Y-%m-%d %H:%M:%S}"
