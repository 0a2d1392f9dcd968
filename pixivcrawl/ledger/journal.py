"""The journal: WARC files from which the ledger can be rebuilt.

Each process that changes the ledger begins a file, `000042-20261130T010203Z.warc.gz`, and another one past ROTATE_AT bytes. A commit is a
batch: a `response` record for each answer of pixiv's, then one `metadata` record that ends it. A batch without its end was never committed.

The metadata record holds JSON lines, an event each: `number` counts through all files, `type` and `v` name an entry of docs/journal.md,
`data` holds what it says, and `run` the id of the run that it began. An answer's line names its response record. `order` numbers the
commits of all archives that share a ledger on a server.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from pixivcrawl.archive.failures import storage_failure
from pixivcrawl.archive.syncing import sync
from pixivcrawl.archive.warc import (
    Member,
    Record,
    last_member,
    members,
    new_record_id,
    read_record,
    write_record,
)
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.answer import Location, StoredAnswer, answer_of, record_of

ANSWER = "answer"
"""The type of an event that has a record of its own."""

FACTS = "facts"
"""Whether what an answer says was recorded: true, in its event."""

VERSION = 1
"""Of the events' schema."""

ROTATE_AT = 256 << 20
"""Bytes of a file after which the next batch begins another one."""

UPGRADING = ".upgrading"
"""A file in a journal that was brought over, for as long as its ledger is not."""

_OLD_NAME = re.compile(r"[0-9]{4}-[0-9]{2}\.jsonl\.gz")
_NAME = re.compile(r"([0-9]{6,})-[0-9]{8}T[0-9]{6}Z\.warc\.gz")
_COMMIT = b"WARC/1.1\r\nWARC-Type: metadata\r\n"
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event: its type, and its data by their names: as they were when it is written, plain JSON when it is read; of an answer
    {"answer": StoredAnswer}, which lies at `location`.

    `gave` is the id of the run that the event began. `number` is None until it is written, and `order` where the ledger is of one archive.
    """

    type: str
    data: Mapping[str, Any]
    gave: int | None = None
    number: int | None = None
    location: Location | None = None
    order: int | None = None


@dataclass(slots=True)
class SkippedParts:
    """What a reading of the journal could not give: torn or damaged stretches of its files, and their bytes; lines that say nothing;
    by the numbers of the lines, how many events are not there at all; and how many were there before (a batch that was written twice).
    """

    stretches: int = 0
    bytes: int = 0
    lines: int = 0
    missing: int = 0
    repeated: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """How far a journal is: the number of its last event, and the bytes of its files without a torn tail."""

    number: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """Where a journal ends, where it ended before its last batch, and what that batch holds."""

    position: Position = Position()
    before: Position = Position()
    batch: tuple[Entry, ...] = ()


class Journal:
    """Appends batches to files in `folder`, which go on from `position` (None: from where they end). Used by one thread.

    `known_as` is how the ledger calls the archive that it is of. `appended` are the last batch's entries, with the locations of answers.
    `on_rotation` is called when a file is followed by another one, so that it does not change any more.
    """

    def __init__(self, folder: Path, position: Position | None = None, known_as: str = "") -> None:
        self.position = position or end_of(folder).position
        self.known_as = known_as
        self.appended: Sequence[Entry] = ()
        self.on_rotation: Callable[[], object] | None = None
        self._in_doubt: tuple[int, Position] | None = None
        self.folder = folder
        self._path: Path | None = None
        self._size = 0

    def append(self, entries: Sequence[Entry], now: datetime, order: int | None = None) -> Position:
        """Write the entries as one batch and sync it; gives where the journal is then. Raises StorageFailed; a part that was written is
        cut at the next start.
        """
        self.appended = ()
        if not entries:
            return self.position
        path = self.folder
        is_full = self._size >= ROTATE_AT
        try:
            if self._path is None:
                self.folder.mkdir(parents=True, exist_ok=True)
                cut_torn_tail(self.folder)
            if self._path is None or is_full:
                self._path, self._size = _next_file(self.folder, now), 0
            path = self._path
            appended, batch = self._batch(entries, now, path.name, order)
            _append(path, batch, self._size)
            if not self._size:
                sync(self.folder)
        except OSError as error:
            raise storage_failure(error.errno or 0, path) from error
        self._in_doubt = self._size, self.position
        self._size += len(batch)
        self.position = Position(self.position.number + len(entries), self.position.bytes + len(batch))
        self.appended = appended
        if is_full and self.on_rotation is not None:
            self.on_rotation()
        return self.position

    @property
    def is_ahead(self) -> bool:
        """Whether the ledger is not known to have what was appended last."""
        return self._in_doubt is not None

    def settle(self) -> None:
        """Note that the ledger has what was appended last."""
        self._in_doubt = None

    def take_back(self) -> None:
        """Cut what was appended last: the ledger does not have it, and it is written again. Raises StorageFailed."""
        if self._in_doubt is None or self._path is None:
            return
        size, position = self._in_doubt
        try:
            _cut(self._path, size)
        except OSError as error:
            raise storage_failure(error.errno or 0, self._path) from error
        self._size, self.position, self._in_doubt = size, position, None

    def _batch(
        self, entries: Sequence[Entry], now: datetime, name: str, order: int | None
    ) -> tuple[list[Entry], bytes]:
        """The entries with their numbers and locations, and the batch's bytes."""
        records = [] if self._size else [_file_record(now, name)]
        length = sum(map(len, records))
        appended, lines = [], []
        for number, entry in enumerate(entries, self.position.number + 1):
            location = None
            if entry.type == ANSWER:
                answer: StoredAnswer = entry.data[ANSWER]
                records.append(record_of(answer))
                location = Location(name, self._size + length, len(records[-1]))
                length += location.length
            lines.append(_line(entry, number, order))
            appended.append(Entry(entry.type, entry.data, entry.gave, number, location, order))
        fields = [("Content-Type", "application/jsonl"), ("X-Batch-Offset", str(-length))]
        records.append(write_record("metadata", new_record_id(), now, fields, "".join(lines).encode()))
        return appended, b"".join(records)


