"""The ledger and the files: what is gone is wanted again, what is whole is adopted, the rest is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores.placing import frames_text, sha256_of
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.items import Original, ProvenOriginal, StagedOriginal, StoredOriginal
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.models import ArtworkRow, FileRow
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.verification.reconciling import Reconciliation, reconcile
from tests.archive.making import FRAMES, jpeg, png, ugoira
from tests.ledger.making import FIRST, NOW, SECOND, an_artwork, an_original, an_ugoira, sqlite_url

WORKERS = Workers(1, Limits())

Key = tuple[int, int, str, str]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    archive = Archive(tmp_path)
    archive.create()
    (archive.originals / "7").mkdir()
    return archive


@pytest.fixture
def ledger(tmp_path: Path, archive: Archive) -> Iterator[Ledger]:
    ledger = Ledger.open(sqlite_url(tmp_path), archive=archive)
    yield ledger
    ledger.close()


def store(archive: Archive, ledger: Ledger, original: Original, body: bytes) -> Path:
    """Put a body in its place and have it recorded; the work must be."""
    path = archive.resolve(archive.relative_path(original, original.extension))
    path.write_bytes(body)
    staged = StagedOriginal(original, "staging/x", sha256_of(path), len(body))
    stored = StoredOriginal(ProvenOriginal(staged, original.extension, 240, 160), f"originals/7/{path.name}")
    if original.frames is not None:
        beside = path.with_suffix(".json")
        beside.write_text(frames_text(original.frames))
        stored = StoredOriginal(stored.proven, stored.path, f"originals/7/{beside.name}", sha256_of(beside))
    ledger.write_now(updates.record_stored, stored, NOW)
    return path


def states(ledger: Ledger) -> dict[Key, str]:
    def ask(connection: Connection) -> dict[Key, str]:
        rows = connection.execute(
            select(FileRow.artwork_id, FileRow.page, FileRow.revision, FileRow.kind, FileRow.state)
        )
        return {(work, page, revision, kind): state for work, page, revision, kind, state in rows}

    return ledger.read_now(ask)


def work(ledger: Ledger, work_id: int) -> ArtworkRow:
    def ask(connection: Connection) -> ArtworkRow:
        return connection.execute(select(ArtworkRow.__table__).where(ArtworkRow.id == work_id)).one()  # type: ignore[return-value]

    return ledger.read_now(ask)


@pytest.fixture
def two_pages(archive: Archive, ledger: Ledger) -> list[Path]:
    artwork = an_artwork(1, 2)
    ledger.write_now(updates.record_artwork, artwork, NOW)
    return [store(archive, ledger, original, jpeg()) for original in artwork.originals]


def test_what_is_in_its_place_stays(archive: Archive, ledger: Ledger, two_pages: list[Path]):
    assert reconcile(archive, ledger, WORKERS, check=True) == Reconciliation(in_place=2)
    assert work(ledger, 1).files_state == "complete"


def test_a_missing_file_is_wanted_again(archive: Archive, ledger: Ledger, two_pages: list[Path]):
    two_pages[1].unlink()
    assert reconcile(archive, ledger, WORKERS, check=False) == Reconciliation(in_place=1, missing=1)
    assert states(ledger)[1, 1, FIRST, "image"] == "wanted"
    assert (work(ledger, 1).files_state, work(ledger, 1).files_stored) == ("found", 1)
    assert reconcile(archive, ledger, WORKERS, check=False) == Reconciliation(in_place=1), "said once"


def test_a_file_of_another_size_is_damaged_and_one_of_other_bytes_where_they_are_read(
    archive: Archive, ledger: Ledger, two_pages: list[Path]
):
    body = two_pages[0].read_bytes()
    two_pages[0].write_bytes(body[:-1])
    two_pages[1].write_bytes(body[:500] + b"\x00" * 9 + body[509:])
    assert reconcile(archive, ledger, WORKERS, check=False) == Reconciliation(in_place=1, damaged=1)
    assert reconcile(archive, ledger, WORKERS, check=True) == Reconciliation(damaged=1)
    assert sorted(set(states(ledger).values())) == ["wanted"]
    assert len(list(archive.quarantine.iterdir())) == 4, "each with its reason"
    assert not any(path.exists() for path in two_pages)


def test_a_missing_file_of_an_older_revision_is_gone_for_good(archive: Archive, ledger: Ledger, two_pages: list[Path]):
    newer = an_artwork(1, 1, SECOND)
    ledger.write_now(updates.record_artwork, newer, NOW)
    store(archive, ledger, newer.originals[0], jpeg())
    two_pages[0].unlink()
    reconcile(archive, ledger, WORKERS, check=False)
    assert states(ledger)[1, 0, FIRST, "image"] == "superseded"
    assert work(ledger, 1).files_state == "complete"


def test_a_list_of_frames_is_written_again(archive: Archive, ledger: Ledger):
    original = an_ugoira(3)
    ledger.write_now(updates.record_artwork, an_artwork(3, kind="ugoira", originals=(original,)), NOW)
    zipped = store(archive, ledger, original, ugoira())
    listed = zipped.with_suffix(".json")
    before = listed.read_bytes()
    for damage in (b"[]", None):
        listed.unlink() if damage is None else listed.write_bytes(damage)
        assert reconcile(archive, ledger, WORKERS, check=False) == Reconciliation(in_place=1, rewritten=1)
        assert listed.read_bytes() == before


class TestUnknownFiles:
    def adopted(self, archive: Archive, ledger: Ledger, name: str, body: bytes) -> Reconciliation:
        (archive.originals / name).parent.mkdir(exist_ok=True)
        (archive.originals / name).write_bytes(body)
        found = reconcile(archive, ledger, WORKERS, check=True)
        assert (archive.originals / name).read_bytes() == body, "no file is touched"
        return found

    def test_a_whole_picture_of_an_unknown_work(self, archive: Archive, ledger: Ledger):
        name = f"5_p0_{SECOND}.png"
        assert self.adopted(archive, ledger, f"7/{name}", png()) == Reconciliation(adopted=1)
        row = work(ledger, 5)
        assert (row.user_id, row.detail, row.files_stored, row.files_state) == (7, None, 1, "complete")
        assert reconcile(archive, ledger, WORKERS, check=True) == Reconciliation(in_place=1)

    def test_it_is_wanted_by_its_work_once_more_where_it_is_lost_again(self, archive: Archive, ledger: Ledger):
        """Its address is not known: the work is asked for."""
        name = f"5_p0_{SECOND}.jpg"
        self.adopted(archive, ledger, f"7/{name}", jpeg())
        (archive.originals / "7" / name).unlink()
        assert reconcile(archive, ledger, WORKERS, check=False) == Reconciliation(missing=1)
        assert work(ledger, 5).stale_since is not None
        artwork = an_artwork(5, 1, SECOND)
        assert ledger.write_now(updates.record_artwork, artwork, NOW) == list(artwork.originals)

    def test_one_that_was_wanted(self, archive: Archive, ledger: Ledger):
        original = an_original(1, width=240, height=160)
        ledger.write_now(updates.record_artwork, an_artwork(1, originals=(original,)), NOW)
        assert self.adopted(archive, ledger, f"7/1_p0_{FIRST}.jpg", jpeg()) == Reconciliation(adopted=1)
        assert ledger.write_now(updates.record_artwork, an_artwork(1, originals=(original,)), NOW) == []

    @pytest.mark.parametrize("white_space", ["", "\n \n"], ids=["as we write it", "with other white space"])
    def test_an_ugoira_comes_with_its_frames(self, archive: Archive, ledger: Ledger, white_space: str):
        (archive.originals / "7" / f"3_ugoira_{FIRST}.json").write_text(frames_text(FRAMES) + white_space)
        assert self.adopted(archive, ledger, f"7/3_ugoira_{FIRST}.zip", ugoira()) == Reconciliation(adopted=2)
        assert reconcile(archive, ledger, WORKERS, check=True) == Reconciliation(in_place=2)

    def test_an_ugoira_may_still_wait_for_its_frames(self, archive: Archive, ledger: Ledger):
        assert self.adopted(archive, ledger, f"7/3_ugoira_{FIRST}.zip", ugoira()) == Reconciliation(adopted=1)
        assert reconcile(archive, ledger, WORKERS, check=True) == Reconciliation(in_place=1)

    @pytest.mark.parametrize(
        ("name", "body", "why"),
        [
            (f"7/5_p0_{FIRST}.png", png()[:-20], "cut short"),
            (f"7/5_p0_{FIRST}.png", jpeg(), "instead of a png"),
            (f"7/5_p0_{FIRST}.jpg", b"", "empty"),
            (f"7/1_p0_{FIRST}.jpg", jpeg(50, 50), "pixels where pixiv says"),
            (f"8/1_p0_{FIRST}.jpg", jpeg(), "another artist's: 7"),
            (f"7/1_p1_{FIRST}.png", png(), "another file is stored"),
            (f"7/3_ugoira_{FIRST}.json", b"[]", "not there"),
            ("7/holiday.jpg", jpeg(), "its name"),
            ("notes.txt", b"", "its name"),
            (f"9/0_p0_{FIRST}.jpg", jpeg(), "its name"),
        ],
    )
    def test_anything_else_is_left_alone_and_said(
        self, archive: Archive, ledger: Ledger, name: str, body: bytes, why: str
    ):
        artwork = an_artwork(1, 2, originals=tuple(an_original(1, page, width=240, height=160) for page in (0, 1)))
        ledger.write_now(updates.record_artwork, artwork, NOW)
        store(archive, ledger, artwork.originals[1], jpeg())
        found = self.adopted(archive, ledger, name, body)
        assert (found.in_place, found.adopted, found.left_alone) == (1, 0, 1)
        assert why in found.named[f"originals/{name}"]
        assert states(ledger) == {(1, 0, FIRST, "image"): "wanted", (1, 1, FIRST, "image"): "stored"}

    def test_links_and_folders_are_no_files(self, archive: Archive, ledger: Ledger, tmp_path: Path):
        outside = tmp_path.parent / f"{tmp_path.name}.jpg"
        outside.write_bytes(jpeg())
        (archive.originals / "7" / f"5_p0_{FIRST}.jpg").symlink_to(outside)
        (archive.originals / "7" / f"6_p0_{FIRST}.jpg").mkdir()
        (archive.originals / "7" / "8").symlink_to(tmp_path)
        found = reconcile(archive, ledger, WORKERS, check=True)
        assert (found.adopted, found.left_alone) == (0, 3)
        assert states(ledger) == {}
