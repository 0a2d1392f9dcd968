"""A SQLite file with wrong bytes is said to be damaged, in one line that says what to do, wherever they are."""

from __future__ import annotations

import argparse
import random
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from scrapy.settings import Settings
from scrapy.utils.project import get_project_settings
from sqlalchemy import Connection

from pixivcrawl.errors import PixivcrawlError, StorageFailed
from pixivcrawl.ledger.queries import described_works, status_missing, status_odd, status_of_works
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.runs.command import ArchiveCommand
from tests.ledger.making import archived, begun, connected, sqlite_url

WRONG_VALUES = {
    "a title": "UPDATE artworks SET title = CAST(x'61ff' AS TEXT)",
    "a time": "UPDATE artworks SET created = '2026-1x-01T00:00:00.000000Z'",
    "JSON": "UPDATE artworks SET request = '{\"id\": '",
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with connected(sqlite_url(tmp_path)) as connection:
        begun(connection, *range(1, 60))
        for work_id in range(1, 60):
            archived(connection, work_id, pages=2)
    return tmp_path / "archive.sqlite"


def read(connection: Connection) -> None:
    status_of_works(connection, None)
    status_missing(connection, None)
    status_odd(connection)
    described_works(connection, list(range(1, 60)))


def is_sound(file: Path) -> bool:
    """Whether it can be read. Raises what is not said in one line."""
    try:
        with closing(Ledger.open(sqlite_url(file.parent), read_only=True)) as ledger:
            ledger.read_now(read)
    except PixivcrawlError as error:
        return not re.fullmatch(".* damaged.*", str(error))
    return True


@pytest.mark.parametrize("statement", WRONG_VALUES.values(), ids=WRONG_VALUES)
def test_a_value_that_cannot_be_read_is_damage(file: Path, statement: str):
    assert is_sound(file)
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(statement).rowcount
    assert not is_sound(file)


def test_a_list_of_tables_that_sqlite_cannot_quote_is_damage(file: Path):
    file.write_bytes(file.read_bytes().replace(b"CREATE TABLE artworks", b"CREATE TA\xffLE artworks"))
    assert not is_sound(file)


def test_wrong_bytes_anywhere_are_damage_or_change_nothing_that_is_read(file: Path):
    dice, whole = random.Random(7), file.read_bytes()
    found = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(dice.choice([1, 30, 300])):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        file.write_bytes(damaged)
        found += not is_sound(file)
    assert found > 20


class Failing(ArchiveCommand):
    def short_desc(self) -> str:
        return "Fail"

    def execute(self, settings: Settings, args: list[str], opts: argparse.Namespace) -> int:
        raise TypeError("'>=' not supported between instances of 'NoneType' and 'int'")


def test_what_fails_without_an_explanation_is_a_bug_only_with_a_sound_ledger(file: Path, capsys: Any):
    command = Failing()
    command.settings = get_project_settings()
    command.settings.set("ARCHIVE_DIR", str(file.parent))
    with pytest.raises(TypeError):
        command.run([], argparse.Namespace())
    with file.open("r+b") as damaged:
        damaged.seek(3 * 4096)
        damaged.write(bytes(4096))
    command.run([], argparse.Namespace())
    assert command.exitcode == StorageFailed.exit_code
    assert "is damaged: rebuild it" in capsys.readouterr().err
