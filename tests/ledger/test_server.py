"""A ledger on a server that others use too, that restarts, and that stops answering."""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, make_url, select, text

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.ledger import engine, silence, updates, writer
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.journal import read_journal
from pixivcrawl.ledger.models import AccountRow, ArtworkRow
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates import state
from tests.ledger.making import NOW, an_artwork
from tests.ledger.server import Line


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    archive.create()
    return archive


@pytest.fixture
def line(postgres_url: str) -> Iterator[Line]:
    with Line(postgres_url) as line:
        yield line


def test_any_number_may_begin_at_once(postgres_url: str, tmp_path: Path):
    def begin(number: int) -> None:
        archive = Archive(tmp_path / str(number))
        archive.create()
        Ledger.open(postgres_url, archive=archive).close()

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(begin, range(20)))


def test_a_database_that_keeps_bytes_and_no_text_is_refused(postgres_url: str):
    """Names in it would be cut between the bytes of a letter, and compared by them."""
    name = f"{make_url(postgres_url).database}_ascii"
    server = create_engine(postgres_url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'"))
        try:
            with pytest.raises(ConfigurationError, match=f"/{name} has the encoding SQL_ASCII: create it again"):
                Ledger.open(make_url(postgres_url).set(database=name).render_as_string(hide_password=False))
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def test_a_work_s_files_are_counted_without_a_look_at_those_of_others(postgres_url: str):
    """Also where the server knows of no missing file yet, and would look through all of them for each work."""
    Ledger.open(postgres_url).close()
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        for made in (
            "INSERT INTO artworks (id, first_seen) SELECT n, now() FROM generate_series(1, 5000) AS n",
            (
                "INSERT INTO files (artwork_id, page, revision, kind, state, extension, uploaded, recorded) "
                "SELECT n, page, '20260102030405', 'image', 'stored', 'jpg', now(), now() "
                "FROM generate_series(1, 5000) AS n, generate_series(0, 2) AS page"
            ),
            "ANALYZE",
        ):
            connection.execute(text(made))
        counting = state._REFRESH_FILES.compile(engine).string
        plan = [line for (line,) in connection.exec_driver_sql(f"EXPLAIN {counting}", {"work_id": 7})]
    engine.dispose()
    after = [then for line, then in pairwise(plan) if re.search(r"Index Scan .*\bfiles_missing", line)]
    assert after
    assert [line for line in after if "Index Cond: (artwork_id = artworks.id)" not in line] == []


def record_works(ledger: Ledger, numbers: range) -> None:
    for number in numbers:
        ledger.write_now(updates.record_artwork, an_artwork(number), NOW)


def works_of(ledger: Ledger) -> list[int]:
    return list(ledger.read_now(lambda connection: connection.execute(select(ArtworkRow.id)).scalars().all()))


def journaled(archive: Archive) -> list[int]:
    entries = [*read_journal(archive.journal)]
    assert [entry.number for entry in entries] == [*range(1, len(entries) + 1)]
    return [entry.data["artwork"]["work_id"] for entry in entries if entry.type == "artwork"]


def record_while(ledger: Ledger, happens: Callable[[], None]) -> list[int]:
    """Record works one by one while something happens eight times; gives the works."""
    is_over = threading.Event()

    def happen() -> None:
        for _ in range(8):
            time.sleep(random.uniform(0.1, 0.4))
            happens()
        is_over.set()

    threading.Thread(target=happen).start()
    recorded = []
    while not is_over.is_set():
        recorded.append(len(recorded) + 1)
        record_works(ledger, range(recorded[-1], recorded[-1] + 1))
    return recorded


@pytest.mark.long
def test_what_is_recorded_while_connections_end_is_there_once(line: Line, archive: Archive):
    ledger = Ledger.open(line.url, archive=archive)

    def restart() -> None:
        line.cut()
        line.mend()

    recorded = record_while(ledger, restart)
    assert sorted(works_of(ledger)) == recorded
    ledger.close()
    assert journaled(archive) == recorded
    # The ledger and its journal agree.
    Ledger.open(line.url, archive=archive).close()


@pytest.mark.long
def test_what_is_recorded_while_the_server_ends_its_connections_is_there_once(postgres_url: str, archive: Archive):
    ledger = Ledger.open(postgres_url, archive=archive)
    administrator = create_engine(postgres_url)
    ending = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    def end_all() -> None:
        with administrator.connect() as connection:
            connection.execute(ending)

    recorded = record_while(ledger, end_all)
    administrator.dispose()
    assert sorted(works_of(ledger)) == recorded
    ledger.close()
    assert journaled(archive) == recorded


@pytest.mark.long
def test_a_server_that_stays_away_ends_it_in_one_line(line: Line, archive: Archive, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(writer, "BUSY_TIMEOUT", 0.5)
    ledger = Ledger.open(line.url, archive=archive)
    record_works(ledger, range(1, 3))
    line.cut()
    with pytest.raises(StorageFailed, match="cannot go on"):
        record_works(ledger, range(3, 4))
    ledger.close()
    line.mend()
    again = Ledger.open(line.url, archive=archive)
    record_works(again, range(3, 5))
    again.close()
    assert sorted(set(journaled(archive))) == [1, 2, 3, 4]


def test_a_server_that_does_not_answer_is_said(
    line: Line, archive: Archive, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(silence, "ASKED_AFTER", 0.2)
    monkeypatch.setattr(silence, "ANSWERS_WITHIN", 2)
    ledger = Ledger.open(line.url, archive=archive)
    record_works(ledger, range(1, 2))
    line.hold_up()
    recording = threading.Thread(target=record_works, args=(ledger, range(2, 3)))
    recording.start()
    deadline = time.monotonic() + 10
    while not caplog.messages and time.monotonic() < deadline:
        time.sleep(0.05)
    line.let_go()
    recording.join()
    assert [message for message in caplog.messages if "does not answer, and is waited for" in message]
    assert works_of(ledger) == [1, 2]
    ledger.close()


@pytest.mark.long
def test_a_server_that_never_answers_ends_it_in_one_line(line: Line, archive: Archive, monkeypatch: pytest.MonkeyPatch):
    for name, seconds in (("ASKED_AFTER", 0.2), ("BUSY_TIMEOUT", 0.5), ("ANSWERS_WITHIN", 2)):
        monkeypatch.setattr(silence, name, seconds)
    ledger = Ledger.open(line.url, archive=archive)
    record_works(ledger, range(1, 2))
    assert works_of(ledger) == [1]
    line.hold_up()
    began = time.monotonic()
    with pytest.raises(StorageFailed, match="cannot go on: it has not answered"):
        works_of(ledger)
    # Nobody else waits again.
    with pytest.raises(StorageFailed, match="cannot go on: it has not answered"):
        record_works(ledger, range(3, 4))
    ledger.close()
    assert time.monotonic() - began < 15
    line.let_go()


def test_a_server_that_has_much_to_do_is_waited_for(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    for name in ("ASKED_AFTER", "BUSY_TIMEOUT"):
        monkeypatch.setattr(silence, name, 0.2)
    ledger = Ledger.open(postgres_url)
    ledger.read_now(lambda connection: connection.execute(text("SELECT pg_sleep(1)")).all())
    ledger.close()
    assert caplog.messages == []


def test_who_is_stopped_while_writing_keeps_nothing_locked(postgres_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(engine, "BUSY_TIMEOUT", 1.0)
    stopped, other = writing_engine(read_url(postgres_url)), writing_engine(read_url(postgres_url))
    prepare(stopped)
    lock = text("LOCK TABLE artworks IN ACCESS EXCLUSIVE MODE")
    with stopped.connect() as holding:
        holding.execute(lock)
        with other.begin() as waiting:
            waiting.execute(lock)
        holding.invalidate()
    for each in (stopped, other):
        each.dispose()


def test_requests_that_several_send_at_once_are_all_counted(postgres_url: str):
    def spend(_: int) -> None:
        ledger = Ledger.open(postgres_url)
        for _ in range(10):
            ledger.write_now(updates.spend_request, "www.pixiv.net", 901, NOW)
        ledger.close()

    spend(0)
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(spend, range(4)))
    ledger = Ledger.open(postgres_url, read_only=True)
    assert ledger.read_now(lambda connection: connection.execute(select(func.sum(AccountRow.spent))).scalar()) == 50
    ledger.close()


@pytest.mark.long
def test_two_that_hold_each_other_up_both_go_on(postgres_url: str, tmp_path: Path):
    """The works of one batch in one order, and of the other in the other order."""

    def record(numbers: range, folder: Path) -> None:
        archive = Archive(folder)
        archive.create()
        ledger = Ledger.open(postgres_url, archive=archive)
        for turn in range(15):
            for number in numbers:
                ledger.write_now(updates.record_artwork, an_artwork(number, title=f"{folder.name} {turn}"), NOW)
        ledger.close()

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(record, range(1, 5), tmp_path / "one")
        other = threads.submit(record, range(4, 0, -1), tmp_path / "other")
        one.result()
        other.result()
