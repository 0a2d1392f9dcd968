"""`pixivcrawl verify` on a NAS: litter, times that a copy changed, a ledger that lies elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.commands.typing_in import type_in
from tests.live.inside import crawl
from tests.live.running import stored_files
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.of(works=6, size=(48, 36))) as running:
        yield running


def test_what_a_nas_leaves_is_no_finding(tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    for folder in (tmp_path / "originals", tmp_path / "originals" / "11", tmp_path / "users" / "11"):
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "Desktop.ini", ".nomedia"):
            (folder / name).write_bytes(b"litter")
        for name in ("@eaDir", "lost+found"):
            (folder / name).mkdir()
            (folder / name / "5000111_p0.jpg").write_bytes(b"litter")
    verified = type_in("verify", archive=tmp_path)
    assert (verified.code, len(verified.out.splitlines())) == (0, 2), verified.out
    assert type_in("verify", "--repair", archive=tmp_path).code == 0
    assert (tmp_path / "originals" / "Thumbs.db").exists()
    (tmp_path / "originals" / "11" / "mine.txt").write_text("no litter")
    assert type_in("verify", archive=tmp_path).code == 1


def test_changed_times_are_one_line_after_the_damage_and_mended_in_one(tmp_path: Path, sandbox: Sandbox) -> None:
    assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    spoilt, *others = sorted(stored_files(tmp_path))
    for path in others:
        os.utime(tmp_path / path, (1_000_000_000, 1_000_000_000))
    assert type_in("verify", archive=tmp_path).code == 0
    (tmp_path / spoilt).write_bytes(b"spoilt")
    verified = type_in("verify", archive=tmp_path)
    lines = verified.out.splitlines()
    assert (verified.code, lines[1].partition(":")[0]) == (1, "changed")
    assert lines[2] == f"time changed: {len(others)} files, the first {others[0]}; --repair sets them back"
    assert len(lines) == 4
    mended = type_in("verify", "--repair", archive=tmp_path)
    assert f"time set: {len(others)} files, the first {others[0]}" in mended.out.splitlines()
    assert "time changed" not in type_in("verify", archive=tmp_path).out
    assert len(type_in("verify", "--json", archive=tmp_path).out.splitlines()) == 0


def test_a_ledger_that_lies_elsewhere_is_found(tmp_path: Path, sandbox: Sandbox) -> None:
    elsewhere = {"DATABASE_URL": f"sqlite:///{tmp_path / 'fast' / 'ledger.sqlite'}"}
    (tmp_path / "fast").mkdir()
    archive = tmp_path / "archive"
    assert crawl("user", sandbox, archive, id=11, settings=elsewhere).exit_code == 0
    verified = type_in("verify", archive=archive, **elsewhere)
    assert (verified.code, "7 files checked" in verified.out) == (0, True), verified
    assert type_in("status", archive=archive, **elsewhere).code == 0
    refused = type_in("verify", archive=tmp_path / "none", DATABASE_URL=f"sqlite:///{tmp_path / 'no.sqlite'}")
    assert (refused.code, "there is no archive there yet" in refused.err) == (2, True)
