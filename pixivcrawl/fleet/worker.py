"""A worker: plans what is due, runs crawls in separate processes, and takes over what a dead worker had begun."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import psycopg
from procrastinate import App, BaseRetryStrategy, PsycopgConnector, RetryDecision
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from psycopg.errors import RaiseException
from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration
from pixivcrawl.console import say
from pixivcrawl.errors import AccountRefused, ArchiveInUse, ConfigurationError, PixivcrawlError, StorageFailed
from pixivcrawl.fleet.queue import CRAWL, Work, note_plan, queue_of
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.failures import BUSY_TIMEOUT, place_of
from pixivcrawl.runs.queue import job_of
from pixivcrawl.runs.subscriptions import as_account, file_path, look_up, of_accounts, read_ledger
from pixivcrawl.session import account_names, reader_of, session_from_settings
from pixivcrawl.subscriptions.file import read_file
from pixivcrawl.subscriptions.planning import due

PLANNING = "planning"

DONE = {0, 1}
"""Exit codes after which a job is done: what is left of its list has its own next time, and is planned again."""

FOR_A_PERSON = {ConfigurationError.exit_code, AccountRefused.exit_code}
"""Exit codes for which another try is useless."""

TAKEN_WAIT, FIRST_WAIT, LONGEST_WAIT = 15, 5, 3600
"""Seconds until a job that ended otherwise is tried again: if another crawl had the lane; and for all others, doubling each time."""

BEATS_EVERY, DEAD_AFTER = 3.0, 15.0
"""Seconds between two signs of life of a worker, and without one after which its jobs are taken back."""

SAID_AFTER = 8.0
"""Seconds without an answer of the server after which a line is logged."""

ENDS_WITHIN = 20.0
"""Seconds that a crawl has when its worker is stopped: a clean shutdown takes up to 8, and a slow disk may delay it."""


LOST = (ConnectorException, psycopg.Error, TimeoutError)
"""What is raised when the queue's server is away or never answers."""


class EndedWith(Exception):
    """A crawl that failed."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(f"exit code {exit_code}")
        self.exit_code = exit_code


SAID_ELSEWHERE = (*LOST, EndedWith, StorageFailed)
"""Errors that a line of this program already reports, so that the log needs no traceback."""

QUEUE_LOGGERS = ("procrastinate.worker", "procrastinate.worker.worker", "procrastinate.utils")
"""The queue library's log messages about failed jobs."""


class TriedAgain(BaseRetryStrategy):
    """Retries at growing intervals, unless a person has to act first."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        if isinstance(exception, EndedWith) and exception.exit_code in FOR_A_PERSON:
            return None
        if isinstance(exception, EndedWith) and exception.exit_code == ArchiveInUse.exit_code:
            return RetryDecision(retry_in={"seconds": TAKEN_WAIT})
        return RetryDecision(retry_in={"seconds": min(FIRST_WAIT * 2 ** min(job.attempts, 16), LONGEST_WAIT)})


def add_tasks(app: App, settings: Settings, options: Sequence[str], count_workers: Callable[[], int]) -> None:
    """Add the tasks that do the queue's jobs. The worker's `options` are passed to each crawl.

    `count_workers` tells how many workers share this machine, and so its proof workers.
    """
    proof_workers = Configuration.from_settings(settings).proof_workers

    @app.task(name=CRAWL, retry=TriedAgain())
    async def crawl(account: str, spider: str, arguments: dict[str, str]) -> int:
        work = Work(account, spider, arguments)
        if await asyncio.to_thread(is_refused, settings, account):
            raise EndedWith(AccountRefused.exit_code)
        share = max(1, proof_workers // count_workers())
        code = await run_crawl(work, [*options, "-s", f"PROOF_WORKERS={share}"])
        say(
            f"{spider} {' '.join(f'{name}={value}' for name, value in arguments.items())} as {account or 'yourself'}: exit code {code}"
        )
        if code not in DONE and not await waits_too(app, work.key):
            raise EndedWith(code)
        return code

    @app.periodic(cron="* * * * *")
    @app.task(name="plan", queue=PLANNING, lock=PLANNING, queueing_lock=PLANNING)
    async def plan(timestamp: int) -> None:
        try:
            await plan_now(app, settings)
        except PixivcrawlError as error:
            # Planning is tried again in a minute anyway: a failed job for each minute would add nothing.
            say(f"nothing was planned: {error}")


async def plan_now(app: App, settings: Settings) -> None:
    """Add a job for each list that is due and has none.

    Raises PixivcrawlError, which the fleet's status shows until this worker can plan.
    """
    worker = f"{platform.node()}:{Configuration.from_settings(settings).archive.root}"
    try:
        await _add_what_is_due(app, settings)
    except PixivcrawlError as error:
        # A server that is away cannot record it; the worker itself notices that.
        with suppress(*LOST):
            await note_plan(app, worker, str(error))
        raise
    await note_plan(app, worker, None)


async def _add_what_is_due(app: App, settings: Settings) -> None:
    due_now = await asyncio.to_thread(lambda: list(due_work(settings)))
    at_work = {job.queueing_lock for job in await app.job_manager.list_jobs_async(status="doing")}
    for work in due_now:
        if work.key in at_work:
            continue
        # One account, one crawl at a time; one list, one job that waits.
        asked = app.configure_task(
            CRAWL, queue=queue_of(work.account), lock=queue_of(work.account), queueing_lock=work.key
        )
        with suppress(AlreadyEnqueued):
            await asked.defer_async(account=work.account, spider=work.spider, arguments=dict(work.arguments))


def due_work(settings: Settings) -> Iterator[Work]:
    """The subscriptions that are due, without those of accounts that pixiv no longer accepts."""
    configuration, file = Configuration.from_settings(settings), read_file(file_path(settings))
    for catalogue, part in of_accounts(settings, session_from_settings(settings), file):
        catalogue.check(part)
        if is_refused(settings, catalogue.account):
            continue
        state = look_up(configuration, catalogue, part)
        for each in due(state.wanted, state.runs, datetime.now(UTC)):
            job = job_of(each)
            yield Work(catalogue.account, str(job.spider), job.arguments)


def is_refused(settings: Settings, account: str) -> bool:
    """Whether pixiv refused an account's present session when it was last used."""
    configuration = Configuration.from_settings(settings)
    session = reader_of(session_from_settings(as_account(settings, account))).session
    refused = read_ledger(configuration, lambda connection: queries.refused_sessions(connection, configuration.api.key))
    return session is not None and session in (refused or ())


