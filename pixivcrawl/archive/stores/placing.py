"""The last step: a proven file gets its final name, never over another one; a damaged one goes to quarantine."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive, is_link
from pixivcrawl.archive.syncing import sync
from pixivcrawl.items import Frame

_NO_HARD_LINKS = frozenset(
    {errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL},
)
"""Errors of a disk or a system without hard links; Android forbids them to apps (EACCES). A folder without write permission also refuses
the rename that is then tried, so that the missing permission is still reported.
"""
_parents_synced: set[Path] = set()
"""Artist folders whose own entry this process has synced. One that another run made may not be on the disk yet."""


class NameTaken(Exception):
    """A file lies at `path` already; it was left as it is. `shown` says where that is if not on this machine."""

    def __init__(self, path: Path, shown: str = "") -> None:
        super().__init__(f"{shown or path} exists already and is never overwritten")
        self.path = path


def place(staged: Path, final: Path, modified: datetime) -> None:
    """Move the synced file `staged` to `final`, with `modified` as its file time; on return it survives a power cut.

    Both must be on one disk. A kill leaves either name or both on the same bytes; on a disk without hard links (exFAT)
    it may leave `final` empty beside `staged`, which the next `place` fills, whoever made it. Raises `NameTaken` and `StorageFailed`.
    """
    put(staged, final, modified)
    sync_folders([final.parent])
    discard(staged)


def put(staged: Path, final: Path, modified: datetime) -> None:
    """The first step of `place`: a power cut may still undo it until `sync_folders` has returned for the folder of `final`.

    Until then `staged` stays, where the disk lets it; `discard` is the last step.
    """
    with storage_errors(final):
        _set_time(staged, modified)
        _enter(final.parent)
        try:
            _link_without_replacing(staged, final)
        except NameTaken:
            # An empty file cannot be a picture: it is a claim that a kill left, see `_claim_and_rename`.
            if not is_free(final):
                raise
            staged.replace(final)


def sync_folders(folders: Iterable[Path]) -> None:
    """What was put there before survives a power cut. Raises `StorageFailed`."""
    for folder in folders:
        with storage_errors(folder):
            sync(folder)


def discard(staged: Path) -> None:
    """Remove what staging still holds of a file that is in its place. Raises `StorageFailed`."""
    with storage_errors(staged):
        staged.unlink(missing_ok=True)


def stage_text(text: str, staged: Path) -> str:
    """Write `text` as UTF-8 to `staged` and sync it. Gives its SHA-256 in lower-case hex. Raises `StorageFailed`."""
    content = text.encode()
    with storage_errors(staged):
        staged.unlink(missing_ok=True)
        _write_synced(staged, content)
    return hashlib.sha256(content).hexdigest()


def frames_text(frames: tuple[Frame, ...]) -> str:
    """The `.json` beside an ugoira's zip: an array of `{"file", "delay"}` (milliseconds) in the order of showing."""
    return json.dumps([{"file": frame.file, "delay": frame.delay} for frame in frames], indent=1) + "\n"


_LARGEST_LIST = 4 << 20


def frames_listed(beside: Path) -> tuple[Frame, ...] | None:
    """The frames that the `.json` beside a zip lists, whatever its white space; None where it lists none, or is not a plain file."""
    try:
        if not beside.is_file() or is_link(beside):
            return None
        with beside.open("rb") as source:
            return frames_in(json.loads(source.read(_LARGEST_LIST)))
    except (OSError, ValueError, RecursionError):
        return None


def frames_in(value: Any) -> tuple[Frame, ...] | None:
    """An ugoira's frames from a list of `{"file", "delay"}` (milliseconds), pixiv's own form; None if it is not one."""
    if not isinstance(value, list) or not value:
        return None
    frames = [_frame(each) for each in value]
    return None if None in frames else tuple(frame for frame in frames if frame is not None)


def _frame(value: Any) -> Frame | None:
    match value:
        case {"file": str(file), "delay": int(delay)} if type(delay) is int:
            return Frame(file, delay)
    return None


