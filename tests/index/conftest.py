"""A ledger with an index beside it: on SQLite, and on PostgreSQL too where `PIXIVCRAWL_TEST_POSTGRES` holds the URL of a server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pixivcrawl.index.reading import Index
from pixivcrawl.ledger.service import Ledger
from tests.conftest import POSTGRES
from tests.ledger.making import sqlite_url


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    url = sqlite_url(tmp_path) if request.param == "sqlite" else request.getfixturevalue("postgres_ledger_url")
    ledger = Ledger.open(url)
    yield ledger
    ledger.close()


@pytest.fixture
def derived(tmp_path: Path) -> Path:
    return tmp_path / "derived"


@pytest.fixture
def index(ledger: Ledger, derived: Path) -> Index:
    return Index(derived, ledger)
