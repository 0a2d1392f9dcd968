"""`pixivcrawl similar` as a person types it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock

from pixivcrawl.index.similar import unseen
from tests.archive.making import encoded
from tests.commands.typing_in import Typed, type_in
from tests.index.pictures import COPIES, blank, drawn
from tests.index.planted import store
from tests.live.running import PROJECT, environment


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    store(folder, {number: [encoded(drawn(number), "PNG")] for number in range(1, 9)})
    return folder


def similar(archive: Path, *words: str | Path) -> Typed:
    return type_in("similar", *map(str, words), archive=archive)


def test_a_copy_and_the_same_bytes_are_named_and_nothing_is(archive: Path, tmp_path: Path) -> None:
    copy, same, other = tmp_path / "copy.webp", tmp_path / "same.png", tmp_path / "other.gif"
    copy.write_bytes(COPIES["as a WebP"](drawn(3)))
    same.write_bytes(encoded(drawn(5), "PNG"))
    other.write_bytes(encoded(drawn(100), "GIF"))
    told = similar(archive, copy, same, other)
    lines = told.out.splitlines()
    assert (told.code, len(lines)) == (0, 3)
    assert f"{copy}: like it (" in lines[0]
    assert "work 3 page 0, title by artist, " in lines[0]
    assert lines[1].startswith(f"{same}: the same bytes: work 5 page 0, ")
    assert lines[2] == f"{other}: nothing like it is in the archive"
    found = json.loads(similar(archive, "--json", copy).out)
    assert [(each["work"], each["page"], each["same_bytes"]) for each in found["like"]] == [(3, 0, False)]
    assert (found["plain"], found["not_looked_at"]) == (False, 0)


def test_what_is_known_is_asked_alone_when_told_so(archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(COPIES["pressed harder"](drawn(3)))
    told = similar(archive, "--known", copy)
    assert told.out == f"{copy}: nothing like it is in the archive\n"
    assert similar(archive, copy).out.startswith(f"{copy}: like it ")
    store(archive, {9: [COPIES["half the size"](drawn(3))]})
    assert "work 9" not in similar(archive, "--known", copy).out
    assert "work 9" in similar(archive, copy).out


def test_what_the_index_has_not_read_yet_is_said(archive: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(COPIES["pressed harder"](drawn(3)))
    assert "not in the index yet" not in similar(archive, copy).err
    store(archive, {9: [COPIES["half the size"](drawn(3))]})
    with FileLock(archive / "derived/index.lock"):
        told = similar(archive, copy)
        found = json.loads(similar(archive, "--json", copy).out)
    assert ("work 9" in told.out, "pixivcrawl: not in the index yet: " in told.err) == (False, True)
    assert found["not_in_index"] > 0


@pytest.mark.parametrize("what", ["missing", "folder", "text", "cut", "huge"])
def test_what_is_no_picture_is_one_line_and_the_next_file_is_looked_for(
    archive: Path, tmp_path: Path, what: str
) -> None:
    path, good = tmp_path / "odd.png", tmp_path / "good.png"
    good.write_bytes(encoded(drawn(1), "PNG"))
    whole = encoded(drawn(2), "PNG")
    if what == "folder":
        path.mkdir()
    elif what != "missing":
        place = whole.index(b"IHDR") + 4
        huge = whole[:place] + (60_000).to_bytes(4, "big") * 2 + whole[place + 8 :]
        path.write_bytes({"text": b"no picture", "cut": whole[:300], "huge": huge}[what])
    told = similar(archive, path, good)
    assert told.code == 2
    assert told.err.count("\n") == 1
    assert str(path) in told.err
    assert told.out.startswith(f"{good}: the same bytes: work 1 ")


def test_a_name_that_is_mistyped_is_said_before_the_archive_is_looked_at(archive: Path, tmp_path: Path) -> None:
    told = similar(archive, tmp_path / "mistyped.png")
    assert (told.code, told.out) == (2, "")
    assert f"{tmp_path / 'mistyped.png'} is not a file" in told.err
    assert not (archive / "derived").exists()


def test_a_blank_page_is_looked_for_by_its_bytes_alone(archive: Path, tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    path.write_bytes(encoded(blank(random.Random(77)), "PNG"))
    told = similar(archive, path)
    assert told.code == 0
    assert f"{path}: it shows too little detail to compare" in told.out


def test_an_archive_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    told = similar(tmp_path / "nothing", tmp_path / "x.png")
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "needs to know which picture" in similar(tmp_path / "nothing").err


@pytest.mark.long
def test_killed_while_it_looks_it_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    works = {number: [encoded(drawn(number), "PNG")] for number in range(1, 261)}
    store(folder, works | {1000: [COPIES["half the size"](drawn(1))]})
    (tmp_path / "copy.jpg").write_bytes(COPIES["pressed harder"](drawn(1)))
    command = [sys.executable, "-m", "pixivcrawl", "similar", str(tmp_path / "copy.jpg")]
    env = environment(None, folder) | {"PYTHONPATH": str(PROJECT)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        until = time.monotonic() + 60
        while not (folder / "derived/index.sqlite").exists() or not 0 < unseen(folder / "derived") < len(works) + 1:
            assert running.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
    assert unseen(folder / "derived") > 0
    ended = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=True)
    assert {"work 1 page 0", "work 1000 page 0"} == {
        line.split(": ")[2].split(",")[0] for line in ended.stdout.splitlines()
    }
