"""Repair, killed at each of its steps, ends as an undisturbed one; and what it adopts and what it does not."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.archive import processes
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.verification.verify import Depth
from tests.ledger.making import FIRST, SECOND
from tests.verification.damages import KINDS, Damager
from tests.verification.making import DEEP, change, found, picture, repaired

ONE = f"originals/7/1_p0_{FIRST}.jpg"
ZIP, FRAMES = f"originals/7/9_ugoira_{FIRST}.zip", f"originals/7/9_ugoira_{FIRST}.json"
OLD = f"originals/8/10_p0_{FIRST}.jpg"


def rows(archive: Archive) -> list[tuple[Any, ...]]:
    query = "SELECT artwork_id, page, revision, kind, state, path, sha256, bytes FROM files ORDER BY 1, 2, 3, 4"
    with closing(sqlite3.connect(archive.database)) as connection:
        return connection.execute(query).fetchall()


def state(archive: Archive, path: str) -> str | None:
    return next((row[4] for row in rows(archive) if row[5] == path), None)


def in_place(archive: Archive) -> dict[str, bytes]:
    return {str(p.relative_to(archive.root)): p.read_bytes() for p in archive.originals.rglob("*") if p.is_file()}


def everything(archive: Archive) -> set[bytes]:
    folders = (archive.originals, archive.quarantine, archive.staging)
    return {path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "every", [17, pytest.param(5, marks=pytest.mark.long), pytest.param(1, marks=pytest.mark.campaign)]
)
def test_killed_at_any_step_it_ends_as_undisturbed(archive: Archive, tmp_path: Path, every: int) -> None:
    Damager(archive.root, 2).plant([*KINDS, "swap of two"])
    (archive.root / FRAMES).write_text("[]")
    damaged = everything(archive)
    undisturbed = Archive(shutil.copytree(archive.root, tmp_path / "undisturbed"))
    repaired(undisturbed)
    steps = 0
    while True:
        killed = Archive(shutil.copytree(archive.root, tmp_path / "killed"))
        if not is_killed(killed, steps):
            break
        assert everything(killed) >= damaged, steps
        repaired(killed)
        assert found(killed, DEEP) == [], steps
        assert rows(killed) == rows(undisturbed), steps
        assert in_place(killed) == in_place(undisturbed), steps
        assert everything(killed) >= damaged, steps
        assert list(killed.staging.iterdir()) == [], steps
        shutil.rmtree(killed.root)
        steps += every
    assert steps > 30


def is_killed(archive: Archive, step: int) -> bool:
    """Whether a process that repairs `archive` and is killed before its change number `step` was."""
    child = os.fork()
    if child == 0:
        try:
            count = iter(range(step))

            def counted(change: Callable[..., Any]) -> Callable[..., Any]:
                def counting(*arguments: Any, **more: Any) -> Any:
                    if next(count, None) is None:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return change(*arguments, **more)

                return counting

            for name in ("link", "unlink", "rename", "replace", "utime"):
                setattr(os, name, counted(getattr(os, name)))
            Ledger.write_now = counted(Ledger.write_now)  # type: ignore[method-assign]
            # The threads and the processes of the parent's workers are not this process's.
            processes._servers.clear()
            repaired(archive, Depth(deep=False, workers=Workers(1, Limits())))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def test_the_list_of_frames_is_written_again(archive: Archive, whole: Archive) -> None:
    (archive.root / FRAMES).unlink()
    assert repaired(archive) == {FRAMES: "put back"}
    assert in_place(archive) == in_place(whole)
    assert rows(archive) == rows(whole)


@pytest.mark.parametrize("lost", [("ugoira",), ("frames",), ("ugoira", "frames")])
def test_an_ugoira_without_rows_is_adopted(archive: Archive, whole: Archive, lost: tuple[str, ...]) -> None:
    for kind in lost:
        change(archive, "DELETE FROM files WHERE kind = ?", kind)
    repaired(archive)
    assert rows(archive) == rows(whole)
    assert found(archive, DEEP) == []


@pytest.mark.parametrize("lost", [("ugoira",), ("frames",), ("ugoira", "frames")])
def test_a_list_of_frames_is_known_by_what_it_says(archive: Archive, whole: Archive, lost: tuple[str, ...]) -> None:
    said, time = json.loads((archive.root / FRAMES).read_text()), (archive.root / FRAMES).stat().st_mtime
    (archive.root / FRAMES).write_text(json.dumps(said, separators=(",", ":")))
    os.utime(archive.root / FRAMES, (time, time))
    for kind in ("frames", *lost):
        change(archive, "DELETE FROM files WHERE kind = ?", kind)
    repaired(archive)
    assert found(archive, DEEP) == []
    assert {row[0] for row in rows(archive)} == {row[0] for row in rows(whole)}
    assert json.loads((archive.root / FRAMES).read_text()) == said


@pytest.mark.parametrize("lost", ["frame", "'ugoira', 'frames', 'frame'"])
def test_frames_as_uploaded_without_rows_are_adopted(archive: Archive, whole: Archive, lost: str) -> None:
    change(archive, f"DELETE FROM files WHERE kind IN ({lost if ',' in lost else repr(lost)})")
    repaired(archive)
    assert rows(archive) == rows(whole)
    assert found(archive, DEEP) == []


def test_an_old_revision_that_is_lost_is_given_up_and_known_when_it_comes_back(
    archive: Archive, whole: Archive
) -> None:
    (archive.root / OLD).unlink()
    assert repaired(archive) == {OLD: "superseded"}
    assert (state(archive, OLD), found(archive)) == ("superseded", [])
    (archive.root / OLD).write_bytes(picture(99))
    assert repaired(archive) == {OLD: "quarantined"}, "the size is right, the picture another"
    shutil.copy(whole.root / OLD, archive.root / OLD)
    assert repaired(archive) == {OLD: "adopted"}
    assert rows(archive) == rows(whole)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (f"7/1_p2_{FIRST}.jpg", picture(1)),
        (f"7/1_p0_{SECOND}.jpg", picture(1)),
        (f"7/999_p0_{FIRST}.jpg", picture(1)),
        (f"8/1_p1_{FIRST}.jpg", picture(1)),
        (f"7/1_p1_{FIRST}.png", picture(1)),
        (f"7/1_ugoira_{FIRST}.zip", b"PK\3\4"),
        (f"7/1_frame0_{FIRST}.jpg", picture(1)),
        (f"7/9_frame2_{FIRST}.jpg", picture(1)),
        (f"7/9_frame1_{FIRST}.jpg", picture(1)),
        (f"7/10_p0_{FIRST}.jpg", picture(1)),
    ],
    ids=[
        "no such page",
        "no such revision",
        "no such work",
        "another artist",
        "wrong format",
        "no ugoira",
        "no ugoira's frame",
        "no such frame",
        "a frame twice",
        "a copy",
    ],
)
def test_what_cannot_be_shown_to_be_ours_is_set_aside(archive: Archive, name: str, body: bytes) -> None:
    before = rows(archive)
    (archive.originals / name).write_bytes(body)
    assert repaired(archive) == {f"originals/{name}": "quarantined"}
    assert rows(archive) == before
    notes = [path.read_text() for path in archive.quarantine.glob("*.txt")]
    assert len(notes) == 1
    assert name in notes[0]


def test_a_damaged_file_without_a_row_is_not_adopted(archive: Archive) -> None:
    change(archive, "DELETE FROM files WHERE path = ?", ONE)
    (archive.root / ONE).write_bytes(picture(10)[:-100])
    assert repaired(archive) == {ONE: "quarantined"}


def test_bytes_that_two_pages_share_heal_one_and_have_the_other_fetched(archive: Archive) -> None:
    two = f"originals/7/2_p0_{FIRST}.jpg"
    shutil.copy(archive.root / ONE, archive.root / two)
    change(
        archive,
        "UPDATE files SET (sha256, bytes) = (SELECT sha256, bytes FROM files WHERE path = ?) WHERE path = ?",
        ONE,
        two,
    )
    (archive.root / ONE).rename(archive.originals / "moved.jpg")
    (archive.root / two).unlink()
    assert sorted(repaired(archive).values()) == ["put back", "to be fetched"]
    assert found(archive) == []


def test_nothing_is_left_to_do_after_a_repair(archive: Archive) -> None:
    Damager(archive.root, 3).plant(KINDS)
    assert repaired(archive)
    after = rows(archive), in_place(archive)
    assert repaired(archive) == {}
    assert (rows(archive), in_place(archive)) == after


@pytest.mark.long
def test_what_would_take_too_much_memory_stays_where_it_is(archive: Archive) -> None:
    unknown = f"originals/7/2_p0_{FIRST}.jpg"
    change(archive, "DELETE FROM files WHERE path = ?", unknown)
    with Workers(1, Limits(memory=1)) as workers:
        depth = Depth(deep=True, workers=workers)
        of_rows = [finding for finding in found(archive, depth) if finding.row is not None]
        assert {finding.kind for finding in of_rows} == {"not proven"}
        assert all("PROOF_MEMORY" in finding.reason for finding in of_rows)
        before = in_place(archive)
        assert repaired(archive, depth) == {unknown: "left"}
    assert in_place(archive) == before
    assert repaired(archive, DEEP) == {unknown: "adopted"}
