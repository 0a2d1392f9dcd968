"""One file compared with its row: is it there, as long as it should be, and the very same bytes?"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive, format_of, parse_name
from pixivcrawl.archive.stores import Store, store_of
from pixivcrawl.archive.verdict import Expected
from pixivcrawl.archive.workers import Workers
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import name_of_file
from pixivcrawl.ledger.queries import KeptFile
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.verification.findings import Finding, FindingKind, RowKey

TIME_TOLERANCE = 2.0
"""Seconds; FAT keeps the time of a file to two of them."""

_PIECE = 1 << 20
# Never through a symlink, and never waiting for whoever writes to a pipe; Windows has neither.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NATURES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symlink"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_buffers = threading.local()


class NotAPlainFile(Exception):
    """Something else than a file has the name; the message says what."""


class FileMissing(Exception):
    """There is no file, or none inside the archive; the message says which."""


def whose_originals(archive: Archive, ledger: Ledger) -> str:
    """What a shared ledger calls the folder whose files are verified; empty where all files are in one place, as in an object store."""
    return "" if archive.bucket is not None else ledger.known_as


def is_of_another(row: KeptFile, known_as: str) -> bool:
    """Whether a stored file is another archive's than the one that a shared ledger calls so; a copy of it may be here."""
    return bool(known_as) and row.archive not in (None, known_as)


def is_only_elsewhere(archive: Archive, row: KeptFile, known_as: str) -> bool:
    """Whether a stored file is another archive's, and not here too."""
    return is_of_another(row, known_as) and not os.path.lexists(archive.root / (row.path or ""))


def check_file(archive: Archive, row: KeptFile, *, read: bool, workers: Workers | None = None) -> Finding | None:
    """What is wrong with the file of a stored row, None when nothing is.

    `read` compares the bytes too, not only size and time; with `workers` these also prove the picture again. Raises NoWorker, and otherwise
    nothing but faults of ours.
    """
    if archive.bucket is not None:
        return _check_object(store_of(archive), row, read=read, workers=workers)
    found: str | None = None
    try:
        path = _place_of(archive, row)
        size, modified, found = measure(path, read=read)
    except FileMissing as error:
        return _finding("missing", row, str(error))
    except NotAPlainFile as error:
        return _finding("changed", row, str(error))
    except OSError as error:
        return _finding("unreadable", row, why_unreadable(error))
    if (difference := _difference(row, size, found)) is not None:
        return difference
    if workers is not None and found is not None and (problem := _prove(path, row, workers, found)):
        return problem
    if abs(modified - row.uploaded.timestamp()) >= TIME_TOLERANCE:
        return _finding(
            "time changed", row, f"{_moment(modified, row)} where the ledger says {row.uploaded:%Y-%m-%d %H:%M:%S}Z"
        )
    return None


def _check_object(store: Store, row: KeptFile, *, read: bool, workers: Workers | None) -> Finding | None:
    """As `check_file`, in an object store. It says size and SHA-256 itself: bytes are fetched if they are to be read, or if it does not."""
    if row.path is None:
        return _finding("missing", row, "the ledger does not say where it is")
    if (held := store.head(row.path)) is None:
        return _finding("missing", row, "the object store has no such file")
    try:
        with ExitStack() as here:
            path = here.enter_context(store.local(row.path)) if read or held.sha256 is None else None
            found = held.sha256 if path is None else measure(path, read=True)[2]
            if (difference := _difference(row, held.bytes, found)) is not None:
                return difference
            return _prove(path, row, workers, found) if path is not None and workers is not None and found else None
    except FileNotFoundError:
        return _finding("missing", row, "the object store has no such file")


def _difference(row: KeptFile, size: int, sha256: str | None) -> Finding | None:
    """`sha256` is that of the bytes that were found; None if nobody knows it."""
    if row.bytes is not None and size != row.bytes:
        return _finding("changed", row, f"size: {size:,} bytes where the ledger says {row.bytes:,}", sha256)
    if sha256 is not None and sha256 != row.sha256:
        return _finding("changed", row, f"SHA-256: {sha256} where the ledger says {row.sha256}", sha256)
    return None


def measure(path: Path, *, read: bool) -> tuple[int, float, str | None]:
    """A file's bytes, time (seconds since 1970) and, if it is `read`, SHA-256. Raises FileMissing, NotAPlainFile or OSError."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissing("there is no such file") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR) or path.is_symlink():
            raise NotAPlainFile(f"is {nature_of(path)} instead of a file") from None
        raise
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise NotAPlainFile(f"is {nature_of(path)} instead of a file")
        return about.st_size, about.st_mtime, _sha256(descriptor) if read else None
    finally:
        os.close(descriptor)


def nature_of(path: Path) -> str:
    """What lies at a path, in words; a symlink is not followed."""
    mode = path.lstat().st_mode
    return next((words for is_so, words in _NATURES if is_so(mode)), "not a plain file")


def why_unreadable(error: OSError) -> str:
    """The system's reason in words, without the path."""
    return f"cannot be read: {error.strerror or error}"


def _place_of(archive: Archive, row: KeptFile) -> Path:
    """Where a row's file lies. Raises FileMissing for a path that leads out of the archive."""
    if row.path is None:
        raise FileMissing("the ledger does not say where it is")
    try:
        return archive.resolve(row.path) if parse_name(row.path) is None else _in_artists_folder(archive, row.path)
    except ValueError as error:
        raise FileMissing(str(error)) from None


def _in_artists_folder(archive: Archive, path: str) -> Path:
    """As `Archive.resolve` for a path of our naming, at a small part of the cost: only its folder can lead elsewhere."""
    folder, _, name = path.rpartition("/")
    place = Path(archive.root, folder)
    known = getattr(_buffers, "folder", None)
    if known != place:
        archive.resolve_folder(folder)
        _buffers.folder = place
    return place / name


def _sha256(descriptor: int) -> str:
    buffer: memoryview | None = getattr(_buffers, "piece", None)
    if buffer is None:
        buffer = _buffers.piece = memoryview(bytearray(_PIECE))
    digest = hashlib.sha256()
    with open(descriptor, "rb", buffering=0, closefd=False) as source:
        while size := source.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()


def _prove(path: Path, row: KeptFile, workers: Workers, sha256: str) -> Finding | None:
    if row.kind == "frames":
        return None
    try:
        expected = Expected(format_of(row.format or row.extension), row.width, row.height, row.frames)
        workers.prove(path, expected, sha256).result()
    except Damaged as damage:
        if damage.is_no_verdict:
            return _finding("not proven", row, str(damage), sha256)
        if row.as_served and damage.only_warned:
            return None
        return _finding("proof failed", row, str(damage), sha256)
    except ValueError as error:
        return _finding("proof failed", row, str(error), sha256)
    except StorageFailed as error:
        return _finding("unreadable", row, str(error), sha256)
    return None


def _finding(kind: FindingKind, row: KeptFile, reason: str, found: str | None = None) -> Finding:
    key = RowKey(row.work_id, row.page, row.revision, row.kind)
    return Finding(kind, row.path or name_of_file(row.kind, row.work_id, row.page), reason, key, row.sha256, found)


def _moment(modified: float, row: KeptFile) -> str:
    try:
        return f"{datetime.fromtimestamp(modified, row.uploaded.tzinfo):%Y-%m-%d %H:%M:%S}Z"
    except (ValueError, OverflowError, OSError):
        return "a time out of range"