def quarantine(archive: Archive, path: Path, name: str, reason: str) -> Path:
    """Move the damaged file `path` to the quarantine folder, with a `.txt` of the time and `reason` beside it.

    `name` is a wish: it is reduced to safe characters and made unique. The same bytes of the same name are kept once: a further copy adds
    its line to the first one's `.txt` and is removed. Gives where they lie. Raises `StorageFailed`.
    """
    moment = datetime.now(UTC)
    line = f"{moment.isoformat(timespec='seconds')} {' '.join(reason.split())}\n".encode(errors="backslashreplace")
    with storage_errors(archive.quarantine):
        same = _same_in_quarantine(archive.quarantine, path, _safe(name))
        kept = same or _move_to_free_name(path, archive.quarantine, f"{moment:%Y%m%dT%H%M%SZ}_{_safe(name)}")
        _append_synced(kept.with_name(f"{kept.name}.txt"), line)
        sync(archive.quarantine)
        if same is not None:
            path.unlink()
    return kept


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file in lower-case hex. Raises `StorageFailed`."""
    with storage_errors(path), path.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def holds(path: Path, sha256: str | None) -> bool:
    """Whether a file with these very bytes lies at `path`; not for a folder or a link. Raises `StorageFailed`."""
    with storage_errors(path):
        is_file = path.is_file() and not path.is_symlink()
    return is_file and sha256_of(path) == sha256


def holds_text(path: Path, text: str) -> bool:
    """As `holds`, for what `stage_text` would write. Raises `StorageFailed`."""
    return holds(path, hashlib.sha256(text.encode()).hexdigest())


def _set_time(path: Path, modified: datetime) -> None:
    seconds = modified.timestamp()
    os.utime(path, (seconds, seconds))


def _enter(folder: Path) -> None:
    """Make the artist's folder and sync its own entry, also if another thread just made it."""
    if folder in _parents_synced and folder.is_dir():
        return
    folder.mkdir(exist_ok=True)
    sync(folder.parent)
    _parents_synced.add(folder)


def _link_without_replacing(source: Path, target: Path) -> None:
    """Give the file the name `target` too, or that name instead of its own on a disk without hard links."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise NameTaken(target) from None
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _claim_and_rename(source, target)


def _claim_and_rename(source: Path, target: Path) -> None:
    """Without hard links: an empty file, made exclusively, claims the name; the rename then replaces nothing but that.

    A copy to the final name would leave a part of a picture there when the process is killed; this leaves an empty file
    at worst, which cannot be a picture and is taken for the claim it is.
    """
    try:
        target.touch(exist_ok=False)
    except FileExistsError:
        raise NameTaken(target) from None
    source.replace(target)


def is_free(final: Path) -> bool:
    """Whether a file may be placed at `final`: nothing lies there, or an empty file. Raises `StorageFailed`."""
    with storage_errors(final):
        try:
            found = os.lstat(final)
        except FileNotFoundError:
            return True
    return stat.S_ISREG(found.st_mode) and found.st_size == 0


def _move_to_free_name(source: Path, folder: Path, name: str) -> Path:
    number = 0
    while True:
        target = folder / (f"{name}~{number}" if number else name)
        try:
            _link_without_replacing(source, target)
        except NameTaken:
            number += 1
        else:
            source.unlink(missing_ok=True)
            return target


def _same_in_quarantine(folder: Path, path: Path, name: str) -> Path | None:
    """An earlier copy of these bytes with the same name."""
    if path.is_symlink() or not path.is_file():
        return None
    size, sha256 = path.stat().st_size, None
    of_name = re.compile(rf"[0-9]{{8}}T[0-9]{{6}}Z_{re.escape(name)}(~[0-9]+)?")
    with os.scandir(folder) as entries:
        copies = [entry for entry in entries if of_name.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)]
    for copy in copies:
        if copy.stat().st_size == size:
            sha256 = sha256 or sha256_of(path)
            if sha256_of(Path(copy.path)) == sha256:
                return Path(copy.path)
    return None


def _safe(name: str) -> str:
    # A name of its own ending in .txt could take the place of another file's note.
    return re.sub(r"[^A-Za-z0-9._-]+", "_", name)[:100].removesuffix(".txt").strip("._") or "file"


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _append_synced(path: Path, line: bytes) -> None:
    with path.open("ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
