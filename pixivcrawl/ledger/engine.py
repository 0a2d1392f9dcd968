"""From DATABASE_URL to an engine whose tables are the ones this program knows."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    MetaData,
    NullPool,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    inspect,
    literal,
    make_url,
    select,
    table,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger.failures import BUSY_TIMEOUT, is_busy, is_the_end, patiently, place_of, storage_failed
from pixivcrawl.ledger.models import Base, give_partial_indexes
from pixivcrawl.ledger.updates.change_log import name_ledger
from pixivcrawl.sqlite import connect

if TYPE_CHECKING:
    from alembic.config import Config

ANSWERS_IN_JOURNAL = "0006"
"""The revision from which on the journal alone holds pixiv's answers."""

TO_UPGRADE = "{what} is of an earlier version: upgrade the archive with pixivcrawl upgrade"

MIGRATIONS: Traversable = files("pixivcrawl.ledger") / "migrations"
"""A folder, also within a zipped egg."""

VERSION = max(each.name[:4] for each in (MIGRATIONS / "versions").iterdir() if each.name[:4].isdigit())
"""The newest revision of the tables, to which this program brings a ledger when it opens it."""

LOCK_WAIT = 5.0
"""Seconds that SQLite itself waits for a lock before it says that the database is locked."""

CONNECT_TIMEOUT = 10
"""Seconds in which a server takes a connection, unless DATABASE_URL says another number."""

WATCHED_CONNECTION = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Seconds, the last one milliseconds: a connection to a server whose machine is gone has an end after about 25 s, not after 2 hours."""

_ONE_AT_A_TIME = select(func.pg_advisory_xact_lock(0x70697869))
"""The advisory lock of a process that creates or changes the tables; the number is arbitrary."""

# Alembic's own table, so that a ledger which needs no migration is opened without importing Alembic.
_VERSION_TABLE = Table(
    "alembic_version",
    MetaData(naming_convention={"pk": "%(table_name)s_pkc"}),
    Column("version_num", String(32), primary_key=True),
)


def read_url(text: str) -> URL:
    """DATABASE_URL, checked. Raises ConfigurationError without repeating it, since it may hold a password."""
    wanted = "DATABASE_URL must be sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigurationError(wanted) from None
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ConfigurationError(f"{wanted}, not {quoted(url.drivername)}")
    if not url.database or url.database == ":memory:":
        raise ConfigurationError(f"{wanted}; it names no file or database")
    if url.get_backend_name() == "sqlite" and url.query:
        raise ConfigurationError(f"{wanted}; in a path write ? as %3F, and % as %25")
    return url


def writing_engine(url: URL) -> Engine:
    """An engine with one connection, whose transactions hold SQLite's write lock from their start.

    A server takes back what is locked by a writer that was stopped, or whose machine is gone.
    """
    abandoned = _watched_by_it(url, idle_in_transaction_session_timeout=f"{BUSY_TIMEOUT:.0f}s")
    engine = _engine(url, lambda path: _connect(path, "rwc"), connections=1, connect_to_server=abandoned)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def reading_engine(url: URL, connections: int, *, read_only: bool) -> Engine:
    """An engine that cannot write, with one connection for each thread that reads; `read_only`: nor touch SQLite's files."""
    mode = "ro" if read_only else "rw"
    engine = _engine(url, lambda path: _connect(path, mode), connections=connections)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine
    return engine.execution_options(postgresql_readonly=True)


def engine_that_leaves_no_trace(url: URL) -> Engine:
    """An engine that reads a ledger to which nobody writes: SQLite makes files beside a database unless it is told so."""
    path = str(Path(str(url.database)).absolute())
    if url.get_backend_name() != "sqlite" or _has_pages_beside_it(path):
        return reading_engine(url, 1, read_only=True)
    uri = f"{Path(path).as_uri()}?mode=ro&immutable=1"
    return create_engine(url, creator=lambda: connect(uri, uri=True), hide_parameters=True)


