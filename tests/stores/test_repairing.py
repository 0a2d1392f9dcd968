"""What repairs, deletes or rebuilds, with originals in an object store: what goes from there is on this machine before."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.archive.stores import copies, placing
from pixivcrawl.archive.stores import s3 as s3_store
from tests.live.running import rows
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import CREDENTIALS, SeaweedFS
from tests.stores.making import Stored

pytestmark = pytest.mark.long

LEDGER = ("archive.sqlite", "archive.sqlite-wal", "archive.sqlite-shm")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(artists=1, works=8, page_counts=(1, 2), ugoira=20, size=(48, 36))) as running:
        yield running


@pytest.fixture(scope="module")
def whole(sandbox: Sandbox, s3: SeaweedFS, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        stored = Stored(s3, tmp_path_factory.mktemp("whole"), s3.address())
        assert stored.crawl(sandbox).exit_code == 0
    return stored


@pytest.fixture
def archive(whole: Stored, tmp_path: Path, address: str) -> Stored:
    return whole.copy(tmp_path / "archive", address)


def pictures(archive: Stored) -> list[str]:
    return sorted(path for path in archive.files() if path.endswith((".jpg", ".png")))


def damaged(archive: Stored) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Damage of every kind; returns what was there before, and what is not what it should be."""
    before = archive.files()
    gone, other, longer, one, two, astray = pictures(archive)[:6]
    bad = {
        other: bytes(len(before[other])),
        longer: before[longer] + b"x",
        "originals/notes.txt": b"mine",
        f"originals/11/999_p0_20200101000000{Path(gone).suffix}": b"nobody's",
        next(path for path in before if path.endswith(".json")): b"[]",
    }
    archive.remove(gone)
    for path, body in {**bad, one: before[two], two: before[one]}.items():
        archive.put(path, body)
    archive.remove(astray)
    archive.put(astray.replace("originals/11/", "originals/12/"), before[astray])
    return before, bad


def test_a_damaged_store_is_repaired_and_nothing_that_was_in_it_is_lost(archive: Stored, sandbox: Sandbox):
    gone = pictures(archive)[0]
    before, bad = damaged(archive)
    repaired = archive.run("verify", "--repair")
    assert repaired.code == 1, repaired
    said = repaired.out
    assert said.count("quarantined: ") == len(bad), said
    # A swap of two, one that was moved away, and the list of frames that the ledger knows.
    assert said.count("put back: ") == 4, said
    assert archive.kept() == set(bad.values())
    lost = {gone, *pictures_in(bad)} & set(before)
    assert archive.files() == {path: body for path, body in before.items() if path not in lost}
    assert said.count("to be fetched: ") == len(lost) == 3
    assert archive.staged() == {}
    assert archive.crawl(sandbox).exit_code == 0
    assert archive.files() == before
    assert archive.is_whole()


def pictures_in(files: dict[str, bytes]) -> set[str]:
    return {path for path in files if path.endswith((".jpg", ".png"))}


@pytest.mark.parametrize("place", ["quarantine:after:1", "place:after:1", "S3Store.put_new:after:2"])
def test_a_repair_that_is_killed_goes_on(archive: Stored, sandbox: Sandbox, place: str):
    """Between quarantine and removal, between a copy in staging and removal, and after something was put back."""
    before, bad = damaged(archive)
    archive.killed(sandbox, f"pixivcrawl.archive.stores.s3:{place}", "verify", "--repair")
    there = {*archive.files().values(), *archive.kept(), *archive.staged().values()}
    assert there >= set(bad.values())
    # A crawl in between does not sweep away what a repair had on its way home.
    assert archive.crawl(sandbox).exit_code in (0, 1)
    assert archive.run("verify", "--repair").code == 1
    assert archive.kept() == set(bad.values())
    assert archive.crawl(sandbox).exit_code == 0
    assert archive.files() == before
    assert archive.is_whole()
    assert archive.staged() == {}


