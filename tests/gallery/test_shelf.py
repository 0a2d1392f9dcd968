"""What a person marks, and that the gallery writes nothing else."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.gallery.conftest import Visitor, visiting
from tests.gallery.making import MANGA, NORMAL, WORKS, archive_at
from tests.live.running import environment, pixivcrawl


def mark(gallery: Visitor, work_id: int, field: str, value: str) -> int:
    return gallery.post(
        "/shelf", {"work": str(work_id), "field": field, "value": value, "back": f"/works/{work_id}"}
    ).status


def test_favourites_notes_and_hidden_works(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    with visiting(root) as gallery:
        assert not (root / "shelf.sqlite").exists()
        assert mark(gallery, NORMAL, "favourite", "1") == 303
        assert mark(gallery, MANGA, "hidden", "1") == 303
        assert mark(gallery, NORMAL, "note", "<b>mine</b>") == 303
        assert f"/works/{NORMAL}" in gallery.get("/shelf").text
        assert "&lt;b&gt;mine&lt;/b&gt;" in gallery.get("/shelf?show=notes").text
        grid = gallery.get("/works").text
        assert f'href="/works/{MANGA}"' not in grid
        assert "1 work on this page is hidden by you." in grid
        assert f'href="/works/{MANGA}"' in gallery.get("/works?hidden=shown").text
        assert mark(gallery, NORMAL, "favourite", "0") == 303
        assert f'href="/works/{NORMAL}"' not in gallery.get("/shelf").text


@pytest.mark.parametrize(
    ("work", "field", "value"),
    [
        ("x", "favourite", "1"),
        ("1", "other", "1"),
        ("1", "favourite", "yes"),
        ("9" * 30, "hidden", "1"),
        ("1", "note", "n" * 10_001),
    ],
)
def test_what_is_no_mark_is_refused_in_a_line(gallery: Visitor, work: str, field: str, value: str) -> None:
    answer = gallery.post("/shelf", {"work": work, "field": field, "value": value})
    assert answer.status == 400
    assert "Traceback" not in answer.text


def test_a_get_marks_nothing(gallery: Visitor) -> None:
    gallery.get("/shelf?work=1&field=favourite&value=1")
    assert "/works/1?" not in gallery.get("/shelf").text


def test_a_shelf_that_is_damaged_is_said(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    (root / "shelf.sqlite").write_bytes(b"no database" * 100)
    with visiting(root) as gallery:
        answer = gallery.get("/works")
        assert answer.status == 503
        assert "shelf.sqlite cannot be used" in answer.text


def test_a_first_mark_on_a_full_disk_is_no_end_of_the_shelf(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    with closing(sqlite3.connect(root / "shelf.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    with visiting(root) as gallery:
        assert gallery.get("/works").status == 200
        assert mark(gallery, NORMAL, "favourite", "1") == 303
        assert f'href="/works/{NORMAL}"' in gallery.get("/shelf").text


def tree(root: Path) -> dict[str, str]:
    """Every file of an archive but those that the gallery may write, with its hash, and every folder.

    SQLite itself makes two files beside a ledger that is read while others may write; the one that could hold anything is empty.
    """
    ours = ("derived", "shelf.sqlite", "archive.sqlite-shm", "archive.sqlite-wal")
    wal = root / "archive.sqlite-wal"
    assert not wal.exists() or not wal.stat().st_size
    found = (path for path in root.rglob("*") if not path.relative_to(root).as_posix().startswith(ours))
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in found
    }


@pytest.mark.parametrize("kind", ["multipart/form-data", "application/x-www-form-urlencoded; charset=none"])
def test_what_is_no_form_is_said_on_a_page(gallery: Visitor, kind: str) -> None:
    sent = {"Origin": "http://localhost:8490", "Content-Type": kind}
    for path in ("/shelf", "/settings"):
        answer = gallery.ask("POST", path, headers=sent, data=b"work=1")
        assert (answer.status, "the form cannot be read" in answer.text) == (400, True)


def test_nothing_else_of_the_archive_changes(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    before = tree(root)
    with visiting(root) as gallery:
        for work_id in WORKS:
            for path in (f"/works/{work_id}", "/works", "/tags", "/changes", "/gone", f"/works/{work_id}/history"):
                assert gallery.get(path).status == 200
        assert mark(gallery, NORMAL, "favourite", "1") == 303
    assert tree(root) == before


@pytest.mark.long
def test_a_backup_has_the_shelf_and_verify_takes_no_offence(tmp_path: Path) -> None:
    root = archive_at(tmp_path / "archive")
    with visiting(root) as gallery:
        mark(gallery, NORMAL, "note", "kept")
    env = environment(None, root)
    done = pixivcrawl("backup", str(tmp_path / "copy.sqlite"), env=env)
    assert done.returncode == 0, done.stderr
    verified = pixivcrawl("verify", env=env)
    assert "shelf.sqlite" not in verified.stdout + verified.stderr
    assert "derived/" not in verified.stdout + verified.stderr
    shutil.copy(tmp_path / "copy.shelf.sqlite", root / "shelf.sqlite")
    with visiting(root) as gallery:
        assert "kept" in gallery.get(f"/works/{NORMAL}").text