def refuse_links(url: URL) -> None:
    """Raises StorageFailed for a link in place of SQLite's files, through which it would write."""
    if url.get_backend_name() != "sqlite":
        return
    for ending in ("", "-wal", "-shm", "-journal"):
        if os.path.islink(place := f"{url.database}{ending}"):  # noqa: PTH114 (no path of ours, but the user's own words)
            raise StorageFailed(
                f"{place} is a link, and a file that is one is never followed: name the ledger itself in DATABASE_URL, "
                "then run the same command again"
            )


class DatabaseFiles:
    """The files of a SQLite ledger that is open for writing, by what they are and not by their names; of PostgreSQL none."""

    def __init__(self, url: URL) -> None:
        self._url = url
        names = (url.database, f"{url.database}-wal") if url.get_backend_name() == "sqlite" else ()
        self._found = {name: found for name in names if name and (found := _file_at(name))}

    def refuse_others(self) -> None:
        """Raises StorageFailed if one was removed or replaced: SQLite keeps writing to a file that no longer has a name."""
        if any(_file_at(name) != found for name, found in self._found.items()):
            raise StorageFailed(
                f"the ledger {place_of(self._url)} was removed or replaced while it was in use: put it back, "
                "or move what is left of it away, then run the same command again"
            )


def _file_at(name: str) -> tuple[int, int] | None:
    try:
        found = os.stat(name)  # noqa: PTH116 (after each commit)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def prepare(
    engine: Engine,
    before_it_begins: Callable[[], None] = lambda: None,
    *,
    upgrade: Callable[[Connection], None] | None = None,
) -> None:
    """Create the tables in an empty database, or bring them up to date; a SQLite file is copied before it is changed.

    Tables that still hold answers, which only the journal holds today, are brought up to date with `upgrade` only, which is called in
    the same transaction.

    `before_it_begins` is called where there is no ledger yet, and may raise instead of having one made.
    Raises ConfigurationError for a ledger from a newer version and for a database that holds something else, StorageFailed for one
    that cannot be used.
    """
    if engine.dialect.name == "sqlite" and not _file_at(str(engine.url.database)):
        before_it_begins()
    try:
        version = patiently(lambda: _begin(engine, before_it_begins), BUSY_TIMEOUT)
        if version is not None and version < ANSWERS_IN_JOURNAL and upgrade is None and _holds_answers(engine):
            raise ConfigurationError(TO_UPGRADE.format(what=f"the ledger {place_of(engine.url)}"))
        if version not in (None, VERSION):
            _migrate(engine, version, upgrade)
    except DBAPIError as error:
        raise _refused(error, engine.url) from error


def _begin(engine: Engine, before_it_begins: Callable[[], None]) -> str | None:
    """The revision that was found; None for a database that was empty, and is a ledger now."""
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(_ONE_AT_A_TIME)
        version = _version(connection, engine.url)
        if version is None:
            before_it_begins()
            give_partial_indexes(connection.dialect.name)
            Base.metadata.create_all(connection)
            _VERSION_TABLE.create(connection)
            connection.execute(insert(_VERSION_TABLE).values(version_num=VERSION))
            name_ledger(connection)
    return version


def _holds_answers(engine: Engine) -> bool:
    with engine.connect() as connection:
        of_before = (select(literal(1)).select_from(table(name)).limit(1) for name in ("bodies", "snapshots"))
        return any(connection.execute(query).first() for query in of_before)


def version_of(engine: Engine) -> str:
    """The revision of a ledger's tables; "" where there is none. Raises as `prepare` does."""
    with engine.connect() as connection:
        return _version(connection, engine.url) or ""


def is_empty(engine: Engine) -> bool:
    """Whether there is no ledger: no file, or a database without a table. Makes no file. Raises as `prepare` does."""
    if engine.dialect.name == "sqlite" and not _file_at(str(engine.url.database)):
        return True
    try:
        with engine.connect() as connection:
            return patiently(lambda: _version(connection, engine.url), BUSY_TIMEOUT) is None
    except DBAPIError as error:
        raise _refused(error, engine.url) from error


