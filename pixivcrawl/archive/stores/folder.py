"""Originals in the archive's own folder."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.archive.deleting import delete
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive, is_artist, is_link, parse_name
from pixivcrawl.archive.stores import PIECE, FileMissing, Held, Measured, NewFile, NotAPlainFile
from pixivcrawl.archive.stores.placing import NameTaken, discard, holds, is_free, place, put, quarantine, sync_folders
from pixivcrawl.archive.syncing import sync
from pixivcrawl.errors import StorageFailed

ORIGINALS, USERS = "originals", "users"

LITTER = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "@eadir", ".nomedia", "lost+found"})
"""What systems and NAS leave in any folder, in lower case: it is not part of an archive, and never listed."""

# Never follow a symlink, and never wait for the other end of a pipe; Windows has neither flag.
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_NATURES = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symlink"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_buffers = threading.local()


class FolderStore:
    """`originals/` and `users/` of an archive. A file gets its final name without being copied, and its folder is synced."""

    is_shared = False
    keeps_sha256 = False
    keeps_versions = False
    at_once = 0

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def put_new(self, groups: Sequence[Sequence[NewFile]]) -> list[Exception | None]:
        """One sync of a folder is enough for all files that are placed there together."""
        outcomes: list[Exception | None] = []
        folders: set[Path] = set()
        for group in groups:
            try:
                for file in group[:-1]:
                    # On the disk before the next one, so that a zip in place is never without its timing.
                    sync_folders([self._put(file)])
                folders.add(self._put(group[-1]))
                outcomes.append(None)
            except (NameTaken, StorageFailed) as failure:
                outcomes.append(failure)
        sync_folders(folders)
        for group, outcome in zip(groups, outcomes, strict=True):
            for file in group if outcome is None else ():
                discard(file.staged)
        return outcomes

    def holds(self, path: str, sha256: str | None) -> bool:
        try:
            final = self._archive.resolve(path)
        except ValueError:
            return False
        if not holds(final, sha256):
            return False
        # What a killed run put there may not be on the disk yet.
        sync_folders([final.parent.parent, final.parent])
        return True

    def head(self, path: str) -> Held | None:
        try:
            final = self._archive.resolve(path)
        except ValueError:
            return None
        with storage_errors(final):
            if not final.is_file():
                return None
            found = final.stat()
        return Held(found.st_size, datetime.fromtimestamp(found.st_mtime, UTC))

    def read(self, path: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        with self._place_of(path).open("rb") as file:
            position = file.seek(start)
            while piece := file.read(PIECE if end is None else min(PIECE, end - position)):
                position += len(piece)
                yield piece

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        final = self._place_of(path)
        with storage_errors(final):
            is_there = final.is_file()
        if not is_there:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(final))
        yield final

    def require(self, *folders: str) -> None:
        for folder in folders:
            if not (place := self._archive.root / folder).is_dir():
                raise StorageFailed(f"{place} is gone: mount its disk or put it back, then run the same command again")

    @contextmanager
    def measured(self, path: str, *, read: bool) -> Iterator[Measured]:
        here = self._in_artists_folder(path) if parse_name(path) is not None else self._archive.root / path
        yield measure(here, read=read)

    def is_taken(self, path: str) -> bool:
        return os.path.lexists(self._archive.root / path)

    def in_the_way(self, path: str) -> str | None:
        final = self._archive.root / path
        if is_free(final):
            return None
        what = "a link, which is not followed," if is_link(final) else "a folder" if final.is_dir() else "another file"
        return f"{what} lies at {path}: move it away, or have pixivcrawl verify --repair see to it"

    def set_time(self, path: str, modified: datetime) -> None:
        final, seconds = self._archive.resolve(path), modified.timestamp()
        with storage_errors(final):
            os.utime(final, (seconds, seconds))

    def set_aside(self, path: str, reason: str) -> Path:
        """A folder is moved with everything in it."""
        final = self._archive.root / path
        if final.is_dir() and not final.is_symlink():
            return self._set_folder_aside(final)
        return quarantine(self._archive, final, final.name, reason)

    def _set_folder_aside(self, folder: Path) -> Path:
        number = 0
        while os.path.lexists(kept := self._archive.quarantine / f"{folder.name}.folder~{number}"):
            number += 1
        with storage_errors(folder):
            folder.rename(kept)
        return kept

    def take(self, path: str, staged: Path, modified: datetime) -> None:
        final = self._archive.root / path
        with storage_errors(final):
            if os.path.lexists(staged) and staged.samefile(final):
                # A kill between the two steps of an earlier move.
                sync_folders([staged.parent])
                final.unlink()
                return
            # The user may have moved the file there without its bytes being synced.
            sync(final)
        place(final, staged, modified)

    def is_same(self, path: str, staged: Path) -> bool:
        try:
            final = self._archive.resolve(path)
        except ValueError:
            return False
        with storage_errors(final):
            return final.is_file() and final.samefile(staged)

    def delete(self, paths: Iterable[str]) -> tuple[int, int]:
        return delete(self._archive, paths)

    def listed(self, folder: str) -> tuple[list[str], list[str]]:
        """Without LITTER. A link that is not followed is no folder."""
        names: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(self._archive.root / folder) as entries:
                for entry in entries:
                    if entry.name.lower() not in LITTER:
                        (folders if is_followed(self._archive, folder, entry) else names).append(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return [], []
        return sorted(names), sorted(folders)

    def _place_of(self, path: str) -> Path:
        """Raises FileNotFoundError for a path that leads out of the archive: nothing is read through it."""
        try:
            return self._archive.resolve(path)
        except ValueError as error:
            raise FileNotFoundError(errno.ENOENT, str(error)) from None

    def _in_artists_folder(self, path: str) -> Path:
        """As `Archive.resolve`, much cheaper, for a path that this program named: only its folder can lead elsewhere."""
        folder, _, name = path.rpartition("/")
        place = Path(self._archive.root, folder)
        if getattr(_buffers, "folder", None) != place:
            try:
                self._archive.resolve_folder(folder)
            except ValueError as error:
                raise FileMissing(str(error)) from None
            _buffers.folder = place
        return place / name

    def _put(self, file: NewFile) -> Path:
        """Place one file; returns the folder that is still to be synced."""
        try:
            final = self._archive.resolve_new(file.path)
        except ValueError:
            # A symlink made by the user leads out of the archive: nothing is written through it.
            raise NameTaken(self._archive.root / file.path) from None
        try:
            put(file.staged, final, file.uploaded)
        except NameTaken:
            # The same bytes have the name: an earlier run placed them and ended before its row was written.
            if not holds(final, file.sha256):
                raise
        return final.parent


def measure(path: Path, *, read: bool) -> Measured:
    """A file's bytes, time and, if it is `read`, SHA-256. Raises FileMissing, NotAPlainFile or OSError."""
    try:
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError):
        raise FileMissing("there is no such file") from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK, errno.ENXIO, errno.EISDIR) or path.is_symlink():
            raise NotAPlainFile(f"is {_nature_of(path)} instead of a file") from None
        raise
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise NotAPlainFile(f"is {_nature_of(path)} instead of a file")
        return Measured(about.st_size, _sha256(descriptor) if read else None, about.st_mtime, path)
    finally:
        os.close(descriptor)


