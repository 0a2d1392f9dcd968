"""An answer of pixiv's as the journal keeps it: a WARC response record, with the reader and the request in fields of its own."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from scrapy import Request
from scrapy.http import Response

from pixivcrawl.api.text import one_line
from pixivcrawl.archive.warc import ANSWER_HEADERS, Record, digest, http_block, new_record_id, write_record
from pixivcrawl.reader import VISITOR, Reader

_VISITOR, _UNKNOWN = "visitor", "unknown"


LONGEST_HEADER = 200
"""Characters of a header's value that are kept."""


NOT_KNOWN = Reader()

WITHOUT_BODY = "body"
"""`reduced` of an answer whose body is left out."""

_REFUSED = re.compile(rb'"error"\s*:\s*true')
"""Never matches within a JSON string, where quotes have backslashes."""


class Location(NamedTuple):
    """Where an answer's record lies: the name of the journal's file, and the `length` bytes from `offset` on."""

    file: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What pixiv answered to one request, refusals among them. `headers` are those of archive.warc.ANSWER_HEADERS.

    `beside` is what must be known besides the parameters to read it (`facts_of`). `snapshot`: it is kept by its date. `unread`: the
    version that received it could not read its body. `reduced` names what was left out of the body, because other answers have it.
    """

    endpoint: str
    parameters: Mapping[str, Any]
    payload: bytes
    read_at: datetime
    url: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    reader: Reader = NOT_KNOWN
    beside: Mapping[str, Any] = field(default_factory=dict)
    snapshot: bool = False
    unread: bool = False
    reduced: str = ""
    record_id: str = field(default_factory=new_record_id)

    @property
    def is_refusal(self) -> bool:
        """Whether it is a refusal and not a body. pixiv: a status of 200 may come with a page, or with `error: true`."""
        return (
            self.status != 200
            or self.unread
            or self.reduced == WITHOUT_BODY
            or _REFUSED.search(self.payload) is not None
        )


def answer_to(
    request: Request, response: Response, reader: Reader, now: datetime, *, is_refusal: bool = False
) -> StoredAnswer:
    """The answer to a request of the catalogue's (`meta["endpoint"]`), with those of its headers that hold no secret.

    Of a refusal that is no JSON, whatever its status, the body is left out: a page may hold a token.
    """
    payload, reduced = response.body, ""
    if is_refusal and not _is_json(payload):
        payload, reduced = b"", WITHOUT_BODY
    headers = ((name, response.headers.get(name)) for name in ANSWER_HEADERS)
    return StoredAnswer(
        endpoint=request.meta["endpoint"],
        parameters=request.meta["parameters"],
        payload=payload,
        read_at=now,
        url=request.url,
        status=response.status,
        headers=tuple((name, one_line(value.decode("latin-1"), LONGEST_HEADER)) for name, value in headers if value),
        reader=reader,
        reduced=reduced,
    )


def _is_json(payload: bytes) -> bool:
    try:
        json.loads(payload)
    except (ValueError, RecursionError):
        return False
    return True


def record_of(answer: StoredAnswer) -> bytes:
    """The answer as a WARC record."""
    fields = [
        ("WARC-Target-URI", answer.url),
        ("WARC-Payload-Digest", digest(answer.payload)),
        ("Content-Type", "application/http; msgtype=response"),
        ("X-Endpoint", answer.endpoint),
        ("X-Parameters", json.dumps(dict(answer.parameters), separators=(",", ":"), default=str)),
        ("X-Reader", _name_of(answer.reader)),
    ]
    if answer.reduced:
        fields.append(("X-Reduced", answer.reduced))
    block = http_block(answer.status, answer.headers, answer.payload)
    return write_record("response", answer.record_id, answer.read_at, fields, block)


def answer_of(
    record: Record, *, snapshot: bool = False, unread: bool = False, beside: Mapping[str, Any] | None = None
) -> StoredAnswer | None:
    """The answer that a response record holds; None where it holds none of ours."""
    get = record.fields.get
    try:
        return StoredAnswer(
            endpoint=get("x-endpoint", ""),
            parameters=json.loads(get("x-parameters", "")),
            payload=record.payload,
            read_at=datetime.fromisoformat(get("warc-date", "")),
            url=get("warc-target-uri", ""),
            status=record.status or 0,
            headers=record.headers,
            reader=_reader_named(get("x-reader", "")),
            beside=beside or {},
            snapshot=snapshot,
            unread=unread,
            reduced=get("x-reduced", ""),
            record_id=record.id,
        )
    except ValueError:
        return None


def _name_of(reader: Reader) -> str:
    if reader.is_visitor:
        return _VISITOR
    return _UNKNOWN if reader.user_id is None else str(reader.user_id)


def _reader_named(name: str) -> Reader:
    if name == _VISITOR:
        return VISITOR
    return Reader(int(name)) if name.isdecimal() else NOT_KNOWN
