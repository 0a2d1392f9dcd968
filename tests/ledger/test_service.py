"""The ledger as its users see it: threads, batches, failures, the end."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scrapy import Spider
from scrapy.utils.test import get_crawler
from sqlalchemy import Connection, Engine, event, func, select, text

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.items import Tag
from pixivcrawl.ledger import queries, updates, writer
from pixivcrawl.ledger.answer import WITHOUT_BODY, StoredAnswer
from pixivcrawl.ledger.journal import read_journal
from pixivcrawl.ledger.models import TagRow, UserRow
from pixivcrawl.ledger.service import Ledger, attach, detach, ledger_of
from tests.ledger.making import HOUR, NOW, an_answer, an_artwork, sqlite_url


@pytest.fixture
def ledger(database_url: str, tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger.open(database_url, archive=Archive(tmp_path))
    yield ledger
    ledger.close()


def users(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(UserRow)).scalar_one()


def two_users_then_fail(connection: Connection, user_id: int) -> None:
    updates.record_user_seen(connection, user_id, NOW)
    updates.record_user_seen(connection, user_id + 1, NOW)
    raise LookupError("no more")


def test_a_write_is_there_for_the_read_that_follows(ledger: Ledger):
    async def run() -> list[int]:
        counts = []
        for user_id in range(1, 20):
            await ledger.write(updates.record_user_seen, user_id, NOW)
            counts.append(await ledger.read(users))
        return counts

    assert asyncio.run(run()) == list(range(1, 20))


@pytest.mark.long
def test_a_write_returns_what_its_change_returns(ledger: Ledger):
    crawl = asyncio.run(ledger.write(updates.begin_crawl, "user", {"id": [7]}, NOW))
    assert ledger.write_now(updates.begin_crawl, "user", {"id": [7]}, NOW).resumes == crawl.crawl_id


@pytest.mark.long
def test_many_writes_share_few_commits(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    commits = []
    commit = writer.Writer._commit
    monkeypatch.setattr(writer.Writer, "_commit", lambda self, batch: (commits.append(len(batch)), commit(self, batch)))

    async def run() -> None:
        await asyncio.gather(*(ledger.write(updates.record_user_seen, user_id, NOW) for user_id in range(1, 1001)))

    asyncio.run(run())
    assert ledger.read_now(users) == 1000
    assert sum(commits) == 1000
    assert len(commits) <= 20
    assert max(commits) <= writer.BATCH


def test_many_writes_do_not_wait_for_more(ledger: Ledger, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writer, "DELAY", 60)
    ledger.write_now(updates.record_user_seen, 1, NOW)

    async def run() -> None:
        writes = (ledger.write(updates.record_user_seen, 1 + each, NOW) for each in range(writer.FULL_BATCH + 1))
        await asyncio.wait_for(asyncio.gather(*writes), timeout=30)

    asyncio.run(run())
    assert ledger.read_now(users) == writer.FULL_BATCH + 1


def test_changes_of_a_kind_that_wait_together_are_made_together(ledger: Ledger):
    held, gate = threading.Event(), threading.Event()
    changed: Counter[str] = Counter()

    def hold(_connection: Connection) -> None:
        held.set()
        assert gate.wait(30)

    def statement(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        if text.startswith("INSERT"):
            changed[text.split()[2]] += 1

    async def run() -> None:
        writes = [asyncio.ensure_future(ledger.write(hold))]
        assert await asyncio.to_thread(held.wait, 30), "what comes now waits together"
        for number in range(1, 9):
            writes.append(asyncio.ensure_future(ledger.write(updates.spend_request, "www.pixiv.net", 901, NOW)))
            body = ledger.write(updates.record_answer, an_answer("illust.detail", {"id": number}, b"{}", NOW))
            writes.append(asyncio.ensure_future(body))
        # Each of them is handed over when it begins.
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*writes)

    event.listen(Engine, "before_cursor_execute", statement)
    try:
        asyncio.run(run())
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
    assert changed == {"accounts": 1, "answers": 1, "journal": 1}
    assert ledger.read_now(queries.requests_spent, "www.pixiv.net", NOW) == 8


REFUSED_WITH_200 = {
    "a page": replace(an_answer("illust.detail", {"id": 5}, b"", NOW + HOUR), reduced=WITHOUT_BODY),
    "a body of another shape": replace(
        an_answer("illust.detail", {"id": 5}, b'{"error":false,"body":[]}', NOW + HOUR), unread=True
    ),
    "an error": an_answer(
        "illust.detail", {"id": 5}, b'{"error": true, "message": "try later", "body": []}', NOW + HOUR
    ),
}


@pytest.mark.parametrize("refusal", REFUSED_WITH_200.values(), ids=REFUSED_WITH_200)
def test_a_refusal_takes_no_answers_place(ledger: Ledger, refusal: StoredAnswer):
    said = b'{"error":false,"message":"","body":{"description":"\\"error\\":true"}}'
    ledger.write_now(updates.record_answer, an_answer("illust.detail", {"id": 5}, said, NOW))
    there = ledger.read_now(queries.answer_location, "illust.detail", 5)
    assert there is not None
    ledger.write_now(updates.record_answer, refusal)
    assert ledger.read_now(queries.answer_location, "illust.detail", 5) == there
    assert ledger.read_now(queries.answer_location, "illust.detail", 5, NOW) is None


def test_one_failing_change_takes_no_other_down(ledger: Ledger):
    async def run() -> list[Any]:
        writes = [ledger.write(updates.record_user_seen, user_id, NOW) for user_id in (1, 2)]
        writes.insert(1, ledger.write(two_users_then_fail, 10))
        writes.insert(1, ledger.write(updates.record_answer, an_answer("illust.detail", {"id": 1}, b"{}", NOW)))
        writes.append(ledger.write(updates.record_user_name, 7, None, NOW))
        return await asyncio.gather(*writes, return_exceptions=True)

    outcome = asyncio.run(run())
    assert [type(each) for each in outcome] == [type(None), int, LookupError, type(None), AttributeError]
    assert ledger.read_now(users) == 2
    assert ledger.broken is None


def test_a_change_that_fails_leaves_no_line_in_the_journal(ledger: Ledger, tmp_path: Path):
    async def run() -> list[Any]:
        return await asyncio.gather(
            ledger.write(updates.record_user_name, 8, None, now=NOW),
            ledger.write(updates.record_answer, an_answer("illust.detail", {"id": 1}, b"second", NOW)),
            ledger.write(updates.record_user_name, 7, "a name", now=NOW),
            return_exceptions=True,
        )

    assert [type(each) for each in asyncio.run(run())] == [AttributeError, int, type(None)]
    # Which comes first is up to how many were waiting when the writer looked.
    said = {entry.type: entry.data for entry in read_journal(tmp_path / "journal")}
    assert said.keys() == {"answer", "user-name"}
    assert said["answer"]["answer"].payload == b"second"
    assert said["user-name"] == {"user_id": 7, "name": "a name", "now": NOW.isoformat()}


def test_tags_of_a_change_that_failed_are_not_remembered(ledger: Ledger):
    def tag_and_fail(connection: Connection) -> None:
        updates.record_artwork(connection, an_artwork(1, tags=(Tag("new"),)), NOW)
        raise LookupError

    with pytest.raises(LookupError):
        ledger.write_now(tag_and_fail)
    ledger.write_now(updates.record_artwork, an_artwork(2, tags=(Tag("new"),)), NOW)
    assert ledger.read_now(lambda connection: connection.execute(select(TagRow.name)).scalars().all()) == ["new"]


def test_the_journal_is_written_before_the_write_returns(ledger: Ledger, tmp_path: Path):
    answer = an_answer("user.full", {"id": 7}, b'{"error":false}', NOW)
    ledger.write_now(updates.record_answer, answer)
    (entry,) = read_journal(tmp_path / "journal")
    assert (entry.type, entry.data) == ("answer", {"answer": answer})
    assert asyncio.run(ledger.kept_answer("user.full", 7)) == b'{"error":false}'


def test_whoever_gave_up_waiting_disturbs_nobody(ledger: Ledger):
    async def run() -> None:
        writes = [asyncio.ensure_future(ledger.write(updates.record_user_seen, number, NOW)) for number in (1, 2, 3)]
        await asyncio.sleep(0)
        writes[1].cancel()
        await asyncio.gather(*writes, return_exceptions=True)
        assert writes[1].cancelled()
        await ledger.write(updates.record_user_seen, 4, NOW)

    asyncio.run(run())
    assert ledger.read_now(users) == 4


def test_an_event_loop_that_ended_disturbs_nobody(ledger: Ledger):
    async def run() -> None:
        asyncio.ensure_future(ledger.write(slowly, 0.2))  # noqa: RUF006 (it is left behind on purpose)
        await asyncio.sleep(0.05)

    asyncio.run(run())
    ledger.write_now(updates.record_user_seen, 1, NOW)
    assert ledger.read_now(users) == 1


def slowly(_connection: Connection, seconds: float) -> None:
    time.sleep(seconds)


def test_the_event_loop_goes_on_while_the_ledger_works(ledger: Ledger):
    async def run() -> float:
        longest, last = 0.0, time.monotonic()
        write = asyncio.ensure_future(ledger.write(slowly, 0.5))
        read = asyncio.ensure_future(ledger.read(slowly, 0.5))
        while not (write.done() and read.done()):
            await asyncio.sleep(0.01)
            longest, last = max(longest, time.monotonic() - last), time.monotonic()
        return longest

    assert asyncio.run(run()) < 0.4


def test_reading_cannot_write(ledger: Ledger):
    with pytest.raises(Exception, match=r"cannot be written|read-only"):
        ledger.read_now(updates.record_user_seen, 1, NOW)
    assert ledger.read_now(users) == 0


@pytest.mark.long
def test_closing_writes_what_is_queued(database_url: str):
    ledger = Ledger.open(database_url)

    async def run() -> None:
        writes = [
            asyncio.ensure_future(ledger.write(updates.record_user_seen, number, NOW)) for number in range(1, 600)
        ]
        await asyncio.sleep(0)
        await asyncio.get_running_loop().run_in_executor(None, ledger.close)
        await asyncio.gather(*writes)

    asyncio.run(run())
    ledger.close()
    with pytest.raises(StorageFailed, match="closed"):
        ledger.write_now(updates.record_user_seen, 1, NOW)
    with pytest.raises(StorageFailed, match="closed"):
        asyncio.run(ledger.read(users))
    again = Ledger.open(database_url, read_only=True)
    assert again.read_now(users) == 599
    again.close()


def test_a_ledger_for_reading_refuses_to_write(database_url: str):
    Ledger.open(database_url).close()
    ledger = Ledger.open(database_url, read_only=True)
    with pytest.raises(StorageFailed, match="reading alone"):
        ledger.write_now(updates.record_user_seen, 1, NOW)
    ledger.close()


def test_reading_goes_on_beside_a_writer(database_url: str):
    one = Ledger.open(database_url)
    other = Ledger.open(database_url, read_only=True)
    for user_id in range(1, 6):
        one.write_now(updates.record_user_seen, user_id, NOW)
        assert other.read_now(users) == user_id
    other.close()
    one.close()


def test_a_closed_ledger_is_one_file(tmp_path: Path):
    ledger = Ledger.open(sqlite_url(tmp_path))
    ledger.write_now(updates.record_user_seen, 1, NOW)
    ledger.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.sqlite"]


class TestALockedLedger:
    """Another program holds SQLite's write lock."""

    @pytest.fixture
    def locker(self, tmp_path: Path) -> Iterator[sqlite3.Connection]:
        Ledger.open(sqlite_url(tmp_path)).close()
        locker = sqlite3.connect(tmp_path / "archive.sqlite", isolation_level=None, check_same_thread=False)
        yield locker
        locker.close()

    @pytest.fixture(autouse=True)
    def hurry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("pixivcrawl.ledger.engine.LOCK_WAIT", 0.05)

    @pytest.mark.long
    def test_is_waited_for(self, tmp_path: Path, locker: sqlite3.Connection):
        ledger = Ledger.open(sqlite_url(tmp_path))
        locker.execute("BEGIN IMMEDIATE")
        threading.Timer(1.0, locker.execute, ["COMMIT"]).start()
        began = time.monotonic()
        ledger.write_now(updates.record_user_seen, 1, NOW)
        assert time.monotonic() - began > 0.9
        assert ledger.read_now(users) == 1
        ledger.close()

    def test_is_never_surprised_half_way(self, tmp_path: Path, locker: sqlite3.Connection):
        """A change that has read holds the lock already, so that no other program can write before it does."""
        locker.execute("PRAGMA busy_timeout = 0")
        ledger = Ledger.open(sqlite_url(tmp_path))

        def read_and_then_write(connection: Connection) -> None:
            users(connection)
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                locker.execute("BEGIN IMMEDIATE")
            updates.record_user_seen(connection, 1, NOW)

        ledger.write_now(read_and_then_write)
        assert ledger.read_now(users) == 1
        ledger.close()

    def test_can_be_read_meanwhile(self, tmp_path: Path, locker: sqlite3.Connection):
        ledger = Ledger.open(sqlite_url(tmp_path))
        locker.execute("BEGIN IMMEDIATE")
        assert ledger.read_now(users) == 0
        locker.execute("ROLLBACK")
        ledger.close()

    def test_ends_the_run_when_it_stays_locked(
        self, tmp_path: Path, locker: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(writer, "BUSY_TIMEOUT", 0.3)
        ledger = Ledger.open(sqlite_url(tmp_path))
        locker.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="locked by another program: close it") as raised:
            ledger.write_now(updates.record_user_seen, 1, NOW)
        assert raised.value.exit_code == 5
        assert isinstance(ledger.broken, StorageFailed)
        with pytest.raises(StorageFailed, match="locked by another program"):
            ledger.write_now(updates.record_user_seen, 1, NOW)
        locker.execute("ROLLBACK")
        ledger.close()