def _nature_of(path: Path) -> str:
    """What lies at a path, in words; a symlink is not followed."""
    mode = path.lstat().st_mode
    return next((words for is_so, words in _NATURES if is_so(mode)), "not a plain file")


def _sha256(descriptor: int) -> str:
    buffer: memoryview | None = getattr(_buffers, "piece", None)
    if buffer is None:
        buffer = _buffers.piece = memoryview(bytearray(PIECE))
    digest = hashlib.sha256()
    with open(descriptor, "rb", buffering=0, closefd=False) as source:
        while size := source.readinto(buffer):
            digest.update(buffer[:size])
    return digest.hexdigest()


def is_followed(archive: Archive, folder: str, entry: os.DirEntry[str]) -> bool:
    """Whether an entry of `folder` (relative to the archive) is a folder, or an artist's that its owner linked."""
    if entry.is_dir(follow_symlinks=False):
        # On Windows a junction is one too.
        return os.name == "posix" or _leads_well(archive, folder, entry)
    return (
        folder in (ORIGINALS, USERS)
        and is_artist(entry.name)
        and entry.is_dir()
        and _leads_well(archive, folder, entry)
    )


def _leads_well(archive: Archive, folder: str, entry: os.DirEntry[str]) -> bool:
    try:
        archive.resolve_folder(f"{folder}/{entry.name}")
    except ValueError:
        return False
    return True