async def run_crawl(work: Work, options: Sequence[str]) -> int:
    """Run a crawl to its end in a separate process and return its exit code. Cancelling this ends the crawl."""
    words = [word for name, value in work.arguments.items() for word in ("-a", f"{name}={value}")]
    account = ["-s", f"PIXIV_ACCOUNT={work.account}"] if work.account else []
    command = [
        sys.executable,
        "-m",
        "pixivcrawl.fleet.child",
        str(os.getpid()),
        CRAWL,
        work.spider,
        *words,
        *account,
        *options,
    ]
    # In a group of its own, because Ctrl-C is for the worker, which passes it on.
    child = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, start_new_session=True)
    try:
        return await child.wait()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            child.terminate()
        with suppress(TimeoutError):
            await asyncio.wait_for(child.wait(), ENDS_WITHIN)
        if child.returncode is None:
            os.killpg(child.pid, signal.SIGKILL)
        raise


async def waits_too(app: App, key: str | None) -> bool:
    """Whether the queue has the same job once more, planned at the moment when the other began: two cannot wait."""
    return key is not None and bool(await app.job_manager.list_jobs_async(queueing_lock=key, status="todo"))


async def take_back(app: App) -> None:
    """Return the jobs of dead workers to the queue, every few seconds. Raises TimeoutError if the server never answers."""
    while True:
        saying = asyncio.get_running_loop().call_later(
            SAID_AFTER, say, "the queue's server does not answer, and is waited for"
        )
        try:
            async with asyncio.timeout(BUSY_TIMEOUT):
                await _take_back_now(app)
        finally:
            saying.cancel()
        await asyncio.sleep(BEATS_EVERY)


async def _take_back_now(app: App) -> None:
    for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=DEAD_AFTER):
        try:
            if await waits_too(app, job.queueing_lock):
                await app.job_manager.finish_job(job, Status.ABORTED, delete_job=True)
            else:
                await app.job_manager.retry_job(job)
        except ConnectorException as error:
            # Another worker was faster, or the same list was planned just now: the next check sees it.
            if not isinstance(error, UniqueViolation) and not isinstance(error.__cause__, RaiseException):
                raise


def say_it_once() -> None:
    """Keep the libraries' logs from repeating what this program reports: that the server is away, or a crawl failed."""
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    for name in QUEUE_LOGGERS:
        logging.getLogger(name).addFilter(
            lambda record: record.exc_info is None or not isinstance(record.exc_info[1], SAID_ELSEWHERE)
        )


@asynccontextmanager
async def queue_there(settings: Settings) -> AsyncIterator[None]:
    """Raises StorageFailed if the queue's server goes away meanwhile: the worker is restarted, and its jobs are taken over."""
    try:
        yield
    except LOST as error:
        place = place_of(read_url(Configuration.from_settings(settings).database_url))
        said = str(error.__cause__ or error).strip().splitlines() or [f"it has not answered for {BUSY_TIMEOUT:.0f} s"]
        raise StorageFailed(
            f"the queue on {place} cannot go on: {said[0]}: check the database, then start the worker again"
        ) from error


async def work(app: App, settings: Settings, *, once: bool) -> None:
    """Do the queue's jobs for the accounts that have a session here, until stopped; `once`: until none is left."""
    say_it_once()
    own = [queue_of(account) for account in ("", *account_names(settings))]
    how: dict[str, Any] = {
        "update_heartbeat_interval": BEATS_EVERY,
        "stalled_worker_timeout": DEAD_AFTER,
        "delete_jobs": "successful",
    }
    async with queue_there(settings), app.open_async():
        await plan_now(app, settings)
        # One crawl at a time: several would wait for each other's lock on the archive's folder. The worker polls for jobs: if it listened
        # on a connection, it would end with that, and its crawl too, whenever the server restarts.
        working = app.run_worker_async(
            queues=[PLANNING, *own],
            concurrency=1,
            wait=not once,
            shutdown_graceful_timeout=0,
            listen_notify=False,
            **how,
        )
        tasks = {asyncio.ensure_future(working), asyncio.ensure_future(take_back(app))}
        done: set[asyncio.Future[None]] = set()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except LOST:
            # So that nothing still waits for a connection, or tries to tell the server that this worker ends.
            assert isinstance(app.connector, PsycopgConnector)
            await app.connector.pool.close(timeout=0)
            raise
        finally:
            for task in tasks:
                task.cancel()
            ended, _ = await asyncio.wait(tasks, timeout=ENDS_WITHIN)
            for task in ended - done:
                # Retrieved here because otherwise the log would complain that the other task's error was never read.
                if not task.cancelled():
                    task.exception()
