"""The journal: every answer that the ledger was made from, so that a lost ledger can be made again.

A file a month, `2026-11.jsonl.gz`; each batch is a gzip member of its own, so that `zcat` reads the whole file. A member's header holds
its size in an extra field (RFC 1952, 2.3.1.1), by which whole members are told from the torn one that a kill leaves at the end.
"""

from __future__ import annotations

import json
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pixivcrawl.archive.failures import storage_failure

_NAME = re.compile(r"[0-9]{4}-[0-9]{2}\.jsonl\.gz")
_PENDING = "pixivcrawl.journal"

# gzip, deflate, FEXTRA, no time, no flags, unknown system; ten bytes of extra field: subfield PX of six, the member's size.
_HEADER = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x0c\x00PX\x08\x00"
_SIZE = struct.Struct("<Q")
_TRAILER = struct.Struct("<II")
_WINDOW = 1 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer: when it was read, to which question, and its body as it came."""

    time: datetime
    endpoint: str
    parameters: Mapping[str, Any]
    body: bytes


def collect_entries(connection: Connection) -> list[Entry]:
    """Begin to collect what `journal_entry` is given on this connection; the list fills as changes are made."""
    pending: list[Entry] = []
    connection.info[_PENDING] = pending
    return pending


def journal_entry(connection: Connection, entry: Entry) -> None:
    """Have `entry` written with the batch that is under way; on a connection outside the writer nothing is journaled."""
    pending: list[Entry] | None = connection.info.get(_PENDING)
    if pending is not None:
        pending.append(entry)


class Journal:
    """Appends batches to the files in `folder`. Used by one thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sound: Path | None = None

    def append(self, entries: Sequence[Entry]) -> None:
        """Write the entries as one member and sync it. Raises StorageFailed; a part that was written is cut at the next start."""
        if not entries:
            return
        path = self._folder / f"{entries[0].time:%Y-%m}.jsonl.gz"
        member = _member("".join(_line(entry) for entry in entries).encode())
        try:
            if path != self._sound:
                self._folder.mkdir(parents=True, exist_ok=True)
                cut_torn_tail(path)
            _append(path, member)
            if path != self._sound:
                _sync_folder(self._folder)
                self._sound = path
        except OSError as error:
            raise storage_failure(error.errno or 0, path) from error


def read_journal(folder: Path) -> Iterator[Entry]:
    """Every entry of every file, oldest file first; what is torn or damaged is passed over, member by member."""
    if not folder.is_dir():
        return
    for path in sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name)):
        yield from _read_file(path)


def cut_torn_tail(path: Path) -> None:
    """Cut what a kill in the middle of an append left after the last whole member."""
    if not path.exists() or _ends_whole(path):
        return
    whole = 0
    for start, size, text in _members(path):
        if text is not None:
            whole = start + size
    with path.open("r+b") as file:
        file.truncate(whole)
        os.fsync(file.fileno())


def _line(entry: Entry) -> str:
    fields = {
        "time": entry.time.isoformat(),
        "endpoint": entry.endpoint,
        "parameters": dict(entry.parameters),
        "body": entry.body.decode("utf-8", "surrogateescape"),
    }
    return json.dumps(fields, separators=(",", ":"), default=str) + "\n"


def _entry(line: bytes) -> Entry:
    fields = json.loads(line)
    body = fields["body"].encode("utf-8", "surrogateescape")
    return Entry(datetime.fromisoformat(fields["time"]), fields["endpoint"], fields["parameters"], body)


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


def _append(path: Path, member: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        rest = memoryview(member)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _ends_whole(path: Path) -> bool:
    """Whether a whole member ends where the file ends, looked for from the end, so that a long file costs no more than a short one."""
    size, window = path.stat().st_size, _WINDOW
    while True:
        with path.open("rb") as file:
            file.seek(max(0, size - window))
            tail = file.read()
        found = len(tail)
        while (found := tail.rfind(_HEADER, 0, found)) >= 0:
            if _declared_size(tail[found:]) == len(tail) - found and _text(tail[found:]) is not None:
                return True
        if window >= size:
            return size == 0
        window *= 16


def _declared_size(member: bytes) -> int:
    start = len(_HEADER)
    return int(_SIZE.unpack(member[start : start + _SIZE.size])[0]) if len(member) >= start + _SIZE.size else 0


def _members(path: Path) -> Iterator[tuple[int, int, bytes | None]]:
    """Where each member starts, its size, and its text (None when it is not whole); what lies between members is passed over."""
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
            yield start, size, text
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


def _read_file(path: Path) -> Iterator[Entry]:
    for _, _, text in _members(path):
        for line in (text or b"").splitlines():
            yield _entry(line)
