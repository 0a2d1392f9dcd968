"""A folder that an export keeps up to date with the ledger: makes, moves and removes what changed, and touches nothing else.

A database in the folder records what the export made. A name is recorded before the file is made, and the file's state once it is
there: after a kill, recorded files that are missing are made again, and files changed or added from outside are never touched.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.console import ProgressPrinter
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.exchange.export.choice import Result
from pixivcrawl.exchange.export.names import key_of, marked
from pixivcrawl.exchange.export.writing import Differs, part_of, unfinished
from pixivcrawl.sqlite import connect

MARKER = ".pixivcrawl-{}"
"""What says that a folder is an export's own, of which form; forms may share one. No name of a template begins with a dot."""

_MARKERS = frozenset(MARKER.format(form) for form in ("view", "sidecars", "cbz", "bagit"))

AT_ONCE = 500
"""Files between two commits."""

Make = Callable[[int, str, Path], None]
"""Makes a file, given its work and its print, at an unused path. Raises Differs."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path TEXT PRIMARY KEY, work INTEGER NOT NULL, part TEXT NOT NULL, print TEXT NOT NULL, look TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_part ON files (work, part);
CREATE TABLE IF NOT EXISTS moves (old TEXT NOT NULL, new TEXT NOT NULL);
CREATE TEMP TABLE wanted (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, key TEXT NOT NULL UNIQUE,
    work INTEGER NOT NULL, part TEXT NOT NULL, print TEXT NOT NULL
);
CREATE UNIQUE INDEX temp.wanted_part ON wanted (work, part);
CREATE TEMP TABLE folders (key TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class Planned(NamedTuple):
    """A file that is to be in the folder.

    `path` is the name that it gets where that is free; else `mark` is put into it. `part` says which one of its work it is, and `print`
    is another one where its bytes, or what it leads to, are to be others.
    """

    path: str
    work: int
    part: str
    print: str
    mark: str


class _ToMake(NamedTuple):
    """A planned file that is not in its place: where it lies instead, if anywhere, and whether the folder's database has it."""

    number: int
    path: str
    work: int
    part: str
    print: str
    old: str | None
    is_noted: bool


@dataclass(slots=True)
class Difference:
    """How many files are made, moved, removed and left unchanged."""

    made: int = 0
    moved: int = 0
    removed: int = 0
    same: int = 0

    def __str__(self) -> str:
        return f"{self.made:,} made, {self.moved:,} moved, {self.removed:,} removed, {self.same:,} as they were"


