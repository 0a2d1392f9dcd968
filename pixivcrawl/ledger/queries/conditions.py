"""What is true of a work on which something is left to do, as conditions of the database."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select, true

from pixivcrawl.api.withheld import Withheld
from pixivcrawl.ledger.models import MISSING_FILE, UNSETTLED_WORK, ArtworkRow, CrawlArtworkRow, FileRow
from pixivcrawl.ledger.updates.crawls import list_of
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY, LACKS_FRAMES, LACKS_TIMING, due
from pixivcrawl.reader import Reader

RequiredDetail = Literal["named", "timing", "full"]
"""What need not be asked about a work: that its files are named, if only by its row; that they are, and an ugoira's timing is known too;
all that its own page tells."""

WITHHELD_FOR = timedelta(days=1)
"""For so long the same reader does not ask again for what was withheld."""


def unsettled_of_list(crawl_id: int, after_position: int = 0) -> ColumnElement[bool]:
    """Of the list that a run reads, what comes after a position and is not settled.

    Every position is greater than 0; but only where one is asked for does SQLite take the index of what is unsettled, and not that of the
    whole list.
    """
    return and_(CrawlArtworkRow.list_id == list_of(crawl_id), CrawlArtworkRow.position > after_position, UNSETTLED_WORK)


def to_be_asked(crawl_id: int, now: datetime | None, *, reader: Reader, enough: RequiredDetail) -> ColumnElement[bool]:
    """The ledger does not know the work well enough, and asking for it now may change that."""
    withheld = ArtworkRow.availability == "withheld"
    too_little = ArtworkRow.detail != "full"
    if enough != "full":
        named = exists().where(FileRow.artwork_id == ArtworkRow.id, FileRow.state != "superseded")
        too_little = and_(too_little, ~named)
    if enough == "timing":
        too_little = or_(too_little, LACKS_TIMING)
    unknown = and_(
        ArtworkRow.availability.not_in(FINAL_AVAILABILITY),
        or_(ArtworkRow.detail.is_(None), too_little, ArtworkRow.availability == "masked", withheld),
        or_(~withheld, _may_be_shown(reader, now)),
    )
    # What was not found is looked at again in the same run, if that lasts so long.
    second_look = (
        false() if now is None else and_(ArtworkRow.missing_since.is_not(None), ArtworkRow.next_attempt <= now)
    )
    return and_(
        or_(ArtworkRow.stale_since.is_not(None), unknown),
        or_(due(ArtworkRow, crawl_id, now), second_look),
    )


def _may_be_shown(reader: Reader, now: datetime | None) -> ColumnElement[bool]:
    """A work that was withheld may be shown now: to another reader, in another session, or after a day; to one who names it, at any time.

    What needs a reader who is signed in, no visitor asks for twice.
    """
    if now is None:
        return true()
    another = or_(
        ArtworkRow.withheld_from.is_distinct_from(reader.user_id),
        ArtworkRow.withheld_session.is_distinct_from(reader.session),
    )
    a_day_ago = not_(ArtworkRow.withheld_at.between(now - WITHHELD_FOR, now))
    may_change = ArtworkRow.unavailable_reason != Withheld.SIGNED_IN if reader.is_visitor else true()
    return or_(another, and_(a_day_ago, may_change))


def to_be_fetched(crawl_id: int, now: datetime | None, *, frames: bool) -> ColumnElement[bool]:
    """The work is known, if only by its row, and a file of it is missing and due, or one of its `frames`."""
    missing = exists().where(_is_missing(crawl_id, now, frames=frames))
    return and_(
        ArtworkRow.stale_since.is_(None),
        ArtworkRow.detail.is_not(None),
        ArtworkRow.availability == "available",
        or_(missing, and_(LACKS_FRAMES, due(ArtworkRow, crawl_id, now))) if frames else missing,
    )


def missing_files(crawl_id: int, now: datetime | None, *, frames: bool) -> ColumnElement[int]:
    """How many files of a work are missing and due."""
    return select(func.count()).select_from(FileRow).where(_is_missing(crawl_id, now, frames=frames)).scalar_subquery()


def _is_missing(crawl_id: int, now: datetime | None, *, frames: bool) -> ColumnElement[bool]:
    return and_(
        FileRow.artwork_id == ArtworkRow.id,
        true() if frames else or_(FileRow.kind != "frame", FileRow.failed_runs == 0),
        MISSING_FILE,
        due(FileRow, crawl_id, now),
    )


def lacks_caption() -> ColumnElement[bool]:
    """Only rows have told of the work, which may be had."""
    return and_(
        ArtworkRow.detail == "listing",
        ArtworkRow.availability == "available",
        ArtworkRow.stale_since.is_(None),
        ArtworkRow.caption.is_(None),
    )
