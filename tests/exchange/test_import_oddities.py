"""Folders in which something is wrong: each file that does not come in is named with the reason, and none is taken for what it is not."""

from __future__ import annotations

import io
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path

import pytest
from PIL import Image

from tests.exchange.fetched import Brought, Sandbox, bring_in, gallery_dl, imported, tree
from tests.live.inside import crawl
from tests.live.running import PROJECT, environment, ledger_files, rows, scrapy, stored_files
from tests.sandbox.serving import World


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """Two artists' works as gallery-dl left them; 12's last work is gone."""
    place = tmp_path_factory.mktemp("fetched")
    world = World.of(artists=2, works=6, page_counts=(1, 2), ugoira=34, size=(96, 72))
    with Sandbox(world) as sandbox:
        for artist in (11, 12):
            gallery_dl(sandbox, place / "gallery-dl", "--write-metadata", artist=artist)
        world.remove(newest(sandbox, 12))
        yield sandbox, place / "gallery-dl"


@pytest.fixture
def sandbox(fetched: tuple[Sandbox, Path]) -> Sandbox:
    return fetched[0]


@pytest.fixture
def folder(fetched: tuple[Sandbox, Path], tmp_path: Path) -> Path:
    return shutil.copytree(fetched[1], tmp_path / "gallery-dl")


def newest(sandbox: Sandbox, artist: int) -> int:
    return sandbox.world.works_of(artist, sandbox.world.readers[0])[0].id


def is_gone(sandbox: Sandbox, path: Path) -> bool:
    work = sandbox.world.work(int(path.name.split("_")[0]))
    return work is None or work.gone


def pages(folder: Path, artist: int) -> list[Path]:
    return sorted((folder / "pixiv" / f"{artist} artist_{artist}").glob("*_p*.jpg"))


def test_each_thing_that_is_wrong_is_named(sandbox: Sandbox, folder: Path, tmp_path: Path):
    first, second, third, *_ = pages(folder, 11)
    Path(f"{first}.json").write_text("{ cut sh")
    (folder / "reduced").mkdir()
    reduced = shutil.copy(first, folder / "reduced" / first.name.replace("_p0", "_p0_master1200"))
    converted = folder / "5000111_ugoira - title.webm"
    converted.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    nameless = shutil.copy(first, folder / "wallpaper.jpg")
    page = folder / "errors" / second.name
    page.parent.mkdir()
    page.write_bytes(b"<html>429 Too Many Requests</html>")
    other = folder / "copies" / third.name
    other.parent.mkdir()
    turned = io.BytesIO()
    Image.open(third).transpose(Image.Transpose.ROTATE_180).save(turned, "JPEG")
    other.write_bytes(turned.getvalue())
    same = shutil.copy(second, folder / "copies" / second.name)
    (tmp_path / "elsewhere").mkdir()
    away = folder / "away"
    away.symlink_to(tmp_path / "elsewhere")
    linked = folder / "5000999_p0.jpg"
    linked.symlink_to(first)
    broken = folder / "archive.sqlite3"
    broken.write_bytes(b"SQLite format 3\0" + b"\xff" * 4096)
    untouched, archive = tree(folder), tmp_path / "archive"
    run = bring_in(sandbox, archive, folder)
    said = dict(
        line.strip().removeprefix("left: ").split(": ", 1) for line in run.said.splitlines() if "left: " in line
    )
    assert {Path(path).relative_to(folder).as_posix(): reason for path, reason in said.items()} == {
        f"{first.relative_to(folder).as_posix()}.json": "a sidecar that is damaged: it is no JSON",
        Path(reduced).relative_to(folder).as_posix(): "reduced: its name says so",
        converted.name: "converted: pixiv has no webm",
        "wallpaper.jpg": "its name tells no page of a work",
        f"errors/{page.name}": "no picture that pixiv keeps: its bytes are none of JPEG, PNG, GIF and ZIP",
        f"copies/{other.name}": f"claims the same page as {third}, with other bytes",
        "away": "a link, which is not followed",
        linked.name: "a link, which is not followed",
        "archive.sqlite3": "a database that is damaged: file is not a database",
    }
    assert Path(nameless).exists()
    assert Path(same).exists()
    assert tree(folder) == untouched
    # The file without its sidecar is believed by pixiv's row.
    came = imported(archive)
    assert came[first.relative_to(folder).as_posix()] == ("stored", "one revision")
    assert came[third.relative_to(folder).as_posix()] == ("stored", "recorded")
    assert set(came) == {
        path.relative_to(folder).as_posix()
        for artist in (11, 12)
        for path in (folder / "pixiv").rglob("*_p*")
        if path.suffix in (".jpg", ".zip")
    }
    assert run.exit_code == 0


