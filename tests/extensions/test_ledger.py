"""What a killed run was about to place."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.extensions.ledger import settle_intents, sweep_staging
from pixivcrawl.items import StoredOriginal
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from tests.ledger.making import NOW, an_artwork, an_original, as_stored, sqlite_url

BODY = b"the picture"


def intended(ledger: Ledger) -> StoredOriginal:
    """A file that is about to be placed."""
    stored = as_stored(an_original(), hashlib.sha256(BODY).hexdigest())
    ledger.write_now(updates.record_artwork, an_artwork(), NOW)
    ledger.write_now(updates.record_intent, stored, NOW)
    return stored


@pytest.mark.parametrize("linked", [False, True], ids=["in staging", "in place"])
def test_a_file_counts_as_stored_when_its_folders_are_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, linked: bool
) -> None:
    archive = Archive(tmp_path)
    archive.create()
    ledger = Ledger.open(sqlite_url(tmp_path), archive=archive)
    stored = intended(ledger)
    staged, final = archive.staging_path(stored.proven.staged.original), tmp_path / stored.path
    staged.write_bytes(BODY)
    if linked:
        final.parent.mkdir()
        os.link(staged, final)
    before_it_was_stored: list[Path] = []
    sync = os.fsync

    def note(descriptor: int) -> None:
        sync(descriptor)
        if ledger.read_now(queries.unsettled_intents):
            before_it_was_stored.append(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", note)
    settle_intents(archive, ledger)
    assert [file.path for file in ledger.read_now(lambda connection: list(queries.stored_files(connection)))] == [
        stored.path
    ]
    ledger.close()
    assert {final.parent.parent, final.parent} <= set(before_it_was_stored)
    assert final.read_bytes() == BODY
    assert not staged.exists()


@pytest.mark.parametrize("lost", [False, True])
def test_what_a_killed_repair_moved_to_staging_is_not_swept_away(tmp_path: Path, *, lost: bool) -> None:
    """Until the next repair puts it back, its bytes may lie nowhere else."""
    archive = Archive(tmp_path)
    archive.create()
    ledger = Ledger.open(sqlite_url(tmp_path), archive=archive)
    stored = intended(ledger)
    ledger.write_now(updates.record_stored, stored, NOW)
    staged, final = archive.staging_path(stored.proven.staged.original), tmp_path / stored.path
    staged.write_bytes(BODY)
    final.parent.mkdir()
    final.write_bytes(b"" if lost else BODY)
    sweep_staging(archive, ledger)
    ledger.close()
    assert staged.exists() == lost


def state_of(ledger: Ledger) -> str:
    (file,) = ledger.read_now(queries.all_files_of_work, an_artwork().work_id)
    return file.state


@pytest.fixture
def two(tmp_path: Path) -> tuple[Archive, Archive]:
    """The folders of two machines that share a ledger."""
    archives = Archive(tmp_path / "here"), Archive(tmp_path / "there")
    for archive in archives:
        archive.create()
    return archives


@pytest.mark.parametrize("left", ["nothing", "the file in staging", "the file in place"])
def test_what_is_about_to_be_placed_in_another_folder_is_left_alone_while_somebody_is_at_work_there(
    two: tuple[Archive, Archive], postgres_url: str, left: str
) -> None:
    here, there = two
    at_work = Ledger.open(postgres_url, archive=there)
    stored = intended(at_work)
    staged, final = there.staging_path(stored.proven.staged.original), there.root / stored.path
    if left == "the file in staging":
        staged.write_bytes(BODY)
    elif left == "the file in place":
        final.parent.mkdir(parents=True)
        final.write_bytes(BODY)
    other = Ledger.open(postgres_url, archive=here)
    settle_intents(here, other)
    assert state_of(other) == "intent"
    other.close()
    settle_intents(there, at_work)
    assert (state_of(at_work), final.exists()) == (("wanted", False) if left == "nothing" else ("stored", True))
    at_work.close()


def test_what_a_dead_run_was_about_to_place_in_another_folder_is_fetched_again(
    two: tuple[Archive, Archive], postgres_url: str
) -> None:
    here, there = two
    killed = Ledger.open(postgres_url, archive=there)
    intended(killed)
    killed.close()
    other = Ledger.open(postgres_url, archive=here)
    settle_intents(here, other)
    assert state_of(other) == "wanted"
    other.close()


def test_whoever_fetches_it_meanwhile_has_it(two: tuple[Archive, Archive], postgres_url: str) -> None:
    """The killed run's next one leaves alone what another archive has stored since."""
    here, there = two
    killed = Ledger.open(postgres_url, archive=there)
    stored = intended(killed)
    killed.close()
    other = Ledger.open(postgres_url, archive=here)
    other.write_now(updates.record_intent, stored, NOW)
    again = Ledger.open(postgres_url, archive=there)
    settle_intents(there, again)
    assert state_of(other) == "intent"
    other.write_now(updates.record_stored, stored, NOW)
    settle_intents(there, again)
    assert state_of(other) == "stored"
    other.close()
    again.close()
