"""The end of a run as far as notices go: nothing here changes how the run ended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from scrapy.settings import BaseSettings
from sqlalchemy import Connection

from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.ledger.queries import Missing, reports
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.notices.memory import FILE_NAME, Told, remember, remembered
from pixivcrawl.notices.outcomes import Outcome
from pixivcrawl.notices.owed import SHOWN, Notice, digest, digest_begins, notices, settled
from pixivcrawl.notices.sending import Delivery, Message, send
from pixivcrawl.notices.services import services_from_settings
from pixivcrawl.reporting.gathering import Limits, News, gather, place_of


def tell(settings: BaseSettings, began: datetime, outcomes: Sequence[Outcome], *, weekly: bool = False) -> None:
    """Send the notices that a run which `began` then owes, `weekly` the digest too when it is due. Raises nothing of ours.

    What goes wrong is said once, in one line on standard error.
    """
    try:
        services = services_from_settings(settings)
        configuration = Configuration.from_settings(settings)
        if not services or not configuration.notice_on:
            return
        told = remembered(configuration.archive_dir)
        owed = _owed(configuration, began, outcomes, told, weekly=weekly)
        deliveries = (
            send(services, [Message(each.title, each.body) for each in owed], configuration.notice_timeout)
            if owed
            else []
        )
        taken = {owed[each.message].event: owed[each.message] for each in deliveries if each.why is None}
        _remember(configuration, outcomes, told, taken)
        _say_what_failed(deliveries)
    except (PixivcrawlError, OSError) as error:
        said = str(error) if isinstance(error, PixivcrawlError) else error.strerror
        _say(f"no notice was sent, or it may come again ({said}); the run is as it was")


def failed_at(deliveries: Sequence[Delivery]) -> dict[str, str]:
    """{service: why} of those that did not take every message."""
    return {str(each.service): each.why for each in deliveries if each.why is not None}


def _owed(
    configuration: Configuration, began: datetime, outcomes: Sequence[Outcome], told: dict[str, Told], *, weekly: bool
) -> list[Notice]:
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


def _failed_anew(connection: Connection, began: datetime) -> list[Missing]:
    first_run = reports.first_run_since(connection, began)
    if first_run is None:
        return []
    return list(reports.failures(connection, first_run, SHOWN + 1, for_the_first_time=True))


def _remember(
    configuration: Configuration, outcomes: Sequence[Outcome], told: dict[str, Told], taken: dict[str, Notice]
) -> None:
    """One service that took a notice is enough: another that always fails must not have it repeated."""
    over = settled(outcomes, place_of(configuration))
    kept = {event: each for event, each in told.items() if event not in over}
    kept |= {event: Told(datetime.now(UTC), notice.what) for event, notice in taken.items()}
    is_new = not (configuration.archive_dir / FILE_NAME).exists()
    if (kept != told or is_new) and configuration.archive_dir.is_dir():
        remember(configuration.archive_dir, kept)


def _say_what_failed(deliveries: Sequence[Delivery]) -> None:
    if failed := failed_at(deliveries):
        services = ", ".join(f"{service} ({why})" for service, why in failed.items())
        _say(f"notices did not reach {services}; the run is as it was; scrapy notify tries each service")


def _say(line: str) -> None:
    sys.stderr.write(f"pixivcrawl: {line}\n")
    sys.stderr.flush()
