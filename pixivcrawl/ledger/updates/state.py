"""The state of a work from all its rows: which of its files are there, whether anything is left to do, and when it is due."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    update,
)

from pixivcrawl.ledger.columns import json_length
from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, CrawlRow, FileRow, ForgottenRow, table
from pixivcrawl.ledger.updates.change_log import note_changes

WAITS = (timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=7), timedelta(days=30))
"""The wait after a failure in one run, in two, three, four, or more; within a run a failed work or file is not tried again."""

_ARTWORKS, _FILES = table(ArtworkRow), table(FileRow)
_FORGOTTEN = table(ForgottenRow)
_CRAWLS, _CRAWL_ARTWORKS = table(CrawlRow), table(CrawlArtworkRow)

FINAL_AVAILABILITY = ("gone",)

_WAITING = "pixivcrawl.refreshes"


def _word(word: str) -> ColumnElement[str]:
    """A value that is written into the statement itself.

    SQLite plans a statement again for each execution if a bound value might decide between partial indexes; that took ten times as long
    as the rest. And SQLAlchemy renders the list of an IN again each time.
    """
    return literal_column(f"'{word}'", type_=String)


FORGOTTEN = or_(
    exists().where(_FORGOTTEN.c.subject == _word("work"), _FORGOTTEN.c.subject_id == _ARTWORKS.c.id),
    exists().where(_FORGOTTEN.c.subject == _word("artist"), _FORGOTTEN.c.subject_id == _ARTWORKS.c.user_id),
)
"""The user has forgotten the work, or its artist."""


def _unsettled(too_little: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(~FORGOTTEN, _may_be_more(too_little))


def _may_be_more(too_little: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(
        _ARTWORKS.c.stale_since.is_not(None),
        and_(
            *(_ARTWORKS.c.availability != _word(settled) for settled in FINAL_AVAILABILITY),
            or_(
                _ARTWORKS.c.availability == _word("masked"),
                _ARTWORKS.c.availability == _word("withheld"),
                _ARTWORKS.c.detail.is_(None),
                too_little,
            ),
        ),
    )


_ZIPS, _UPLOADED = _FILES.alias("zips"), _FILES.alias("uploaded")


def _zip_is(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The work is an ugoira, and the condition holds for the zip at its present revision."""
    return and_(
        _ARTWORKS.c.kind == _word("ugoira"),
        exists().where(
            _ZIPS.c.artwork_id == _ARTWORKS.c.id,
            _ZIPS.c.page == literal_column("0"),
            _ZIPS.c.revision == _ARTWORKS.c.revision,
            _ZIPS.c.kind == _word("ugoira"),
            _ZIPS.c.state != _word("superseded"),
            condition,
        ),
    )


LACKS_FRAMES = _zip_is(
    json_length(_ZIPS.c.frames)
    > select(func.count())
    .where(
        _UPLOADED.c.artwork_id == _ZIPS.c.artwork_id,
        _UPLOADED.c.revision == _ZIPS.c.revision,
        _UPLOADED.c.kind == _word("frame"),
        _UPLOADED.c.state != _word("superseded"),
    )
    .scalar_subquery()
)
"""The zip of an ugoira is known, but not all of its frames as uploaded."""

LACKS_TIMING = _zip_is(_ZIPS.c.frames.is_(None))
"""The zip of an ugoira is known only from its row, which does not say how long each frame is shown."""

AND_FRAMES = " and frames"
"""The ending of a value of `suffices` if an ugoira's zip alone is not enough."""

_FILES_MISSING = _ARTWORKS.c.files_state != _word("complete")
_NOT_IN_FULL = _ARTWORKS.c.detail != _word("full")

UNSETTLED: dict[str, ColumnElement[bool]] = {
    "full": _unsettled(or_(_NOT_IN_FULL, _FILES_MISSING)),
    f"full{AND_FRAMES}": _unsettled(or_(_NOT_IN_FULL, _FILES_MISSING, LACKS_FRAMES)),
    "facts": _unsettled(_NOT_IN_FULL),
    "listing": _unsettled(_FILES_MISSING),
    f"listing{AND_FRAMES}": _unsettled(or_(_FILES_MISSING, LACKS_TIMING, LACKS_FRAMES)),
    "row": false(),
}
"""There may be something left to do for the work, now or later, by what suffices for the works of its list (`CrawlRow.suffices`)."""

_OF_WORK = _FILES.c.artwork_id == _ARTWORKS.c.id


def _are(*states: str) -> ColumnElement[bool]:
    """The work's files that are in one of these states."""
    return and_(_OF_WORK, or_(*(_FILES.c.state == _word(state) for state in states)))


def _has_one(*states: str) -> ColumnElement[bool]:
    """Whether a file of the work is in one of these states.

    PostgreSQL may answer EXISTS by reading every missing file of the ledger, once for each work: 8 ms instead of 1 with 20,000 of them.
    """
    return select(literal_column("1")).where(_are(*states)).limit(literal_column("1")).scalar_subquery().is_not(None)


