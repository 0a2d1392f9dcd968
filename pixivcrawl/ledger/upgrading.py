"""Upgrades an archive whose journal is not in WARC files yet.

Its journal was a gzip file a month, `2026-11.jsonl.gz`, of JSON lines that named Python functions, and its ledger held second copies of
answers. First the new journal is written beside the old one, then the two change places, then one transaction brings the ledger's tables up
to date and tells it where its answers lie. A kill anywhere only interrupts it.
"""

from __future__ import annotations

import json
import mmap
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, delete, select, text
from sqlalchemy.exc import DBAPIError

from pixivcrawl.api.catalogue import find
from pixivcrawl.api.parameters import ParameterRefused
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.syncing import sync
from pixivcrawl.batched import batched
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.answer import StoredAnswer
from pixivcrawl.ledger.continuity import named, note_position, position_of
from pixivcrawl.ledger.engine import ANSWERS_IN_JOURNAL, VERSION, is_empty, prepare, version_of, writing_engine
from pixivcrawl.ledger.failures import place_of, storage_failed
from pixivcrawl.ledger.journal import (
    ANSWER,
    UPGRADING,
    Entry,
    Journal,
    Position,
    end_of,
    is_of_old,
    located,
    old_files,
    read_journal,
)
from pixivcrawl.ledger.models import AnswerRow, CrawlRow, SnapshotRow, table
from pixivcrawl.ledger.replay import ReplayResult, make_again
from pixivcrawl.ledger.updates.tags import remember_tags

BATCH = 500
"""Events of one batch of the new journal, and of one step that tells the ledger where answers lie."""

SITE = "https://www.pixiv.net"

_HEADER = b"\x1f\x8b\x08\x04\x00\x00\x00\x00\x00\xff\x0c\x00PX\x08\x00"
_SIZE = struct.Struct("<Q")

TYPES = {
    "record_artist_left": "artist-left",
    "record_artwork": "artwork",
    "settle_bookmark_order": "bookmark-order",
    "record_bookmarks": "bookmarks",
    "record_unlisted_bookmarks": "bookmarks-unlisted",
    "record_comments": "comments",
    "record_comments_read": "comments-read",
    "record_file_failed": "file-failed",
    "record_found": "file-found",
    "record_lost": "file-lost",
    "record_stored": "file-stored",
    "record_unproven": "file-unproven",
    "record_row_originals": "files-from-row",
    "record_unlisted_followers": "followers-unlisted",
    "record_gaps_in_following": "following-gaps",
    "record_unlisted_following": "following-unlisted",
    "record_follows": "follows",
    "record_intent": "intent",
    "forget_intent": "intent-forgotten",
    "settle_intent": "intent-settled",
    "record_journal_gap": "journal-gap",
    "record_full_reading": "list-read-in-full",
    "record_masked": "masked",
    "record_ranking": "ranking",
    "record_requests": "requests",
    "record_rows": "rows",
    "begin_crawl": "run-began",
    "end_crawl": "run-ended",
    "record_series": "series",
    "record_unlisted_in_series": "series-unlisted",
    "record_tag_translations": "tag-translations",
    "record_user": "user",
    "record_user_name": "user-name",
    "record_user_not_found": "user-not-found",
    "record_user_pictures": "user-pictures",
    "record_user_seen": "user-seen",
    "record_user_unavailable": "user-unavailable",
    "record_work_failed": "work-failed",
    "record_stubs": "work-ids",
    "record_not_found": "work-not-found",
    "mark_stale": "work-stale",
    "record_unavailable": "work-unavailable",
    "record_withheld": "work-withheld",
    "record_told_to_ask": "works-asked-for",
    "drop_from_list": "works-left-out",
    "record_listing": "works-listed",
}
"""The event that a change was, by the name of its function."""


@dataclass(slots=True)
class UpgradeResult:
    """The result: how many events the new journal holds, how many answers only the ledger had, where the old journal is now, and
    whether there was a ledger.
    """

    events: int = 0
    from_ledger: int = 0
    replaced: Path | None = None
    has_ledger: bool = True


