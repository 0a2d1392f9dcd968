"""What a killed run was about to place."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.extensions.ledger import settle_intents
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
