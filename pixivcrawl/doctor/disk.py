"""The disk under an archive: free space, file system, and who may read and write there."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from pixivcrawl.api.text import size
from pixivcrawl.archive.layout import UMASKS, Archive, Readers
from pixivcrawl.doctor.findings import Finding, ok, problem, warning
from pixivcrawl.errors import StorageFailed

TOO_LOW = 200 * 10**6
"""Free bytes below which a run soon ends."""

LOW_INODES = 1000
"""Free inodes below which a disk is nearly full, however many bytes are free."""

MOUNTS = Path("/proc/self/mountinfo")

NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|afs|ceph|glusterfs|davfs2?|ncpfs|lustre|beegfs|fuse\.(?!fuseblk|ext|ntfs).*"
)
"""Types of file systems that are on another machine, or shared with one, by their names in Linux."""

_OCTAL = re.compile(r"\\([0-7]{3})")


def check_disk(archive: Archive, low: int) -> Iterator[Finding]:
    """Check the free space, with a warning below `low` bytes, and the file system of the folder, or of where it will be."""
    folder = nearest(archive.root)
    yield room(folder, low)
    if (kind := filesystem_of(folder, _mounts())) is not None:
        yield kind_of_disk(kind)
    if archive.staging.exists() and archive.originals.exists():
        yield from one_disk(archive)


def nearest(folder: Path) -> Path:
    """The folder, or its nearest parent that exists."""
    return next((each for each in (folder, *folder.parents) if each.exists()), Path("/"))


def room(folder: Path, low: int) -> Finding:
    try:
        free = shutil.disk_usage(folder).free
        names = os.statvfs(folder).f_favail if hasattr(os, "statvfs") else 0
        counts_names = hasattr(os, "statvfs") and os.statvfs(folder).f_files > 0
    except OSError as error:
        return problem("disk", StorageFailed(f"{folder} cannot be examined ({error.strerror}): check the disk"))
    said = f"{size(free)} are free at {folder}"
    if counts_names and names < LOW_INODES:
        return warning(
            "disk", f"only {names:,} more files can be made at {folder} (inodes): delete files that you do not need"
        )
    if free < TOO_LOW:
        return problem("disk", StorageFailed(f"{said}: free space, or move the archive to a larger disk"))
    if free < low:
        return warning("disk", f"{said}, which is little: free space, or move the archive to a larger disk")
    return ok("disk", said)


def filesystem_of(folder: Path, mounts: str) -> str | None:
    """The type of the file system of `folder`, from the text of /proc/self/mountinfo; None if that does not say."""
    resolved = folder.resolve()
    found: tuple[int, str] | None = None
    for line in mounts.splitlines():
        before, separator, after = line.partition(" - ")
        fields, types = before.split(" "), after.split(" ")
        if not separator or len(fields) < 5:
            continue
        point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # Of two at one place, the later one covers the earlier.
        if resolved.is_relative_to(point) and (found is None or len(point.parts) >= found[0]):
            found = len(point.parts), types[0]
    return found[1] if found is not None else None


def kind_of_disk(kind: str) -> Finding:
    if NETWORK.fullmatch(kind):
        return warning(
            "disk",
            f"the archive is on a network disk ({kind}), where SQLite may damage the ledger: keep it on a disk of this machine, "
            "or the ledger in PostgreSQL or elsewhere (DATABASE_URL)",
        )
    return ok("disk", f"a disk of this machine ({kind})")


def one_disk(archive: Archive) -> Iterator[Finding]:
    if archive.staging.stat().st_dev != archive.originals.stat().st_dev:
        yield problem(
            "disk",
            StorageFailed(f"{archive.originals} and {archive.staging} are on two disks: keep the archive on one disk"),
        )


def check_permissions(archive: Archive, readers: Readers = "owner") -> Iterator[Finding]:
    """Check whether this user may read and write the archive, and whether others than `readers` may read or change it."""
    if not archive.root.exists():
        folder = nearest(archive.root)
        may = os.access(folder, os.W_OK | os.X_OK)
        yield ok("permissions", "the archive folder can be made") if may else no_permission(folder)
        return
    folders = [
        each
        for each in (
            archive.root,
            archive.originals,
            archive.users,
            archive.staging,
            archive.quarantine,
            archive.journal,
        )
        if each.exists()
    ]
    files = [each for each in (archive.database, archive.lock_file) if each.exists()]
    refused = [each for each in folders if not os.access(each, os.R_OK | os.W_OK | os.X_OK)]
    refused += [each for each in files if not os.access(each, os.R_OK | os.W_OK)]
    yield from map(no_permission, refused)
    if not refused:
        yield ok("permissions", "the archive folder can be read and written")
    loose = stat.S_IMODE(archive.root.stat().st_mode) & UMASKS[readers]
    if os.name == "posix" and loose:
        who = "everyone" if loose & stat.S_IRWXO else "the group"
        what = "change" if loose & (stat.S_IWGRP | stat.S_IWOTH) else "read"
        mode = f"{0o777 & ~UMASKS[readers]:o}"
        yield warning(
            "permissions", f"{who} may {what} the archive folder: prevent that with: chmod {mode} {archive.root}"
        )


def no_permission(path: Path) -> Finding:
    return problem(
        "permissions", StorageFailed(f"no permission for {path}: give this user the right to read and write there")
    )


def _mounts() -> str:
    try:
        return MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
