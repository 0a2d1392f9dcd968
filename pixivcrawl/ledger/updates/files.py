"""Files: wanted, about to be placed, stored, parked, superseded, deleted.

A user's picture has its row in a table of its own, with the same columns as far as they make sense; its `Original` has the user's id as
the work id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from pixivcrawl.archive.damage import WHERE_PIXIV_SAYS
from pixivcrawl.items import OF_USERS, FileKind, Frame, Original, StoredOriginal
from pixivcrawl.ledger.models import ArtworkRow, FileRow, UserFileRow, table
from pixivcrawl.ledger.updates.archive_name import archive_of
from pixivcrawl.ledger.updates.doubtful import DoubtfulBody, doubtful_body_after, doubtful_body_of, values_of_served
from pixivcrawl.ledger.updates.imported import NOT_IMPORTED, record_owner, state_in_place
from pixivcrawl.ledger.updates.state import (
    IN_PLACE,
    NO_BYTES,
    NOT_FAILED,
    failed_again,
    failed_free,
    is_due,
    newest_crawl,
    refresh_files,
)
from pixivcrawl.ledger.updates.upsert import upsert

GONE = "its address answers 404: removed or revised since the work was read"
GONE_WITH_FIRST = "not asked for, as the ugoira's first frame answers 404: removed or revised since the work was read"
"""The reason of a failed file whose work is asked for again; pixiv: after a revision the old addresses answer 404."""

_FILES, _USER_FILES = table(FileRow), table(UserFileRow)
_ARTWORKS = table(ArtworkRow)
_KEY = ("artwork_id", "page", "revision", "kind")
_USER_KEY = ("user_id", "kind", "revision")
_OF_WORKS = select(_FILES).where(_FILES.c.artwork_id.in_(bindparam("work_ids", expanding=True)))
_PLACES = select(*(_FILES.c[name] for name in _KEY), _FILES.c.state, _FILES.c.sha256).where(
    _FILES.c.artwork_id.in_(bindparam("work_ids", expanding=True)),
    _FILES.c.page.in_(bindparam("pages", expanding=True)),
)
_INSERT = insert(_FILES)


@dataclass(frozen=True, slots=True)
class Intent:
    """A file that was about to be placed; paths are relative to the archive folder. The last two belong to an ugoira."""

    original: Original
    path: str
    sha256: str
    bytes: int
    frames_path: str | None = None
    frames_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class WorkFiles:
    """The originals of a work at its present revision, as its own page named them; none when the reader may not see them."""

    work_id: int
    originals: Sequence[Original]
    now: datetime
    retry_parked: bool


def record_originals(connection: Connection, named: Sequence[WorkFiles]) -> list[list[Original]]:
    """Record the originals of different works. Returns those of each that are to be fetched."""
    known = _files_of(connection, [of_work.work_id for of_work in named])
    has_failed = any(row.failed_crawl_id is not None for files in known.values() for row in files.values())
    crawl_id = newest_crawl(connection) if has_failed else 0
    missing: list[list[Original]] = []
    new: list[dict[str, Any]] = []
    superseded: list[int] = []
    for of_work in named:
        files = known.get(of_work.work_id, {})
        missing.append([])
        for original in of_work.originals:
            row = files.pop((original.page, original.revision, original.kind), None)
            if row is None:
                new.append(
                    {**_identity(original), **_told(original), "state": "wanted", "recorded": of_work.now},
                )
                missing[-1].append(original)
            elif row.state not in ("stored", "intent", "deleted"):
                renewed = _renew(connection, row, original)
                if renewed or of_work.retry_parked or is_due(row, crawl_id, of_work.now):
                    retried = row.failed_runs > 0 and not renewed
                    missing[-1].append(replace(original, retried=True) if retried else original)
        superseded += _never_to_come(files.values(), of_work.originals)
    if new:
        connection.execute(_INSERT, new)
    _supersede(connection, superseded)
    return missing


def _never_to_come(others: Iterable[Row[Any]], named: Sequence[Original]) -> list[int]:
    """The ids of those of a work's `others` that pixiv no longer has, because it now names the work's files without them.

    An ugoira's frames at the revision of its zip are named only if they are asked for.
    """
    present = {original.revision for original in named}
    return [
        row.id
        for row in others
        if named and row.state in ("wanted", "parked") and not (row.kind == "frame" and row.revision in present)
    ]


def _files_of(connection: Connection, work_ids: Sequence[int]) -> dict[int, dict[tuple[int, str, str], Row[Any]]]:
    """The files of each work that has any, by page, revision and kind."""
    files: dict[int, dict[tuple[int, str, str], Row[Any]]] = {}
    for row in connection.execute(_OF_WORKS, {"work_ids": work_ids}):
        files.setdefault(row.artwork_id, {})[row.page, row.revision, row.kind] = row
    return files


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """What `record_intent` and `record_stored` take."""

    stored: StoredOriginal
    now: datetime


def record_intent(connection: Connection, stored: StoredOriginal, now: datetime) -> None:
    """Record that a file is proven and about to be placed. Raises ValueError if other bytes are stored as the same page and revision."""
    record_intents(connection, [PlacedFile(stored, now)])


def record_intents(connection: Connection, placed: Sequence[PlacedFile]) -> list[None]:
    """`record_intent` for each."""
    rows, changed = [], []
    originals = [each.stored.proven.staged.original for each in placed]
    imported = [each for each in placed if each.stored.imported is not None]
    record_owner(connection, [(each.stored.proven.staged.original, each.now) for each in imported])
    files = _known_places(connection, originals)
    intended = {"state": "intent", "stored": None, "archive": archive_of(connection)}
    for each, original in zip(placed, originals, strict=True):
        known = files.get((original.work_id, original.page, original.revision, original.kind))
        if known is not None and known.state in IN_PLACE:
            if known.sha256 != each.stored.proven.staged.sha256:
                raise ValueError(f"{original} is stored already, with other bytes")
            continue
        rows += _rows(each.stored, intended | {"recorded": each.now})
        # A file that was wanted is still missing.
        if known is None or known.state not in ("wanted", "intent"):
            changed.append(original)
    _upsert_files(connection, rows)
    for original in changed:
        _refresh(connection, original)
    return [None] * len(placed)


def not_stored(connection: Connection, originals: Sequence[Original]) -> list[Original]:
    """Those of the originals that are not stored."""
    known = _known_places(connection, originals)
    stored = {place for place, row in known.items() if row.state == "stored"}
    return [each for each in originals if (each.work_id, each.page, each.revision, each.kind) not in stored]


def _known_places(connection: Connection, originals: Sequence[Original]) -> dict[tuple[Any, ...], Any]:
    """The rows of these files, and of others at their places, by work (or user), page, revision and kind."""
    of_works = [original for original in originals if original.kind not in OF_USERS]
    # Never all files of a work: it may have ten thousand, which arrive a few at a time.
    of_places = {
        "work_ids": list({original.work_id for original in of_works}),
        "pages": list({original.page for original in of_works}),
    }
    known: dict[tuple[Any, ...], Any] = {tuple(row[:4]): row for row in connection.execute(_PLACES, of_places)}
    users = {original.user_id for original in originals if original.kind in OF_USERS}
    if users:
        pictures = connection.execute(select(_USER_FILES).where(_USER_FILES.c.user_id.in_(users)))
        known |= {(row.user_id, 0, row.revision, row.kind): row for row in pictures}
    return known


def _upsert_files(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    upsert(connection, _FILES, [row for row in rows if row["kind"] not in OF_USERS], _KEY)
    upsert(connection, _USER_FILES, [row for row in rows if row["kind"] in OF_USERS], _USER_KEY)


def _refresh(connection: Connection, original: Original) -> None:
    if original.kind not in OF_USERS:
        refresh_files(connection, original.work_id)


def record_stored(connection: Connection, stored: StoredOriginal, now: datetime) -> None:
    """Record that a file is in its place; its work is complete when no file is missing, but a file of unknown revision does not count."""
    record_all_stored(connection, [PlacedFile(stored, now)])


def record_all_stored(connection: Connection, placed: Sequence[PlacedFile]) -> list[None]:
    """`record_stored` for each."""
    of_archive = {"archive": archive_of(connection)}
    rows = [row for each in placed for row in _rows(each.stored, _in_place(each.stored, each.now) | of_archive)]
    _upsert_files(connection, rows)
    for each in placed:
        _refresh(connection, each.stored.proven.staged.original)
    return [None] * len(placed)


def _in_place(stored: StoredOriginal, now: datetime) -> dict[str, Any]:
    return {"state": state_in_place(stored.proven.staged.original.revision), "recorded": now, "stored": now}


def settle_intent(connection: Connection, intent: Intent, now: datetime) -> None:
    """Mark as stored the file of an ended run's intent that turned out to be in its place."""
    files = _table_of(intent.original.kind)
    of_file = [_is(intent.original), *([_is(intent.original, "frames")] if intent.original.frames is not None else [])]
    change = update(files).where(or_(*of_file), files.c.state == "intent")
    connection.execute(change.values(state=state_in_place(intent.original.revision), stored=now, **NOT_FAILED))
    _refresh(connection, intent.original)