def told(path: Path, **lies: object) -> str:
    """A file's sidecar, with other words in it."""
    return json.dumps(json.loads(Path(f"{path}.json").read_text()) | lies)


def test_no_sidecar_makes_a_file_another_one(sandbox: Sandbox, folder: Path, tmp_path: Path):
    """What contradicts the name is left; what is no sidecar leaves a file to its name; pixiv knows whose a work is."""
    ours, other = pages(folder, 11), pages(folder, 12)[0]
    theirs = json.loads(Path(f"{other}.json").read_text())
    lies = {
        "another page": [told(ours[0], id=theirs["id"], url=theirs["url"]), told(ours[1], num=57, url=None)],
        "one revision": ["[]", "[" * 100_000, '{"category": "pixiv"' + " " * (5 << 20)],
        "recorded": [told(ours[5], user={"id": 12})],
    }
    assert len(ours) == sum(map(len, lies.values()))
    for path, text in zip(ours, chain.from_iterable(lies.values()), strict=True):
        Path(f"{path}.json").write_text(text)
    # Here no folder's name speaks against the sidecar.
    elsewhere = (folder / "pixiv" / "11 artist_11").rename(folder / "mine")
    run = bring_in(sandbox, tmp_path / "archive", folder)
    assert (run.exit_code, run.image_requests) == (0, 0)
    came = imported(tmp_path / "archive")
    became = [came.get(f"mine/{path.name}", ("left", "another page"))[1] for path in ours]
    assert became == [what for what, texts in lies.items() for _ in texts]
    for path in ours[:2]:
        assert f"left: {elsewhere / path.name}: its name says page" in run.said
    whose = rows(tmp_path / "archive", f"SELECT user_id FROM artworks WHERE id = {ours[5].name.split('_')[0]}")
    assert whose == [(11,)]
    of_pixiv = sandbox.world.expected.user(11).files
    kept = ledger_files(tmp_path / "archive")
    of_ours = {path: kept[path] for path in kept if path.startswith("originals/11/") and path.endswith(".jpg")}
    assert {path: of_pixiv[path] for path in of_ours} == of_ours


@pytest.mark.long
def test_bytes_say_what_a_file_is_and_what_a_tool_made_is_no_original(sandbox: Sandbox, folder: Path, tmp_path: Path):
    """A zip with a tool's timing in it is adopted; a work that was forgotten stays out."""
    bare, archive = tmp_path / "bare", tmp_path / "archive"
    bare.mkdir()
    (zipped, *_), first = sorted(folder.rglob("*_p0.zip")), pages(folder, 11)[0]
    frames = json.loads(Path(f"{zipped}.json").read_text())["frames"]
    for path in (zipped, first, pages(folder, 11)[1]):
        shutil.copy(path, bare)
    with zipfile.ZipFile(bare / zipped.name, "a") as archived:
        archived.writestr("animation.json", json.dumps({"frames": frames}))
    (bare / first.name).rename(bare / first.name.replace(".jpg", ".png"))
    forgotten = pages(folder, 11)[1].name.split("_")[0]
    assert crawl("user", sandbox, archive, id=12, files="false").exit_code == 0
    assert not scrapy("forget", f"artworks/{forgotten}", env=environment(sandbox, archive)).returncode
    run = bring_in(sandbox, archive, "--from", "folder", bare)
    assert run.exit_code == 0, run.errors
    assert imported(archive) == {
        zipped.name: ("adopted", "rewritten"),
        first.name.replace(".jpg", ".png"): ("stored", "one revision"),
    }
    assert "forgotten: pixivcrawl forget --undo wants it again" in run.said
    (adopted,) = (path for path in stored_files(archive) if "_ugoira_0" in path and path.endswith(".zip"))
    assert json.loads((archive / adopted).with_suffix(".json").read_text()) == frames
    assert any(path.endswith(".jpg") for path in stored_files(archive))
    assert not scrapy("verify", env=environment(sandbox, archive)).returncode


