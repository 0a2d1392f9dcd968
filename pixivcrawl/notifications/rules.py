"""Decides which notices a run sends: from its result, the ledger, the disk, earlier notices, and the time."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from pixivcrawl import faults
from pixivcrawl.api.text import one_line, plural, size
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import AccountRefused, ConfigurationError, PixivcrawlError, StorageFailed
from pixivcrawl.ledger.queries import UNREACHABLE, Missing, reports
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.notifications.state import FILE_NAME, Outcome, SentNotice, remember
from pixivcrawl.reporting.collect import Limits, News, Place, gather, place_of
from pixivcrawl.reporting.text import artist_name, counted, day, failure_line, headline

WEEK = timedelta(days=7)

EARLY = timedelta(minutes=30)
"""Timers are not exact to the second."""

LONGEST_DIGEST = timedelta(days=31)
"""The longest period of a digest, even if none could be sent for longer."""

AGAIN_AFTER = {"refused": timedelta(days=1), "disk_low": timedelta(days=1), "failures": WEEK}
"""How long the same notice is not repeated."""

SHOWN = 10
"""Lines of a list in a notice."""

NOT_READ = ("lists_failed", "comments_failed", "errors", UNREACHABLE)
"""Counts of a run about more than single works and files, which the ledger knows."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice. `event` is one of the words of NOTICE_ON; `what` identifies it, so that it is not soon repeated."""

    event: str
    title: str
    body: str
    what: str


def notices(
    on: Collection[str],
    outcomes: Sequence[Outcome],
    failed: Sequence[Missing],
    place: Place,
    told: Mapping[str, SentNotice],
    now: datetime,
) -> list[Notice]:
    """The notices to send, except the digest. `failed` are works and files that failed for the first time, `SHOWN` + 1 at most."""
    found = [*_refused(outcomes), *_failures(outcomes, failed), *_disk_low(place)]
    return [notice for notice in found if notice.event in on and not _was_told(notice, told, now)]


def settled(outcomes: Sequence[Outcome], place: Place) -> set[str]:
    """What is over, so that a notice is sent at once if it comes back."""
    over = set()
    if outcomes and all(outcome.exit_code in (0, 1) for outcome in outcomes):
        over.add("refused")
    if not _is_low(place):
        over.add("disk_low")
    return over


def digest_begins(told: Mapping[str, SentNotice], now: datetime) -> datetime | None:
    """The start of the period of a digest that is due now; None if none is due. The first one is due at once.

    A time ahead of now was written before the clock was set back.
    """
    last = told.get("digest")
    if last is None or last.at > now + EARLY:
        return now - WEEK
    return max(last.at, now - LONGEST_DIGEST) if last.at <= now - WEEK + EARLY else None


def digest(news: News) -> Notice:
    """A week in a few lines."""
    lines = [f"{day(news.span.since)} to {day(news.span.until)}", *headline(news)]
    if news.attention:
        lines += ["", "needs a person:", *(f"- {one_line(line, 200)}" for line in news.attention[:SHOWN])]
    if news.artists:
        lines += ["", "most new works:"]
        lines += [
            f"- {one_line(artist_name(artist.user_id, artist.name), 50)}: {counted(artist)}"
            for artist in news.artists[:SHOWN]
        ]
    lines += ["", "pixivcrawl report shows more"]
    title = f"pixiv archive: {plural(news.sums.works, 'new work')}"
    return Notice("digest", title, "\n".join(lines), news.span.until.isoformat())


def _refused(outcomes: Sequence[Outcome]) -> Iterator[Notice]:
    for outcome in outcomes:
        if outcome.exit_code == AccountRefused.exit_code:
            body = one_line(f"{outcome.name}: {outcome.reason}", 500)
            yield Notice("refused", "pixiv archive: the account was refused", body, _mark([outcome.reason]))
            return