def test_a_journal_that_fails_breaks_the_ledger_and_commits_nothing(database_url: str, tmp_path: Path):
    (tmp_path / "journal").write_text("in the way")
    ledger = Ledger.open(database_url, archive=Archive(tmp_path))
    ledger.write_now(updates.pause_host, "www.pixiv.net", NOW, NOW)

    async def run() -> list[Any]:
        return await asyncio.gather(
            ledger.write(updates.record_user_seen, 2, NOW),
            ledger.write(updates.record_answer, an_answer("user.full", {"id": 2}, b"{}", NOW)),
            return_exceptions=True,
        )

    assert [type(each) for each in asyncio.run(run())] == [StorageFailed, StorageFailed]
    assert ledger.read_now(users) == 0
    with pytest.raises(StorageFailed, match="journal"):
        ledger.write_now(updates.record_user_seen, 3, NOW)
    ledger.close()


def test_a_damaged_file_is_said_and_breaks_the_ledger(tmp_path: Path):
    Ledger.open(sqlite_url(tmp_path)).close()
    other = sqlite3.connect(tmp_path / "archive.sqlite")
    (page,) = other.execute("SELECT rootpage FROM sqlite_master WHERE name = 'users'").fetchone()
    other.close()
    with (tmp_path / "archive.sqlite").open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(os.urandom(4096))
    ledger = Ledger.open(sqlite_url(tmp_path))
    with pytest.raises(StorageFailed, match="is damaged") as raised:
        ledger.write_now(updates.record_user_seen, 1, NOW)
    assert "\n" not in str(raised.value)
    assert ledger.broken is not None
    with pytest.raises(StorageFailed, match="is damaged"):
        ledger.read_now(users)
    ledger.close()