def end_of(folder: Path) -> End:
    """Where the journal in `folder` ends. Costs what its last batch costs, however long it is. Raises StorageFailed."""
    try:
        files = files_of(folder)
        while files:
            if (commit := last_member(files[-1], _is_commit)) is not None:
                return _end(files, commit)
            files.pop()
    except OSError as error:
        raise storage_failure(error.errno or 0, folder) from error
    return End()


def read_journal(folder: Path, passed_over: SkippedParts | None = None) -> Iterator[Entry]:
    """Every entry of every file, oldest file first; what is torn or damaged is counted in `passed_over`. Takes the memory of a batch."""
    return read_files(files_of(folder), passed_over or SkippedParts())


def read_files(files: Iterable[Path], passed_over: SkippedParts) -> Iterator[Entry]:
    """As `read_journal`, of files that are read one after another."""
    due = 1
    for path in files:
        for entry in _read(path, passed_over):
            if entry.number is not None:
                if entry.number < due:
                    passed_over.repeated += 1
                    continue
                passed_over.missing += entry.number - due
                due = entry.number + 1
            if not entry.data and entry.type == ANSWER:
                passed_over.missing += 1
                continue
            yield entry


def located(entries: Iterable[Entry]) -> Iterator[tuple[StoredAnswer, Location]]:
    """The answers among the entries of a journal, and where they lie in it."""
    return ((entry.data[ANSWER], entry.location) for entry in entries if entry.location is not None)


def packed_at(folder: Path, location: Location) -> bytes:
    """The packed record at a place in the journal. Raises OSError if its file is not there any more."""
    with (folder / location.file).open("rb") as file:
        file.seek(location.offset)
        return file.read(location.length)


def body_of(packed: bytes) -> bytes | None:
    """The body of the answer in a packed record; None if it holds none or is damaged."""
    record = read_record(packed)
    return record.payload if record is not None and record.kind == "response" else None


def cut_torn_tail(folder: Path) -> None:
    """Cut what a kill in the middle of an append left after the last whole batch."""
    for path in files_of(folder)[-1:]:
        commit = last_member(path, _is_commit)
        if commit is None:
            path.unlink()
        elif commit.end != path.stat().st_size:
            _cut(path, commit.end)


def is_of_old(folder: Path) -> bool:
    """Whether a journal is in the format that came before WARC files, or its ledger is still to be brought over to it."""
    return bool(old_files(folder)) or (folder / UPGRADING).exists()


def old_files(folder: Path) -> list[Path]:
    """The files of an old journal, oldest first."""
    return sorted(path for path in folder.glob("*") if _OLD_NAME.fullmatch(path.name)) if folder.is_dir() else []


def _end(files: Sequence[Path], commit: Member) -> End:
    path = files[-1]
    start = commit.start + int(_of(read_record(commit.packed), "x-batch-offset") or 0)
    batch = tuple(_read(path, SkippedParts(), max(0, start), commit.end))
    sizes = sum(path.stat().st_size for path in files[:-1])
    number = next((entry.number for entry in reversed(batch) if entry.number is not None), 0)
    before = Position(max(0, (batch[0].number or 1) - 1) if batch else 0, sizes + max(0, start))
    return End(Position(number, sizes + commit.end), before, batch)


def _next_file(folder: Path, now: datetime) -> Path:
    files = files_of(folder)
    number = number_of(files[-1].name) + 1 if files else 1
    return folder / f"{number:06d}-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.warc.gz"


def files_of(folder: Path) -> list[Path]:
    """The journal's files, oldest first. Raises StorageFailed for one that is a link."""
    if not folder.is_dir():
        return []
    files = [folder / name for name in in_order(path.name for path in folder.iterdir())]
    for path in files:
        if path.is_symlink():
            raise storage_failure(errno.ELOOP, path)
    return files


def in_order(names: Iterable[str]) -> list[str]:
    """Those of the names that a journal's files have, oldest first."""
    return sorted(filter(_NAME.fullmatch, names), key=number_of)


