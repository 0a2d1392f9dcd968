"""Pages about what happened and what is wrong: changes by day, gone, missing, totals, runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.pages.keys import as_text, moment
from pixivcrawl.gallery.request import Page, PageRequest
from pixivcrawl.index.sums import MOST_PEOPLE
from pixivcrawl.ledger.queries.browsing import days
from pixivcrawl.ledger.queries.browsing import missing as lacking
from pixivcrawl.ledger.queries.browsing.works import cards, titles
from pixivcrawl.ledger.queries.reports import LOST, Span, new_names
from pixivcrawl.ledger.queries.status import status_of_works, status_withheld
from pixivcrawl.reporting.list_name import list_name

A_PAGE = 60
MOST_TAGS = 50
MOST_COUNTED = 1000

KINDS = {"lost": LOST, "gone": ("gone",), "withheld": ("withheld",), "masked": ("masked",)}
"""What /gone shows by its `kind`."""


@dataclass(frozen=True, slots=True)
class Month:
    """How many works were made in a month (yyyy-mm), and how many in the busiest one."""

    month: str
    works: int
    most: int


def gone(connection: Connection, asked: PageRequest) -> Page:
    """Works that pixiv no longer shows, latest loss first."""
    kind = asked.one_of("kind", tuple(KINDS))
    found, key = days.unavailable_before(connection, KINDS[kind], moment(asked, "before"), A_PAGE)
    return Page(
        "gone.html",
        {
            "kind": kind,
            "kinds": tuple(KINDS),
            "cards": cards(connection, [work_id for _, work_id in found]),
            "looked_at": days.LOOKED_AT,
            "older": f"/gone?kind={kind}&before={as_text(key)}" if key else None,
        },
    )


def changes(connection: Connection, asked: PageRequest) -> Page:
    """What is new, changed, gone and renamed on one day in the reader's zone; by default the last one with changes."""
    day = _day(connection, asked)
    span = Span(_begin(day, asked), _begin(day + timedelta(days=1), asked))
    new = days.new_on(connection, span, moment(asked, "new"), A_PAGE)
    changed = days.changed_on(connection, span, moment(asked, "changed"), A_PAGE)
    lost = days.lost_on(connection, span, moment(asked, "lost"), A_PAGE)
    earlier = days.last_moment(connection, before=span.since)
    later = days.first_moment(connection, after=span.until)

    def more(part: str, found: list[tuple[datetime, int]]) -> str | None:
        return f"/changes?day={day}&{part}={as_text(found[-1])}#{part}" if len(found) == A_PAGE else None

    return Page(
        "changes.html",
        {
            "day": day,
            "earlier": earlier.astimezone(asked.zone).date() if earlier is not None else None,
            "later": later.astimezone(asked.zone).date() if later is not None else None,
            "new": cards(connection, [work_id for _, work_id in new]),
            "more_new": more("new", new),
            "changed": changed,
            "more_changed": more("changed", [(row.true_to, row.id) for row in changed]),
            "lost": cards(connection, [work_id for _, work_id in lost]),
            "more_lost": more("lost", lost),
            "renamed": list(new_names(connection, span, A_PAGE)),
        },
    )


def missing(connection: Connection, asked: PageRequest) -> Page:
    """What is not archived yet, and why."""
    files = lacking.files_missing(connection, asked.whole("files", 0) or None, A_PAGE)
    failed = lacking.works_failed(connection, moment(asked, "failed"), A_PAGE)
    ids = [*(row.artwork_id for row in files), *(row.id for row in failed)]
    last = failed[-1] if len(failed) == A_PAGE else None
    return Page(
        "missing.html",
        {
            "titles": titles(connection, ids),
            "files": files,
            "more_files": f"/missing?files={files[-1].artwork_id}#files" if len(files) == A_PAGE else None,
            "failed": failed,
            "more_failed": f"/missing?failed={as_text((last.next_attempt, last.id))}#failed" if last else None,
            "pictures": lacking.pictures_missing(connection, A_PAGE),
            "withheld": status_withheld(connection),
            "left": lacking.lists_left(connection, MOST_COUNTED),
            "most": MOST_COUNTED,
            "list_name": list_name,
        },
    )


def stats(connection: Connection, asked: PageRequest) -> Page:
    """The archive's totals."""
    kept = asked.index.sums()
    totals, artists = (kept.totals, kept.artists) if kept is not None else status_of_works(connection, MOST_PEOPLE)
    months = [(f"{month // 100}-{month % 100:02}", works) for month, works in asked.index.months()]
    most = max((works for _, works in months), default=0)
    tags, _ = asked.index.tags(limit=MOST_TAGS)
    return Page(
        "stats.html",
        {
            "totals": totals,
            "counted": kept.counted if kept is not None else None,
            "artists": artists,
            "months": [Month(month, works, most) for month, works in months],
            "tags": [tag for tag in tags if tag.name is not None],
            "losses": days.losses(connection),
        },
    )


def runs(connection: Connection, asked: PageRequest) -> Page:
    """The runs, latest first."""
    found = days.runs_before(connection, asked.whole("before", 0) or None, A_PAGE)
    older = f"/runs?before={found[-1].crawl_id}" if len(found) == A_PAGE else None
    return Page("runs.html", {"runs": found, "list_name": list_name, "older": older})


def _day(connection: Connection, asked: PageRequest) -> date:
    given = asked.query.get("day")
    if given is None:
        last = days.last_moment(connection)
        return (last or datetime.now(asked.zone)).astimezone(asked.zone).date()
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise ConfigurationError(f"day={quoted(given, 40)} is not a day: write it as 2026-01-31") from None
    if not 1 < day.year < 9999:
        raise ConfigurationError(f"day={quoted(given, 40)} is a day on which nothing can have happened")
    return day


def _begin(day: date, asked: PageRequest) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=asked.zone)
