"""What a run owes, from the ledger, the disk and what was told before; and what is remembered of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.ledger.queries import Missing, reports
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.notices.memory import FILE_NAME, Told, remember
from pixivcrawl.notices.outcomes import Outcome
from pixivcrawl.notices.owed import SHOWN, Notice, digest, digest_begins, notices, settled
from pixivcrawl.reporting.gathering import Limits, News, gather, place_of


def owed_by_run(
    configuration: Configuration,
    began: datetime,
    outcomes: Sequence[Outcome],
    told: Mapping[str, Told],
    *,
    weekly: bool,
) -> list[Notice]:
    """What is to be told of a run that `began` then; `weekly`: the digest too, when it is due."""
    now = datetime.now(UTC)
    place = place_of(configuration)
    begins = digest_begins(told, now) if weekly and "digest" in configuration.notice_on else None
    failed: list[Missing] = []
    news: News | None = None
    try:
        ledger = Ledger.open(configuration.database_url, read_only=True)
        try:
            failed = ledger.read_now(_failed_anew, began)
            if begins is not None:
                news = ledger.read_now(gather, place, Span(begins, now), now, Limits(SHOWN, 0, 0))
        finally:
            ledger.close()
    except PixivcrawlError:
        # A ledger that cannot go on is told of by the run itself.
        pass
    owed = notices(configuration.notice_on, outcomes, failed, place, told, now)
    return [*owed, digest(news)] if news is not None else owed


def remember_taken(
    configuration: Configuration, outcomes: Sequence[Outcome], told: Mapping[str, Told], taken: Mapping[str, Notice]
) -> None:
    """Keep what was told; `taken` are the notices, by event, that a service took. Raises OSError.

    One service that took a notice is enough: another that always fails must not have it repeated.
    """
    over = settled(outcomes, place_of(configuration))
    kept = {event: each for event, each in told.items() if event not in over}
    kept |= {event: Told(datetime.now(UTC), notice.what) for event, notice in taken.items()}
    is_new = not (configuration.archive_dir / FILE_NAME).exists()
    if (kept != told or is_new) and configuration.archive_dir.is_dir():
        remember(configuration.archive_dir, kept)


def _failed_anew(connection: Connection, began: datetime) -> list[Missing]:
    first_run = reports.first_run_since(connection, began)
    if first_run is None:
        return []
    return list(reports.failures(connection, first_run, SHOWN + 1, for_the_first_time=True))