def test_a_mistake_in_a_query_is_not_the_end_of_the_ledger(ledger: Ledger):
    with pytest.raises(Exception, match="nowhere"):
        ledger.write_now(lambda connection: connection.execute(text("INSERT INTO nowhere VALUES (1)")))
    with pytest.raises(Exception, match="nowhere"):
        ledger.read_now(lambda connection: connection.execute(text("SELECT * FROM nowhere")))
    ledger.write_now(updates.record_user_seen, 1, NOW)
    assert ledger.broken is None


def test_values_are_in_no_error(ledger: Ledger):
    with pytest.raises(Exception, match=r"violates|FOREIGN KEY") as raised:
        ledger.write_now(
            lambda connection: connection.execute(
                text("INSERT INTO user_names (user_id, name, first_seen, last_seen) VALUES (:id, :name, :now, :now)"),
                {"id": 12, "name": "a name from outside", "now": "2026-01-01"},
            )
        )
    assert "a name from outside" not in str(raised.value).split("DETAIL")[0]


class TestWhoseLedger:
    def test_a_crawl_has_the_one_that_was_attached(self, tmp_path: Path):
        ledger = Ledger.open(sqlite_url(tmp_path))
        crawler = get_crawler(Spider)
        with pytest.raises(ConfigurationError, match="has no ledger"):
            ledger_of(crawler)
        attach(crawler, ledger)
        assert ledger_of(crawler) is ledger
        detach(crawler)
        detach(crawler)
        with pytest.raises(ConfigurationError):
            ledger_of(crawler)
        ledger.close()

    def test_two_crawls_may_share_one(self, tmp_path: Path):
        ledger = Ledger.open(sqlite_url(tmp_path))
        crawlers = [get_crawler(Spider), get_crawler(Spider)]
        for crawler in crawlers:
            attach(crawler, ledger)
        detach(crawlers[0])
        assert ledger_of(crawlers[1]) is ledger
        ledger.close()

    def test_a_crawl_that_is_over_is_forgotten(self, tmp_path: Path):
        ledger = Ledger.open(sqlite_url(tmp_path))
        crawler = get_crawler(Spider)
        attach(crawler, ledger)
        detach(crawler)
        with pytest.raises(ConfigurationError):
            ledger_of(crawler)
        ledger.close()


def test_pauses_outlive_the_process(database_url: str):
    ledger = Ledger.open(database_url)
    ledger.write_now(updates.pause_host, "www.pixiv.net", NOW, NOW)
    ledger.close()
    ledger = Ledger.open(database_url)
    assert [pause.host for pause in ledger.read_now(queries.host_pauses)] == ["www.pixiv.net"]
    ledger.close()
