"""Reads pixiv's answers about the chosen works from the journal, for BagIt and WACZ."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from pixivcrawl.archive.warc import Record, digest, http_block, members, read_record, write_record
from pixivcrawl.batched import batched
from pixivcrawl.exchange.export.choice import WORKS_AT_ONCE, Selection
from pixivcrawl.ledger.answer import Location, StoredAnswer, answer_of
from pixivcrawl.ledger.journal import files_of
from pixivcrawl.ledger.queries.exported import answers_of_others

ABOUT = {"illust.detail": "id", "illust.pages": "id", "illust.ugoira_meta": "id", "illust.comments": "illust_id"}
"""The endpoints whose answers are about one work, and the parameter that says which."""

OF_THE_READER: dict[str, Any] = {
    "bookmarkData": None,
    "likeData": False,
    "isFollowed": False,
    "isMypixiv": False,
    "isBlocking": False,
    "followedBack": False,
    "isWatched": False,
    "isNotifying": False,
    "canSendMessage": False,
    "selectedValue": None,
    "role": None,
    "collaborating": False,
    "collaborateAnonymousFlg": False,
    "editable": False,
    "deletable": False,
    "writable": False,
    "zoneConfig": {},
}
"""The keys under which such answers describe the reading account, each with its value for a visitor. zoneConfig: the advertisements."""

_RESPONSE = b"WARC/1.1\r\nWARC-Type: response\r\n"
_KEPT_FIELDS = ("WARC-Target-URI", "Content-Type", "X-Endpoint", "X-Parameters", "X-Reduced")


class Place(NamedTuple):
    """Where an answer lies: in the journal of which archive (by its name), and where there."""

    archive: str
    location: Location


def answers_about(selection: Selection) -> dict[int, list[Place]]:
    """The places of the answers about each chosen work: all those in this archive's journal, oldest first, and the last ones of each kind
    that other archives of the ledger have in the object store.

    Takes a second for 100 MB of this journal, because only answers about these works are parsed.
    """
    archive, own, works = selection.archive, selection.ledger.known_as, frozenset(selection.work_ids)
    found: dict[int, list[Place]] = defaultdict(list)
    for path in files_of(archive.journal):
        for member in members(path):
            if member.text.startswith(_RESPONSE) and (work := _subject(member.text)) in works:
                found[work].append(Place(own, Location(path.name, member.start, len(member.packed))))
    if archive.bucket is not None:
        for some in batched(selection.work_ids, WORKS_AT_ONCE):
            for work, of, location in selection.ledger.read_now(answers_of_others, ABOUT, some, own):
                found[work].append(Place(of, location))
    return found


def _subject(text: bytes) -> int:
    """The id of the work that a response record is about; 0 if none."""
    head = text.partition(b"\r\n\r\n")[0].decode(errors="replace")
    fields = dict(line.partition(": ")[::2] for line in head.split("\r\n"))
    try:
        told = str(json.loads(fields["X-Parameters"])[ABOUT[fields["X-Endpoint"]]])
    except (KeyError, ValueError, TypeError):
        return 0
    return int(told) if told.isdecimal() else 0


def records_at(selection: Selection, places: Iterable[Place]) -> list[tuple[StoredAnswer, bytes]]:
    """The answers at these places with their WARC records; what they say about the reader is removed, unless it may be exported.

    One that is damaged or not there any more is left out, as by every reader of the journal.
    """
    found = []
    for place in places:
        packed = selection.ledger.packed_answer(*place)
        record = read_record(packed or b"")
        answer = answer_of(record) if record is not None else None
        if packed is not None and record is not None and answer is not None:
            found.append((answer, packed if selection.with_private else _public(record, answer)))
    return found


def _public(record: Record, answer: StoredAnswer) -> bytes:
    """The record without who read; fields of its body about the reader are emptied, and the record says so."""
    body, record_id = answer.payload, record.id
    fields = [(name, record.fields[name.lower()]) for name in _KEPT_FIELDS if name.lower() in record.fields]
    if not answer.reader.is_visitor and (emptied := without_reader(body)) != body:
        body, record_id = emptied, f"urn:uuid:{uuid5(NAMESPACE_URL, record.id)}"
        fields = [(name, value) for name, value in fields if name != "X-Reduced"]
        fields.append(("X-Reduced", ", ".join(filter(None, (answer.reduced, "reader")))))
    fields.append(("WARC-Payload-Digest", digest(body)))
    block = http_block(answer.status, answer.headers, body)
    return write_record("response", record_id, answer.read_at, fields, block)


def without_reader(body: bytes) -> bytes:
    """An answer's body without what it says about its reader: the same bytes if it says nothing, none if it is not JSON."""
    try:
        document = json.loads(body)
        emptied = _emptied(document)
    except (ValueError, RecursionError):
        return b""
    if emptied == document:
        return body
    return json.dumps(emptied, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def _emptied(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: OF_THE_READER[name] if name in OF_THE_READER and inner else _emptied(inner)
            for name, inner in value.items()
        }
    return [_emptied(inner) for inner in value] if isinstance(value, list) else value
