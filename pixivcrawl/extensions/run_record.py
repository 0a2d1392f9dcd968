"""The record of a run: why it ended, what it brought, and the exit code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Mapping
from datetime import UTC, datetime
from typing import Any, Self

from scrapy import Request, Spider, signals
from scrapy.crawler import Crawler
from scrapy.exceptions import DownloadFailedError
from scrapy.logformatter import LogFormatter, LogFormatterResult
from twisted.python.failure import Failure

from pixivcrawl import faults
from pixivcrawl.api.text import plural
from pixivcrawl.configuration import Configuration
from pixivcrawl.console import complain, say
from pixivcrawl.errors import AccountRefused, FeedFailed, PixivcrawlError, StorageFailed
from pixivcrawl.extensions.on_stored import OnStored
from pixivcrawl.extensions.ugoira_video import UgoiraVideo
from pixivcrawl.faults import Watch
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.queries import UNREACHABLE
from pixivcrawl.ledger.service import is_archiving, ledger_of
from pixivcrawl.reader import Reader
from pixivcrawl.run_ending import ANSWERED, LOST, RunEnding, RunStopping
from pixivcrawl.session import reader_of, session_from_settings
from pixivcrawl.throttling.rate_limiter import rest_of_api

COMPLETE, FAILED, INTERRUPTED = 0, 1, 130

PREFIX = "pixiv/"

TRIED_AGAIN = (
    "works_failed",
    "files_failed",
    "works_waiting",
    "pictures_waiting",
    "works_withheld",
    "lists_failed",
    "comments_failed",
    "reader_unconfirmed",
)
INCOMPLETE = (*TRIED_AGAIN, "lists_cut_off", "parameters_ignored", "rows_refused", "rows_withheld", "tags_failed")
"""Counts of what is missing from the archive after a run, including what no run brings: what pixiv cuts off or ignores, and unreadable
rows.
"""


class RunRecord(RunEnding):
    """Notices what ends or spoils a run; for one that archives nothing, it only reports the error that ended it.

    `exit_code` is right once the crawl is over, `is_told` when its summary was shown.
    """

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self.is_archiving = is_archiving(crawler)
        self.exit_code = INTERRUPTED
        self.is_told = False
        self.faults = Watch()

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        record = cls(crawler)
        crawler.signals.connect(record.something_raised, signals.spider_error)
        crawler.signals.connect(record.something_raised, signals.item_error)
        crawler.signals.connect(record.spider_closed, signals.spider_closed)
        for name in ("scrapy.core.scraper", "scrapy.core.engine"):
            logging.getLogger(name).addFilter(is_worth_a_traceback)
        if record.is_archiving:
            crawler.signals.connect(record.faults.begin, signals.engine_started)
        # Two lines for each response and a line for each item are then not even put together.
        shown = logging.getLevelNamesMapping().get(str(crawler.settings["LOG_LEVEL"]).upper(), logging.ERROR)
        logging.getLogger("scrapy").setLevel(min(shown, logging.ERROR))
        return record

    def something_raised(self, failure: Failure) -> None:
        """A callback or a pipeline raised: an error that ends the run stops it, anything else is a bug of ours and is counted."""
        if isinstance(failure.value, PixivcrawlError):
            self.end(failure.value)
        elif not isinstance(failure.value, RunStopping):
            self.crawler.stats.inc_value(PREFIX + "errors")

    async def spider_closed(self, spider: Spider, reason: str) -> None:
        if not self.is_archiving:
            if self.error is not None:
                complain(f"pixivcrawl: {self.error}")
            return
        self._note_whether_pixiv_was_reached()
        for hook in (self.crawler.get_extension(OnStored), self.crawler.get_extension(UgoiraVideo)):
            if hook is not None:
                await hook.finish(at_once=reason == "shutdown")
        self._note_how_long_it_took(spider)
        try:
            await self._note_what_waits(spider)
            outcome = self._outcome(reason)
            if outcome != "complete":
                await self._note_what_is_left(spider)
            await self._note_the_end(spider, outcome)
        except StorageFailed as failure:
            # The disk has gone since the run was told to end, or in its last moment.
            self.error = self.error or failure
            self.exit_code, outcome = self.error.exit_code, "stopped"
        say("\n".join(summary(spider.name, outcome, self.counts())))
        self.is_told = True

    def _outcome(self, reason: str) -> str:
        """How the run ended, in a word; sets the exit code."""
        if self.error is not None:
            self.exit_code = self.error.exit_code
            return "stopped" if self.is_ending else "finished with failures"
        counts = self.counts()
        if reason != "shutdown" and ("errors" in counts or self.faults.first is not None):
            self.exit_code = FAILED if isinstance(self.faults.first, FeedFailed) else faults.EXIT_CODE
            return "finished with failures"
        if reason != "finished":
            self.exit_code = INTERRUPTED
            return "interrupted"
        if any(name in counts for name in INCOMPLETE):
            self.exit_code = FAILED
            return "finished with failures"
        self.exit_code = COMPLETE
        if STOPPED_AFTER_PICTURES in counts:
            return "stopped after the pictures"
        return "complete"

    async def _note_the_end(self, spider: Spider, outcome: str) -> None:
        crawl, ledger = getattr(spider, "crawl", None), ledger_of(self.crawler)
        if crawl is None or ledger.broken is not None:
            return
        noted: list[Awaitable[None]] = []
        if (is_refused := isinstance(self.error, AccountRefused)) or self.confirmed is not None:
            configuration, reader = self._who_asks_whom()
            noted.append(ledger.write(updates.note_session, configuration.api.key, reader, is_refused=is_refused))
        if _is_full_reading(spider):
            await ledger.write(updates.record_full_reading, crawl.crawl_id)
        ended = ledger.write(
            updates.end_crawl,
            crawl.crawl_id,
            outcome=outcome,
            exit_code=self.exit_code,
            counts=self.counts(),
            read_to_end=getattr(spider, "read_to_end", False),
            frontier=getattr(spider, "frontier", ()),
            now=datetime.now(UTC),
            reason=str(self.error) if self.error else None,
            confirmed=self.confirmed,
        )
        # In one transaction.
        await asyncio.gather(*noted, ended)

    async def _note_what_waits(self, spider: Spider) -> None:
        """Count what failed in an earlier run and was not due in this one: it is missing all the same."""
        crawl, ledger = getattr(spider, "crawl", None), ledger_of(self.crawler)
        if crawl is not None and ledger.broken is None:
            files = getattr(getattr(spider, "args", None), "files", True)
            if waiting := await ledger.read(queries.waiting_works, crawl.crawl_id, files=files):
                self.crawler.stats.set_value(PREFIX + "works_waiting", waiting)
            if withheld := await ledger.read(queries.withheld_works, crawl.crawl_id):
                self.crawler.stats.set_value(PREFIX + "works_withheld", withheld)

    async def _note_what_is_left(self, spider: Spider) -> None:
        """Count the works that the run did not get to."""
        crawl, ledger, wanted = getattr(spider, "crawl", None), ledger_of(self.crawler), getattr(spider, "wanted", None)
        if crawl is not None and ledger.broken is None and wanted is not None:
            left = await ledger.read(queries.works_left, crawl.crawl_id, **wanted)
            if left.works:
                self.crawler.stats.set_value(PREFIX + LEFT, left.works)

    def _note_whether_pixiv_was_reached(self) -> None:
        stats = self.crawler.stats
        lost = stats.get_value(LOST, 0)
        if lost and not stats.get_value(ANSWERED, 0):
            stats.set_value(PREFIX + UNREACHABLE, lost)

    def _note_how_long_it_took(self, spider: Spider) -> None:
        """For plans: record how fast the API answered, and how long pictures took."""
        configuration, reader = self._who_asks_whom()
        _, answer = rest_of_api(configuration, queries.account_of_reader(reader))
        files = getattr(spider, "in_progress", None)
        for name, seconds in ((queries.ANSWER_MS, answer), (queries.PICTURES_MS, files and files.seconds)):
            if seconds:
                self.crawler.stats.set_value(PREFIX + name, max(1, round(1000 * seconds)))

    def _who_asks_whom(self) -> tuple[Configuration, Reader]:
        settings = self.crawler.settings
        return Configuration.from_settings(settings), reader_of(session_from_settings(settings))

    def counts(self) -> dict[str, int]:
        """What the run brought so far: our own stats, without their prefix."""
        stats = self.crawler.stats.get_stats()
        return {name.removeprefix(PREFIX): number for name, number in stats.items() if name.startswith(PREFIX)}


def _is_full_reading(spider: Spider) -> bool:
    """Whether the run reads its whole list and compares known works."""
    arguments = getattr(spider, "args", None)
    return bool(getattr(arguments, "reread", False) and getattr(arguments, "refresh", False))


def summary(spider: str, outcome: str, counts: Mapping[str, int]) -> list[str]:
    """What a run did: a heading, then a line for each thing that happened."""
    brought = [told(name, counts[name]) for name in SUMMARY if counts.get(name)]
    for name, number in sorted(counts.items()):
        if name.startswith("works_unavailable/"):
            brought.append(f"{plural(number, 'work')} unavailable: {name.removeprefix('works_unavailable/')}")
    lines = [f"{spider}: {outcome}"]
    for count, _, what in (line.partition(" ") for line in brought):
        lines.append(f"  {count:>9}  {what}")
    lines += left_off(counts)
    if any(name in counts for name in TRIED_AGAIN):
        lines.append("what is missing and why: pixivcrawl status; the same command tries again")
    return lines


def told(name: str, number: int) -> str:
    """A count of `SUMMARY` in words: 1 work listed, 45 works listed."""
    what, became = SUMMARY[name]
    many = "people" if what == "person" else None
    return f"{plural(number, what, many) if what else f'{number:,}'} {became}".rstrip()


def left_off(counts: Mapping[str, int]) -> list[str]:
    """Where a run stopped that could have continued."""
    most, left = counts.get(STOPPED_AT), counts.get(LEFT)
    stopped = [f"stopped at max_works={most}"] if most else []
    return stopped + ([f"{left:,} left: run the same command again"] if left else [])


STOPPED_AT, STOPPED_AFTER_PICTURES, LEFT = "stopped_at_max_works", "stopped_after_pictures", "works_left"
"""What `max_works` was where it ended a list; whether the run was to end before works' own pages are read; and how many of the listed
works were still to be done when the run was ended."""

SUMMARY: dict[str, tuple[str, str]] = {
    "works_listed": ("work", "listed"),
    "works_known": ("", "known"),
    "works_new": ("", "new"),
    "works_filtered": ("work", "left out by the filters"),
    "works_forgotten": ("work", "left out: forgotten (pixivcrawl forget --undo takes that back)"),
    "works_read": ("work", "asked for"),
    "files_stored": ("file", "stored"),
    "files_flawed": ("", "of them flawed (docs/proof.md)"),
    "files_as_served": ("", "of them doubtful and kept as served (docs/proof.md)"),
    "pictures_stored": ("picture", "of an artist's page stored"),
    "bytes_stored": ("byte", "stored"),
    "comments_kept": ("comment", "kept for the first time"),
    "requests_listed": ("request", "listed"),
    "people_listed": ("person", "listed"),
    "snapshots_kept": ("snapshot", "kept"),
    "files_failed": ("file", "not stored"),
    "works_failed": ("work", "that failed"),
    "works_waiting": ("work", "waiting after a failure, or after a first 404"),
    "pictures_waiting": ("picture", "of an artist's page waiting after a failure in an earlier run"),
    "works_withheld": ("work", "withheld from this reader (pixivcrawl status says why)"),
    "lists_failed": ("list", "not read to an end"),
    "lists_cut_off": ("list", "that pixiv shows only in part"),
    "parameters_ignored": ("parameter", "that pixiv ignored"),
    "rows_refused": ("row", "that could not be read (see the log)"),
    "rows_withheld": ("row", "whose work this reader is not shown"),
    "tags_failed": ("list", "of one's own tags that could not be read"),
    "comments_failed": ("work", "whose comments could not be read"),
    "on_stored_failed": ("command", "of ON_STORED that failed or had to be skipped"),
    "ugoira_videos_made": ("video", "made (UGOIRA_VIDEO)"),
    "ugoira_video_failed": ("video", "not made (UGOIRA_VIDEO); the next run tries again"),
    "reader_unconfirmed": ("question", "about the session that pixiv did not answer"),
    "errors": ("fault", "of pixivcrawl itself"),
    "api_requests": ("API request", ""),
    "image_requests": ("image request", ""),
}
"""What each count is a number of, where that is not plain from the line before it, and what became of them."""


def is_worth_a_traceback(record: logging.LogRecord) -> bool:
    """Whether an exception is not already printed in one line by the command, which Scrapy's traceback would bury.

    That of an address that does not answer is taken off: the line itself says all (`OneLine`).
    """
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, DownloadFailedError):
        record.exc_info = None
    return not isinstance(error, (PixivcrawlError, RunStopping))


class OneLine(LogFormatter):
    """Logs in one line a dropped file, without dumping the item, and an address that does not answer, with the reason."""

    def dropped(self, item: Any, exception: BaseException, response: Any, spider: Spider) -> LogFormatterResult:
        said = super().dropped(item, exception, response, spider)
        return {"level": said["level"], "msg": "%(reason)s", "args": {"reason": str(exception)}}

    def download_error(
        self, failure: Failure, request: Request, spider: Spider, errmsg: str | None = None
    ) -> LogFormatterResult:
        return super().download_error(failure, request, spider, errmsg or failure.getErrorMessage())
