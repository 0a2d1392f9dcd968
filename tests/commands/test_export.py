"""`pixivcrawl export`: which works, into what, and how it ends."""

from __future__ import annotations

import csv
import os
import threading
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.items import Bookmark, Facts, Follow
from pixivcrawl.ledger.updates import record_facts
from tests.commands.typing_in import Typed, type_in, type_pixivcrawl
from tests.gallery.making import GONE, HOSTILE, MANGA, NORMAL, R18, WORKS, archive_at
from tests.ledger.making import NOW, connected, sqlite_url

FILTERS = "[filter.calm]\nrating = 'safe'\n\n[filter.adult]\nrating = 'r18'\n"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = archive_at(tmp_path_factory.mktemp("archive"))
    (folder / "filters.toml").write_text(FILTERS)
    marks = (Bookmark(901, NORMAL, private=False), Bookmark(901, MANGA, private=True))
    follows = (Follow(901, 8, private=False), Follow(901, 7, private=True), Follow(902, 7))
    with connected(sqlite_url(folder)) as connection:
        record_facts(connection, Facts(bookmarks=marks, follows=follows), NOW)
    return folder


def ids(archive: Path, *which: str) -> list[int]:
    told = type_in("export", "list", "-", "--columns", "ids", *which, archive=archive)
    assert told.code == 0, told.err
    return [int(line) for line in told.out.splitlines()]


def refusal(typed: Typed) -> str:
    assert (typed.code, typed.out) == (2, "")
    (line,) = typed.err.splitlines()[-1:]
    return line


@pytest.mark.parametrize(
    ("which", "chosen"),
    [
        (["--all"], [*WORKS]),
        (["--work", f"{NORMAL},{GONE}", "--work", "999"], [NORMAL, GONE]),
        (["--artist", "8"], [HOSTILE]),
        (["--artist", "8", "--artist", "7", "--tag", "猫"], [NORMAL]),
        (["--tag", "猫", "--tag", "原神"], [NORMAL]),
        (["--filter", "adult", "--work", f"{NORMAL},{R18}"], [NORMAL, R18]),
        (["--bookmarks", "901"], [NORMAL]),
        (["--bookmarks", "901", "--with-private"], [NORMAL, MANGA]),
        (["--following", "901"], [HOSTILE]),
        (["--following", "901", "--with-private"], [*WORKS]),
    ],
)
def test_which_works(archive: Path, which: list[str], chosen: list[int]) -> None:
    assert ids(archive, *which) == chosen


def test_a_table(archive: Path, tmp_path: Path) -> None:
    told = type_pixivcrawl("export", "list", str(tmp_path / "works.csv"), "--all", archive=archive)
    assert (told.code, told.out) == (0, "")
    with (tmp_path / "works.csv").open(newline="") as file:
        rows = {int(row["id"]): row for row in csv.DictReader(file)}
    assert set(rows) == {*WORKS}
    assert (rows[NORMAL]["title"], rows[NORMAL]["tags"], rows[NORMAL]["files"]) == ("夏空と猫", "猫 原神", "1")
    assert rows[GONE]["availability"] == "gone"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_written_to_and_a_link_stays_one(archive: Path, tmp_path: Path) -> None:
    """Renamed over, `/dev/null` would be a file from then on, for everything that runs."""
    works, link, pipe = tmp_path / "works.txt", tmp_path / "link", tmp_path / "pipe"
    works.touch()
    link.symlink_to(works)
    os.mkfifo(pipe)
    read: list[str] = []
    reading = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reading.start()
    for target in (pipe, link):
        assert type_in("export", "list", str(target), "--all", "--columns", "ids", archive=archive).code == 0
    reading.join(10)
    assert (read, pipe.is_fifo(), link.is_symlink()) == ([works.read_text()], True, True)
    assert sorted(map(int, works.read_text().split())) == sorted(WORKS)


def test_beside_a_run(archive: Path) -> None:
    with lock(Archive(archive), "crawl user"):
        assert ids(archive, "--artist", "8") == [HOSTILE]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name one of"),
        (["lists", "x", "--all"], "did you mean list?"),
        (["list", "--all"], "takes one TARGET"),
        (["list", "-"], "say which works"),
        (["list", "-", "--all", "--artist", "7"], "--all takes every work"),
        (["list", "-", "--artist", "seven"], "--artist: 'seven' is no id"),
        (["list", "-", "--work", "999"], "no work is chosen"),
        (["list", "-", "--all", "--filter", "strict"], "has no filter 'strict'; it has calm, adult"),
        (["list", "-", "--subscription", "mine"], "has no entry 'mine'"),
        (["list", "/", "--all"], "/ is a folder: name a file in it"),
        (["wacz", "/nowhere/works.wacz", "--all"], "there is no folder /nowhere: make it first"),
        (["video", __file__, "--all"], "is no folder: name one, or one that is not there yet"),
    ],
)
def test_wrong_usage_is_one_line(archive: Path, words: list[str], said: str) -> None:
    assert said in refusal(type_pixivcrawl("export", *words, archive=archive))


def test_nothing_is_written_into_the_archive(archive: Path) -> None:
    target = archive / "originals" / "works.txt"
    assert "lies in the archive" in refusal(type_in("export", "list", str(target), "--all", archive=archive))
    assert not target.exists()