_REFRESH_FILES = (
    update(_ARTWORKS)
    .where(_ARTWORKS.c.id == bindparam("work_id"))
    .values(
        files_state=case(
            (_has_one("wanted", "intent"), _word("found")),
            (_has_one("parked"), _word("parked")),
            (_has_one("stored"), _word("complete")),
            (_ARTWORKS.c.failed_reason.is_not(None), _word("parked")),
            else_=_word("found"),
        ),
        files_stored=select(func.count())
        .select_from(_FILES)
        .where(_are("stored"), _FILES.c.kind != _word("frames"))
        .scalar_subquery(),
        bytes_stored=select(func.coalesce(func.sum(_FILES.c.bytes), literal_column("0")))
        .where(_are("stored"))
        .scalar_subquery(),
    )
)
_IS_UNSETTLED = (
    select(
        case(
            *((_CRAWLS.c.suffices == _word(much), is_unsettled) for much, is_unsettled in UNSETTLED.items()),
            else_=UNSETTLED["full"],
        )
    )
    .where(_ARTWORKS.c.id == _CRAWL_ARTWORKS.c.artwork_id, _CRAWLS.c.id == _CRAWL_ARTWORKS.c.list_id)
    .scalar_subquery()
)
_REFRESH_UNSETTLED = (
    update(_CRAWL_ARTWORKS)
    .where(_CRAWL_ARTWORKS.c.artwork_id == bindparam("work_id"), _CRAWL_ARTWORKS.c.unsettled != _IS_UNSETTLED)
    .values(unsettled=_IS_UNSETTLED)
)
_NEWEST_CRAWL = select(func.coalesce(func.max(CrawlRow.id), 0))


@contextmanager
def refreshed_together(connection: Connection) -> Iterator[None]:
    """Within the block, refresh each work once for all its changes: at the end, or when its row is read (`refresh_waiting`)."""
    connection.info[_WAITING] = set()
    try:
        yield
        refresh_waiting(connection)
    finally:
        del connection.info[_WAITING]


def refresh_waiting(connection: Connection, work_ids: Collection[int] | None = None) -> None:
    """Refresh the waiting works if any of these works waits, whose rows are about to be read; without `work_ids` in any case."""
    waiting: set[int] = connection.info.get(_WAITING, set())
    if waiting and (work_ids is None or not waiting.isdisjoint(work_ids)):
        works = [{"work_id": work_id} for work_id in sorted(waiting)]
        waiting.clear()
        connection.execute(_REFRESH_FILES, works)
        connection.execute(_REFRESH_UNSETTLED, works)


def refresh_files(connection: Connection, work_id: int) -> None:
    """Update what the work's row says of its files from the files' rows, and then `refresh_unsettled`."""
    note_changes(connection, "work", [work_id])
    if (waiting := connection.info.get(_WAITING)) is not None:
        waiting.add(work_id)
    else:
        connection.execute(_REFRESH_FILES, {"work_id": work_id})
        refresh_unsettled(connection, work_id)


def refresh_unsettled(connection: Connection, work_id: int) -> None:
    """Update, on every list with the work, whether anything is left to do for it."""
    connection.execute(_REFRESH_UNSETTLED, {"work_id": work_id})


def newest_crawl(connection: Connection) -> int:
    """The latest run; 0 before the first. Several may be under way on a server."""
    return int(connection.execute(_NEWEST_CRAWL).scalar_one())


def this_run(connection: Connection, crawl_id: int | None) -> int:
    """The run in which something happened; old journals do not say which: then the latest run at that time."""
    return newest_crawl(connection) if crawl_id is None else crawl_id


def failed_again(
    connection: Connection, failed_runs: int, failed_crawl_id: int | None, now: datetime, crawl_id: int | None
) -> dict[str, Any]:
    """The values of `failed_runs`, `failed_crawl_id` and `next_attempt` after one more failure in run `crawl_id`; a run counts once."""
    crawl_id = this_run(connection, crawl_id)
    runs = failed_runs if failed_crawl_id == crawl_id and failed_runs else failed_runs + 1
    wait = WAITS[min(runs, len(WAITS)) - 1]
    return {"failed_runs": runs, "failed_crawl_id": crawl_id, "next_attempt": now + wait}


def failed_free(connection: Connection, failed_runs: int, now: datetime, crawl_id: int | None) -> dict[str, Any]:
    """As `failed_again`, for a try that cost nothing: the next run tries again, and the count of failures stays."""
    return {"failed_runs": failed_runs, "failed_crawl_id": this_run(connection, crawl_id), "next_attempt": now}


NOT_FAILED: dict[str, Any] = {"failed_runs": 0, "failed_crawl_id": None, "failed_reason": None, "next_attempt": None}

IN_PLACE = ("stored", "adopted")
"""The states of a file that is in its place."""

NO_BYTES: dict[str, Any] = {
    **dict.fromkeys(("path", "sha256", "bytes", "format", "stored", "flaw", "etag", "last_modified", "archive")),
    "as_served": False,
}
"""The values in the row of a file that is not there."""


def is_due(row: Any, crawl_id: int, now: datetime | None) -> bool:
    """Whether what failed (`row` has `failed_crawl_id` and `next_attempt`) is to be tried in run `crawl_id`.

    Without a time, everything that did not fail in this run is.
    """
    if row.failed_crawl_id is None:
        return True
    if now is None:
        return bool(row.failed_crawl_id < crawl_id)
    # A wait longer than the longest was written before the clock was set back.
    return bool(row.failed_crawl_id < crawl_id and not now < row.next_attempt <= now + WAITS[-1])


def due(model: type[ArtworkRow] | type[FileRow], crawl_id: int, now: datetime | None) -> ColumnElement[bool]:
    """`is_due` as a condition."""
    earlier = model.failed_crawl_id < crawl_id
    if now is not None:
        earlier = and_(earlier, ~and_(model.next_attempt > now, model.next_attempt <= now + WAITS[-1]))
    return or_(model.failed_crawl_id.is_(None), earlier)
