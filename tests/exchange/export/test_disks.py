"""Exports to real disks that cannot take them: full, read-only, exFAT. One line says it, and the same command goes on."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixivcrawl.items import Facts, User
from pixivcrawl.ledger.updates import record_facts
from tests.commands.typing_in import Typed, type_in
from tests.exchange.export.making import archive_of, files_in, titled
from tests.ledger.making import DAY, NOW, connected, sqlite_url

pytestmark = pytest.mark.long

FORMS = {
    "view": ("out", "--by", "copy"),
    "cbz": ("out",),
    "sidecars": ("out",),
    "bagit": ("out",),
    "wacz": ("works.wacz",),
    "list": ("works.csv",),
}
"""Each form, its target and what it needs on a disk without links."""

ROOM = {"view": "200k", "cbz": "200k", "sidecars": "60k", "bagit": "200k", "wacz": "200k", "list": "4k"}
"""A disk that is full in the middle of the form."""

HOSTILE = [
    *("NUL", "CON", "aux.txt", "COM¹", "..", ".", "", "trailing...", "spaces   ", "/etc/passwd", 'a:b*c?"<>|'),
    *(
        "x" * 300,
        "夏" * 300,
        "\u202egnp.exe",
        "👩‍👩‍👧‍👦" * 40,
        "a" + "\u0301" * 200,
        "e\u0301",
        "é",
        "Cats",
        "cats",
        "\U0001d54f\ufdfa",
    ),
]


def run(*words: str, code: int = 0) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != code:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    return done.stdout.strip()


@contextmanager
def mounted(disk: Path, *mount: str) -> Iterator[Path]:
    disk.mkdir(exist_ok=True)
    run(*mount, str(disk))
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def export(root: Path, disk: Path, form: str, *options: str) -> Typed:
    target, *needed = FORMS[form]
    return type_in("export", form, str(disk / target), "--all", *needed, *options, archive=root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return archive_of(tmp_path / "archive", titled(*map(str, range(40))), body=b"a picture of " * 800)


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk(root: Path, tmp_path: Path, form: str) -> None:
    with mounted(tmp_path / "disk", "mount", "-t", "tmpfs", "-o", f"size={ROOM[form]}", "pixivcrawl-test") as disk:
        told = export(root, disk, form)
        assert (told.code, told.err.count("\n")) == (5, 1), told.err
        assert "the disk is full: free space" in told.err
        run("mount", "-o", "remount,size=40m", str(disk))
        assert export(root, disk, form).code == 0
        (tmp_path / "elsewhere").mkdir()
        assert export(root, tmp_path / "elsewhere", form).code == 0
        assert files_in(disk) == files_in(tmp_path / "elsewhere")


@pytest.mark.parametrize("form", FORMS)
def test_a_read_only_disk(root: Path, tmp_path: Path, form: str) -> None:
    with mounted(tmp_path / "disk", "mount", "-t", "tmpfs", "-o", "size=40m", "pixivcrawl-test") as disk:
        assert export(root, disk, form).code == 0
        before = files_in(disk)
        run("mount", "-o", "remount,ro", str(disk))
        told = export(root, disk, form)
        assert (told.code, told.err.count("\n")) == (5, 1), told.err
        assert "read-only disk: make it writable" in told.err
        assert files_in(disk) == before


@pytest.mark.skipif(
    not (shutil.which("mkfs.exfat") and shutil.which("mount.exfat-fuse")),
    reason="exfat-fuse and exfatprogs are missing",
)
def test_a_disk_without_links_and_case(tmp_path: Path) -> None:
    """exFAT, taken out and put in again between the exports: it tells times less exactly, and takes few names."""
    root = archive_of(tmp_path / "archive", titled(*HOSTILE))
    image = tmp_path / "image"
    run("truncate", "--size", "64M", str(image))
    run("mkfs.exfat", str(image))
    device = run("losetup", "--find", "--show", str(image))
    on_it = ("mount.exfat-fuse", device)
    try:
        with mounted(tmp_path / "disk", *on_it) as disk:
            for options in ((), ("--by", "symlink"), ("--by", "hardlink"), ("--by", "reflink")):
                told = type_in("export", "view", str(disk / "linked"), "--all", *options, archive=root)
                assert (told.code, "use --by copy" in told.err) == (2, True)
            for form in FORMS:
                assert export(root, disk, form).code == 0
        with connected(sqlite_url(root)) as connection:
            record_facts(connection, Facts(users=(User(7, "another"),)), NOW + DAY)
        with mounted(tmp_path / "disk", *on_it) as disk:
            told = export(root, disk, "view")
            assert f"0 made, {len(HOSTILE)} moved, 0 removed" in told.err
            (tmp_path / "elsewhere").mkdir()
            assert export(root, tmp_path / "elsewhere", "view").code == 0
            shown = files_in(tmp_path / "elsewhere" / "out")
            assert {name: body for name, body in files_in(disk / "out").items() if name in shown} == shown
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
