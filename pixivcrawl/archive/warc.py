"""WARC files: each record is written as a gzip member of its own (ISO 28500, Annex D), and read back with warcio.

Written by hand, because warcio takes 0.52 ms of processor time for an answer of 9 KB and this 0.31, of which 0.18 compress it; and
because a member's header holds its sizes ("sl", skip lengths) here, by which whole members are told from a torn one, and the last one is
found from the end.
"""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

Fields = Iterable[tuple[str, str]]

ANSWER_HEADERS = ("Content-Type", "Date", "Last-Modified", "ETag", "Cache-Control", "Retry-After", "Server")
"""The headers of an answer that are kept. None of them holds a cookie or a token."""

# gzip, deflate, FEXTRA, no time, no flags, unknown system; twelve bytes of extra field: subfield sl, the sizes packed and unpacked.
_HEADER = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x0c\x00sl\x08\x00"
_SIZES = struct.Struct("<II")
_TRAILER = struct.Struct("<II")
_HEAD = len(_HEADER) + _SIZES.size
_WINDOW = 1 << 16


class Member(NamedTuple):
    """A whole gzip member of a file: its start, its raw bytes, and its content."""

    start: int
    packed: bytes
    text: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.packed)


class Record(NamedTuple):
    """A WARC record: its type, its fields by lower-case name, and its payload; for a response, the body of the answer."""

    kind: str
    fields: Mapping[str, str]
    payload: bytes
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def id(self) -> str:
        return self.fields.get("warc-record-id", "").strip("<>")


def new_record_id() -> str:
    # Not uuid4(): the system's randomness costs a call of the kernel, half a millisecond in a sandbox, and this id keeps no secret.
    return f"urn:uuid:{UUID(int=random.getrandbits(128), version=4)}"


def write_record(kind: str, record_id: str, date: datetime, fields: Fields, block: bytes) -> bytes:
    """A record as a gzip member. No field's value may contain a line break."""
    text = _head(kind, record_id, date, fields, digest(block), len(block)) + block
    return _pack(text + b"\r\n\r\n")


def stream_record(
    kind: str, record_id: str, date: datetime, fields: Fields, sha256: str, size: int, pieces: Iterable[bytes]
) -> Iterator[bytes]:
    """As `write_record`, piece by piece and not compressed, for a file whose checksum and size are known beforehand."""
    compressor = zlib.compressobj(0, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    head = _head(kind, record_id, date, fields, f"sha256:{sha256}", size)
    for piece in chain([head], pieces, [b"\r\n\r\n"]):
        yield compressor.compress(piece)
    yield compressor.flush()


def _head(kind: str, record_id: str, date: datetime, fields: Fields, block_digest: str, length: int) -> bytes:
    told = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return (
        f"WARC/1.1\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <{record_id}>\r\n"
        f"WARC-Date: {date.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}\r\n{told}"
        f"WARC-Block-Digest: {block_digest}\r\nContent-Length: {length}\r\n\r\n"
    ).encode()


def http_block(status: int, headers: Fields, body: bytes) -> bytes:
    """An answer as an HTTP/1.1 response, unchunked and uncompressed."""
    kept = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"HTTP/1.1 {status} \r\n{kept}Content-Length: {len(body)}\r\n\r\n".encode() + body


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def read_record(member: bytes) -> Record | None:
    """The record in a gzip member; None if there is none, or if it is not whole."""
    from warcio.archiveiterator import ArchiveIterator  # only here and where an archive is checked: a run reads few
    from warcio.exceptions import ArchiveLoadFailed

    try:
        # Decompressed here, because warcio would accept a record that ends early as a short one.
        record = next(
            ArchiveIterator(io.BytesIO(zlib.decompress(member, 16 + zlib.MAX_WBITS)), check_digests="raise"), None
        )
        if record is None:
            return None
        payload = record.content_stream().read()
        fields = {name.lower(): value for name, value in record.rec_headers.headers}
        if record.http_headers is None:
            return Record(record.rec_type, fields, payload)
        headers = tuple((name, value) for name, value in record.http_headers.headers if name != "Content-Length")
        return Record(record.rec_type, fields, payload, int(record.http_headers.get_statuscode()), headers)
    except (ArchiveLoadFailed, ValueError, EOFError, zlib.error):
        return None


def members(path: Path, start: int = 0) -> Iterator[Member]:
    """The whole members from `start` on, in order; anything between them is skipped."""
    with path.open("rb") as file:
        end = path.stat().st_size
        while start < end:
            file.seek(start)
            size = _declared(file.read(_HEAD))
            member = None
            if 0 < size <= end - start:
                file.seek(start)
                member = _member(start, file.read(size))
            if member is None:
                start = _next_header(path, start + 1)
                continue
            yield member
            start = member.end


def last_member(path: Path, is_wanted: Callable[[Member], bool]) -> Member | None:
    """The last whole member that is wanted; None if there is none. Searched from the end, so that a long file costs no more than a short
    one.
    """
    size, window = path.stat().st_size, _WINDOW
    seen = size
    while size:
        with path.open("rb") as file:
            file.seek(max(0, size - window))
            tail = file.read()
        base = size - len(tail)
        found = seen - base
        while (found := tail.rfind(_HEADER, 0, found)) >= 0:
            length = _declared(tail[found : found + _HEAD])
            if (
                0 < length <= len(tail) - found
                and (member := _member(base + found, tail[found : found + length])) is not None
                and is_wanted(member)
            ):
                return member
        if window >= size:
            return None
        # Nothing is searched twice, except a header that the window cut.
        seen = base + len(_HEADER) - 1
        window *= 16
    return None


def _pack(text: bytes) -> bytes:
    compressor = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = compressor.compress(text) + compressor.flush()
    size = _HEAD + len(packed) + _TRAILER.size
    return _HEADER + _SIZES.pack(size, len(text)) + packed + _TRAILER.pack(zlib.crc32(text), len(text))


def _declared(head: bytes) -> int:
    """How long the member that starts with `head` says it is; 0 where none starts."""
    return int(_SIZES.unpack(head[len(_HEADER) : _HEAD])[0]) if len(head) >= _HEAD and head.startswith(_HEADER) else 0


def _member(start: int, packed: bytes) -> Member | None:
    try:
        return Member(start, packed, zlib.decompress(packed, 16 + zlib.MAX_WBITS))
    except zlib.error:
        return None


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
