"""The state of a fleet: who holds which lane, what waits, and recent failures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from scrapy.settings import Settings
from sqlalchemy import Connection, func, select, text

from pixivcrawl.api.text import one_line, plural, spoken
from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.models import CrawlRow
from pixivcrawl.runs.subscriptions import as_account
from pixivcrawl.session import account_names, reader_of, session_from_settings
from pixivcrawl.throttling.lane import server_key, whose_lane
from pixivcrawl.throttling.server_lane import holder_of

OF_LATE = timedelta(days=1)

_JOBS = text(
    "SELECT args ->> 'account' AS account, count(*) FILTER (WHERE status = 'todo') AS waiting,"
    " count(*) FILTER (WHERE status = 'doing') AS at_work, count(*) FILTER (WHERE status = 'failed') AS failed,"
    " min(at) FILTER (WHERE status = 'todo') AS oldest"
    " FROM fleet.procrastinate_jobs AS jobs JOIN fleet.procrastinate_events AS events ON job_id = jobs.id AND type = 'deferred'"
    " WHERE task_name = 'crawl' GROUP BY 1 ORDER BY 1"
)
_HAS_A_QUEUE = text("SELECT to_regclass('fleet.procrastinate_jobs') IS NOT NULL")


def standing(connection: Connection, settings: Settings, now: datetime) -> Iterator[str]:
    """Lines about the lane of each account with a session here, what waits for each account, and each cause of failures."""
    configuration = Configuration.from_settings(settings)
    for name in ("", *account_names(settings)):
        reader = reader_of(session_from_settings(as_account(settings, name)))
        holder = holder_of(connection, server_key(configuration, reader)) or "nobody"
        sent = queries.requests_spent(connection, configuration.api.key, now, queries.account_of_reader(reader))
        told = f"{name}, {whose_lane(configuration, reader)}" if name else whose_lane(configuration, reader)
        yield f"{told}: at work: {holder}; {plural(sent, 'API request')} today (UTC)"
    if not connection.execute(_HAS_A_QUEUE).scalar():
        yield "no worker has begun yet: pixivcrawl work"
        return
    for job in connection.execute(_JOBS):
        waits = f"; the oldest waits for {spoken((now - job.oldest).total_seconds())}" if job.oldest else ""
        failed = f"; {job.failed:,} failed and wait for a person" if job.failed else ""
        yield f"jobs{f' of {job.account}' if job.account else ''}: {job.waiting:,} waiting, {job.at_work:,} at work{failed}{waits}"
    failures = (
        select(CrawlRow.exit_code, CrawlRow.reason, func.count())
        .where(CrawlRow.exit_code > 1, CrawlRow.ended > now - OF_LATE)
        .group_by(CrawlRow.exit_code, CrawlRow.reason)
        .order_by(func.count().desc())
    )
    for code, reason, number in connection.execute(failures):
        yield f"of the last day: {plural(number, 'crawl')} ended with exit code {code}: {one_line(reason or 'no reason was given', 200)}"
