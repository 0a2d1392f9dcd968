"""Conditions, as SQL expressions, of works with something left to do."""

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
"""What must be known of a work so that its own page is not asked for: its files, if only from its row; its files and an ugoira's timing;
all that its own page says."""

WITHHELD_FOR = timedelta(days=1)
"""How long the same reader does not ask again for a withheld work."""


def unsettled_of_list(crawl_id: int, after_position: int = 0) -> ColumnElement[bool]:
    """The unsettled works after a position of the list that a run reads.

    Every position is greater than 0, but only with a condition on it does SQLite use the index of unsettled works and not that of the
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
    # A work that was not found is looked at again in the same run, if the run lasts long enough.
    second_look = (
        false() if now is None else and_(ArtworkRow.missing_since.is_not(None), ArtworkRow.next_attempt <= now)
    )
    return and_(
        or_(ArtworkRow.stale_since.is_not(None), unknown),
        or_(due(ArtworkRow, crawl_id, now), second_look),
    )


def _may_be_shown(reader: Reader, now: datetime | None) -> ColumnElement[bool]:
    """A withheld work may be shown now: to another reader, in another session, or after a day; at any time if the user names it.

    A visitor never asks again for a work that needs a session.
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
    """The work is available, and known only from rows."""
    return and_(
        ArtworkRow.detail == "listing",
        ArtworkRow.availability == "available",
        ArtworkRow.stale_since.is_(None),
        ArtworkRow.caption.is_(None),
    )
