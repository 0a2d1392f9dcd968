"""An archive of before the journal was kept in WARC files is brought over, whatever interrupts it.

`archives/0005.tar.xz` was made by nine crawls of the sandbox with the last version of before: its ledger and its journal.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import textwrap
import zlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.engine import read_url, writing_engine
from pixivcrawl.ledger.journal import SkippedParts, read_journal
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.upgrading import upgrade
from tests.ledger.journals import read_answer
from tests.ledger.making import sqlite_url
from tests.ledger.test_engine import migrated
from tests.ledger.test_replay import replayed_into

ROOT = Path(__file__).parents[2]
OLD = Path(__file__).parent / "archives/0005.tar.xz"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    with tarfile.open(OLD) as packed:
        packed.extractall(tmp_path / "old", filter="data")
    return tmp_path / "old"


def bring_over(folder: Path) -> Any:
    return upgrade(Archive(folder), read_url(sqlite_url(folder)))


def read(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with sqlite3.connect(f"file:{folder / 'archive.sqlite'}?mode=ro", uri=True) as connection:
        return connection.execute(query).fetchall()


def facts(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What both versions hold, by the columns that the old one had; a tag by its name, since each ledger counts its own ids."""
    with tarfile.open(OLD) as packed:
        packed.extract("archive.sqlite", folder / "asked", filter="data")
    names = [name for (name,) in read(folder / "asked", "SELECT name FROM sqlite_master WHERE type = 'table'")]
    held = {}
    for table in set(names) - {"bodies", "snapshots", "journal", "alembic_version"}:
        had = [name for _, name, *_ in read(folder / "asked", f"PRAGMA table_info({table})")]
        by_name = {"tag_id": "(SELECT name FROM tags WHERE tags.id = tag_id)"} | (
            {"id": "1"} if table == "tags" else {}
        )
        if table == "hosts" and read(folder, "SELECT 1 FROM sqlite_master WHERE name = 'accounts'"):
            # Whose requests they were is kept since then.
            by_name |= {
                "spent_on": "(SELECT spent_on FROM accounts WHERE accounts.host = hosts.host)",
                "spent": "(SELECT coalesce(max(spent), 0) FROM accounts WHERE accounts.host = hosts.host)",
            }
        columns = ", ".join(by_name.get(name, name) for name in had)
        held[table] = sorted(read(folder, f"SELECT {columns} FROM {table}"), key=repr)
    shutil.rmtree(folder / "asked")
    return held


def answers(folder: Path) -> dict[Any, bytes]:
    """Every answer that the ledger held or names."""
    if read(folder, "SELECT 1 FROM sqlite_master WHERE name = 'bodies'"):
        found = {row[:-1]: row[-1] for row in read(folder, "SELECT endpoint, subject_id, read_at, body FROM bodies")}
        dated = read(folder, "SELECT endpoint, json(parameters), read_at, body FROM snapshots")
        return {key: zlib.decompress(body) for key, body in [*found.items(), *((row[:-1], row[-1]) for row in dated)]}
    last = read(folder, "SELECT endpoint, subject_id, read_at, file, start, length FROM answers")
    dated = read(folder, "SELECT endpoint, json(parameters), read_at, file, start, length FROM snapshots")
    return {row[:3]: read_answer(folder / "journal", Location(*row[3:])) or b"" for row in [*last, *dated]}


def told(body: bytes) -> Any:
    """An answer without the ids that the ledger's copy left out."""
    document = json.loads(body)
    if isinstance(document.get("body"), dict):
        document["body"].pop("userIllusts", None)
    return document


def test_nothing_is_lost(old: Path):
    expected, kept = facts(old), answers(old)
    upgraded = bring_over(old)
    assert upgraded.events == 388
    assert upgraded.from_ledger == 0
    assert sorted(path.suffixes[-2:] for path in upgraded.replaced.iterdir()) == [[".jsonl", ".gz"]]
    assert facts(old) == expected
    found = answers(old)
    assert {key: told(found[key]) for key in kept} == {key: told(body) for key, body in kept.items()}
    passed_over = SkippedParts()
    assert len([*read_journal(old / "journal", passed_over)]) == upgraded.events
    assert passed_over == SkippedParts()


def test_it_is_used_as_any_other_afterwards_and_brought_over_once(old: Path):
    bring_over(old)
    Ledger.open(sqlite_url(old), archive=Archive(old)).close()
    before = {path: path.read_bytes() for path in (old / "journal").iterdir()}
    assert bring_over(old) is None
    assert {path: path.read_bytes() for path in (old / "journal").iterdir()} == before


@pytest.mark.long
def test_its_ledger_is_made_again_from_the_new_journal(old: Path, tmp_path: Path, empty_ledger: Path):
    bring_over(old)
    new = tmp_path / "new"
    new.mkdir()
    shutil.copy(empty_ledger, new)
    outcome = replayed_into(new, old / "journal")
    assert (outcome.unknown, outcome.failed) == ({}, {})
    made, expected = facts(new), facts(old)
    assert [name for name in expected if made[name] != expected[name]] == ["hosts"]