def _failures(outcomes: Sequence[Outcome], failed: Sequence[Missing]) -> Iterator[Notice]:
    lines = [f"{outcome.name}: {_why(outcome)}" for outcome in outcomes if _is_failure(outcome)]
    # Their wording may change from run to run; which they are does not.
    marks = [outcome.name for outcome in outcomes if _is_failure(outcome)]
    for failure in failed[:SHOWN]:
        lines.append(failure_line(failure))
        marks.append(f"{failure.work_id} {failure.page}")
    if len(failed) > SHOWN:
        lines.append("and more: pixivcrawl status")
    if lines:
        ended = any(outcome.exit_code == StorageFailed.exit_code for outcome in outcomes)
        title = "pixiv archive: a run had to stop" if ended else "pixiv archive: something failed"
        yield Notice("failures", title, "\n".join(one_line(line, 300) for line in lines), _mark(marks))


def _is_failure(outcome: Outcome) -> bool:
    if outcome.exit_code in (StorageFailed.exit_code, ConfigurationError.exit_code, faults.EXIT_CODE):
        return True
    return outcome.exit_code == 1 and any(outcome.counts.get(name) for name in NOT_READ)


def _why(outcome: Outcome) -> str:
    if outcome.reason:
        return outcome.reason
    if outcome.counts.get(UNREACHABLE):
        return "pixiv could not be reached"
    if outcome.counts.get("errors"):
        return "a bug in pixivcrawl, see the log"
    return "its list or its comments could not be read to their end"


def _disk_low(place: Place) -> Iterator[Notice]:
    if _is_low(place):
        body = f"{size(place.free)} are left on the disk of {one_line(str(place.root), 200)}; less than {size(place.disk_low)}"
        yield Notice("disk_low", "pixiv archive: the disk is nearly full", body, "low")


def _is_low(place: Place) -> bool:
    return place.free < place.disk_low


def _was_told(notice: Notice, told: Mapping[str, SentNotice], now: datetime) -> bool:
    last = told.get(notice.event)
    return last is not None and last.what == notice.what and last.at <= now < last.at + AGAIN_AFTER[notice.event]


def _mark(words: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(sorted(words)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def notices_of_run(
    configuration: Configuration,
    began: datetime,
    outcomes: Sequence[Outcome],
    told: Mapping[str, SentNotice],
    *,
    weekly: bool,
) -> list[Notice]:
    """The notices to send for a run that `began` then; `weekly`: also the digest, if it is due."""
    now = datetime.now(UTC)
    place = place_of(configuration)
    begins = digest_begins(told, now) if weekly and "digest" in configuration.notice_on else None
    failed: list[Missing] = []
    news: News | None = None
    try:
        ledger = Ledger.open(configuration.database_url, read_only=True)
        try:
            failed = ledger.read_now(_newly_failed, began)
            if begins is not None:
                news = ledger.read_now(gather, place, Span(begins, now), now, Limits(SHOWN, 0, 0))
        finally:
            ledger.close()
    except PixivcrawlError:
        # A ledger that cannot continue is reported by the run itself.
        pass
    owed = notices(configuration.notice_on, outcomes, failed, place, told, now)
    return [*owed, digest(news)] if news is not None else owed


def remember_taken(
    configuration: Configuration,
    outcomes: Sequence[Outcome],
    told: Mapping[str, SentNotice],
    taken: Mapping[str, Notice],
) -> None:
    """Remember what was sent; `taken` are the notices, by event, that a service accepted. Raises OSError.

    One service that took a notice is enough: another that always fails must not have it repeated.
    """
    over = settled(outcomes, place_of(configuration))
    kept = {event: each for event, each in told.items() if event not in over}
    kept |= {event: SentNotice(datetime.now(UTC), notice.what) for event, notice in taken.items()}
    is_new = not (configuration.archive_dir / FILE_NAME).exists()
    if (kept != told or is_new) and configuration.archive_dir.is_dir():
        remember(configuration.archive_dir, kept)


def _newly_failed(connection: Connection, began: datetime) -> list[Missing]:
    first_run = reports.first_run_since(connection, began)
    if first_run is None:
        return []
    return list(reports.failures(connection, first_run, SHOWN + 1, for_the_first_time=True))