def check(engine: Engine) -> None:
    """Raises ConfigurationError unless the tables are the ones this program knows, StorageFailed as `prepare` does."""
    try:
        with engine.connect() as connection:
            version = _version(connection, engine.url)
    except DBAPIError as error:
        raise _refused(error, engine.url) from error
    if version is None:
        raise ConfigurationError(f"the ledger {place_of(engine.url)} is empty: begin one with pixivcrawl user ID")
    if version != VERSION:
        with _configuration() as configuration:
            _refuse_newer(configuration, version, engine.url)
        if version < ANSWERS_IN_JOURNAL:
            raise ConfigurationError(TO_UPGRADE.format(what=f"the ledger {place_of(engine.url)}"))
        raise ConfigurationError(
            f"the ledger is from an older version ({version}): the next crawl brings it up to date, and so does pixivcrawl upgrade"
        )


def _engine(
    url: URL,
    connect: Callable[[str], sqlite3.Connection],
    connections: int,
    connect_to_server: Mapping[str, Any] | None = None,
) -> Engine:
    # Errors never contain values: titles and captions come from outside.
    options: dict[str, Any] = {"hide_parameters": True, "pool_size": connections, "max_overflow": 0}
    if url.get_backend_name() == "sqlite":
        path = str(Path(url.database or "").absolute())
        return create_engine(url, creator=lambda: connect(path), **options)
    return _engine_of_server(url, connect_to_server, pool_pre_ping=True, **options)


def session_engine(url: URL, name: str) -> Engine:
    """An engine for one long-lived connection, which shows the server that its holder is alive; the server drops it if the machine is gone.

    `name` is the application name that others see.
    """
    connect = {"application_name": name, **_watched_by_it(url)}
    return _engine_of_server(url, connect, poolclass=NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True)


def _watched_by_it(url: URL, **settings: object) -> dict[str, str]:
    """How to connect so that the server, too, sees the end of a connection whose other machine is gone; `settings` are its own."""
    its_side = {key.replace("keepalives", "tcp_keepalives"): number for key, number in WATCHED_CONNECTION.items()}
    options = (f"-c {key}={value}" for key, value in (its_side | settings).items())
    return {"options": " ".join([str(url.query.get("options", "")), *options]).strip()}


def _engine_of_server(url: URL, connect: Mapping[str, Any] | None = None, **options: Any) -> Engine:
    """`connect` is how to connect, beside what DATABASE_URL says and, where it does not, how soon that has an end."""
    # Without it a server whose database has no encoding sends bytes instead of text.
    limits = {"connect_timeout": CONNECT_TIMEOUT, "client_encoding": "utf8", **WATCHED_CONNECTION}
    own = {name: value for name, value in limits.items() if name not in url.query}
    try:
        engine = create_engine(url, connect_args={**own, **(connect or {})}, **options)
    except (ModuleNotFoundError, NoSuchModuleError):
        raise ConfigurationError("a PostgreSQL ledger needs psycopg: pip install 'pixivcrawl[postgres]'") from None
    from pixivcrawl.ledger.silence import watch  # only here: it needs psycopg

    watch(engine)
    return engine


def _connect(path: str, mode: str) -> sqlite3.Connection:
    """`mode`: rwc makes the file and writes; rw leaves the rows alone; ro leaves the files alone too."""
    uri = f"{Path(path).as_uri()}?mode={mode}"
    if mode == "ro" and not _can_be_shared(uri) and not _has_pages_beside_it(path):
        uri += "&immutable=1"
    # Without an isolation level the module begins no transaction of its own; the engine's events do, and so cover DDL too.
    connection = connect(uri, uri=True, timeout=LOCK_WAIT, isolation_level=None, check_same_thread=False)
    try:
        if mode == "rwc":
            connection.execute("PRAGMA journal_mode = WAL")
        else:
            connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _can_be_shared(uri: str) -> bool:
    """Whether SQLite can keep its index of the WAL beside the file: not on a disk that is full or may not be written."""
    try:
        connect(uri, uri=True, timeout=LOCK_WAIT).close()
    except sqlite3.OperationalError as error:
        return is_busy(error)
    except sqlite3.DatabaseError:
        return True
    return True