@pytest.mark.long
def test_a_servers_ledger_too(old: Path, postgres_url: str):
    """Of several archives one brings the tables over, and each its own journal."""
    migrated(postgres_url, to="0005")
    with writing_engine(read_url(postgres_url)).begin() as connection:
        body = {"body": zlib.compress(b"{}"), "at": "2026-11-30T00:00:00Z"}
        connection.execute(text("INSERT INTO bodies VALUES ('user.full', 77, :body, :at)"), body)
    shutil.copytree(old / "journal", old.parent / "other/journal")
    for folder, from_ledger in ((old, 1), (old.parent / "other", 0)):
        upgraded = upgrade(Archive(folder), read_url(postgres_url))
        assert (upgraded.events, upgraded.from_ledger) == (388, from_ledger)
    ledger = Ledger.open(postgres_url, archive=Archive(old))
    assert asyncio.run(ledger.kept_answer("user.full", 77)) == b"{}"
    ledger.close()


def test_before_that_it_is_refused_in_one_line(old: Path):
    before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
    for options in ({}, {"read_only": True}):
        with pytest.raises(ConfigurationError, match=r"upgrade the archive with pixivcrawl upgrade$"):
            Ledger.open(sqlite_url(old), archive=Archive(old), **options)
    (old / "archive.sqlite").unlink()
    with pytest.raises(ConfigurationError, match=r"upgrade the archive with pixivcrawl upgrade$"):
        Ledger.open(sqlite_url(old), archive=Archive(old))
    assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}.items() <= before.items()


def test_answers_that_a_lost_journal_held_come_from_the_ledger(old: Path):
    shutil.rmtree(old / "journal")
    kept = answers(old)
    upgraded = bring_over(old)
    assert (upgraded.events, upgraded.from_ledger, upgraded.replaced) == (0, len(kept), None)
    assert answers(old) == kept


def test_a_lost_ledger_leaves_a_journal_to_make_one_from(old: Path):
    (old / "archive.sqlite").unlink()
    upgraded = bring_over(old)
    assert (upgraded.has_ledger, bring_over(old)) == (False, None)
    assert len([*read_journal(old / "journal")]) == upgraded.events


def test_damage_costs_its_batch_and_is_missed_by_its_numbers(old: Path):
    (path,) = (old / "journal").iterdir()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    bring_over(old)
    passed_over = SkippedParts()
    rest = [*read_journal(old / "journal", passed_over)]
    assert passed_over.missing > 0
    assert len(rest) + passed_over.missing == rest[-1].number


def test_what_a_kill_kept_from_the_ledger_is_made_again(old: Path):
    """The old journal is one batch ahead where a run was killed between journal and commit."""
    titles = read(old, "SELECT id, title FROM artworks ORDER BY id")
    with sqlite3.connect(old / "archive.sqlite") as connection:
        connection.execute("UPDATE journal SET number = 0")
        connection.execute("UPDATE artworks SET title = 'lost' WHERE title IS NOT NULL")
    bring_over(old)
    assert read(old, "SELECT id, title FROM artworks ORDER BY id") == titles


KILLED = textwrap.dedent(
    """
    import os, shutil, signal, sys
    from pathlib import Path
    from pixivcrawl.ledger import journal, upgrading
    from tests.ledger.test_upgrading import bring_over

    count, last = 0, int(sys.argv[2])

    def dying(function):
        def step(*arguments, **named):
            global count
            for is_after in (False, True):
                count += 1
                if count == last:
                    os.kill(os.getpid(), signal.SIGKILL)
                result = function(*arguments, **named) if not is_after else result
            return result
        return step

    journal._append = dying(journal._append)
    Path.rename = dying(Path.rename)
    Path.unlink = dying(Path.unlink)
    upgrading._fill = dying(upgrading._fill)
    upgrading.prepare = dying(upgrading.prepare)
    upgrading.note_position = dying(upgrading.note_position)
    bring_over(Path(sys.argv[1]))
    """
)


@pytest.mark.parametrize(
    "last", [n if n in (4, 9, 16) else pytest.param(n, marks=pytest.mark.long) for n in range(1, 21)]
)
@pytest.mark.long
def test_a_kill_anywhere_only_interrupts(old: Path, last: int):
    expected, kept = facts(old), {key: told(body) for key, body in answers(old).items()}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(old), str(last)], cwd=ROOT, check=False)
    assert killed.returncode in (-signal.SIGKILL, 0)
    bring_over(old)
    assert facts(old) == expected
    found = answers(old)
    assert {key: told(found[key]) for key in kept} == kept
    passed_over = SkippedParts()
    assert len([*read_journal(old / "journal", passed_over)]) == 388
    assert passed_over == SkippedParts()
    Ledger.open(sqlite_url(old), archive=Archive(old)).close()
    assert sorted(path.name[:16] for path in old.iterdir() if path.is_dir()) == ["journal", "journal.replaced"]


@pytest.mark.long
@pytest.mark.parametrize("last", [4, 5])
def test_a_journal_without_a_ledger_too(old: Path, last: int):
    """Between the two renames nothing has the journal's name."""
    (old / "archive.sqlite").unlink()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(old), str(last)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    bring_over(old)
    assert len([*read_journal(old / "journal")]) == 388


def test_a_journal_on_another_disk_stays_there(old: Path, tmp_path: Path):
    (old / "journal").rename(tmp_path / "elsewhere")
    (old / "journal").symlink_to(tmp_path / "elsewhere")
    bring_over(old)
    assert (old / "journal").is_symlink()
    assert len([*read_journal(tmp_path / "elsewhere")]) == 388
