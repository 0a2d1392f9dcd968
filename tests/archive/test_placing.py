from __future__ import annotations

import errno
import hashlib
import json
import os
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores.placing import NameTaken, frames_text, place, quarantine, sha256_of, stage_text
from pixivcrawl.errors import StorageFailed
from tests.archive.making import FRAMES, UPLOADED

LINKS = pytest.mark.parametrize("links", [True, False], ids=["hard links", "no hard links"])


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    archive.create()
    return archive


def staged(archive: Archive, body: bytes = b"the picture") -> Path:
    path = archive.staging / "body.part"
    path.write_bytes(body)
    return path


def without_hard_links(monkeypatch: pytest.MonkeyPatch, links: bool, number: int = errno.EPERM) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    if not links:
        monkeypatch.setattr(os, "link", refuse)


def test_android_forbids_hard_links_and_nothing_else(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    without_hard_links(monkeypatch, links=False, number=errno.EACCES)
    final = archive.originals / "7" / "a.jpg"
    place(staged(archive), final, UPLOADED)
    assert final.read_bytes() == b"the picture"

    def refuse(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(StorageFailed, match="no permission for"):
        place(staged(archive), archive.originals / "7" / "b.jpg", UPLOADED)


def noted_syncs(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    synced: list[Path] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return synced


@LINKS
def test_a_file_is_moved_and_gets_its_time(archive: Archive, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    without_hard_links(monkeypatch, links)
    path, final = staged(archive), archive.originals / "7" / "101_p0_20210304140607.jpg"
    place(path, final, UPLOADED)
    assert final.read_bytes() == b"the picture"
    assert final.stat().st_mtime == UPLOADED.timestamp()
    assert final.stat().st_nlink == 1
    assert not path.exists()


def test_the_time_is_a_moment_whatever_its_zone(archive: Archive) -> None:
    japan = datetime(2021, 3, 4, 14, 6, 7, tzinfo=timezone(timedelta(hours=9)))
    place(staged(archive), archive.originals / "7" / "a.jpg", japan)
    assert datetime.fromtimestamp((archive.originals / "7" / "a.jpg").stat().st_mtime, UTC) == japan


@LINKS
def test_an_existing_name_is_never_overwritten(archive: Archive, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    without_hard_links(monkeypatch, links)
    final = archive.originals / "7" / "a.jpg"
    place(staged(archive, b"first"), final, UPLOADED)
    path = staged(archive, b"second")
    with pytest.raises(NameTaken) as taken:
        place(path, final, UPLOADED)
    assert taken.value.path == final
    assert final.read_bytes() == b"first"
    assert path.read_bytes() == b"second"


@LINKS
def test_a_dangling_symlink_is_an_existing_name(archive: Archive, monkeypatch: pytest.MonkeyPatch, links: bool) -> None:
    without_hard_links(monkeypatch, links)
    final = archive.originals / "7" / "a.jpg"
    final.parent.mkdir()
    final.symlink_to(archive.root / "elsewhere")
    with pytest.raises(NameTaken):
        place(staged(archive), final, UPLOADED)
    assert not (archive.root / "elsewhere").exists()


@LINKS
@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EACCES], ids=["exFAT", "Android"])
def test_an_empty_claim_that_a_kill_left_is_filled(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, links: bool, number: int
) -> None:
    without_hard_links(monkeypatch, links, number)
    final = archive.originals / "7" / "a.jpg"
    final.parent.mkdir()
    final.touch()
    place(staged(archive), final, UPLOADED)
    assert final.read_bytes() == b"the picture"


@pytest.mark.parametrize(("number", "says"), [(errno.ENOSPC, "full"), (errno.EXDEV, "two disks"), (errno.EIO, "check")])
def test_a_failing_disk_is_one_line_and_loses_nothing(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, number: int, says: str
) -> None:
    without_hard_links(monkeypatch, links=False, number=number)
    path = staged(archive)
    with pytest.raises(StorageFailed, match=says):
        place(path, archive.originals / "7" / "a.jpg", UPLOADED)
    assert path.read_bytes() == b"the picture"
    assert list((archive.originals / "7").iterdir()) == []


def test_folders_are_synced_before_place_returns(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = noted_syncs(monkeypatch)
    artist = archive.originals / "7"
    place(staged(archive), artist / "a.jpg", UPLOADED)
    assert synced == [archive.originals, artist]
    place(staged(archive), artist / "b.jpg", UPLOADED)
    assert synced[2:] == [artist]


def test_a_folder_that_another_run_made_is_synced_too(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = noted_syncs(monkeypatch)
    artist = archive.originals / "7"
    artist.mkdir()
    place(staged(archive), artist / "a.jpg", UPLOADED)
    assert synced == [archive.originals, artist]


def test_of_many_threads_one_gets_the_name(archive: Archive) -> None:
    final = archive.originals / "7" / "a.jpg"
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def attempt(number: int) -> None:
        path = archive.staging / f"{number}.part"
        path.write_bytes(b"%d" % number)
        start.wait()
        try:
            place(path, final, UPLOADED)
            outcomes.append(f"{number}")
        except NameTaken:
            outcomes.append("taken")

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("taken") == 7
    assert final.read_text() in outcomes


def test_the_frames_of_an_ugoira_are_placed_as_json(archive: Archive) -> None:
    text = frames_text(FRAMES)
    assert json.loads(text) == [{"file": "000000.jpg", "delay": 80}, {"file": "000001.jpg", "delay": 120}]
    path, final = archive.staging / "a.json.part", archive.originals / "7" / "a.json"
    path.write_text("half of an earlier tr")
    assert stage_text(text, path) == hashlib.sha256(text.encode()).hexdigest()
    place(path, final, UPLOADED)
    assert sha256_of(final) == hashlib.sha256(text.encode()).hexdigest()
    assert final.read_text() == text
    assert final.stat().st_mtime == UPLOADED.timestamp()
    stage_text("other", path)
    with pytest.raises(NameTaken):
        place(path, final, UPLOADED)
    assert final.read_text() == text


def test_writing_text_does_not_touch_bytes_it_shares(archive: Archive) -> None:
    path, stored = archive.staging / "a.json.part", archive.originals / "a.json"
    stored.write_text("stored")
    os.link(stored, path)
    stage_text("new", path)
    assert stored.read_text() == "stored"


@LINKS
def test_quarantine_keeps_the_file_and_the_reason(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    without_hard_links(monkeypatch, links)
    kept = [quarantine(archive, staged(archive, b"%d" % n), "101_p0.jpg", f"try {n}\nis cut short") for n in range(3)]
    assert len({path.name for path in kept}) == 3
    for number, path in enumerate(kept):
        assert path.parent == archive.quarantine
        assert path.read_bytes() == b"%d" % number
        assert path.with_name(f"{path.name}.txt").read_text().endswith(f" try {number} is cut short\n")
    assert list(archive.staging.iterdir()) == []


@LINKS
def test_the_same_bytes_of_the_same_name_are_quarantined_once(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    without_hard_links(monkeypatch, links)
    other = quarantine(archive, staged(archive, b"other"), "101_p0.jpg", "other bytes of the same length")
    first = quarantine(archive, staged(archive, b"bytes"), "101_p0.jpg", "try 0")
    for number in range(1, 4):
        assert quarantine(archive, staged(archive, b"bytes"), "101_p0.jpg", f"try {number}") == first
    assert quarantine(archive, staged(archive, b"bytes"), "101_p01.jpg", "of another name") not in (first, other)
    lines = first.with_name(f"{first.name}.txt").read_text().splitlines()
    assert [line.partition(" ")[2] for line in lines] == ["try 0", "try 1", "try 2", "try 3"]
    assert len(list(archive.quarantine.iterdir())) == 6
    assert list(archive.staging.iterdir()) == []


def test_a_copy_whose_note_is_gone_gets_one_again(archive: Archive) -> None:
    first = quarantine(archive, staged(archive), "101_p0.jpg", "try 0")
    note = first.with_name(f"{first.name}.txt")
    note.unlink()
    quarantine(archive, staged(archive), "101_p0.jpg", "try 1")
    assert note.read_text().endswith(" try 1\n")


@given(name=st.text(max_size=300), reason=st.text())
def test_any_name_and_reason_make_a_safe_file(tmp_path_factory: pytest.TempPathFactory, name: str, reason: str) -> None:
    archive = Archive(tmp_path_factory.getbasetemp() / "hostile")
    archive.create()
    kept = quarantine(archive, staged(archive), name, reason)
    assert kept.parent == archive.quarantine
    assert kept.is_file()
    note = kept.with_name(f"{kept.name}.txt")
    assert note.read_text().count("\n") == 1
    kept.unlink()
    note.unlink()


def test_the_digest_of_what_is_missing_is_a_failure_of_storage(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="is gone"):
        sha256_of(tmp_path / "missing")
