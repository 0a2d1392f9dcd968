"""`pixivcrawl verify --against-pixiv --sample N`: files fetched again and compared, and nothing of the archive changed by it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from tests.archive.making import jpeg
from tests.commands.typing_in import Typed, type_in
from tests.live.inside import crawl
from tests.live.running import rows, stored_files
from tests.sandbox.serving import Sandbox, World

FILES = 12


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=6, pages=2, size=(160, 120))) as running:
        yield running


@pytest.fixture
def archive(sandbox: Sandbox, tmp_path: Path) -> Path:
    assert crawl("user", sandbox, tmp_path / "archive", id=11).exit_code == 0
    return tmp_path / "archive"


def compared(sandbox: Sandbox, archive: Path, *options: str) -> Typed:
    return type_in(
        "verify", "--against-pixiv", *options, sandbox=sandbox, archive=archive, PIXIV_IMAGE_RETRY_DELAY=0.01
    )


def named(run: Typed) -> set[tuple[str, str]]:
    lines = [json.loads(line) for line in run.out.splitlines()]
    return {(line["outcome"], line["path"]) for line in lines}


def path_of(archive: Path, work_id: int, page: int) -> str:
    ((path,),) = rows(archive, f"SELECT path FROM files WHERE artwork_id = {work_id} AND page = {page}")
    return path


def test_exactly_the_file_that_was_swapped_is_named(sandbox: Sandbox, archive: Path):
    work = sandbox.world.work_id(11, 3)
    sandbox.faults.image(work, 1, kind="replaced", body=jpeg(160, 120))
    before, asked = stored_files(archive), len(sandbox.log)
    run = compared(sandbox, archive, "--sample", "100", "--json")
    assert (run.code, named(run)) == (1, {("differs", path_of(archive, work, 1))}), run.err
    assert stored_files(archive) == before
    assert not list((archive / "staging").iterdir())
    sent = sandbox.log[asked:]
    assert [logged.kind for logged in sent] == ["image"] * FILES
    assert all("cookie" not in logged.headers for logged in sent)
    assert {logged.headers["cache-control"] for logged in sent} == {"no-cache"}

    said = compared(sandbox, archive, "--sample", "100").out
    assert f"{FILES} of {FILES} files compared with pixiv: {FILES - 1} same, 1 differs" in said


def test_a_swap_that_the_ledger_agrees_with_is_seen_too(sandbox: Sandbox, archive: Path):
    one, other = (path_of(archive, sandbox.world.work_id(11, number), 0) for number in (1, 2))
    shutil.copyfile(archive / other, archive / one)
    run = compared(sandbox, archive, "--sample", "100", "--json")
    assert (run.code, named(run)) == (1, {("damaged here", one)})
    with closing(sqlite3.connect(archive / "archive.sqlite")) as ledger, ledger:
        (row,) = ledger.execute("SELECT sha256, bytes FROM files WHERE path = ?", [other])
        ledger.execute("UPDATE files SET sha256 = ?, bytes = ? WHERE path = ?", [*row, one])
    assert type_in("verify", "--deep", archive=archive).code == 0
    run = compared(sandbox, archive, "--sample", "100", "--json")
    assert (run.code, named(run)) == (1, {("differs", one)})


def test_what_pixiv_has_no_more_is_said_apart_and_no_damage(sandbox: Sandbox, archive: Path):
    revised, removed = sandbox.world.work_id(11, 1), sandbox.world.work_id(11, 2)
    sandbox.world.revise(revised)
    sandbox.world.remove(removed)
    run = compared(sandbox, archive, "--sample", "100%", "--json")
    gone = {("no longer at pixiv", path_of(archive, work, page)) for work in (revised, removed) for page in (0, 1)}
    assert (run.code, named(run)) == (0, gone)

    # Once the ledger knows that the artist replaced a picture, its former revision is not asked for.
    assert crawl("user", sandbox, archive, id=11, refresh=True).exit_code == 0
    run = compared(sandbox, archive, "--sample", "100%")
    assert (run.code, "10 of 10 files compared with pixiv: 10 same\n" in run.out) == (0, True)


def test_samples_take_turns_until_each_file_was_compared(sandbox: Sandbox, archive: Path):
    asked = len(sandbox.log)
    for _ in range(4):
        assert compared(sandbox, archive, "--sample", "3").code == 0
    paths = [logged.path for logged in sandbox.log[asked:]]
    assert (len(paths), len(set(paths))) == (FILES, FILES)


def test_what_could_not_be_compared_is_no_success(sandbox: Sandbox, archive: Path):
    work = sandbox.world.work_id(11, 4)
    sandbox.faults.image(work, 0, kind="cut_declared", times=1)
    assert compared(sandbox, archive, "--sample", "100").code == 0
    sandbox.faults.image(work, 0, kind="status:500")
    run = compared(sandbox, archive, "--sample", "100", "--json")
    assert (run.code, named(run)) == (1, {("not compared", path_of(archive, work, 0))})


def test_a_run_at_work_in_the_archive_is_not_disturbed(sandbox: Sandbox, archive: Path):
    asked = len(sandbox.log)
    with lock(Archive(archive), "a crawl"):
        assert compared(sandbox, archive, "--sample", "5").code == 3
    assert len(sandbox.log) == asked


@pytest.mark.parametrize("options", [(), ("--sample", "5", "--deep"), ("--sample", "5", "--repair"), ("--sample", "0")])
def test_options_that_do_not_go_together_are_refused_in_one_line(sandbox: Sandbox, archive: Path, options: tuple[str]):
    asked = len(sandbox.log)
    run = compared(sandbox, archive, *options)
    assert (run.code, run.err.count("\n"), len(sandbox.log)) == (2, 1, asked)


def test_without_an_archive_there_is_nothing_to_compare(sandbox: Sandbox, tmp_path: Path):
    run = compared(sandbox, tmp_path / "nothing", "--sample", "5")
    assert (run.code, "there is no archive there yet" in run.err) == (2, True)