def forget_intent(connection: Connection, intent: Intent, now: datetime) -> None:
    """Drop an intent of an ended run whose file is nowhere: the file is wanted again, unless a newer revision took its place."""
    original = intent.original
    files = _table_of(original.kind)
    newer = files.alias()
    superseded = connection.execute(
        select(
            exists().where(
                *(newer.c[name] == value for name, value in _identity(original).items() if name != "revision"),
                newer.c.id > select(files.c.id).where(_is(original)).scalar_subquery(),
            )
        )
    ).scalar()
    change = update(files).where(_is(original), files.c.state == "intent")
    not_there = NO_BYTES if original.kind in OF_USERS else NO_BYTES | NOT_IMPORTED
    connection.execute(change.values(state="superseded" if superseded else "wanted", recorded=now, **not_there))
    connection.execute(delete(_FILES).where(_is(original, "frames"), _FILES.c.state == "intent"))
    _refresh(connection, original)


def record_file_failed(
    connection: Connection,
    original: Original,
    reason: str,
    now: datetime,
    *,
    served_sha256: str | None = None,
    waits: bool = True,
    etag: str | None = None,
    last_modified: str | None = None,
    crawl_id: int | None = None,
) -> None:
    """Record that run `crawl_id` could not get a file; a later one tries again, the next one unless it `waits`. Stored files stay stored.

    `served_sha256` is that of a doubtful body, with the image host's validators: the file is due when another transfer of it counts.
    """
    files = _table_of(original.kind)
    row = row_of(connection, original)
    if row is not None and row.state in IN_PLACE:
        return
    runs, last = (row.failed_runs, row.failed_crawl_id) if row else (0, None)
    failure = (
        failed_again(connection, runs, last, now, crawl_id) if waits else failed_free(connection, runs, now, crawl_id)
    )
    values: dict[str, Any] = {"state": "parked", "failed_reason": reason, **failure}
    if served_sha256 is not None:
        came = DoubtfulBody(served_sha256, now, now, etag=etag, last_modified=last_modified)
        values |= values_of_served(doubtful_body_after(doubtful_body_of(row), came))
    if row is None:
        connection.execute(insert(files), [{**_identity(original), **_told(original), "recorded": now, **values}])
    else:
        connection.execute(update(files).where(files.c.id == row.id).values(**values))
    _refresh(connection, original)