def _has_pages_beside_it(path: str) -> bool:
    """Whether a run that is under way, or was killed, has pages in the WAL: then the file alone is not the ledger."""
    wal = Path(f"{path}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _version(connection: Connection, url: URL) -> str | None:
    """The revision that the tables are at; None for a database without any."""
    tables = set(inspect(connection).get_table_names())
    if _VERSION_TABLE.name in tables:
        version = connection.execute(select(_VERSION_TABLE.c.version_num)).scalar()
        if isinstance(version, str):
            return version
    if tables:
        raise ConfigurationError(
            f"the database {place_of(url)} holds something else than a ledger: name another in DATABASE_URL"
        )
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise ConfigurationError(
                f"the database {place_of(url)} has the encoding {encoding}: "
                "create it again with createdb --encoding UTF8 --template template0"
            )
    return None


def _migrate(engine: Engine, version: str, upgrade: Callable[[Connection], None] | None) -> None:
    from alembic import command  # only here and below: most runs migrate nothing, and it costs start-up

    with _configuration() as configuration:
        _refuse_newer(configuration, version, engine.url)
        if engine.dialect.name == "sqlite":
            _back_up(Path(str(engine.url.database)), version)
        with engine.connect() as connection:
            _enforce_foreign_keys(connection, "OFF")
            with connection.begin():
                if connection.dialect.name == "postgresql":
                    connection.execute(_ONE_AT_A_TIME)
                configuration.attributes["connection"] = connection
                command.upgrade(configuration, "head")
                if upgrade is not None:
                    upgrade(connection)
            _enforce_foreign_keys(connection, "ON")


def _enforce_foreign_keys(connection: Connection, state: str) -> None:
    """A table that is created again in a migration is dropped first, which would take what points to it along."""
    if connection.dialect.name == "sqlite":
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.execute(f"PRAGMA foreign_keys = {state}")


@contextmanager
def _configuration() -> Iterator[Config]:
    """For Alembic, which reads the migrations as files."""
    from alembic.config import Config

    with _as_folder(MIGRATIONS) as folder:
        configuration = Config()
        configuration.set_main_option("script_location", str(folder).replace("%", "%%"))
        configuration.set_main_option("path_separator", "os")
        yield configuration


@contextmanager
def _as_folder(migrations: Traversable) -> Iterator[Path]:
    """The folder itself, or meanwhile a copy of one that lies in a zipped egg. Python 3.11's `as_file` takes no folders."""
    if isinstance(migrations, Path):
        yield migrations
        return
    with TemporaryDirectory(prefix="pixivcrawl-migrations-") as copy:
        _copy(migrations, Path(copy))
        yield Path(copy)


def _copy(folder: Traversable, target: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir()
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())


def _refuse_newer(configuration: Config, version: str, url: URL) -> None:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    try:
        ScriptDirectory.from_config(configuration).get_revision(version)
    except CommandError:
        raise ConfigurationError(
            f"the ledger {place_of(url)} is from a newer version ({version}, this one knows {VERSION}): update pixivcrawl"
        ) from None


def _back_up(database: Path, version: str) -> None:
    """Copy the database beside itself, named by its version and the time. Raises StorageFailed."""
    # Only here: most ledgers are up to date.
    from pixivcrawl.ledger.copying import copy_ledger

    copy = database.with_name(f"{database.name}.backup-{version}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
    # One that a migration killed within this second has left is whole: it had its name only then.
    if not copy.exists():
        copy_ledger(database, copy)


def _refused(error: DBAPIError, url: URL) -> Exception:
    """A failing disk or server as StorageFailed in one line; a bug of ours unchanged."""
    return storage_failed(error, place_of(url)) if is_the_end(error) or is_busy(error) else error
