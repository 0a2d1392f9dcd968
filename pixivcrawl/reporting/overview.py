"""The state of an archive, or of one artist or work: collected from the ledger, and as JSON (docs/status.schema.json)."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pixivcrawl.api.text import quoted
from pixivcrawl.api.urls import UrlRefused, read_url
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.models import ArtworkRow, UserRow
from pixivcrawl.ledger.updates import Subject

VERSION = 1
"""Increases when something in the document changes its meaning or is removed."""

ForWorks = Callable[[int], tuple[int, timedelta]]
"""About how many requests this many works take, and how long at the reader's pace."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """How many works are not shown to `reader` (0: a visitor; None: not known), and why."""

    reason: str | None
    reader: int | None
    works: int


@dataclass(frozen=True, slots=True)
class Cost:
    """About what asking for `works` takes: requests, seconds, and further days if today's budget is too small."""

    works: int
    requests: int
    seconds: float
    days: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What was sent today (UTC), of a `budget` (0: none), and what is left to ask for.

    `to_ask` holds works of which not even the files are known; `details` those whose files are here, or on their way, and whose own pages
    are still to come; `rows` those whose details were not asked for.
    """

    spent: int
    budget: int
    to_ask: Cost
    details: Cost
    rows: Cost


@dataclass(frozen=True, slots=True)
class ArchiveOverview:
    """The state of the whole archive. `artists`, `missing` and `unavailable` have at most as many entries as were asked for."""

    totals: queries.Totals
    plan: Plan
    flawed: int
    as_served: int
    zips_alone: int
    zips_alone_gone: int
    zips_untimed: int
    imported: int
    adopted: int
    waiting: list[queries.Waiting]
    unavailable_works: int
    artists: list[queries.ArtistStatus]
    artists_unread: list[int]
    missing: list[queries.Missing]
    withheld: list[Withheld]
    unavailable: list[queries.Unavailable]
    odd_files: list[queries.OddFile]
    lists_in_part: list[queries.CrawlRecord]
    runs: list[queries.CrawlRecord]
    pauses: list[queries.HostPause]
    forgotten: list[queries.Forgotten]


@dataclass(frozen=True, slots=True)
class ArtistOverview:
    """The state of one artist. `lists`: the last run of each list of the artist's own works."""

    artist: queries.ArtistStatus
    is_unread: bool
    missing: list[queries.Missing]
    unavailable: list[queries.Unavailable]
    pictures: list[queries.FileStatus]
    forgotten: list[queries.Forgotten]
    lists: list[queries.CrawlRecord]


@dataclass(frozen=True, slots=True)
class WorkOverview:
    """The state of one work. `lists`: of each list that names it, the last run that saw it there."""

    work: queries.WorkStatus
    files: list[queries.FileStatus]
    forgotten: list[queries.Forgotten]
    lists: list[queries.CrawlRecord]


@dataclass(frozen=True, slots=True)
class MissingOverview:
    """Only what is missing, by reason and one by one."""

    waiting: list[queries.Waiting]
    missing: list[queries.Missing]


Overview = ArchiveOverview | ArtistOverview | WorkOverview | MissingOverview

ABOUT = {ArchiveOverview: "archive", ArtistOverview: "artist", WorkOverview: "work", MissingOverview: "missing"}


def archive_overview(
    connection: Connection, configuration: Configuration, for_works: ForWorks, now: datetime, limit: int | None
) -> ArchiveOverview:
    """The state of the whole archive, with at most `limit` entries in each long part."""
    totals, artists = queries.status_of_works(connection, limit)
    unread = queries.artists_unread(connection)
    flawed, as_served = queries.status_odd(connection)
    alone, alone_gone, untimed = queries.status_of_zips(connection)
    imported, adopted = queries.status_imported(connection)
    return ArchiveOverview(
        totals=totals,
        plan=plan(connection, configuration, for_works, now),
        flawed=flawed,
        as_served=as_served,
        zips_alone=alone,
        zips_alone_gone=alone_gone,
        zips_untimed=untimed,
        imported=imported,
        adopted=adopted,
        waiting=queries.status_waiting(connection),
        unavailable_works=queries.status_unavailable_works(connection),
        artists=artists,
        artists_unread=sorted(unread),
        missing=queries.status_missing(connection, limit),
        withheld=[Withheld(*counted) for counted in queries.status_withheld(connection)],
        unavailable=queries.status_unavailable(connection, limit),
        # Nothing is to be done about them, so they are named only if everything is asked for.
        odd_files=queries.status_odd_files(connection) if limit is None else [],
        lists_in_part=queries.lists_shown_in_part(connection),
        runs=queries.last_crawls(connection, 5),
        pauses=queries.host_pauses(connection),
        forgotten=queries.forgotten(connection),
    )


def missing_overview(connection: Connection) -> MissingOverview:
    return MissingOverview(queries.status_waiting(connection), queries.status_missing(connection, None))