@pytest.mark.long
def test_a_work_that_is_gone_and_whose_artist_nobody_knows_waits_for_a_better_folder(
    sandbox: Sandbox, folder: Path, tmp_path: Path
):
    *_, kept = [path for path in pages(folder, 12) if not is_gone(sandbox, path)]
    lost = [path for path in pages(folder, 12) if is_gone(sandbox, path)]
    mixed, beside, archive = tmp_path / "mixed", tmp_path / "beside", tmp_path / "archive"
    for place, others in ((mixed, (pages(folder, 11)[0], kept)), (beside, (kept,))):
        place.mkdir()
        for path in (*others, *lost):
            shutil.copy(path, place)
    run = bring_in(sandbox, archive, "--from", "folder", mixed)
    assert all(f"left: {mixed / path.name}: nobody can say whose it is" in run.said for path in lost)
    assert bring_in(sandbox, archive, "--from", "folder", beside).exit_code == 0
    assert all(imported(archive)[path.name] == ("adopted", "gone") for path in lost)


def test_what_was_made_of_an_ugoira_stays_and_the_ugoira_becomes_known(sandbox: Sandbox, tmp_path: Path):
    """No conversion is an original; one of a work that pixiv shows no more may be all that is left of it."""
    folder, archive = tmp_path / "Downloads", tmp_path / "archive"
    shown, gone = newest(sandbox, 11), 99999
    names = [f"{shown}-harbour.webm", f"{gone}-night.webm"]
    for name in names:
        path = folder / "pixiv" / "mika-11" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    for _ in ("first", "again"):
        run = bring_in(sandbox, archive, folder)
        assert (run.exit_code, run.image_requests) == (0, 0), run.errors
        left = [line.rpartition("/")[2] for line in run.said.splitlines() if "left: " in line]
        assert left == [
            f"{names[0]}: converted: pixiv has no webm",
            f"{names[1]}: converted: pixiv has no webm; pixiv does not show the work today: keep it",
        ]
    wanted = "SELECT DISTINCT artwork_id, kind FROM files WHERE state = 'wanted'"
    assert rows(archive, wanted) == [(shown, "ugoira")]


def test_works_on_another_tool_s_list_become_known_and_are_missing(sandbox: Sandbox, tmp_path: Path):
    archive = tmp_path / "archive"
    folder, works = list_of_works(sandbox, tmp_path)
    run = bring_in(sandbox, archive, folder)
    assert_are_missing(run, archive, works[:3])
    before = len(sandbox.log)
    assert crawl("user", sandbox, archive, id=11).exit_code == 0
    assert len([each for each in sandbox.log[before:] if each.kind == "image"]) >= len(works)


@pytest.mark.long
def test_works_on_a_list_are_missing_after_a_kill_before_their_files_were_named(sandbox: Sandbox, tmp_path: Path):
    archive = tmp_path / "archive"
    folder, works = list_of_works(sandbox, tmp_path)
    place = "pixivcrawl.ledger.updates:record_originals_of_rows:before:1"
    killed = bring_in(sandbox, archive, folder, CHAOS_KILL=place)
    assert killed.exit_code == -signal.SIGKILL, killed.errors
    assert_are_missing(bring_in(sandbox, archive, folder), archive, works[:3])
    assert bring_in(sandbox, archive, folder).api_requests == 0