class Folder:
    """Used within `opened`."""

    def __init__(self, root: Path, connection: sqlite3.Connection, *, is_shared: bool) -> None:
        self.root = root
        self._sql = connection
        self._is_shared = is_shared
        self._planned_in = ""
        self._entered: set[str] = set()

    def plan(self, files: Iterable[Planned]) -> None:
        """Declare what the folder should contain; the same files in the same order get the same names."""
        for file in files:
            path = next(path for path in _names(file) if self._is_free(path))
            self._sql.execute(
                "INSERT INTO wanted (path, key, work, part, print) VALUES (?, ?, ?, ?, ?)",
                (path, key_of(path), file.work, file.part, file.print),
            )
            self._note_folders(path)

    def _note_folders(self, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder != self._planned_in:
            folders = [(key_of(each),) for each in _folders(path)]
            self._sql.executemany("INSERT OR IGNORE INTO folders VALUES (?)", folders)
            self._planned_in = folder

    def _is_free(self, path: str) -> bool:
        """Whether no file or folder has the name, and no file has the name of a parent folder."""
        # Files come folder by folder: no file has the name of the folder that holds the one before.
        is_beside = path.rpartition("/")[0] == self._planned_in
        keys = [key_of(path), *map(key_of, () if is_beside else _folders(path))]
        marks = ", ".join("?" * len(keys))
        taken = f"SELECT 1 FROM wanted WHERE key IN ({marks}) UNION ALL SELECT 1 FROM folders WHERE key = ? LIMIT 1"  # noqa: S608
        return self._sql.execute(taken, (*keys, keys[0])).fetchone() is None

    def changes(self) -> Iterator[str]:
        """What `bring_in_line` would do, one line each."""
        for old, new in self._sql.execute(
            "SELECT files.path, wanted.path FROM wanted LEFT JOIN files USING (work, part) "
            "WHERE files.path IS NOT wanted.path ORDER BY number"
        ):
            yield f"make {new}" if old is None else f"move {old} -> {new}"
        gone = "SELECT files.path FROM files LEFT JOIN wanted USING (work, part) WHERE wanted.path IS NULL ORDER BY 1"
        yield from (f"remove {path}" for (path,) in self._sql.execute(gone))

    def bring_in_line(self, make: Make, result: Result) -> Difference:
        """Make the folder contain what is planned."""
        done = Difference()
        self._finish_moves()
        self._move_folders(done)
        self._look_at_files(result)
        self._remove(done, result)
        self._make(make, done, result)
        self._sql.commit()
        return done

    def held(self) -> Iterator[tuple[str, str]]:
        """The folder's recorded contents: each file's path and its print."""
        yield from self._sql.execute("SELECT path, print FROM files WHERE look IS NOT NULL ORDER BY path")

    # What a kill may have left

    def _finish_moves(self) -> None:
        for old, new in self._sql.execute("SELECT old, new FROM moves").fetchall():
            if os.path.lexists(self.root / new) and not os.path.lexists(self.root / old):
                self._note_move(old, new)
        self._sql.execute("DELETE FROM moves")
        self._sql.commit()

    def _note_move(self, old: str, new: str) -> None:
        self._sql.execute(
            "UPDATE files SET path = ? || substr(path, ?) WHERE substr(path, 1, ?) = ?",
            (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/"),
        )

    # Folders that are called otherwise now, as of an artist who was renamed

    def _move_folders(self, done: Difference) -> None:
        """Move a folder as a whole if all its files belong in another one that does not exist yet."""
        if self._is_shared:
            # Another form, which knows nothing of it, has files in there.
            return
        goes = (
            "SELECT top(files.path), count(*), sum(wanted.path = new || substr(files.path, length(top(files.path)) + 1)), new "
            "FROM (SELECT *, top(path) AS new FROM wanted) AS wanted JOIN files USING (work, part) "
            "WHERE top(files.path) <> '' AND new <> '' AND look IS NOT NULL GROUP BY top(files.path) "
            "HAVING count(DISTINCT new) = 1 AND new <> top(files.path)"
        )
        held = "SELECT count(*) FROM files WHERE substr(path, 1, ?) = ?"
        for old, files, same_below, new in self._sql.execute(goes).fetchall():
            everything = self._sql.execute(held, (len(old) + 1, f"{old}/")).fetchone()[0]
            source, target = self.root / old, self.root / new
            if files != everything or files != same_below or os.path.lexists(target) or not source.is_dir():
                continue
            self._sql.execute("INSERT INTO moves VALUES (?, ?)", (old, new))
            self._sql.commit()
            with storage_errors(target):
                source.rename(target)
            self._note_move(old, new)
            self._sql.execute("DELETE FROM moves")
            self._sql.commit()
            done.moved += files

    # What is there no more, and what is wanted no more

    def _look_at_files(self, result: Result) -> None:
        """Plan to make again what was removed or left empty by a power cut, and report files that were changed."""
        noted = "SELECT path, look, EXISTS (SELECT 1 FROM wanted WHERE wanted.path = files.path) FROM files WHERE look IS NOT NULL"
        gone = []
        for path, look, is_wanted in self._sql.execute(noted):
            found = _look(self.root / path)
            if found in (None, _EMPTY):
                gone.append((path,))
            elif found != look and is_wanted:
                result.refuse(f"{path}: {_CHANGED}")
        self._sql.executemany("UPDATE files SET look = NULL WHERE path = ?", gone)

    def _remove(self, done: Difference, result: Result) -> None:
        """Remove every file that does not belong in its place, except those that `_make` moves."""
        out_of_place = (
            "SELECT files.path, files.look, wanted.path, wanted.print = files.print FROM files LEFT JOIN wanted USING (work, part) "
            "WHERE wanted.path IS NULL OR wanted.path <> files.path OR wanted.print <> files.print"
        )
        holds = "SELECT 1 FROM files WHERE path = ? UNION ALL SELECT 1 FROM wanted WHERE path = ?"
        for path, look, new, is_same in self._sql.execute(out_of_place).fetchall():
            place = self.root / path
            may_move = is_same and look is not None and not self._sql.execute(holds, (new, path)).fetchone()
            if may_move and _look(place) == look:
                continue
            with storage_errors(place):
                part_of(place).unlink(missing_ok=True)
                if look is not None and _look(place) != look:
                    result.refuse(f"{path}: {_CHANGED}")
                else:
                    place.unlink(missing_ok=True)
                    done.removed += new is None
            self._sql.execute("DELETE FROM files WHERE path = ?", (path,))
            self._prune(place.parent)
        self._sql.commit()

    def _prune(self, folder: Path) -> None:
        while folder != self.root and folder.is_relative_to(self.root):
            try:
                folder.rmdir()
            except OSError:
                # Something is in it.
                return
            folder = folder.parent

    # What is to be made, or moved

    def _make(self, make: Make, done: Difference, result: Result) -> None:
        how_far = ProgressPrinter()
        (total,) = self._sql.execute("SELECT count(*) FROM wanted").fetchone()
        after = 0
        while some := self._to_make(after):
            after = some[-1].number
            ours = [each for each in some if self._is_ours_or_free(each, result)]
            self._sql.executemany(
                "INSERT OR IGNORE INTO files VALUES (?, ?, ?, ?, NULL)",
                [(each.path, each.work, each.part, each.print) for each in ours],
            )
            self._sql.commit()
            made = [(look, each.path) for each in ours if (look := self._made(each, make, done, result)) is not None]
            self._sql.executemany("UPDATE files SET look = ? WHERE path = ?", made)
            self._sql.commit()
            how_far(f"{after:,} of {total:,} files")
        (there,) = self._sql.execute("SELECT count(*) FROM files WHERE look IS NOT NULL").fetchone()
        done.same = there - done.made - done.moved

    def _to_make(self, after: int) -> list[_ToMake]:
        """The next files that are not in their places."""
        rows = self._sql.execute(
            "SELECT number, wanted.path, wanted.work, wanted.part, wanted.print, old.path, noted.path IS NOT NULL "
            "FROM wanted LEFT JOIN files AS noted ON noted.path = wanted.path "
            "LEFT JOIN files AS old ON old.work = wanted.work AND old.part = wanted.part AND old.print = wanted.print "
            "AND old.path <> wanted.path AND old.look IS NOT NULL "
            "WHERE number > ? AND noted.look IS NULL GROUP BY number ORDER BY number LIMIT ?",
            (after, AT_ONCE),
        )
        return [_ToMake(*row) for row in rows]

    def _is_ours_or_free(self, file: _ToMake, result: Result) -> bool:
        """Whether the file may get its name: an export noted it before, or nothing has it."""
        is_other_case = file.old is not None and key_of(file.old) == key_of(file.path)
        if file.is_noted or is_other_case or not os.path.lexists(self.root / file.path):
            return True
        result.refuse(f"{file.path}: something else lies there, and is left as it is; move it away")
        return False

    def _made(self, file: _ToMake, make: Make, done: Difference, result: Result) -> str | None:
        """Make a file, or move it to its place; returns how it looks then, None if it is refused."""
        place = self.root / file.path
        with storage_errors(place):
            self._enter(place.parent)
            if file.old is not None and os.path.lexists(self.root / file.old):
                self._move(self.root / file.old, place, is_same_file=key_of(file.old) == key_of(file.path))
                done.moved += 1
            else:
                try:
                    with unfinished(place) as part:
                        make(file.work, file.print, part)
                except Differs as why:
                    self._sql.execute("DELETE FROM files WHERE path = ?", (file.path,))
                    self._prune(place.parent)
                    result.refuse(str(why))
                    return None
                done.made += 1
        if file.old is not None:
            self._sql.execute("DELETE FROM files WHERE path = ?", (file.old,))
        return _look(place)

    def _move(self, old: Path, place: Path, *, is_same_file: bool) -> None:
        old.replace(place)
        if not is_same_file:
            # Where both are hard links to one file, a rename leaves both.
            old.unlink(missing_ok=True)
        self._prune(old.parent)

    def _enter(self, folder: Path) -> None:
        """Make a folder. Raises StorageFailed if a link has taken its place, because it would lead outside."""
        name = str(folder)
        if folder == self.root or (name in self._entered and folder.is_dir()):
            return
        self._enter(folder.parent)
        if folder.is_symlink() and not folder.resolve().is_relative_to(self.root.resolve()):
            raise StorageFailed(
                f"{folder} leads out of {self.root} by a link: remove the link, then run the same command again"
            )
        folder.mkdir(exist_ok=True)
        self._entered.add(name)


_EMPTY = "0 bytes"
_CHANGED = "was changed since it was exported, and is left as it is; move it away"


def _look(place: Path) -> str | None:
    """A file's state as seen from outside, to recognize it again; None if there is no file."""
    try:
        found = place.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(found.st_mode):
        return f"-> {place.readlink()}"
    if found.st_nlink > 1:
        # A hard link: its time is the original's, which the archive may set again.
        return f"inode {found.st_ino}"
    return f"{found.st_size} bytes {found.st_mtime_ns}" if found.st_size else _EMPTY


def _names(file: Planned) -> Iterator[str]:
    yield file.path
    yield marked(file.path, str(file.work))
    yield marked(file.path, file.mark)
    number = 2
    while True:
        yield marked(file.path, f"{file.mark} {number}")
        number += 1


def _folders(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


@contextmanager
def opened(root: Path, form: str, *, for_looking: bool = False) -> Iterator[Folder]:
    """The folder of an export, created if missing; one that contains other things is refused. `for_looking`: nothing is created.

    Raises ConfigurationError for a folder that is not an export's, and StorageFailed if it cannot be written to.
    """
    marker = root / MARKER.format(form)
    is_shared = _holds_others(root, marker)
    if not for_looking:
        with storage_errors(root):
            root.mkdir(parents=True, exist_ok=True)
            # What a disk says of itself, SQLite does not repeat.
            marker.open("ab").close()
    try:
        with closing(connect(":memory:" if for_looking else marker, timeout=0)) as connection:
            if for_looking and marker.exists():
                with closing(connect(marker, timeout=0)) as noted:
                    noted.backup(connection)
            _make_ready(connection)
            yield Folder(root, connection, is_shared=is_shared)
    except sqlite3.Error as error:
        raise _failed(root, error) from error


def _holds_others(root: Path, marker: Path) -> bool:
    """Whether other forms of export share the folder."""
    with storage_errors(root):
        names = {entry.name for entry in root.iterdir()} if root.exists() else set()
    markers = {
        name for name in names if name in _MARKERS and (root / name).is_file() and not (root / name).is_symlink()
    }
    if names and not markers:
        raise ConfigurationError(f"{root} holds other things: name an empty folder, or one that an export made")
    return bool(markers - {marker.name})


def _make_ready(connection: sqlite3.Connection) -> None:
    connection.create_function("top", 1, lambda path: path.partition("/")[0] if "/" in path else "", deterministic=True)
    # Until it is closed: two exports at once would take each other's files for the user's.
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("BEGIN EXCLUSIVE")
    for statement in _SCHEMA.split(";"):
        connection.execute(statement)
    connection.commit()


def _failed(root: Path, error: sqlite3.Error) -> StorageFailed:
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_BUSY":
            why = "another export writes there: wait for its end"
        case "SQLITE_FULL":
            why = "the disk is full: free space"
        case "SQLITE_CORRUPT" | "SQLITE_NOTADB":
            why = "what it notes of the export is damaged: name another folder"
        case _:
            why = f"cannot be written to ({error}): check the disk"
    return StorageFailed(f"{root}: {why}, then run the same command again")
