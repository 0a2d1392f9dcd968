"""`export view`: what lies there, what a change of the ledger changes, and what is never touched."""

from __future__ import annotations

import errno
import os
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from pixivcrawl.exchange.export import view
from pixivcrawl.exchange.export.names import key_of
from pixivcrawl.items import Facts, User
from pixivcrawl.ledger.updates import record_artwork, record_facts
from tests.exchange.export.conftest import Export
from tests.exchange.export.making import archive_of, body_of, files_in, titled
from tests.gallery.making import keep
from tests.ledger.making import DAY, NOW, SECOND, an_artwork, an_ugoira, connected, sqlite_url

BODY = b"a picture of work 101 page 0"


def retitle(root: Path, work_id: int, title: str, **changes: object) -> None:
    with connected(sqlite_url(root)) as connection:
        record_artwork(connection, an_artwork(work_id, title=title, **changes), NOW + DAY)


def rename(root: Path, user_id: int, name: str) -> None:
    with connected(sqlite_url(root)) as connection:
        record_facts(connection, Facts(users=(User(user_id, name),)), NOW + DAY)


def inodes(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.lstat().st_ino for path in folder.rglob("*")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two works of an artist, one of two pages, and one of another artist."""
    works = [*titled("cats", "dogs", pages=2), an_artwork(103, title="birds", user_id=8, user_name="other")]
    works[2] = replace(works[2], originals=tuple(replace(each, user_id=8) for each in works[2].originals))
    return archive_of(tmp_path / "archive", works)


# What lies there


@pytest.mark.parametrize("by", ["symlink", "hardlink", "copy"])
def test_every_original_has_its_name_and_its_bytes(root: Path, tmp_path: Path, export: Export, by: str):
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*.jpg")}
    export("view", "--by", by)
    out = tmp_path / "out"
    assert sorted(files_in(out)) == [
        "artist (7)/2026-01 cats (101)/000.jpg",
        "artist (7)/2026-01 cats (101)/001.jpg",
        "artist (7)/2026-01 dogs (102)/000.jpg",
        "artist (7)/2026-01 dogs (102)/001.jpg",
        "other (8)/2026-01 birds (103)/000.jpg",
    ]
    shown = out / "other (8)/2026-01 birds (103)/000.jpg"
    (original,) = root.rglob("103_*.jpg")
    assert shown.read_bytes() == original.read_bytes()
    assert shown.stat().st_mtime_ns == original.stat().st_mtime_ns
    assert shown.is_symlink() == (by == "symlink")
    assert shown.samefile(original) == (by != "copy")
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in root.rglob("*.jpg")} == before


def test_without_a_word_it_is_a_reflink_or_a_symlink(root: Path, tmp_path: Path, export: Export):
    told = export("view").err
    (shown,) = (tmp_path / "out").rglob("*birds*/000.jpg")
    assert shown.is_symlink() == ("by symlink" in told)
    assert ("by reflink" in told) or ("by symlink" in told)


def test_an_ugoira_is_its_zip_and_its_delays_and_a_revised_work_its_latest_images(tmp_path: Path, export: Export):
    ugoira = an_artwork(104, title="moves", kind="ugoira", originals=(an_ugoira(104),))
    root = archive_of(tmp_path / "archive", [ugoira, *titled("old")])
    with connected(sqlite_url(root)) as connection:
        revised = an_artwork(101, 1, SECOND, title="new")
        record_artwork(connection, revised, NOW + DAY)
        keep(connection, root, revised.originals[0], b"another picture")
        connection.exec_driver_sql("UPDATE files SET sha256 = ? WHERE kind = 'frames'", (EMPTY_LIST,))
    next(root.rglob("104_*.zip")).with_suffix(".json").write_text("[]")
    export("view", "--name", "{title}/{page}.{ext}", "--by", "copy")
    assert set(files_in(tmp_path / "out")) == {"moves/0.zip", "moves/0.json", "new/0.jpg"}
    assert files_in(tmp_path / "out")["new/0.jpg"] == b"another picture"


EMPTY_LIST = "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"


def test_a_preview_writes_nothing(root: Path, tmp_path: Path, export: Export):
    told = export("view", "--dry-run", "--name", "{title} {page}.{ext}")
    assert told.out.splitlines() == [f"make {title} {page}.jpg" for title in ("cats", "dogs") for page in (0, 1)] + [
        "make birds 0.jpg"
    ]
    assert not (tmp_path / "out").exists()
    export("view", "--name", "{title} {page}.{ext}")
    retitle(root, 103, "eagles", user_id=8, user_name="other")
    before = inodes(tmp_path / "out")
    told = export("view", "--dry-run", "--name", "{title} {page}.{ext}", which=("--artist", "8"))
    assert told.out.splitlines() == ["move birds 0.jpg -> eagles 0.jpg"] + [
        f"remove {title} {page}.jpg" for title in ("cats", "dogs") for page in (0, 1)
    ]
    assert inodes(tmp_path / "out") == before


# What a change changes


def test_a_second_time_nothing_is_made(root: Path, tmp_path: Path, export: Export):
    export("view", "--by", "copy")
    before = inodes(tmp_path / "out")
    assert "0 made, 0 moved, 0 removed, 5 as they were" in export("view", "--by", "copy").err
    assert inodes(tmp_path / "out") == before


def test_an_artist_s_new_name_moves_their_folder_alone(root: Path, tmp_path: Path, export: Export):
    export("view", "--by", "copy")
    out = tmp_path / "out"
    (out / "artist (7)/mine.txt").write_text("a note")
    before = inodes(out)
    rename(root, 7, "another")
    assert "0 made, 4 moved, 0 removed, 1 as they were" in export("view", "--by", "copy").err
    assert inodes(out) == {path.replace("artist (7)", "another (7)"): inode for path, inode in before.items()}


def test_a_new_title_moves_its_work_alone(root: Path, tmp_path: Path, export: Export):
    export("view", "--by", "copy")
    before = inodes(tmp_path / "out")
    retitle(root, 103, "eagles", user_id=8, user_name="other")
    assert "0 made, 1 moved, 0 removed, 4 as they were" in export("view", "--by", "copy").err
    after = inodes(tmp_path / "out")
    assert {inode for path, inode in after.items() if path.endswith(".jpg")} == {
        inode for path, inode in before.items() if path.endswith(".jpg")
    }
    assert [path for path in after if "eagles" in path and path.endswith(".jpg")] == [
        "other (8)/2026-01 eagles (103)/000.jpg"
    ]
    assert not any("birds" in path for path in after)


def test_titles_that_are_exchanged(root: Path, tmp_path: Path, export: Export):
    export("view", "--by", "copy", "--name", "{title} {page}.{ext}")
    before = files_in(tmp_path / "out")
    retitle(root, 101, "dogs", pages=2)
    retitle(root, 102, "cats", pages=2)
    export("view", "--by", "copy", "--name", "{title} {page}.{ext}")
    after = files_in(tmp_path / "out")
    assert after["cats 0.jpg"] == before["dogs 0.jpg"]
    assert after["dogs 1.jpg"] == before["cats 1.jpg"]
    assert set(after) == set(before)


def test_what_is_no_longer_chosen_goes_and_another_way_makes_everything_again(
    root: Path, tmp_path: Path, export: Export
):
    export("view", "--by", "symlink")
    assert (
        "0 made, 0 moved, 4 removed, 1 as they were" in export("view", "--by", "symlink", which=("--artist", "8")).err
    )
    assert set(inodes(tmp_path / "out")) == {
        ".pixivcrawl-view",
        "other (8)",
        "other (8)/2026-01 birds (103)",
        "other (8)/2026-01 birds (103)/000.jpg",
    }
    assert "1 made, 0 moved, 0 removed" in export("view", "--by", "copy", which=("--artist", "8")).err
    assert not (tmp_path / "out/other (8)/2026-01 birds (103)/000.jpg").is_symlink()


def test_what_somebody_removed_comes_again(root: Path, tmp_path: Path, export: Export):
    export("view", "--by", "copy")
    (shown,) = (tmp_path / "out").rglob("*birds*/000.jpg")
    shown.unlink()
    assert "1 made" in export("view", "--by", "copy").err
    assert shown.exists()


# Names that meet


def test_names_that_meet_get_the_id_whatever_their_case(tmp_path: Path, export: Export):
    titles = ["Cats", "cats", "CATS", "cats (102)", "e\u0301", "\u00e9", "x.jpg", "x"]
    archive_of(tmp_path / "archive", titled(*titles))
    export("view", "--name", "{title}.{ext}")
    names = list(files_in(tmp_path / "out"))
    assert {"Cats.jpg", "cats (102).jpg", "CATS (103).jpg", "é.jpg", "é (106).jpg", "x.jpg.jpg", "x.jpg"} < set(names)
    assert len({key_of(name) for name in names}) == len(titles)


def test_a_folder_and_a_file_of_one_name(tmp_path: Path, export: Export):
    works = titled("a.jpg", "a", "a.jpg")
    archive_of(tmp_path / "archive", [replace(works[0], kind="manga"), *works[1:]])
    export("view", "--name", "{if kind == manga}{title}/{page}{else}{title}{end}.{ext}")
    assert set(files_in(tmp_path / "out")) == {"a.jpg/0.jpg", "a (102).jpg", "a.jpg.jpg"}


def test_pages_that_a_template_does_not_tell_apart(root: Path, tmp_path: Path, export: Export):
    export("view", "--name", "{title}.{ext}", which=("--work", "101"))
    assert set(files_in(tmp_path / "out")) == {"cats.jpg", "cats (101).jpg"}


# What is refused


@pytest.mark.parametrize("by", ["symlink", "copy", "hardlink"])
def test_a_file_that_is_not_what_the_ledger_says_is_named_and_left_out(
    root: Path, tmp_path: Path, export: Export, by: str
):
    (damaged,) = root.rglob("103_*.jpg")
    body = bytearray(damaged.read_bytes())
    body[3] ^= 1
    damaged.write_bytes(body)
    told = export("view", "--by", by, code=1)
    assert f"not exported: {damaged.relative_to(root)}: its SHA-256 is not the one in the ledger" in told.err
    assert not list((tmp_path / "out").rglob("*birds*"))
    assert len(files_in(tmp_path / "out")) == 4
    damaged.unlink()
    assert f"{damaged.relative_to(root)}: is not there" in export("view", "--by", by, code=1).err
    with sqlite3.connect(root / "archive.sqlite") as connection:
        damaged.write_bytes(body_of(an_artwork(103).originals[0]))
        connection.execute(
            "UPDATE files SET path = replace(path, '103_p0', '../../../etc/103_p0') WHERE artwork_id = 103"
        )
    assert "is not a path inside the archive" in export("view", "--by", by, code=1).err


def test_what_somebody_changed_or_put_there_is_left_as_it_is(root: Path, tmp_path: Path, export: Export):
    export("view", "--by", "copy", which=("--artist", "8"))
    (shown,) = (tmp_path / "out").rglob("*.jpg")
    shown.write_bytes(b"painted over")
    mine = tmp_path / "out/artist (7)/2026-01 cats (101)/000.jpg"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"my own")
    told = export("view", "--by", "copy", code=1)
    assert "birds (103)/000.jpg: was changed since it was exported" in told.err
    assert "cats (101)/000.jpg: something else lies there" in told.err
    told = export("view", "--by", "copy", "--name", "{id}.{ext}", code=1)
    assert (shown.read_bytes(), mine.read_bytes()) == (b"painted over", b"my own")


def test_a_folder_of_somebody_s_own_is_refused(root: Path, tmp_path: Path, export: Export):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    assert "holds other things: name an empty folder" in export("view", code=2).err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_link_out_of_the_folder_is_not_followed(root: Path, tmp_path: Path, export: Export):
    export("view", "--by", "copy", which=("--artist", "8"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/artist (7)").symlink_to(tmp_path / "elsewhere")
    assert "leads out of" in export("view", "--by", "copy", code=5).err
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_disk_without_links_is_said_in_a_line(
    root: Path, tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch
):
    """As FAT answers; copies have to be asked for."""

    def refuse(*_: object) -> NoReturn:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "symlink_to", refuse)
    monkeypatch.setattr(Path, "hardlink_to", refuse)
    for options in ([], ["--by", "symlink"], ["--by", "hardlink"]):
        told = export("view", *options, code=2)
        assert told.err.count("\n") == 1
        assert "use --by copy" in told.err
    export("view", "--by", "copy")
    assert len(files_in(tmp_path / "out")) == 5


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "read-only"), (errno.EFBIG, "4 GB")]
)
def test_a_disk_that_cannot_go_on_is_said_in_a_line(
    root: Path, tmp_path: Path, export: Export, monkeypatch: pytest.MonkeyPatch, number: int, said: str
):
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(view, "pieces", refuse)
        told = export("view", "--by", "copy", code=5)
    assert said in told.err
    assert told.err.count("\n") == 1
    assert not files_in(tmp_path / "out")
    export("view", "--by", "copy")
    assert len(files_in(tmp_path / "out")) == 5
