"""The state of a fleet, as the ledger's server knows it: lanes, pauses, the queue, and how the crawls of the last day ended."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select, text

from pixivcrawl.api.text import one_line, plural, size, spoken
from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.models import AccountRow
from pixivcrawl.ledger.presence import holders_of
from pixivcrawl.ledger.updates.hosts import day_of, shared_clock
from pixivcrawl.reader import Reader
from pixivcrawl.throttling.lane import server_key, whose_lane

OF_LATE = timedelta(days=1)

MOST_REASONS = 20
"""Reasons that are shown, the most frequent ones: some name a work or a time, so that there is no end to them."""

_JOBS = text(
    "SELECT args ->> 'account' AS account, count(*) FILTER (WHERE status = 'todo') AS waiting,"
    " count(*) FILTER (WHERE status = 'doing') AS at_work, count(*) FILTER (WHERE status = 'failed') AS failed,"
    " min(at) FILTER (WHERE status = 'todo') AS oldest"
    " FROM fleet.procrastinate_jobs AS jobs JOIN fleet.procrastinate_events AS events ON job_id = jobs.id AND type = 'deferred'"
    " WHERE task_name = 'crawl' GROUP BY 1 ORDER BY 1"
)
_HAS_A_QUEUE = text("SELECT to_regclass('fleet.failed_plans') IS NOT NULL")
_FAILED_PLANS = text("SELECT worker, reason, since FROM fleet.failed_plans WHERE last > :since ORDER BY worker")
_ENDED = text(
    "SELECT exit_code, CASE WHEN exit_code > 1 THEN reason END AS reason, count(*) AS crawls,"
    " coalesce(sum((counts::json ->> 'files_stored')::bigint), 0)::bigint AS files,"
    " coalesce(sum((counts::json ->> 'bytes_stored')::bigint), 0)::bigint AS bytes"
    " FROM crawls WHERE ended > :since AND exit_code IS NOT NULL GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
)


@dataclass(frozen=True, slots=True)
class Lane:
    """The lane of an account: who holds it (None: nobody), its API requests today (UTC), and for how many seconds it is paused.

    `name` is the name of its session here; "" for an account without a session here, or this machine's own.
    """

    reader: Reader
    name: str
    holder: str | None
    sent: int
    paused_for: float


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of an account, by its name in the subscriptions ("": of each worker's own session), and how long the oldest waits."""

    account: str
    waiting: int
    at_work: int
    failed: int
    oldest_for: float | None


@dataclass(frozen=True, slots=True)
class FailedPlan:
    """A worker that cannot plan what is due, why (its last try, within a day), and for how many seconds it could not."""

    worker: str
    reason: str
    failing_for: float


@dataclass(frozen=True, slots=True)
class Ended:
    """Crawls that ended in the last day with this exit code; for one above 1 for this reason."""

    exit_code: int
    reason: str | None
    crawls: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class FleetState:
    """`pauses` are those that apply to all accounts, in seconds; `jobs` is None if no worker has begun yet."""

    budget: int
    lanes: list[Lane]
    pauses: dict[str, float]
    jobs: list[Jobs] | None
    failed_plans: list[FailedPlan]
    ended: list[Ended]

    @property
    def crawls(self) -> int:
        return sum(each.crawls for each in self.ended)

    @property
    def files(self) -> int:
        return sum(each.files for each in self.ended)

    @property
    def bytes(self) -> int:
        return sum(each.bytes for each in self.ended)

    @property
    def failures(self) -> list[Ended]:
        """Why crawls ended early, the most frequent reasons first."""
        return [each for each in self.ended if each.exit_code > 1][:MOST_REASONS]


