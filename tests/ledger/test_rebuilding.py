"""The new ledger takes the old one's name, and no file of either is lost, whenever it is killed."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from pixivcrawl.ledger.rebuilding import begin_beside, put_in_place

RUBBISH = b"\xff" * 8192


def a_database(path: Path, number: int) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (n)")
    connection.execute("INSERT INTO t VALUES (?)", [number])
    connection.commit()
    connection.close()


def number_in(path: Path) -> int:
    connection = sqlite3.connect(path)
    (number,) = connection.execute("SELECT n FROM t").fetchone()
    connection.close()
    return int(number)


def left_open(path: Path, number: int) -> None:
    """As a killed run leaves it: what was committed last lies beside it."""
    a_database(path, 0)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("UPDATE t SET n = ?", [number])
    connection.commit()
    beside = {name: path.with_name(name).read_bytes() for name in (path.name, f"{path.name}-wal")}
    connection.close()
    for name, content in beside.items():
        path.with_name(name).write_bytes(content)


def test_the_old_one_is_kept_with_what_lay_beside_it(tmp_path: Path):
    database = tmp_path / "archive.sqlite"
    left_open(database, 7)
    beside = begin_beside(database)
    a_database(beside, 8)
    kept = put_in_place(beside, database)
    assert kept is not None
    assert kept.name.startswith("archive.sqlite.replaced-2")
    assert (number_in(kept), number_in(database)) == (7, 8)
    assert not beside.exists()


def test_a_damaged_one_is_moved_as_it_is(tmp_path: Path):
    database = tmp_path / "archive.sqlite"
    database.write_bytes(RUBBISH)
    database.with_name("archive.sqlite-wal").write_bytes(b"more of it")
    a_database(begin_beside(database), 8)
    kept = put_in_place(tmp_path / "archive.sqlite.rebuilding", database)
    assert kept is not None
    assert kept.read_bytes() == RUBBISH
    assert Path(f"{kept}-wal").read_bytes() == b"more of it"
    assert number_in(database) == 8


def test_what_lies_beside_a_deleted_one_is_not_taken_for_the_new_ones(tmp_path: Path):
    database = tmp_path / "archive.sqlite"
    left_open(database, 7)
    database.unlink()
    a_database(begin_beside(database), 8)
    put_in_place(tmp_path / "archive.sqlite.rebuilding", database)
    assert number_in(database) == 8
    assert len(list(tmp_path.glob("archive.sqlite.replaced-*-wal"))) == 1


@pytest.mark.parametrize("moves", range(4))
def test_a_kill_at_any_move_is_finished_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int):
    database = tmp_path / "archive.sqlite"
    database.write_bytes(RUBBISH)
    database.with_name("archive.sqlite-wal").write_bytes(b"more of it")
    rename, done = Path.rename, 0

    def rename_or_die(self: Path, target: str | Path) -> Path:
        nonlocal done
        if done == moves:
            raise KeyboardInterrupt
        done += 1
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_or_die)
    a_database(begin_beside(database), 8)
    try:
        put_in_place(tmp_path / "archive.sqlite.rebuilding", database)
    except KeyboardInterrupt:
        monkeypatch.setattr(Path, "rename", rename)
        a_database(begin_beside(database), 8)
        put_in_place(tmp_path / "archive.sqlite.rebuilding", database)
    assert number_in(database) == 8
    kept = sorted(path.read_bytes() for path in tmp_path.glob("archive.sqlite.replaced-*"))
    assert kept == sorted([RUBBISH, b"more of it"])
    assert not database.with_name("archive.sqlite-wal").exists()


def test_two_within_a_second_have_two_names(tmp_path: Path):
    database = tmp_path / "archive.sqlite"
    a_database(database, 1)
    kept = []
    for number in (2, 3):
        a_database(begin_beside(database), number)
        kept.append(put_in_place(tmp_path / "archive.sqlite.rebuilding", database))
    assert [number_in(path) for path in kept if path is not None] == [1, 2]
    assert number_in(database) == 3