def _rows(stored: StoredOriginal, state: dict[str, Any]) -> list[dict[str, Any]]:
    """The row of a file, and that of an ugoira's frames beside it."""
    proven = stored.proven
    original = proven.staged.original
    staged = proven.staged
    of_bytes: dict[str, Any] = {"sha256": staged.sha256, "bytes": staged.bytes, "format": proven.format}
    if original.kind not in OF_USERS:
        of_bytes |= NOT_IMPORTED
    if stored.imported is not None:
        of_bytes |= {**asdict(stored.imported), "imported": state["recorded"]}
    said = {"etag": staged.etag, "last_modified": staged.last_modified, "path": stored.path}
    proof = {"width": proven.width, "height": proven.height, "as_served": proven.as_served, "flaw": proven.flaw}
    row = {**_identity(original), **_told(original), **of_bytes, **said, **proof, **state, **NOT_FAILED}
    if stored.frames_path is None:
        return [row]
    list_of_frames = {"sha256": stored.frames_sha256, "bytes": None, "format": "json", "path": stored.frames_path}
    not_said = {"url": None, "frames": None, "etag": None, "last_modified": None, "as_served": False, "flaw": None}
    return [row, {**row, **list_of_frames, **not_said, "kind": "frames", "extension": "json"}]


def _key(work_id: int, page: int, revision: str, kind: FileKind) -> dict[str, Any]:
    if kind in OF_USERS:
        return {"user_id": work_id, "kind": kind, "revision": revision}
    return {"artwork_id": work_id, "page": page, "revision": revision, "kind": kind}