def upgrade(archive: Archive, url: URL, tell: Callable[[int], None] = lambda _: None) -> UpgradeResult | None:
    """Upgrade an archive; None if there is nothing to upgrade. `tell` is called with the number of events written.

    No other process may use the archive meanwhile. Raises ConfigurationError and StorageFailed.
    """
    upgraded = UpgradeResult()
    _put_in_place(archive)
    engine = writing_engine(url)
    try:
        upgraded.has_ledger = not is_empty(engine)
        is_ledger_of_old = upgraded.has_ledger and version_of(engine) < ANSWERS_IN_JOURNAL
        if not (is_of_old(archive.journal) or is_ledger_of_old):
            if not upgraded.has_ledger or version_of(engine) == VERSION:
                return None
            # Of a version in between, whose next crawl would do the same.
            prepare(engine)
            return upgraded
        if old_files(archive.journal) or not archive.has_journal():
            _convert(archive, engine if is_ledger_of_old else None, upgraded, tell)
        if upgraded.has_ledger:
            _bring_over(engine, archive)
    except DBAPIError as error:
        raise storage_failed(error, place_of(url)) from error
    finally:
        engine.dispose()
    with storage_errors(archive.journal):
        (archive.journal / UPGRADING).unlink(missing_ok=True)
        sync(archive.journal)
    return upgraded