def list_of_works(sandbox: Sandbox, place: Path) -> tuple[Path, list[int]]:
    """A folder with gallery-dl's list of the first three of an artist's works, and all of these works."""
    folder = place / "gallery-dl"
    folder.mkdir()
    works = [work.id for work in sandbox.world.works_of(11, sandbox.world.readers[0])]
    with closing(sqlite3.connect(folder / "archive.sqlite3")) as database, database:
        database.execute("CREATE TABLE archive (entry TEXT PRIMARY KEY) WITHOUT ROWID")
        entries = [
            f"pixiv{works[0]}.jpg",
            f"pixiv{works[1]}_p00.jpg",
            f"pixiv{works[1]}_p01.jpg",
            f"pixiv_{works[2]}_0",
            "danbooru12",
        ]
        database.executemany("INSERT INTO archive VALUES (?)", [(entry,) for entry in entries])
    return folder, works


def assert_are_missing(run: Brought, archive: Path, works: list[int]) -> None:
    assert (run.exit_code, run.api_requests, run.image_requests) == (0, 1, 0)
    assert "3 works that lists name and no file is of: known now, and missing here" in run.said
    wanted = rows(archive, "SELECT DISTINCT artwork_id FROM files WHERE state = 'wanted'")
    assert {work for (work,) in wanted} == set(works)


def test_a_folder_that_is_the_archive_or_holds_it_is_refused(sandbox: Sandbox, tmp_path: Path):
    archive = tmp_path / "holds" / "archive"
    (archive / "originals").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    empty = bring_in(sandbox, archive, tmp_path / "empty")
    assert (empty.exit_code, empty.said.splitlines()[1:]) == (
        0,
        ["  no picture in it: name the folder that holds the pictures"],
    )
    for place in (archive, archive / "originals", tmp_path / "holds"):
        run = bring_in(sandbox, archive, place)
        assert run.exit_code == 2
        assert str(archive) in run.errors
    assert bring_in(sandbox, archive, tmp_path / "nowhere").exit_code == 2
    assert bring_in(sandbox, archive, "--from", "flickr", tmp_path).exit_code == 2


@pytest.mark.long
def test_interrupted_while_pixiv_is_asked_it_says_so(sandbox: Sandbox, folder: Path, tmp_path: Path):
    before = len(sandbox.log)
    env = environment(sandbox, tmp_path / "archive", PIXIVCRAWL_PIXIV_API_DELAY="60")
    command = [sys.executable, "-m", "scrapy", "import", str(folder)]
    with subprocess.Popen(command, cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True) as child:
        while len(sandbox.log) == before and child.poll() is None:
            time.sleep(0.02)
        # Its answer has come, and the next request waits for its turn.
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert errors.splitlines()[-1] == "pixivcrawl: interrupted; run the same command again"


@pytest.mark.long
def test_links_are_made_only_on_demand(sandbox: Sandbox, folder: Path, tmp_path: Path):
    assert bring_in(sandbox, tmp_path / "copied", folder).exit_code == 0
    assert all(path.stat().st_nlink == 1 for path in folder.rglob("*") if path.is_file())
    assert bring_in(sandbox, tmp_path / "linked", folder, "--link").exit_code == 0
    inodes = {path.stat().st_ino for path in folder.rglob("*") if path.is_file()}
    originals = [path for path in (tmp_path / "linked" / "originals").rglob("*.*") if path.suffix != ".json"]
    assert originals
    assert {path.stat().st_ino for path in originals} <= inodes
    again = bring_in(sandbox, tmp_path / "linked", folder, "--link")
    assert (again.api_requests, again.number("here already")) == (0, len(originals))
