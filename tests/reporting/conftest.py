"""A ledger with news of every kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection

from tests.ledger.making import connected, sqlite_url
from tests.reporting.making import news_of_every_kind


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """What a test changes there, it takes back."""
    with connected(sqlite_url(tmp_path_factory.mktemp("ledger"))) as connection:
        news_of_every_kind(connection)
        yield connection
