"""The journal: every change of the ledger in its order, so that a lost ledger can be made again.

A file a month, `2026-11.jsonl.gz`; each batch is a gzip member of its own, so that `zcat` reads the whole file. A member's header holds
its size in an extra field (RFC 1952, 2.3.1.1), by which whole members are told from the torn one that a kill leaves at the end.

A line is a JSON object: `number` counts through all files, `change` names a function of `pixivcrawl.ledger.updates`, `arguments` holds
what it was given, and `gave` the id of the run that it began. An answer of pixiv's is the change `note_body`, written as what it is:
`time`, `endpoint`, `parameters` and `body`.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

from pixivcrawl.archive.failures import storage_failure
from pixivcrawl.archive.syncing import sync
from pixivcrawl.errors import StorageFailed

NOTE_BODY = "note_body"
"""The change that has a line format of its own."""

_NAME = re.compile(r"[0-9]{4}-[0-9]{2}\.jsonl\.gz")

# gzip, deflate, FEXTRA, no time, no flags, unknown system; ten bytes of extra field: subfield PX of six, the member's size.
_HEADER = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x0c\x00PX\x08\x00"
_SIZE = struct.Struct("<Q")
_TRAILER = struct.Struct("<II")
_WINDOW = 1 << 16
_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Entry:
    """One change: the function's name, and its arguments by theirs: as they were when it is written, plain JSON when it is read.

    `gave` is the id of the run that the change began. `number` is None until it is written, and in lines from before there were any.
    """

    change: str
    arguments: Mapping[str, Any]
    gave: int | None = None
    number: int | None = None


@dataclass(slots=True)
class PassedOver:
    """What a reading of the journal could not give: torn or damaged stretches of its files, and their bytes; lines that say nothing;
    and, by the numbers of the lines, how many changes are not there at all.
    """

    stretches: int = 0
    bytes: int = 0
    lines: int = 0
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """How far a journal is: the number of its last change, and the bytes of its files without a torn tail."""

    number: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """Where a journal ends, where it ended before its last batch, and what that batch holds."""

    position: Position = Position()
    before: Position = Position()
    batch: tuple[Entry, ...] = ()


class Journal:
    """Appends batches to the files in `folder`, which go on from `position` (None: from where they end). Used by one thread.

    `known_as` is how the ledger calls it.
    """

    def __init__(self, folder: Path, position: Position | None = None, known_as: str = "") -> None:
        self.position = position or end_of(folder).position
        self.known_as = known_as
        self._in_doubt: tuple[Path, int, Position] | None = None
        self._folder = folder
        self._sound: Path | None = None
        self._newest = ""
        self._size = 0

    def append(self, entries: Sequence[Entry], now: datetime) -> Position:
        """Write the entries as one member and sync it; gives where the journal is then. Raises StorageFailed; a part that was written is
        cut at the next start.

        A clock that is set back does not lead to an older file: the order of the lines is that of the changes.
        """
        if not entries:
            return self.position
        path = self._folder
        try:
            if self._sound is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._begin_after_what_is_there()
            path = self._folder / max(self._newest, f"{now:%Y-%m}.jsonl.gz")
            lines = [_line(entry, number) for number, entry in enumerate(entries, self.position.number + 1)]
            member = _member("".join(lines).encode())
            size = self._size if path.name == self._newest else 0
            _append(path, member, size)
            if path != self._sound:
                sync(self._folder)
                self._sound, self._newest = path, path.name
        except OSError as error:
            raise storage_failure(error.errno or 0, path) from error
        self._in_doubt = path, size, self.position
        self._size = size + len(member)
        self.position = Position(self.position.number + len(entries), self.position.bytes + len(member))
        return self.position

    @property
    def is_ahead(self) -> bool:
        """Whether the ledger is not known to have what was appended last."""
        return self._in_doubt is not None

    def settle(self) -> None:
        """The ledger has what was appended last."""
        self._in_doubt = None

    def take_back(self) -> None:
        """Cut what was appended last: the ledger has it not, and it is made once more. Raises StorageFailed."""
        if self._in_doubt is None:
            return
        path, size, position = self._in_doubt
        try:
            _cut(path, size)
        except OSError as error:
            raise storage_failure(error.errno or 0, path) from error
        self._size, self.position, self._in_doubt = size, position, None

    def _begin_after_what_is_there(self) -> None:
        if files := _files(self._folder):
            self._newest = files[-1].name
            cut_torn_tail(files[-1])
            self._size = files[-1].stat().st_size


def end_of(folder: Path) -> End:
    """Where the journal in `folder` ends. Costs what its last batch costs, however long it is. Raises StorageFailed."""
    try:
        files = _files(folder)
        while files:
            if (last := _last_member(files[-1])) is not None:
                batch = tuple(filter(None, map(_entry, last.text.splitlines())))
                start = sum(path.stat().st_size for path in files[:-1]) + last.start
                number = next((entry.number for entry in reversed(batch) if entry.number is not None), 0)
                before = Position(max(0, (batch[0].number or 1) - 1) if batch else 0, start)
                return End(Position(number, start + last.size), before, batch)
            files.pop()
    except OSError as error:
        raise storage_failure(error.errno or 0, folder) from error
    return End()


def read_journal(folder: Path, passed_over: PassedOver | None = None) -> Iterator[Entry]:
    """Every entry of every file, oldest file first; what is torn or damaged is counted in `passed_over`. Takes the memory of a batch."""
    passed_over = passed_over or PassedOver()
    due = 1
    for path in _files(folder):
        for entry in _read_file(path, passed_over):
            if entry.number is not None:
                passed_over.missing += max(0, entry.number - due)
                due = entry.number + 1
            yield entry


def cut_torn_tail(path: Path) -> None:
    """Cut what a kill in the middle of an append left after the last whole member."""
    last = _last_member(path)
    whole = last.start + last.size if last is not None else 0
    if whole != path.stat().st_size:
        _cut(path, whole)


def _cut(path: Path, size: int) -> None:
    with path.open("r+b") as file:
        file.truncate(size)
        os.fsync(file.fileno())


def _files(folder: Path) -> list[Path]:
    """The journal's files, oldest first. Raises StorageFailed for one that is a link."""
    if not folder.is_dir():
        return []
    files = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    for path in files:
        if path.is_symlink():
            raise storage_failure(errno.ELOOP, path)
    return files


