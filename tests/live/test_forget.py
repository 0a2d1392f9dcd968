"""`pixivcrawl forget` and `refetch`: what a person wants no more, or once more, in whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.typing_in import Typed, type_in, type_pixivcrawl
from tests.gallery.conftest import visiting
from tests.live.inside import crawl
from tests.live.running import assert_holds, rows, stored_files
from tests.sandbox.serving import Sandbox, World


@pytest.fixture
def sandbox(tmp_path: Path):
    with Sandbox(World.of(works=4, size=(48, 36))) as running:
        yield running


def forget(archive: Path, *words: str) -> Typed:
    return type_in("forget", *words, archive=archive)


def asked(sandbox: Sandbox, since: int) -> list[str]:
    return [logged.path for logged in sandbox.log[since:]]


def test_a_forgotten_work_is_left_out_by_every_lane_and_comes_back(tmp_path: Path, sandbox: Sandbox) -> None:
    work = sandbox.world.work_id(11, 2)
    assert crawl("artwork", sandbox, tmp_path, id=sandbox.world.work_id(11, 1)).exit_code == 0
    done = forget(tmp_path, f"artworks/{work}", "--note", "not \x1b[2J mine")
    assert (done.code, done.out) == (0, f"work {work} is forgotten; what is archived of it stays\n")
    for lane, arguments in (("user", {"id": 11}), ("search", {"word": "tag"}), ("artwork", {"id": work})):
        since = len(sandbox.log)
        run = crawl(lane, sandbox, tmp_path, **arguments)
        assert run.exit_code == 0
        assert not any(str(work) in path for path in asked(sandbox, since) if "profile/illusts" not in path)
    assert not any(str(work) in path for path in stored_files(tmp_path))
    named = type_in("crawl", "artwork", "-a", f"id={work}", sandbox=sandbox, archive=tmp_path)
    assert named.err.count(f"work {work} is left out: forgotten; pixivcrawl forget artworks/{work} --undo") == 1
    status = type_in("status", archive=tmp_path).out
    assert ", 1 forgotten" in status
    assert f"artworks/{work} since " in status
    assert "not [2J mine" in status
    assert f"artworks/{work} since " in type_in("status", str(work), archive=tmp_path).out
    assert forget(tmp_path, str(work), "--undo").out.startswith(f"work {work} is wanted again")
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_files_are_deleted_once_told_so_and_come_again_when_it_is_taken_back(tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    work = sandbox.world.work_id(11, 3)
    (path,) = [path for path in stored_files(tmp_path) if str(work) in path]
    ((sha256,),) = rows(tmp_path, f"SELECT sha256 FROM files WHERE artwork_id = {work}")
    with visiting(tmp_path) as gallery:
        assert gallery.get(f"/thumbs/{sha256}.webp").headers["Content-Type"] == "image/webp"
    assert list((tmp_path / "derived/thumbnails").rglob(f"{sha256}*"))
    done = forget(tmp_path, str(work), "--delete-files")
    assert not list((tmp_path / "derived/thumbnails").rglob(f"{sha256}*"))
    assert done.out.startswith(f"work {work} is forgotten; 1 file deleted, ")
    assert not (tmp_path / path).exists()
    assert "page 0 of " in (told := type_in("status", str(work), archive=tmp_path).out)
    assert "deleted by its owner" in told
    verified = type_in("verify", archive=tmp_path)
    assert verified.code == 0, "what its owner deleted is not lost"
    assert type_in("rebuild", "--replace", archive=tmp_path).code == 0
    assert rows(tmp_path, f"SELECT state FROM files WHERE artwork_id = {work}") == [("deleted",)]
    since = len(sandbox.log)
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    assert not [path for path in asked(sandbox, since) if "/img-original/" in path]
    assert forget(tmp_path, str(work), "--undo").code == 0
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_a_kill_between_word_and_deed_is_mended_by_the_same_command(tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    kept = {path: (tmp_path / path).read_bytes() for path in stored_files(tmp_path)}
    assert forget(tmp_path, "users/11", "--delete-files").out.startswith("artist 11 is forgotten; 5 files deleted")
    for path, content in kept.items():
        (tmp_path / path).write_bytes(content)
    assert forget(tmp_path, "users/11", "--delete-files").out.startswith("artist 11 is forgotten; 4 files deleted")
    assert stored_files(tmp_path) == {}


def test_a_forgotten_artist_costs_no_request(tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("artwork", sandbox, tmp_path, id=sandbox.world.work_id(11, 1)).exit_code == 0
    assert forget(tmp_path, "https://www.pixiv.net/users/11").code == 0
    since = len(sandbox.log)
    run = type_in("crawl", "user", "-a", "id=11", sandbox=sandbox, archive=tmp_path)
    assert (run.code, asked(sandbox, since)) == (0, [])
    assert run.err.count("artist 11 is left out: forgotten; pixivcrawl forget users/11 --undo takes that back") == 1
    refused = type_in("refetch", str(sandbox.world.work_id(11, 1)), sandbox=sandbox, archive=tmp_path)
    assert (refused.code, "of artist 11, who is forgotten" in refused.err) == (2, True)
    assert forget(tmp_path, "users/11", "--undo").code == 0
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_a_work_is_had_once_more_whatever_became_of_its_files(tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    works = [sandbox.world.work_id(11, number) for number in (1, 2, 3, 4)]
    paths = [next(path for path in stored_files(tmp_path) if str(work) in path) for work in works]
    (tmp_path / paths[0]).unlink()
    (tmp_path / paths[1]).write_bytes(b"spoilt")
    assert forget(tmp_path, str(works[2]), "--delete-files").code == 0
    since = len(sandbox.log)
    run = type_in("refetch", *map(str, works), sandbox=sandbox, archive=tmp_path)
    assert run.code == 0, run.err
    images = [path for path in asked(sandbox, since) if "/img-original/" in path]
    assert len(images) == 3, "what is there and whole is not fetched again"
    details = [path for path in asked(sandbox, since) if path.startswith("/ajax/illust/")]
    assert {work for work in works if any(str(work) in path for path in details)} == set(works)
    assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_forgotten_in_a_journal_is_forgotten_in_the_ledger_made_from_it(tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    work = sandbox.world.work_id(11, 1)
    assert forget(tmp_path, str(work), "--note", "why").code == 0
    assert forget(tmp_path, "users/9", "artworks/77").code == 0
    assert forget(tmp_path, "artworks/77", "--undo").code == 0
    before = rows(tmp_path, "SELECT * FROM forgotten")
    assert type_in("rebuild", "--replace", archive=tmp_path).code == 0
    assert rows(tmp_path, "SELECT * FROM forgotten") == before
    assert len(before) == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("forget", "name the works or artists to forget"),
        (
            "forget 5000999",
            "5000999 is no artist and no work that is known here: say users/5000999 or artworks/5000999",
        ),
        ("forget pixiv.net/tags/cat", "names neither an artist nor a work"),
        ("forget artworks/1 --undo --delete-files", "--undo takes no --note and no --delete-files"),
        ("refetch", "name the works to fetch again"),
        ("refetch users/11", "'users/11' is an artist: name works"),
        ("refetch everything", "'everything': not an address"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(typed: str, said: str, tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("artwork", sandbox, tmp_path, id=sandbox.world.work_id(11, 1)).exit_code == 0
    ran = type_pixivcrawl(*typed.split(), sandbox=sandbox, archive=tmp_path)
    assert ran.code == 2
    (line,) = [line for line in ran.err.splitlines() if line.startswith("pixivcrawl: ")]
    assert said in line