def number_of(name: str) -> int:
    """The number of a journal's file, by its name."""
    return int(name.partition("-")[0])


def _is_commit(member: Member) -> bool:
    return member.text.startswith(_COMMIT)


def _file_record(now: datetime, name: str) -> bytes:
    """The record that a file begins with, which says what it is."""
    about = f"software: pixivcrawl\r\nformat: WARC File Format 1.1\r\ndescription: journal of an archive, events of version {VERSION}\r\n"
    fields = [("WARC-Filename", name), ("Content-Type", "application/warc-fields")]
    return write_record("warcinfo", new_record_id(), now, fields, about.encode())


def _of(record: Record | None, field: str) -> str:
    return record.fields.get(field, "") if record is not None else ""


def _line(entry: Entry, number: int, order: int | None = None) -> str:
    said: dict[str, Any] = {"number": number, "type": entry.type, "v": VERSION}
    if entry.type == ANSWER:
        answer: StoredAnswer = entry.data[ANSWER]
        told = {
            "snapshot": answer.snapshot,
            "unread": answer.unread,
            "facts": entry.data.get(FACTS) is not None,
            "beside": answer.beside,
        }
        said["data"] = {"record": answer.record_id, **{name: value for name, value in told.items() if value}}
    else:
        said["data"] = entry.data
    if entry.gave is not None:
        said["run"] = entry.gave
    if order is not None:
        said["order"] = order
    return _ENCODER.encode(said) + "\n"


def _read(path: Path, passed_over: SkippedParts, start: int = 0, end: int | None = None) -> Iterator[Entry]:
    """The entries of the batches between two places of a file."""
    whole = start
    answers: dict[str, tuple[Record, Location]] = {}
    for member in members(path, start):
        if end is not None and member.start >= end:
            return
        _pass_over(passed_over, member.start - whole)
        whole = member.end
        record = read_record(member.packed)
        if record is None:
            _pass_over(passed_over, len(member.packed))
        elif record.kind == "response":
            answers[record.id] = record, Location(path.name, member.start, len(member.packed))
        elif record.kind == "metadata":
            yield from _events(record, answers, passed_over)
            answers.clear()
    if end is None:
        _pass_over(passed_over, path.stat().st_size - whole)


def _events(
    record: Record, answers: Mapping[str, tuple[Record, Location]], passed_over: SkippedParts
) -> Iterator[Entry]:
    for line in record.payload.splitlines():
        entry = _entry(line, answers)
        if entry is None:
            passed_over.lines += 1
        else:
            yield entry


def _entry(line: bytes, answers: Mapping[str, tuple[Record, Location]]) -> Entry | None:
    """The event that a line tells, without data where its answer is not there; None where it tells none."""
    try:
        said = json.loads(line)
        kind, data, number, order = said["type"], said["data"], _whole(said["number"]), _whole(said.get("order"))
        if not (isinstance(kind, str) and isinstance(data, dict)):
            return None
        if kind != ANSWER:
            return Entry(kind, data, _whole(said.get("run")), number, order=order)
        if data["record"] not in answers:
            return Entry(kind, {}, number=number, order=order)
        record, location = answers[data["record"]]
        marks = {name: data.get(name) is True for name in ("snapshot", "unread")}
        answer = answer_of(record, **marks, beside=data.get("beside"))
        told = {ANSWER: answer} | ({FACTS: True} if data.get("facts") is True else {})
        return None if answer is None else Entry(kind, told, None, number, location, order)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _pass_over(passed_over: SkippedParts, length: int) -> None:
    if length:
        passed_over.stretches += 1
        passed_over.bytes += length


def _whole(value: Any) -> int | None:
    return value if type(value) is int else None


def _plain(value: Any) -> Any:
    """A value that JSON does not know, in what it knows."""
    if isinstance(value, datetime):
        return value.isoformat()
    if (fields_of := _fields_of(value.__class__)) is not None:
        names, get = fields_of
        return dict(zip(names, get(value), strict=True))
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Iterable):
        return list(value)
    return str(value)


@cache
def _fields_of(kind: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]] | None:
    """The names of a dataclass's fields, and what gets their values; None for another type."""
    if not is_dataclass(kind):
        return None
    names = tuple(field.name for field in fields(kind))
    if len(names) == 1:
        return names, lambda value: (getattr(value, names[0]),)
    return names, attrgetter(*names)


_ENCODER = json.JSONEncoder(separators=(",", ":"), default=_plain, check_circular=False)


def _append(path: Path, batch: bytes, size: int) -> None:
    """Raises StorageFailed where the file has not the `size` in which it was left."""
    descriptor = os.open(path, _APPENDING, 0o666)
    with io.FileIO(descriptor, "ab") as file:
        if os.fstat(file.fileno()).st_size != size:
            raise StorageFailed(
                f"the journal {path} was removed, cut or replaced while it was in use: put it back, "
                "then run the same command again"
            )
        rest = memoryview(batch)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())
