"""Each kind of finding, in a small archive of real pictures."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger import updates
from pixivcrawl.verification import verify as verify_module
from pixivcrawl.verification.checkpoint import Position, Progress
from pixivcrawl.verification.sampling import Window
from pixivcrawl.verification.verify import verify
from tests.ledger.making import FIRST
from tests.verification.damages import KINDS, Damager
from tests.verification.making import (
    DEEP,
    NOW,
    PLAIN,
    UPLOADED,
    WHOLE,
    change,
    found,
    kinds_and_paths,
    opened,
    original,
    picture,
    repaired,
    store,
    work,
)

ONE = f"originals/7/1_p0_{FIRST}.jpg"
OTHER = f"originals/7/2_p1_{FIRST}.jpg"


def test_an_undamaged_archive_is_whole(archive: Archive) -> None:
    assert found(archive, DEEP) == []


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from(sorted(KINDS)), max_size=7), seed=st.integers(0, 10**6))
def test_any_damages_are_named_exactly_and_repaired(
    whole: Archive, tmp_path: Path, kinds: list[str], seed: int
) -> None:
    shutil.rmtree(tmp_path)
    archive = Archive(shutil.copytree(whole.root, tmp_path))
    before = bodies(archive)
    expected = Damager(archive.root, seed).plant(kinds)
    damaged = bodies(archive)
    assert kinds_and_paths(found(archive)) == expected
    repaired(archive)
    assert found(archive, DEEP) == []
    assert bodies(archive) >= damaged, "nothing is deleted"
    in_place = {path.read_bytes() for path in archive.originals.rglob("*") if path.is_file()}
    assert in_place <= before
    assert list(archive.staging.iterdir()) == []


def bodies(archive: Archive) -> set[bytes]:
    folders = (archive.originals, archive.quarantine)
    return {path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to(path.with_name("nowhere")),
        lambda path: path.symlink_to(path.with_name(Path(OTHER).name)),
        lambda path: path.mkdir(),
        lambda path: os.mkfifo(path),
    ],
    ids=["symlink out", "dangling symlink", "symlink to another original", "folder", "pipe"],
)
def test_what_is_no_file_is_not_followed_and_is_set_aside(archive: Archive, make: object) -> None:
    place = archive.root / ONE
    place.unlink()
    make(place)  # type: ignore[operator]
    assert kinds_and_paths(found(archive)) == {("changed", ONE)}
    repaired(archive)
    assert found(archive) == []
    assert (archive.root / OTHER).is_file()


def test_a_path_that_leads_out_of_the_archive_is_no_file(archive: Archive) -> None:
    change(archive, "UPDATE files SET path = '../../etc/passwd' WHERE path = ?", ONE)
    assert kinds_and_paths(found(archive)) == {("missing", "../../etc/passwd"), ("unknown", ONE)}
    assert repaired(archive)["../../etc/passwd"] == "to be fetched"


def test_swapped_files_and_wrong_extensions_say_where_the_bytes_lie(archive: Archive) -> None:
    one, other = archive.root / ONE, archive.root / OTHER
    one.write_bytes(picture(21))
    other.write_bytes(picture(10))
    wrong = f"originals/7/3_p0_{FIRST}.png"
    (archive.root / f"originals/7/3_p0_{FIRST}.jpg").rename(archive.root / wrong)
    places = {finding.path: finding.lies_at for finding in found(archive) if finding.kind in ("changed", "missing")}
    assert places == {ONE: OTHER, OTHER: ONE, f"originals/7/3_p0_{FIRST}.jpg": wrong}
    assert set(repaired(archive).values()) == {"put back"}
    assert found(archive) == []


def test_names_cannot_reach_the_terminal(archive: Archive) -> None:
    names = [b"\x1b[31mred\n", b"\xff\xfe not UTF-8", "\u202egpj.exe".encode()]
    for name in names:
        Path(os.fsdecode(os.fsencode(archive.originals / "7") + b"/" + name)).write_bytes(name)
    lines = [str(finding) for finding in found(archive)]
    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)
    repaired(archive)
    assert found(archive) == []


def test_files_in_folders_that_are_not_ours_are_extra(archive: Archive) -> None:
    (archive.originals / "mine" / "deep").mkdir(parents=True)
    (archive.originals / "mine" / "deep" / "note.txt").touch()
    (archive.originals / "7" / "8").mkdir()
    shutil.copy(archive.root / ONE, archive.originals / "7" / "8")
    (archive.originals / "linked").symlink_to("/etc")
    assert kinds_and_paths(found(archive)) == {
        ("extra", "originals/mine/deep/note.txt"),
        ("extra", f"originals/7/8/1_p0_{FIRST}.jpg"),
        ("extra", "originals/linked"),
    }


def test_a_time_is_said_apart_and_set(archive: Archive) -> None:
    os.utime(archive.root / ONE, (1, 1))
    (finding,) = found(archive)
    assert (finding.kind, finding.path) == ("time changed", ONE)
    assert repaired(archive) == {ONE: "time set"}
    assert (archive.root / ONE).stat().st_mtime == UPLOADED.timestamp()


def test_deep_finds_what_was_stored_broken(archive: Archive) -> None:
    with opened(archive) as ledger:
        page = original(20)
        ledger.write_now(updates.record_artwork, work(20, page), NOW)
        store(archive, ledger, page, picture(1)[:-200])
    assert found(archive) == []
    assert kinds_and_paths(found(archive, DEEP)) == {("proof failed", f"originals/7/20_p0_{FIRST}.jpg")}
    repaired(archive, DEEP)
    assert found(archive, DEEP) == []


def test_a_file_that_is_being_placed_is_not_unknown(archive: Archive) -> None:
    change(archive, "UPDATE files SET state = 'intent' WHERE path = ?", ONE)
    assert found(archive) == []


def test_a_file_stored_since_it_was_listed_is_not_unknown(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose row went since it was read is not missing."""
    change(archive, "UPDATE files SET state = 'wanted' WHERE path = ?", ONE)
    (archive.root / OTHER).unlink()
    really_confirmed = verify_module.confirmed

    def confirmed(*arguments: object) -> object:
        assert {finding.path for finding in arguments[2]} == {ONE, OTHER}  # type: ignore[attr-defined]
        change(archive, "UPDATE files SET state = 'stored' WHERE path = ?", ONE)
        change(archive, "UPDATE files SET state = 'wanted' WHERE path = ?", OTHER)
        return really_confirmed(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(verify_module, "confirmed", confirmed)
    assert found(archive) == []


def test_a_sample_reads_its_part_and_looks_for_all(archive: Archive) -> None:
    (archive.root / ONE).unlink()
    body = (archive.root / OTHER).read_bytes()
    (archive.root / OTHER).write_bytes(body[:-1] + b"\0")
    os.utime(archive.root / OTHER, (UPLOADED.timestamp(),) * 2)
    assert kinds_and_paths(found(archive, window=Window(0, 0))) == {("missing", ONE)}
    assert kinds_and_paths(found(archive)) == {("missing", ONE), ("changed", OTHER)}


def test_since_looks_at_nothing_older(archive: Archive) -> None:
    (archive.root / ONE).unlink()
    (archive.originals / "extra").touch()
    assert found(archive, since=NOW + timedelta(seconds=1)) == []
    assert kinds_and_paths(found(archive, since=NOW)) == {("missing", ONE)}


def test_it_goes_on_from_any_step_with_the_same_findings(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_module, "BATCH_FILES", 3)
    expected = Damager(archive.root, 1).plant(KINDS)
    steps: list[Progress] = []

    def note(progress: Progress) -> None:
        steps.append(replace(progress, findings=list(progress.findings)))

    with opened(archive) as ledger:
        verify(archive, ledger, Progress({}, WHOLE), PLAIN, note)
        positions = [step.position for step in steps]
        assert positions == sorted(positions)
        assert len(set(positions)) > 8
        for step in [Progress({}, WHOLE, position=Position()), *steps]:
            verify(archive, ledger, step, PLAIN, lambda _: None)
            assert kinds_and_paths(step.findings) == expected


def test_without_its_folder_nothing_is_called_missing(archive: Archive) -> None:
    archive.originals.rename(archive.root / "elsewhere")
    with pytest.raises(StorageFailed, match="mount"):
        found(archive)