def _convert(archive: Archive, engine: Engine | None, upgraded: UpgradeResult, tell: Callable[[int], None]) -> None:
    """Write the new journal, with the answers that only an old ledger (`engine`) has, and put it in the old one's place."""
    folder, beside = _folders(archive)
    with storage_errors(beside):
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
    journal, known = Journal(beside, Position()), set[int]()

    def write(entries: Iterator[Entry]) -> None:
        for batch in batched(entries, BATCH):
            _append(journal, batch)
            known.update(_key_of(entry.data[ANSWER]) for entry in batch if entry.type == ANSWER)
            tell(journal.position.number)

    write(entry for path in old_files(archive.journal) for entry in _old_entries(path))
    upgraded.events = journal.position.number
    if engine is not None:
        with engine.connect() as connection:
            left = (answer for answer in _answers_of(connection) if _key_of(answer) not in known)
            write(Entry(ANSWER, {ANSWER: answer}) for answer in left)
    upgraded.from_ledger = journal.position.number - upgraded.events
    with storage_errors(archive.journal):
        (beside / UPGRADING).touch()
        sync(beside)
        if folder.is_dir():
            upgraded.replaced = folder.with_name(f"{folder.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
            folder.rename(upgraded.replaced)
    _put_in_place(archive)


def _folders(archive: Archive) -> tuple[Path, Path]:
    """Where the journal lies, which may be a link's end on another disk, and where the new one is written."""
    folder = archive.journal.resolve()
    return folder, folder.with_name(f"{folder.name}.upgrading")


def _put_in_place(archive: Archive) -> None:
    """Give the new journal, once it is whole, its final name; also after a kill that came in between."""
    folder, beside = _folders(archive)
    if (beside / UPGRADING).exists() and not folder.exists():
        with storage_errors(folder):
            beside.rename(folder)
            sync(folder.parent)


def _append(journal: Journal, entries: list[Entry]) -> None:
    """A line missing in the old journal is missing in the new one too: its number is left out."""
    now = datetime.now(UTC)
    rest: list[Entry] = []
    for entry in entries:
        due = journal.position.number + len(rest) + 1
        if entry.number is not None and entry.number > due:
            journal.append(rest, now)
            journal.position = Position(entry.number - 1, journal.position.bytes)
            rest = []
        rest.append(entry)
    journal.append(rest, now)


def _bring_over(engine: Engine, archive: Archive) -> None:
    """Bring the ledger up to date with the new journal, in one transaction."""
    name = named(archive, engine.url)
    if version_of(engine) < ANSWERS_IN_JOURNAL:
        prepare(engine, upgrade=lambda connection: _fill(connection, archive, name))
    else:
        # A server's ledger, which another of its archives brought up to date.
        with engine.begin() as connection:
            _fill(connection, archive, name)


def _fill(connection: Connection, archive: Archive, name: str) -> None:
    """Record in the ledger where the answers are, and apply what a kill kept from it."""
    known = position_of(connection, name)
    for row in (AnswerRow, SnapshotRow):
        connection.execute(delete(table(row)).where(table(row).c.archive == name))
    remember_tags(connection)
    runs = {crawl_id: crawl_id for crawl_id in connection.execute(select(CrawlRow.id)).scalars()}
    entries = read_journal(archive.journal)
    for batch in batched(entries, BATCH):
        updates.note_answers(connection, name, located(batch))
        if known is not None:
            for entry in batch:
                if (entry.number or 0) > known.number and entry.type != ANSWER:
                    make_again(connection, entry, runs, ReplayResult())
    note_position(connection, name, end_of(archive.journal).position)


def _answers_of(connection: Connection) -> Iterator[StoredAnswer]:
    """The copies of answers in an old ledger."""
    for endpoint, subject, body, read_at in connection.execute(
        text("SELECT endpoint, subject_id, body, read_at FROM bodies")
    ):
        yield _answer(endpoint, {"id": subject}, zlib.decompress(body), _moment(read_at), snapshot=False)
    dated = connection.execute(text("SELECT endpoint, parameters, body, read_at FROM snapshots"))
    for endpoint, parameters, body, read_at in dated:
        yield _answer(endpoint, json.loads(parameters), zlib.decompress(body), _moment(read_at), snapshot=True)


def _moment(value: Any) -> datetime:
    """SQLite returns text, PostgreSQL a datetime."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _key_of(answer: StoredAnswer) -> int:
    """What distinguishes an answer from others: only its hash, because there may be millions."""
    subject = answer.parameters if answer.snapshot else answer.parameters.get("id")
    return hash((answer.endpoint, str(subject), answer.read_at.astimezone(UTC)))


def _answer(
    endpoint: str, parameters: dict[str, Any], payload: bytes, read_at: datetime, *, snapshot: bool
) -> StoredAnswer:
    headers = (("Content-Type", "application/json; charset=utf-8"),)
    return StoredAnswer(
        endpoint, parameters, payload, read_at, _address_of(endpoint, parameters), headers=headers, snapshot=snapshot
    )


def _address_of(endpoint: str, parameters: dict[str, Any]) -> str:
    """What was asked, as it is asked today; the site alone where that is not known any more."""
    try:
        return str(find(endpoint).request(SITE, "en", **parameters).url)
    except (KeyError, TypeError, ParameterRefused):
        return f"{SITE}/"


def _old_entries(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        start = data.find(_HEADER)
        while start >= 0:
            head = start + len(_HEADER)
            size = _SIZE.unpack(data[head : head + _SIZE.size])[0] if head + _SIZE.size <= len(data) else 0
            try:
                text = zlib.decompress(data[start : start + size], 16 + zlib.MAX_WBITS)
            except zlib.error:
                start = data.find(_HEADER, start + 1)
                continue
            yield from filter(None, map(_old_entry, text.splitlines()))
            start = data.find(_HEADER, start + size)


def _old_entry(line: bytes) -> Entry | None:
    """The event in a line of the old journal; None if it has none."""
    try:
        said = json.loads(line)
        number = said.pop("number", None)
        if "change" in said:
            return Entry(TYPES.get(said["change"], said["change"]), said["arguments"], said.get("gave"), number)
        payload = said["body"].encode("utf-8", "surrogateescape")
        read_at, snapshot = datetime.fromisoformat(said["time"]), said.get("snapshot") is True
        answer = _answer(said["endpoint"], said["parameters"], payload, read_at, snapshot=snapshot)
        return Entry(ANSWER, {ANSWER: answer}, number=number)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
