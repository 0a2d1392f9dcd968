"""What is said of a disk."""

from __future__ import annotations

import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.doctor.disk import check_disk, check_permissions, filesystem_of, kind_of_disk, nearest

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
31 22 0:27 / /mnt/pictures rw shared:2 - nfs4 server:/pictures rw
32 22 0:28 / /mnt/pictures/local rw shared:3 - xfs /dev/sdb1 rw
33 22 0:29 / /mnt/my\\040share rw - cifs //server/share rw
34 22 0:30 / /mnt/phone rw - fuse.sshfs phone: rw
35 22 0:31 / /mnt/pictures/covered rw - ext4 /dev/sdc1 rw
36 22 0:32 / /mnt/pictures/covered rw - nfs server:/x rw
a line of another time
"""

Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(
    ("folder", "kind", "state"),
    [
        ("/home/archive", "ext4", "ok"),
        ("/mnt/pictures", "nfs4", "warning"),
        ("/mnt/pictures/archive", "nfs4", "warning"),
        ("/mnt/pictures/local/archive", "xfs", "ok"),
        ("/mnt/picturesque", "ext4", "ok"),
        ("/mnt/my share/a", "cifs", "warning"),
        ("/mnt/phone", "fuse.sshfs", "warning"),
        ("/mnt/pictures/covered", "nfs", "warning"),
    ],
)
def test_the_disk_of_a_folder_is_the_one_mounted_nearest(folder: str, kind: str, state: str) -> None:
    assert filesystem_of(Path(folder), MOUNTS) == kind
    assert kind_of_disk(kind).state == state


def test_nothing_is_said_where_nothing_is_known() -> None:
    assert filesystem_of(Path("/home"), "") is None


@pytest.mark.parametrize(
    ("free", "state", "code"), [(10**12, "ok", 0), (10**9, "warning", 0), (10**8, "problem", 5), (0, "problem", 5)]
)
def test_little_room_is_a_warning_and_none_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: str, code: int
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, free))
    finding = next(iter(check_disk(Archive(tmp_path / "not" / "yet"), 2 * 10**9)))
    assert (finding.state, finding.exit_code) == (state, code)
    assert str(tmp_path) in finding.found


def test_the_nearest_folder_that_is_there(tmp_path: Path) -> None:
    assert nearest(tmp_path) == tmp_path
    assert nearest(tmp_path / "a" / "b") == tmp_path


@pytest.mark.skipif(os.name != "posix", reason="folders have modes elsewhere too, but not these")
def test_a_folder_that_others_may_read_or_change_is_a_warning(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "archive")
    archive.create()
    assert [finding.state for finding in check_permissions(archive)] == ["ok"]
    archive.root.chmod(0o755)
    assert [finding.state for finding in check_permissions(archive, "all")] == ["ok"]
    said = list(check_permissions(archive, "group"))
    assert "everyone may read the archive folder: prevent that with: chmod 750" in said[1].found
    archive.root.chmod(0o777)
    said = list(check_permissions(archive))
    assert [finding.state for finding in said] == ["ok", "warning"]
    assert "everyone may change the archive folder" in said[1].found


def test_what_may_not_be_written_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The superuser may, so that the system's word is put in its mouth."""
    archive = Archive(tmp_path / "archive")
    archive.create()
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != archive.journal)
    said = [finding for finding in check_permissions(archive) if finding.state == "problem"]
    assert [(finding.exit_code, str(archive.journal) in finding.found) for finding in said] == [(5, True)]
