"""Collects a report from the ledger: as much as a person reads, however large the archive is."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection

from pixivcrawl.api.text import one_line, plural, size
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import AccountRefused, StorageFailed
from pixivcrawl.ledger.queries import CrawlRecord, Missing, reports
from pixivcrawl.ledger.queries.reports import (
    ArtistNews,
    Change,
    Loss,
    NewName,
    NewWork,
    Return,
    Span,
    Sums,
)
from pixivcrawl.reporting.list_name import list_name

T = TypeVar("T")

STUCK_AFTER = 4
"""A work or file that failed in this many runs waits a week from then on."""

LASTING = 3
"""A list that could not be read this many times in a row needs a person."""


@dataclass(frozen=True, slots=True)
class Place:
    """The archive of a report; `disk_low` is how many free bytes are too few (0: no limit), `free` how many there are."""

    root: Path
    free: int
    disk_low: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is shown: artists, new works of each, and lines of every other part."""

    artists: int
    works: int
    lines: int


@dataclass(slots=True)
class RunSums:
    """The period's runs in numbers; `unfinished` were interrupted or killed, or are still going."""

    runs: int = 0
    complete: int = 0
    with_failures: int = 0
    stopped: int = 0
    unfinished: int = 0
    api_requests: int = 0
    image_requests: int = 0
    files_stored: int = 0
    bytes_stored: int = 0


@dataclass(slots=True)
class ListNews:
    """One list and its runs in the period. `unread_in_a_row`: how many of the last ones could not read it to its end."""

    name: str
    spider: str
    arguments: Mapping[str, Any]
    runs: int = 0
    files_stored: int = 0
    bytes_stored: int = 0
    api_requests: int = 0
    last: datetime | None = None
    outcome: str | None = None
    reason: str | None = None
    unread_in_a_row: int = 0


@dataclass(slots=True)
class Runs:
    """The period's runs summed up, in all and by list, and the last one that ended."""

    sums: RunSums = field(default_factory=RunSums)
    lists: dict[int, ListNews] = field(default_factory=dict)
    last: CrawlRecord | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """The first lines of a part of the report; `more`: there are others."""

    shown: tuple[Any, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class News:
    """Everything in the report. `newest` has the shown new works of each artist; `attention` is what needs a person."""

    place: Place
    span: Span
    made: datetime
    sums: Sums
    runs: Runs
    attention: tuple[str, ...]
    artists: tuple[ArtistNews, ...]
    newest: Mapping[int | None, list[NewWork]]
    changed: Part
    gone: Part
    returned: Part
    renamed: Part
    failed: Part


def place_of(configuration: Configuration) -> Place:
    """The archive, and how much room its disk has."""
    root = configuration.archive_dir
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    return Place(root, shutil.disk_usage(there).free, configuration.notice_disk_low)


def gather(connection: Connection, place: Place, span: Span, made: datetime, limits: Limits) -> News:
    """Everything within the limits, as the ledger is at one moment."""
    artists = reports.artists_with_news(connection, span, limits.artists)
    runs = sum_up(reports.runs_of_span(connection, span))
    first_run = reports.first_run_since(connection, span.since)
    failed: Iterator[Missing] = (
        iter(()) if first_run is None else reports.failures(connection, first_run, limits.lines + 1, span=span)
    )
    few = limits.lines + 1
    return News(
        place=place,
        span=span,
        made=made,
        sums=reports.sums_of_span(connection, span),
        runs=runs,
        attention=tuple(attention(connection, place, runs)),
        artists=tuple(artists),
        newest=reports.newest_of_artists(connection, span, [artist.user_id for artist in artists], limits.works),
        changed=_part(reports.changes(connection, span, few), limits.lines),
        gone=_part(reports.losses(connection, span, few), limits.lines),
        returned=_part(reports.returns(connection, span, few), limits.lines),
        renamed=_part(reports.new_names(connection, span, few), limits.lines),
        failed=_part(failed, limits.lines),
    )


def sum_up(runs: Iterable[CrawlRecord]) -> Runs:
    """Runs in their order, counted."""
    found = Runs()
    for run in runs:
        _count(found.sums, run)
        key = run.list_id or run.crawl_id
        of_list = found.lists.setdefault(key, ListNews(list_name(run.spider, run.arguments), run.spider, run.arguments))
        of_list.runs += 1
        of_list.files_stored += _number(run, "files_stored")
        of_list.bytes_stored += _number(run, "bytes_stored")
        of_list.api_requests += _number(run, "api_requests")
        of_list.last, of_list.outcome, of_list.reason = run.started, run.outcome, run.reason
        of_list.unread_in_a_row = of_list.unread_in_a_row + 1 if _number(run, "lists_failed") else 0
        if run.outcome is not None:
            found.last = run
    return found


def attention(connection: Connection, place: Place, runs: Runs) -> Iterator[str]:
    """What does not fix itself, one line each, with what to do."""
    if runs.last is not None and runs.last.exit_code in (AccountRefused.exit_code, StorageFailed.exit_code):
        yield one_line(f"the last run was stopped: {runs.last.reason or runs.last.outcome}", 400)
    for of_list in runs.lists.values():
        if of_list.unread_in_a_row >= LASTING:
            why = f" ({one_line(of_list.reason, 120)})" if of_list.reason else ""
            yield (
                f"{of_list.name} could not be read {of_list.unread_in_a_row} times in a row{why}: "
                "look at it on pixiv; pixivcrawl unsubscribe takes it off the list"
            )
    if place.disk_low and place.free < place.disk_low:
        yield f"{size(place.free)} are left on the archive's disk, fewer than {size(place.disk_low)}: make room"
    if stuck := reports.failing_again_and_again(connection, STUCK_AFTER):
        yield f"{plural(stuck, 'work or file', 'works or files')} failed in {STUCK_AFTER} runs or more: pixivcrawl status says why"
    if closed := reports.needing_a_session(connection):
        yield f"{plural(closed, 'work')} shown to a session alone, or to one that may see them: pixivcrawl status names them"


def _count(sums: RunSums, run: CrawlRecord) -> None:
    sums.runs += 1
    match run.outcome:
        case "complete":
            sums.complete += 1
        case "finished with failures":
            sums.with_failures += 1
        case "stopped":
            sums.stopped += 1
        case _:
            sums.unfinished += 1
    for name in ("api_requests", "image_requests", "files_stored", "bytes_stored"):
        setattr(sums, name, getattr(sums, name) + _number(run, name))


def _number(run: CrawlRecord, name: str) -> int:
    count = run.counts.get(name, 0)
    return count if isinstance(count, int) else 0


def _part(
    found: Iterator[Change] | Iterator[Loss] | Iterator[Return] | Iterator[NewName] | Iterator[Missing], lines: int
) -> Part:
    shown = tuple(islice(found, lines + 1))
    return Part(shown[:lines], len(shown) > lines)
