"""Runs several crawls one after another in one process, for `pixivcrawl archive` and `pixivcrawl sync`."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count

from scrapy import Spider
from scrapy.crawler import AsyncCrawlerProcess
from twisted.internet.error import ReactorNotRunning

from pixivcrawl import faults
from pixivcrawl.api.text import one_line
from pixivcrawl.base_spiders.rechecks import RECHECKS_DEFERRED, defer_rechecks
from pixivcrawl.console import say
from pixivcrawl.errors import AccountRefused, ArchiveInUse, PauseTooLong, StorageFailed
from pixivcrawl.extensions.progress.terminal import OverallProgress, put_away
from pixivcrawl.extensions.run_record import INTERRUPTED, SUMMARY, left_off, told
from pixivcrawl.notifications.state import Outcome
from pixivcrawl.runs.exit_codes import exit_code, outcome_of
from pixivcrawl.runs.memory import limit_heaps
from pixivcrawl.runs.signals import exit_without_the_clock
from pixivcrawl.subscriptions.planning import DueList

ENDS_ALL = {
    *(error.exit_code for error in (ArchiveInUse, AccountRefused, StorageFailed, PauseTooLong)),
    INTERRUPTED,
}
"""Exit codes after which the next one of the same account would only fail in the same way."""

ENDS_EVERY_ACCOUNT = {StorageFailed.exit_code, INTERRUPTED}
"""Those after which the next one of another account would, too."""

OUTCOMES = {
    0: "complete",
    1: "finished with failures",
    2: "refused",
    faults.EXIT_CODE: "a bug in pixivcrawl",
    INTERRUPTED: "interrupted",
}

COLLECTED_EVERY = 8
"""After this many crawls their reference cycles, 1.6 MB each, are collected: Python would do it too late, because each crawl exempts the
objects that exist when it begins (extensions/garbage_collection.py). It takes a tenth of a second.
"""

NOT_REPORTED = {"bytes_stored", "api_requests", "image_requests"}
"""Counts that each crawl's own summary shows, and that the final report leaves out."""


@dataclass(slots=True)
class Job:
    """One crawl and its result; `exit_code` is None until it has run, `reason` says why it ended early.

    `spider` may be one without a name in the project; `name` is the job's name for people. `decides_the_rest`: which jobs
    follow depends on it, so it waits for its rechecks. `account` is the reader, one of PIXIV_ACCOUNTS; "" for the default one.
    """

    spider: str | type[Spider]
    arguments: Mapping[str, str]
    exit_code: int | None = None
    reason: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    begun: bool = False
    name: str = ""
    decides_the_rest: bool = False
    account: str = ""

    def __str__(self) -> str:
        spider = self.spider if isinstance(self.spider, str) else self.spider.name
        what = one_line(" ".join([spider, *(f"{name}={value}" for name, value in self.arguments.items())]))
        return f"{self.name} ({what})" if self.name else what


def job_of(planned: DueList) -> Job:
    """The crawl that reads a list that is due."""
    wanted = planned.wanted
    compared = {"refresh": "true", "reread": "true"} if planned.compare else {}
    return Job(wanted.spider, {**wanted.arguments, **compared}, name=wanted.name)


async def in_turn(jobs: Iterable[Job]) -> AsyncIterator[Job]:
    """Jobs that are known from the start, in the form that `run_all` takes, up to one that ends all."""
    for job in jobs:
        yield job
        if job.exit_code in ENDS_ALL:
            return


def run_all(
    process: AsyncCrawlerProcess,
    jobs: AsyncIterator[Job],
    overall: Callable[[], OverallProgress] | None = None,
) -> None:
    """Run the crawls one after another in this process. `jobs` is asked for the next one when the last is over, and
    has none after one that ends all; `overall` tells a person where the whole stands.
    Raises bugs of ours, and errors of `jobs`.
    """
    from twisted.internet import reactor

    def stop(_: object) -> None:
        # Ctrl-C has stopped it already.
        with suppress(ReactorNotRunning):
            reactor.stop()  # type: ignore[misc]

    limit_heaps()
    exit_without_the_clock()
    running = asyncio.get_event_loop().create_task(one_after_another(process, jobs, overall))
    running.add_done_callback(stop)
    try:
        process.start(stop_after_crawl=False, install_signal_handlers=False)
    finally:
        put_away()
    if running.done():
        running.result()


async def one_after_another(
    process: AsyncCrawlerProcess,
    jobs: AsyncIterator[Job],
    overall: Callable[[], OverallProgress] | None = None,
) -> None:
    from pixivcrawl.extensions.progress.reporter import watched  # only here: it imports what crawls import

    looked_at_later: list[Job] = []
    ended: set[str] = set()
    numbers = count(1)

    async def run(job: Job, *, is_last_look: bool) -> bool:
        """Whether a job of another account may follow."""
        say(f"\n{job}")
        job.begun, job.exit_code = True, None
        crawler = process.create_crawler(job.spider)
        if job.account:
            crawler.settings.set("PIXIV_ACCOUNT", job.account, priority="cmdline")
        if not is_last_look and not job.decides_the_rest:
            defer_rechecks(crawler)
        crawling = process.crawl(crawler, **job.arguments)
        await asyncio.wait([crawling])
        job.exit_code = exit_code(crawler, crawling)
        job.reason, counts = outcome_of(crawler, crawling)
        if RECHECKS_DEFERRED in counts:
            looked_at_later.append(job)
        job.counts = sums(job.counts, counts)
        if next(numbers) % COLLECTED_EVERY == 0:
            gc.collect()
        if job.exit_code in ENDS_ALL:
            ended.add(job.account)
        return job.exit_code not in ENDS_EVERY_ACCOUNT

    with watched(process.settings, overall):
        goes_on = True
        async for job in jobs:
            goes_on = await run(job, is_last_look=False)
        for job in looked_at_later.copy():
            if goes_on and job.account not in ended:
                goes_on = await run(job, is_last_look=True)


def sums(before: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, int]:
    """The counts of both runs of a job; lists that the first one put off are no longer failures."""
    put_off = before.get(RECHECKS_DEFERRED, 0)
    kept = {name: number for name, number in before.items() if name != RECHECKS_DEFERRED}
    kept["lists_failed"] = kept.get("lists_failed", 0) - put_off
    both = {name: kept.get(name, 0) + counts.get(name, 0) for name in kept.keys() | counts.keys()}
    return {name: number for name, number in both.items() if number}


def worst(jobs: Iterable[Job]) -> int:
    """The exit code of all jobs together: that of the job that ended them, otherwise the greatest. A job that never ran was interrupted."""
    codes = [INTERRUPTED if job.exit_code is None else job.exit_code for job in jobs]
    return next((code for code in codes if code in ENDS_ALL), max(codes, default=0))


def brought(job: Job) -> str:
    """The result of a job in one line."""
    if job.exit_code is None:
        return f"{'interrupted' if job.begun else 'not begun'}; run the same command again"
    counts = [told(name, job.counts[name]) for name in SUMMARY if name in job.counts.keys() - NOT_REPORTED]
    said = ", ".join([*counts, *left_off(job.counts)])
    return "; ".join([OUTCOMES.get(job.exit_code, "stopped"), *filter(None, [job.reason, said])])


def outcomes(jobs: Iterable[Job]) -> list[Outcome]:
    """The results of the jobs that have run."""
    return [
        Outcome(str(job), INTERRUPTED if job.exit_code is None else job.exit_code, job.reason, job.counts)
        for job in jobs
        if job.begun
    ]