def state_of_fleet(
    connection: Connection, configuration: Configuration, sessions: Mapping[str, Reader] | None = None
) -> FleetState:
    """The state of the fleet that shares this ledger. `sessions` are those here, by name: their lanes come first, used or not."""
    now = shared_clock(connection, datetime.now(UTC))
    pauses = [each for each in queries.host_pauses(connection) if each.left(now) > 0]
    has_a_queue = connection.execute(_HAS_A_QUEUE).scalar_one()
    since = now - OF_LATE
    return FleetState(
        budget=configuration.api_budget,
        lanes=list(_lanes(connection, configuration, sessions or {}, pauses, now)),
        pauses={each.host: each.left(now) for each in pauses if each.account is None},
        jobs=[_jobs(*row, now=now) for row in connection.execute(_JOBS)] if has_a_queue else None,
        failed_plans=list(_failed_plans(connection, since, now)) if has_a_queue else [],
        ended=[Ended(*row) for row in connection.execute(_ENDED, {"since": since})],
    )


def _lanes(
    connection: Connection,
    configuration: Configuration,
    sessions: Mapping[str, Reader],
    pauses: Sequence[queries.HostPause],
    now: datetime,
) -> Iterator[Lane]:
    """A lane for each session here, then for each other account that has read."""
    host = configuration.api.key
    asked = select(AccountRow.__table__).where(AccountRow.host == host).order_by(AccountRow.account)
    rows = {row.account: row for row in connection.execute(asked)}
    known: dict[int, tuple[Reader, str]] = {}
    for name, reader in sessions.items():
        known.setdefault(queries.account_of_reader(reader), (reader, name))
    for account in rows:
        known.setdefault(account, (_reader_of_account(account), ""))
    keys = {account: server_key(configuration, reader) for account, (reader, _) in known.items()}
    holders = holders_of(connection, list(keys.values()))
    for account, (reader, name) in known.items():
        row = rows.get(account)
        sent = row.spent if row is not None and row.spent_on == day_of(now) else 0
        left = [each.left(now) for each in pauses if (each.host, each.account) == (host, account)]
        yield Lane(reader, name, holders.get(keys[account]), sent, max(left, default=0.0))


def _reader_of_account(account: int) -> Reader:
    """The reader whose account is kept under this number (`account_of_reader`)."""
    return Reader(None, -account) if account < 0 else Reader(account)


def _jobs(account: str, waiting: int, at_work: int, failed: int, oldest: datetime | None, *, now: datetime) -> Jobs:
    return Jobs(account, waiting, at_work, failed, (now - oldest).total_seconds() if oldest else None)


def _failed_plans(connection: Connection, since: datetime, now: datetime) -> Iterator[FailedPlan]:
    for worker, reason, first in connection.execute(_FAILED_PLANS, {"since": since}):
        yield FailedPlan(worker, reason, (now - first).total_seconds())


def state_lines(status: FleetState, configuration: Configuration) -> Iterator[str]:
    """What `pixivcrawl fleet status` prints."""
    for lane in status.lanes:
        whose = whose_lane(configuration, lane.reader)
        told = f"{lane.name}, {whose}" if lane.name else whose
        most = f" of at most {status.budget:,}" if status.budget else ""
        paused = f"; paused for {spoken(lane.paused_for)}" if lane.paused_for else ""
        yield f"{told}: at work: {lane.holder or 'nobody'}; {plural(lane.sent, 'API request')}{most} today (UTC){paused}"
    for host, left in status.pauses.items():
        yield f"{host}: paused for {spoken(left)}"
    if status.jobs is None:
        yield "no worker has started yet: pixivcrawl work"
        return
    for plan in status.failed_plans:
        yield f"{plan.worker} has not been able to plan for {spoken(plan.failing_for)}: {one_line(plan.reason, 400)}"
    for jobs in status.jobs:
        waits = "" if jobs.oldest_for is None else f"; the oldest waits for {spoken(jobs.oldest_for)}"
        failed = f"; {jobs.failed:,} failed and wait for a person" if jobs.failed else ""
        of = f" of {jobs.account}" if jobs.account else ""
        yield f"jobs{of}: {jobs.waiting:,} waiting, {jobs.at_work:,} at work{failed}{waits}"
    yield f"of the last day: {plural(status.crawls, 'crawl')} ended, {plural(status.files, 'file')} stored ({size(status.bytes)})"
    for each in status.failures:
        why = one_line(each.reason or "no reason was given", 200)
        yield f"of the last day: {plural(each.crawls, 'crawl')} ended with exit code {each.exit_code}: {why}"
