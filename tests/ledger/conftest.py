"""A fresh ledger for each test: on SQLite, and on PostgreSQL too where `PIXIVCRAWL_TEST_POSTGRES` holds the URL of one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from tests.conftest import POSTGRES
from tests.ledger.making import connected, sqlite_url


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite ledger that holds nothing, to be copied: making its tables takes longer than most tests."""
    folder = tmp_path_factory.mktemp("empty")
    with connected(sqlite_url(folder)):
        pass
    return folder / "archive.sqlite"


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Empty; on the server, where a test takes a `connection` or `ledger` too, with the tables of a ledger."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path)
    is_used = not {"connection", "ledger"}.isdisjoint(request.fixturenames)
    url: str = request.getfixturevalue("postgres_ledger_url" if is_used else "postgres_url")
    return url


@pytest.fixture
def connection(database_url: str, empty_ledger: Path, tmp_path: Path) -> Iterator[Connection]:
    """One transaction on a fresh ledger."""
    if database_url == sqlite_url(tmp_path):
        shutil.copy(empty_ledger, tmp_path)
    with connected(database_url) as connection:
        yield connection
