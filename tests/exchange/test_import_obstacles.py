"""An import that something gets in the way of: what is stored is what was proven, and the same command goes on."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.exchange.fetched import Sandbox, bring_in, gallery_dl, imported, tree
from tests.live.running import ledger_files, stored_files
from tests.sandbox.serving import World

pytestmark = pytest.mark.long


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[tuple[Sandbox, Path]]:
    with Sandbox(World.of(works=40, page_counts=(1, 2), size=(480, 360))) as sandbox:
        gallery_dl(sandbox, tmp_path / "gallery-dl", "--write-metadata")
        yield sandbox, tmp_path / "gallery-dl"


def test_files_that_change_while_they_are_read_are_stored_as_proven_or_not_at_all(
    folder: tuple[Sandbox, Path], tmp_path: Path
):
    sandbox, place = folder
    pages = sorted(place.rglob("*.jpg"))
    versions = tmp_path / "versions"
    versions.mkdir()
    for page in pages:
        turned = io.BytesIO()
        Image.open(page).transpose(Image.Transpose.ROTATE_180).save(turned, "JPEG")
        (versions / f"{page.name}.0").write_bytes(page.read_bytes())
        (versions / f"{page.name}.1").write_bytes(turned.getvalue())
    is_over = threading.Event()

    def change_all_the_time() -> None:
        turn = 0
        while not is_over.is_set():
            turn += 1
            for page in pages:
                next_one = page.with_name("next")
                shutil.copy(versions / f"{page.name}.{turn % 2}", next_one)
                next_one.replace(page)

    changing = threading.Thread(target=change_all_the_time)
    changing.start()
    try:
        run = bring_in(sandbox, tmp_path / "archive", place)
    finally:
        is_over.set()
        changing.join()
    archive = tmp_path / "archive"
    assert run.said.count("left: ") == run.said.count("it changed while it was read: run the same command again")
    assert run.exit_code == int("left: " in run.said)
    assert stored_files(archive) == ledger_files(archive)
    assert bring_in(sandbox, archive, place).exit_code == 0
    assert len(imported(archive)) == len(pages)


@pytest.mark.skipif(os.getuid() != 0, reason="only root makes disks")
def test_a_full_disk_ends_it_and_with_room_it_goes_on(folder: tuple[Sandbox, Path], tmp_path: Path):
    sandbox, place = folder
    untouched, disk = tree(place), tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "pixivcrawl-test", disk], check=True)
    try:
        run = bring_in(sandbox, disk / "archive", place)
        assert run.exit_code == 5
        assert "pixivcrawl: the disk is full: free space for " in run.errors
        subprocess.run(["mount", "-o", "remount,size=60m", disk], check=True)
        run = bring_in(sandbox, disk / "archive", place)
        assert (run.exit_code, run.image_requests) == (0, 0), run.errors
        assert len(imported(disk / "archive")) == len([name for name in untouched if not name.endswith(".json")])
        assert stored_files(disk / "archive") == ledger_files(disk / "archive")
        assert not list((disk / "archive" / "staging").iterdir())
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
    assert tree(place) == untouched