def after_quarantine(patch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Do something when the first file is in quarantine, and not yet removed from the store."""
    waiting = [do]

    def quarantine(*args: Any) -> Path:
        kept = placing.quarantine(*args)
        if waiting:
            waiting.pop()()
        return kept

    patch.setattr(s3_store, "quarantine", quarantine)


def test_a_server_that_goes_away_during_a_repair_is_said_and_nothing_is_lost(
    archive: Stored, s3: SeaweedFS, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
):
    before, bad = damaged(archive)
    states = archive.states()
    with monkeypatch.context() as patch:
        patch.setattr(s3_store, "PATIENCE", 1.0)
        after_quarantine(patch, s3.stop)
        try:
            away = archive.run("verify", "--repair")
        finally:
            s3.start()
    assert away.code == 5, away
    (line,) = [line for line in away.err.splitlines() if line.startswith("pixivcrawl:")]
    assert "does not answer" in line
    assert archive.states() == states
    assert {*archive.files().values(), *archive.kept()} >= set(bad.values())
    assert archive.run("verify", "--repair").code == 1
    assert archive.crawl(sandbox).exit_code == 0
    assert archive.files() == before


def test_an_object_that_somebody_replaced_meanwhile_is_not_removed(
    archive: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Two machines repair one store: the other one has put the right bytes there before this one removes the wrong ones."""
    before = archive.files()
    path = pictures(archive)[0]
    archive.put(path, b"wrong")
    with monkeypatch.context() as patch:
        after_quarantine(patch, lambda: archive.put(path, before[path], told=True))
        assert archive.run("verify", "--repair").code == 1
    assert archive.files() == before
    assert archive.kept() == {b"wrong"}


def test_what_may_not_be_repaired_is_refused_and_left_as_it_is(archive: Stored, s3: SeaweedFS, sandbox: Sandbox):
    damaged(archive)
    other = Stored(s3, archive.folder, s3.address())
    assert Stored(s3, archive.folder.parent / "other", other.address).crawl(sandbox).exit_code == 0
    states, there, theirs = archive.states(), archive.files(), other.files()
    nobodys, absent = (
        Stored(s3, archive.folder, address)
        for address in (s3.address(), f"s3://no-such-bucket/x?endpoint={s3.endpoint}")
    )
    for wrong, code, says in (
        (other, 2, "is the store of another archive"),
        (nobodys, 2, "does not have the originals of this archive"),
        (absent, 5, "make the bucket"),
    ):
        for words in (
            ("verify", "--repair"),
            ("refetch", next(iter(archive.files())).split("/")[2].split("_")[0]),
            ("forget", "users/11", "--delete-files"),
            ("rebuild", "--replace"),
        ):
            refused = wrong.run(*words)
            assert refused.code == code, (words, refused)
            assert says in refused.err.splitlines()[-1], (words, refused)
    assert (archive.states(), archive.files(), other.files()) == (states, there, theirs)
    assert not list(archive.folder.glob("archive.sqlite.replaced-*"))


def test_a_file_of_a_bucket_that_is_gone_is_not_taken_for_absent(archive: Stored, monkeypatch: pytest.MonkeyPatch):
    """The answer to a HEAD does not tell the two apart."""
    with monkeypatch.context() as patch:
        patch.setattr("pixivcrawl.commands.verify.agree_on_store", lambda *_, **__: None)
        gone = Stored(archive.s3, archive.folder, f"s3://no-such-bucket/x?endpoint={archive.s3.endpoint}")
        found = gone.run("verify")
    assert (found.code, "missing" in found.out) == (5, False)


def test_refetch_takes_a_damaged_work_from_pixiv_again(archive: Stored, sandbox: Sandbox):
    before = archive.files()
    path = pictures(archive)[0]
    archive.put(path, bytes(len(before[path])))
    work = Path(path).name.split("_")[0]
    fetched = archive.run("refetch", work, sandbox=sandbox)
    assert fetched.code == 0, fetched
    assert archive.files() == before
    assert archive.kept() == {bytes(len(before[path]))}


def test_files_that_their_owner_deletes_go_from_the_store(archive: Stored, sandbox: Sandbox):
    before = archive.files()
    path = pictures(archive)[0]
    work = Path(path).name.split("_")[0]
    theirs = {each for each in before if Path(each).name.startswith(f"{work}_")}
    command = ("forget", f"artworks/{work}", "--delete-files")
    archive.killed(sandbox, "pixivcrawl.archive.stores.s3:S3Store._delete:before:1", *command)
    again = archive.run(*command)
    assert again.code == 0, again
    assert archive.files() == {each: body for each, body in before.items() if each not in theirs}
    assert {each for each, state in archive.states().items() if state == "deleted"} == theirs
    assert archive.is_whole()
    artist = archive.run("forget", "users/11", "--delete-files")
    assert f"{len(before) - len(theirs)} files deleted" in artist.out, artist
    assert archive.files() == {}


@pytest.mark.parametrize("has_journal", [True, False])
def test_a_lost_ledger_comes_back_from_the_journal_and_the_store(archive: Stored, sandbox: Sandbox, has_journal: bool):
    before = archive.files()
    query = "SELECT path, sha256, bytes, state FROM files WHERE state = 'stored' ORDER BY path"
    known = rows(archive.folder, query)
    for name in LEDGER:
        (archive.folder / name).unlink(missing_ok=True)
    if not has_journal:
        for part in (archive.folder / "journal").iterdir():
            part.unlink()
    rebuilt = archive.run("rebuild")
    assert rebuilt.code == (0 if has_journal else 1), rebuilt
    there = rows(archive.folder, query)
    assert [row[:2] for row in there] == [row[:2] for row in known]
    assert archive.files() == before
    assert archive.is_whole()
    since = len(sandbox.log)
    assert archive.crawl(sandbox).exit_code == 0
    assert not [each for each in sandbox.log[since:] if each.kind == "image"]


def test_a_rebuild_wants_again_what_the_store_does_not_have_as_it_was(archive: Stored, sandbox: Sandbox):
    before, bad = damaged(archive)
    rebuilt = archive.run("rebuild", "--replace")
    assert rebuilt.code == 1, rebuilt
    assert "2 files missing" in rebuilt.out, rebuilt
    # The two that were swapped are damaged too: it is repair that sets them right.
    assert "4 files damaged, now in quarantine/" in rebuilt.out, rebuilt
    assert {bad[path] for path in bad if path in before} <= archive.kept()
    assert archive.crawl(sandbox).exit_code == 0
    assert archive.run("verify", "--repair").code == 1
    assert archive.files() == before
    assert archive.is_whole()


def test_copies_that_a_kill_left_are_swept_once_nobody_reads_one(archive: Stored, sandbox: Sandbox):
    staging = archive.folder / "staging"
    left = staging / ".fetched-killed"
    left.mkdir()
    (left / "1_p0.jpg").write_bytes(b"copy")
    reader = os.open(staging, os.O_RDONLY)
    try:
        fcntl.flock(reader, fcntl.LOCK_SH)
        copies.drop_copies(staging)
        assert left.is_dir()
    finally:
        os.close(reader)
    with copies.folder_of_copy(staging) as own:
        copies.drop_copies(staging)
        assert own.is_dir()
    assert archive.crawl(sandbox).exit_code == 0
    assert archive.staged() == {}