def subject_overview(connection: Connection, typed: str) -> list[Overview]:
    """The state of what the user named: an artist, a work or, if a number is the id of both, each. Raises ConfigurationError."""
    told: list[Overview] = []
    for kind, subject_id in subjects_in(typed):
        if kind == "artist" and queries.is_known(connection, UserRow, subject_id):
            told.append(_of_artist(connection, subject_id))
        elif kind == "work" and queries.is_known(connection, ArtworkRow, subject_id):
            told.append(_of_work(connection, subject_id))
    if not told:
        raise ConfigurationError(f"this archive knows nothing of {typed}: archive it with: pixivcrawl archive {typed}")
    return told


def subjects_in(typed: str) -> list[tuple[Subject, int]]:
    """What a word may mean: an artist or a work. Raises ConfigurationError if it is neither."""
    if typed.isascii() and typed.isdecimal() and int(typed) < 2**63:
        return [("artist", int(typed)), ("work", int(typed))]
    try:
        target = read_url(typed)
    except UrlRefused as refused:
        raise ConfigurationError(f"{quoted(typed)}: {refused}") from None
    subject = target.arguments.get("id", "")
    if target.spider not in ("user", "artwork") or not subject.isdecimal():
        raise ConfigurationError(
            f"{quoted(typed)} names neither an artist nor a work: give an id, or the address of its page"
        )
    return [("artist" if target.spider == "user" else "work", int(subject))]


def subject_named(connection: Connection, typed: str) -> tuple[Subject, int]:
    """The one artist or work that the user named. Raises ConfigurationError if a number alone is ambiguous."""
    named = subjects_in(typed)
    models: dict[str, type[ArtworkRow] | type[UserRow]] = {"artist": UserRow, "work": ArtworkRow}
    known = [each for each in named if len(named) == 1 or queries.is_known(connection, models[each[0]], each[1])]
    if len(known) != 1:
        which = "both an artist and a work" if known else "no artist and no work that is known here"
        raise ConfigurationError(f"{typed} is {which}: say users/{typed} or artworks/{typed}")
    return known[0]


def _of_artist(connection: Connection, user_id: int) -> ArtistOverview:
    return ArtistOverview(
        artist=queries.status_of_artist(connection, user_id),
        is_unread=user_id in queries.artists_unread(connection),
        missing=queries.status_missing(connection, None, user_id),
        unavailable=queries.status_unavailable(connection, None, user_id),
        pictures=queries.pictures_of_user(connection, user_id),
        forgotten=_of(connection, user_id, None),
        lists=queries.lists_of_artist(connection, user_id),
    )


def _of_work(connection: Connection, work_id: int) -> WorkOverview:
    work = queries.status_of_work(connection, work_id)
    return WorkOverview(
        work=work,
        files=queries.files_of_work(connection, work_id),
        forgotten=_of(connection, work.user_id, work_id),
        lists=queries.lists_of_work(connection, work_id),
    )


def _of(connection: Connection, user_id: int | None, work_id: int | None) -> list[queries.Forgotten]:
    """Why a work, or all of an artist's, is not asked for."""
    subjects = {("artist", user_id), ("work", work_id)}
    return [each for each in queries.forgotten(connection) if (each.subject, each.subject_id) in subjects]


def plan(connection: Connection, configuration: Configuration, for_works: ForWorks, now: datetime) -> Plan:
    """What was spent of the day's API requests, and about what the remaining requests take."""
    spent = queries.requests_spent(connection, configuration.api.key, now)
    left = max(0, configuration.api_budget - spent)
    to_ask, details = queries.status_to_ask(connection)
    rows = max(0, queries.status_of_rows(connection) - details)
    costs = (cost(works, for_works, configuration.api_budget, left) for works in (to_ask, details, rows))
    return Plan(spent, configuration.api_budget, *costs)


def cost(works: int, for_works: ForWorks, budget: int, left: int) -> Cost:
    """About how many requests this many works take and how long, with `left` requests left of today's budget, if there is one."""
    requests, lasting = for_works(works)
    days = 0 if not budget else math.ceil(max(0, requests - left) / budget)
    return Cost(works, requests, lasting.total_seconds(), days)


def document(told: Overview, archive: Path, reader: int | None, made: datetime) -> Iterator[str]:
    """The state as JSON, in plain ASCII that no terminal acts on; `reader` is who would read now, 0 for a visitor."""
    head = {"version": VERSION, "about": ABOUT[type(told)], "archive": str(archive), "reader": reader, "made": made}
    yield from _ENCODER.iterencode(head | _plain(told))
    yield "\n"


def _plain(value: Any) -> Any:
    """Times as the ledger writes them, of one width; records by their fields."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    assert isinstance(value, datetime)
    return value.astimezone(UTC).isoformat(timespec="microseconds")[:-6] + "Z"


_ENCODER = json.JSONEncoder(default=_plain, indent=1)