def _line(entry: Entry, number: int) -> str:
    said: dict[str, Any] = {"number": number}
    if entry.change == NOTE_BODY:
        arguments = dict(entry.arguments)
        said |= {"time": arguments.pop("read_at"), "endpoint": arguments.pop("endpoint")}
        said |= {"parameters": arguments.pop("parameters")}
        said |= {"body": arguments.pop("payload").decode("utf-8", "surrogateescape"), **arguments}
    else:
        said |= {"change": entry.change, "arguments": entry.arguments}
    if entry.gave is not None:
        said["gave"] = entry.gave
    return _ENCODER.encode(said) + "\n"


def _entry(line: bytes) -> Entry | None:
    """The change that a line tells; None where it tells none."""
    try:
        said = json.loads(line)
        if "change" in said:
            arguments = said["arguments"]
            if not (isinstance(said["change"], str) and isinstance(arguments, dict)):
                return None
            return Entry(said["change"], arguments, _whole(said.get("gave")), _whole(said.get("number")))
        number = _whole(said.pop("number", None))
        payload = said.pop("body").encode("utf-8", "surrogateescape")
        arguments = {"read_at": said.pop("time"), "payload": payload, **said}
        return Entry(NOTE_BODY, arguments, number=number)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


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


def _member(text: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = compressor.compress(text) + compressor.flush()
    size = len(_HEADER) + _SIZE.size + len(packed) + _TRAILER.size
    return _HEADER + _SIZE.pack(size) + packed + _TRAILER.pack(zlib.crc32(text), len(text) & 0xFFFFFFFF)


def _text(member: bytes) -> bytes | None:
    """What a member holds; None when it is not whole."""
    try:
        return zlib.decompress(member, 16 + zlib.MAX_WBITS)
    except zlib.error:
        return None


def _append(path: Path, member: bytes, size: int) -> None:
    """Raises StorageFailed where the file has not the `size` in which it was left."""
    descriptor = os.open(path, _APPENDING, 0o666)
    with io.FileIO(descriptor, "ab") as file:
        if os.fstat(file.fileno()).st_size != size:
            raise StorageFailed(
                f"the journal {path} was removed, cut or replaced while it was in use: put it back, "
                "then run the same command again"
            )
        rest = memoryview(member)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


class Member(NamedTuple):
    """A whole member of a file: where it starts, its bytes, and what it says."""

    start: int
    size: int
    text: bytes


def _last_member(path: Path) -> Member | None:
    """The last whole member; None where there is none. Looked for from the end, so that a long file costs no more than a short one."""
    size, window = path.stat().st_size, _WINDOW
    while size:
        with path.open("rb") as file:
            file.seek(max(0, size - window))
            tail = file.read()
        found = len(tail)
        while (found := tail.rfind(_HEADER, 0, found)) >= 0:
            declared = _declared_size(tail[found : found + len(_HEADER) + _SIZE.size])
            if 0 < declared <= len(tail) - found and (text := _text(tail[found : found + declared])):
                return Member(size - len(tail) + found, declared, text)
        if window >= size:
            return None
        window *= 16
    return None


def _declared_size(head: bytes) -> int:
    start = len(_HEADER)
    return int(_SIZE.unpack(head[start : start + _SIZE.size])[0]) if len(head) >= start + _SIZE.size else 0


def _members(path: Path) -> Iterator[Member]:
    """The whole members in their order; what lies between them is passed over."""
    with path.open("rb") as file:
        end, start = path.stat().st_size, 0
        while start < end:
            file.seek(start)
            head = file.read(len(_HEADER) + _SIZE.size)
            size = _declared_size(head) if head.startswith(_HEADER) else 0
            text = None
            if 0 < size <= end - start:
                file.seek(start)
                text = _text(file.read(size))
            if text is None:
                start = _next_header(path, start + 1)
                continue
            yield Member(start, size, text)
            start += size


def _next_header(path: Path, start: int) -> int:
    """Where the next member may start; the file's size when none does."""
    with path.open("rb") as file:
        overlap = len(_HEADER) - 1
        while True:
            file.seek(start)
            piece = file.read(_WINDOW)
            found = piece.find(_HEADER)
            if found >= 0:
                return start + found
            if len(piece) < _WINDOW:
                return start + len(piece)
            start += len(piece) - overlap


def _read_file(path: Path, passed_over: PassedOver) -> Iterator[Entry]:
    whole = 0
    for start, size, text in _members(path):
        _pass_over(passed_over, start - whole)
        whole = start + size
        for line in text.splitlines():
            entry = _entry(line)
            if entry is None:
                passed_over.lines += 1
            else:
                yield entry
    _pass_over(passed_over, path.stat().st_size - whole)


def _pass_over(passed_over: PassedOver, length: int) -> None:
    if length:
        passed_over.stretches += 1
        passed_over.bytes += length
