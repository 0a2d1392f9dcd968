"""What every test stands on: no hurry for the property tests, none of the reader's own session or archive, nothing of another test."""

from __future__ import annotations

import logging
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import settings
from sqlalchemy import create_engine, make_url, text

POSTGRES = os.environ.get("PIXIVCRAWL_TEST_POSTGRES")

# The machines that run the tests are small and shared: a slow example is no failure.
settings.register_profile("pixivcrawl", deadline=None)
settings.load_profile("pixivcrawl")

# A shell without job control has what it starts in the background ignore Ctrl-C, and every command that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def nobodys_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Takes away the settings and the session of whoever runs the tests, for child processes too."""
    for name in list(os.environ):
        if name.startswith(("PIXIV_", "PIXIVCRAWL_", "SCRAPY_")) and name != "PIXIVCRAWL_TEST_POSTGRES":
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIXIVCRAWL_CONFIG", os.devnull)
    # A sandbox may have the port, and so the lane, of an earlier one.
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))


@pytest.fixture(autouse=True)
def nobodys_log() -> Iterator[None]:
    """Takes away the handlers that a crawl in this process leaves, which would write what the next test logs to a closed stream."""
    before = list(logging.root.handlers)
    yield
    for handler in set(logging.root.handlers) - set(before):
        logging.root.removeHandler(handler)


@pytest.fixture(autouse=True)
def nobodys_umask() -> Iterator[None]:
    """Takes back the umask that a crawl in this process sets, with which another user could not read the next test's files."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """An empty database of its own on the server that the environment names."""
    with database_of_its_own() as url:
        yield url


@contextmanager
def database_of_its_own(like: str = "template1") -> Iterator[str]:
    """A database that holds what the one named `like` does, for as long as the block runs."""
    if not POSTGRES:
        pytest.skip("PIXIVCRAWL_TEST_POSTGRES holds no URL")
    name = f"ledger_{uuid.uuid4().hex}"
    server = create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {like}"))
    yield make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(scope="session")
def server_ledger() -> Iterator[str]:
    """The name of a database whose ledger holds nothing, to be copied: making its tables takes longer than most tests."""
    # Only here: most tests need none.
    from tests.ledger.making import connected

    with database_of_its_own() as url:
        with connected(url):
            pass
        yield str(make_url(url).database)


@pytest.fixture
def postgres_ledger_url(server_ledger: str) -> Iterator[str]:
    """As `postgres_url`, with the tables of a ledger."""
    with database_of_its_own(like=server_ledger) as url:
        yield url
