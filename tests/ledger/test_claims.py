"""The files of a work are fetched by one crawl at a time, where several share a ledger on a server."""

from __future__ import annotations

import asyncio
import os
import platform
import re
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine, text

from pixivcrawl.items import Original
from pixivcrawl.ledger.claims import Claims
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.updates import record_artwork
from tests.ledger.making import NOW, a_picture, an_artwork, an_original, connected, store

FILES = an_artwork(1, pages=2).originals


@pytest.fixture
def both(postgres_url: str) -> Iterator[tuple[Claims, Claims]]:
    """Those of two crawls; the work's two files are known."""
    with connected(postgres_url) as connection:
        record_artwork(connection, an_artwork(1, pages=2), NOW)
    one, other = Claims(read_url(postgres_url)), Claims(read_url(postgres_url))
    yield one, other
    one.close()
    other.close()


def claimed(claims: Claims, *originals: Original) -> list[Original]:
    async def claim() -> list[Original]:
        async with claims.of(originals, lambda: True) as missing:
            return missing

    return asyncio.run(claim())


def test_what_another_stored_meanwhile_is_not_fetched_again(both: tuple[Claims, Claims], postgres_url: str) -> None:
    one, other = both

    async def fetch() -> None:
        async with one.of(FILES, lambda: False) as missing:
            assert missing == list(FILES)
            waiting = asyncio.ensure_future(those_left())
            await asyncio.sleep(0.1)
            assert not waiting.done()
            with connected(postgres_url) as connection:
                store(connection, FILES[0])
        assert await waiting == [FILES[1]]

    async def those_left() -> list[Original]:
        async with other.of(FILES, lambda: False) as missing:
            return missing

    asyncio.run(fetch())


def test_waiting_for_another_crawl_is_said_once(
    both: tuple[Claims, Claims], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SAID_AFTER", "TRIES_EVERY"):
        monkeypatch.setattr(f"pixivcrawl.ledger.claims.{name}", 0.0)
    one, other = both

    async def claim(claims: Claims) -> None:
        async with claims.of(FILES, lambda: False):
            await asyncio.sleep(0.1)

    async def take_turns() -> None:
        await asyncio.gather(*(claim(each) for _ in range(2) for each in (one, other)))

    asyncio.run(take_turns())
    said = capsys.readouterr().err.splitlines()
    holder = rf"'pixivcrawl files \(process {os.getpid()} on {re.escape(platform.node())}\)', since [0-9-]+ [0-9:]+"
    assert all(
        re.fullmatch(rf"the files of work 1 are waited for: {holder}, is fetching them", line) for line in said
    ), said
    assert 1 <= len(said) <= len(both)


def test_who_waits_for_long_is_told_again(
    both: tuple[Claims, Claims], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SAID_AFTER", "SAID_EVERY", "TRIES_EVERY"):
        monkeypatch.setattr(f"pixivcrawl.ledger.claims.{name}", 0.0)
    one, other = both
    said: list[str] = []

    def was_told_twice() -> bool:
        said.extend(capsys.readouterr().err.splitlines())
        return len(said) >= 2

    async def fetch() -> None:
        async with one.of(FILES, lambda: False), other.of(FILES, was_told_twice) as missing:
            assert missing == []

    asyncio.run(fetch())


def test_a_run_that_is_stopping_waits_for_nobody(both: tuple[Claims, Claims]) -> None:
    one, other = both

    async def fetch() -> None:
        async with one.of(FILES, lambda: False):
            async with other.of(FILES, lambda: True) as missing:
                assert missing == []
            # Another work, and a user of the same id, are nobody's.
            async with other.of([an_original(2)], lambda: True) as missing:
                assert missing == [an_original(2)]
            async with other.of([a_picture(1)], lambda: True) as missing:
                assert missing == [a_picture(1)]
        assert await asyncio.to_thread(claimed, other, *FILES) == list(FILES)

    asyncio.run(fetch())


def test_who_has_lost_the_connection_goes_on_and_the_other_may(both: tuple[Claims, Claims], postgres_url: str) -> None:
    one, other = both

    async def fetch() -> None:
        async with one.of(FILES, lambda: False):
            lose_connections(postgres_url)
            async with other.of(FILES, lambda: True) as missing:
                assert missing == list(FILES)
        assert await asyncio.to_thread(claimed, one, *FILES) == list(FILES)

    asyncio.run(fetch())


def lose_connections(url: str) -> None:
    engine = create_engine(url)
    with engine.connect() as connection:
        query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'pixivcrawl files%'"
        assert len(connection.execute(text(f"{query} AND datname = current_database()")).all()) == 1
    engine.dispose()