def _identity(original: Original) -> dict[str, Any]:
    return _key(original.work_id, original.page, original.revision, original.kind)


def _told(original: Original) -> dict[str, Any]:
    told = {name: getattr(original, name) for name in ("extension", "uploaded", "width", "height")}
    told["url"] = original.url or None
    if original.kind not in OF_USERS:
        told["frames"] = None if original.frames is None else listed(original.frames)
    return told


def listed(frames: Iterable[Frame]) -> list[dict[str, Any]]:
    """An ugoira's frames as pixiv lists them."""
    return [{"file": frame.file, "delay": frame.delay} for frame in frames]


def row_of(connection: Connection, original: Original) -> Row[Any] | None:
    """What the ledger knows of a file."""
    return connection.execute(select(_table_of(original.kind)).where(_is(original))).first()


def _table_of(kind: FileKind) -> Table:
    return _USER_FILES if kind in OF_USERS else _FILES


def _is(original: Original, kind: FileKind | None = None) -> ColumnElement[bool]:
    """The condition that a row is that of `original`, or of the frames' list beside it."""
    return has_key(original.work_id, original.page, original.revision, kind or original.kind)


def has_key(work_id: int, page: int, revision: str, kind: FileKind) -> ColumnElement[bool]:
    """The condition for the row of this file."""
    files = _table_of(kind)
    return and_(*(files.c[name] == value for name, value in _key(work_id, page, revision, kind).items()))


def _renew(connection: Connection, row: Row[Any], original: Original) -> bool:
    """Bring a file that is not there in line with what the API says now; True when that gives a new reason to try.

    A guess never changes a known address.
    """
    told = _told(original)
    if original.guessed and row.url is not None:
        told |= {"url": row.url, "extension": row.extension}
    if row.state != "superseded" and all(getattr(row, name) == value for name, value in told.items()):
        return False
    is_another: bool = row.state == "superseded" or row.url != told["url"]
    is_corrected = not original.guessed and WHERE_PIXIV_SAYS in (row.failed_reason or "")
    values = told | ({"state": "wanted"} | NOT_FAILED if is_another or is_corrected else {})
    connection.execute(update(_FILES).where(_FILES.c.id == row.id).values(**values))
    return is_another or is_corrected


def _supersede(connection: Connection, file_ids: Sequence[int]) -> None:
    if file_ids:
        connection.execute(update(_FILES).where(_FILES.c.id.in_(file_ids)).values(state="superseded"))


def record_originals_of_works(
    connection: Connection, of_works: Mapping[int, Sequence[Original]], now: datetime
) -> None:
    """`record_row_originals` for each work."""
    known = _files_of(connection, list(of_works))
    new: list[Original] = []
    never_had: list[int] = []
    changed: set[int] = set()
    for work_id, originals in of_works.items():
        files = known.get(work_id, {})
        for original in originals:
            row = files.pop((original.page, original.revision, original.kind), None)
            if row is None:
                new.append(original)
            elif row.state == "superseded":
                change = update(_FILES).where(_FILES.c.id == row.id)
                connection.execute(change.values(**_told(original), state="wanted", **NOT_FAILED))
                changed.add(work_id)
        if others := _never_to_come(files.values(), originals):
            never_had += others
            changed.add(work_id)
    if new:
        wanted = {"state": "wanted", "recorded": now}
        connection.execute(_INSERT, [{**_identity(original), **_told(original), **wanted} for original in new])
    _supersede(connection, never_had)
    for work_id in changed.union(original.work_id for original in new):
        refresh_files(connection, work_id)


def record_unproven(connection: Connection, original: Original, now: datetime) -> None:
    """Record a stored file as wanted again: it turned out not to match what the API now says, and was moved away."""
    change = update(_FILES).where(_is(original), _FILES.c.state == "stored")
    not_there = {"state": "wanted", "recorded": now, **NO_BYTES, **NOT_IMPORTED, **NOT_FAILED}
    connection.execute(change.values(**_told(original), **not_there))
    refresh_files(connection, original.work_id)
