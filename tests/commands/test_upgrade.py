"""`pixivcrawl upgrade`, as it is typed."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.ledger.making import connected, sqlite_url
from tests.ledger.test_upgrading import OLD
from tests.live.running import environment, rows, scrapy


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with tarfile.open(OLD) as packed:
        packed.extractall(tmp_path / "archive", filter="data")
    return tmp_path / "archive"


@pytest.mark.long
def test_an_archive_of_before_is_refused_then_brought_over_then_used(archive: Path):
    env = environment(None, archive)
    refused = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert (refused.returncode, refused.stderr.count("pixivcrawl: ")) == (2, 1)
    assert "pixivcrawl upgrade" in refused.stderr
    brought = scrapy("upgrade", env=env)
    assert brought.returncode == 0, brought.stderr
    assert "upgraded: 388 events of its journal" in brought.stdout
    assert "the old journal is kept: " in brought.stdout
    again = scrapy("upgrade", env=env)
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert scrapy("status", env=env).returncode == 0


def test_a_ledger_of_a_version_in_between_needs_no_crawl(tmp_path: Path):
    with connected(sqlite_url(tmp_path)) as connection:
        connection.exec_driver_sql("DROP TABLE stores")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0014'")
    env = environment(None, tmp_path)
    refused = scrapy("status", env=env)
    assert (refused.returncode, "pixivcrawl upgrade" in refused.stderr) == (2, True)
    assert "upgraded: the tables of its ledger" in scrapy("upgrade", env=env).stdout
    assert rows(tmp_path, "SELECT count(*) FROM stores") == [(0,)]
    assert list(tmp_path.glob("archive.sqlite.backup-0014-*"))
    assert "nothing to do" in scrapy("upgrade", env=env).stdout
    assert scrapy("status", env=env).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["now"], "upgrade takes only options; see"), (["-s", "ARCHIVE_DIR=nowhere"], "no archive at")],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: list[str], said: str):
    run = scrapy("upgrade", *arguments, env=environment(None, tmp_path / "nowhere"))
    assert run.returncode == 2
    assert said in run.stderr


@pytest.mark.long
def test_columns_that_are_new_are_filled_from_answers_of_before(archive: Path):
    env = environment(None, archive)
    assert scrapy("upgrade", env=env).returncode == 0
    works = "SELECT count(*) FROM artworks WHERE detail = 'full' AND is_original IS NOT NULL"
    titles = rows(archive, "SELECT id, title, caption FROM artworks ORDER BY id")
    assert rows(archive, works) == [(0,)]
    filled = scrapy("reparse", env=env)
    assert filled.returncode == 0, filled.stderr
    known = rows(archive, "SELECT count(*) FROM answers WHERE endpoint = 'illust.detail'")
    assert rows(archive, works) == known
    assert rows(archive, "SELECT id, title, caption FROM artworks ORDER BY id") == titles
    assert ", 0 works and users filled" in scrapy("reparse", env=env).stdout
    for name in ("archive.sqlite", "archive.sqlite-wal", "archive.sqlite-shm"):
        (archive / name).unlink(missing_ok=True)
    scrapy("rebuild", env=env)
    assert rows(archive, works) == known, "what was filled comes back with a rebuild"


@pytest.mark.long
def test_an_answer_that_is_gone_is_said(archive: Path):
    env = environment(None, archive)
    assert scrapy("upgrade", env=env).returncode == 0
    (path,) = (archive / "journal").iterdir()
    data = bytearray(path.read_bytes())
    [(start, length)] = rows(archive, "SELECT start, length FROM answers WHERE subject_id = 5000111")
    data[start + length // 2] ^= 1
    path.write_bytes(data)
    run = scrapy("reparse", env=env)
    assert (run.returncode, "1 answer missing or unreadable" in run.stdout) == (1, True)
