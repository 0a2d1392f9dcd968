"""The queue: Procrastinate's tables in their own schema, beside those of the ledger on its server."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger.engine import CONNECT_TIMEOUT, read_url
from pixivcrawl.ledger.failures import BUSY_TIMEOUT, place_of

if TYPE_CHECKING:
    from procrastinate import App

SCHEMA = "fleet"

CRAWL = "crawl"
"""The name of the task that runs a crawl."""

_ONE_AT_A_TIME = 0x666C6565

_FAILED_PLANS = (
    "CREATE TABLE IF NOT EXISTS failed_plans"
    " (worker text PRIMARY KEY, reason text NOT NULL, since timestamptz NOT NULL, last timestamptz NOT NULL)"
)
_PLAN_FAILED = (
    "INSERT INTO failed_plans VALUES (%(worker)s, %(reason)s, now(), now())"
    " ON CONFLICT (worker) DO UPDATE SET reason = excluded.reason, last = excluded.last"
)
_PLAN_MADE = "DELETE FROM failed_plans WHERE worker = %(worker)s"


@dataclass(frozen=True, slots=True)
class Work:
    """What a job is to do: a crawl as an account (one of PIXIV_ACCOUNTS, or "")."""

    account: str
    spider: str
    arguments: Mapping[str, str]

    @property
    def key(self) -> str:
        """Identifies the job, so that a waiting one is not added twice."""
        text = "\0".join(
            [self.account, self.spider, *(f"{name}={self.arguments[name]}" for name in sorted(self.arguments))]
        )
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def queue_of(account: str) -> str:
    """The name of an account's queue; a worker takes jobs from the queues of accounts whose sessions it has."""
    return f"account {account}"


def server_of(database_url: str) -> str:
    """How to connect to the ledger's server. Raises ConfigurationError if the ledger is a file."""
    url = read_url(database_url)
    if url.get_backend_name() == "sqlite":
        raise ConfigurationError(
            "a fleet shares a ledger on PostgreSQL: name it in DATABASE_URL; on one machine alone pixivcrawl sync does the same"
        )
    given = url.set(drivername="postgresql").update_query_dict({"options": f"-csearch_path={SCHEMA}"}, append=True)
    limited = (
        given if "connect_timeout" in url.query else given.update_query_dict({"connect_timeout": str(CONNECT_TIMEOUT)})
    )
    return limited.render_as_string(hide_password=False)


def app_of(database_url: str) -> App:
    """Procrastinate on the ledger's server, without tasks. Raises ConfigurationError."""
    server = server_of(database_url)
    try:
        from procrastinate import App, PsycopgConnector
    except ModuleNotFoundError:
        raise ConfigurationError("a fleet needs Procrastinate: pip install 'pixivcrawl[fleet]'") from None

    from pixivcrawl.ledger.silence import AsyncConnection  # only here: it needs psycopg

    # While the server restarts, callers wait for a connection.
    pool: dict[str, Any] = {"connection_class": AsyncConnection, "min_size": 1, "max_size": 4, "timeout": BUSY_TIMEOUT}
    return App(connector=PsycopgConnector(conninfo=server, **pool))


def prepare(database_url: str) -> None:
    """Create the queue's tables if missing. Raises ConfigurationError, and StorageFailed if the server cannot be used."""
    server = server_of(database_url)
    import psycopg
    from procrastinate.schema import SchemaManager

    try:
        with psycopg.connect(server) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_ONE_AT_A_TIME])
            (found,) = connection.execute("SELECT to_regclass('procrastinate_jobs')").fetchone() or (None,)
            if found is None:
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                connection.execute(SchemaManager.get_schema())
            connection.execute(_FAILED_PLANS)
    except psycopg.Error as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise StorageFailed(f"the queue on {place_of(read_url(database_url))} cannot be used: {said[0]}") from None


async def note_plan(app: App, worker: str, failed: str | None) -> None:
    """Record, for the fleet's status, why a worker could not plan, or that it could."""
    if failed is None:
        await app.connector.execute_query_async(_PLAN_MADE, worker=worker)
    else:
        await app.connector.execute_query_async(_PLAN_FAILED, worker=worker, reason=failed)
