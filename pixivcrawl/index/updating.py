"""Keeps the index up to date with its ledger: first all works, newest first, then changes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event

from filelock import FileLock, Timeout

from pixivcrawl.batched import batched
from pixivcrawl.errors import StorageFailed
from pixivcrawl.index import schema, writing
from pixivcrawl.ledger.queries import indexed
from pixivcrawl.ledger.queries.indexed import SubjectChange
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.sqlite import SPOILT, error_code

WORKS_A_STEP = 2_000
"""Works that are read and written at once."""

_NAMES_A_QUERY = 10_000

EVERY_ID = 2**63 - 1

_PARTS = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class IndexPosition:
    """How far an index has read its ledger. `works_below`: works with smaller ids, `works_left` of them, have not been read yet;

    0 when all have been. `last` is the last change that was read.
    """

    version: str
    ledger: int
    last: SubjectChange
    works_below: int
    works_left: int


def update_index(ledger: Ledger, folder: Path, *, stop: Event) -> int:
    """Update the index in `folder` from its ledger until done or `stop` is set; returns how many works were read.

    An index of another ledger or version is rebuilt. If another process is doing this already, nothing is done. Where machines share a
    ledger on a server, one of them at a time reads all works, and the others wait for their turn. Raises StorageFailed.
    """
    path = folder / schema.NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "index.lock", blocking=False):
            try:
                return _update(ledger, path, stop)
            except sqlite3.DatabaseError as error:
                if error_code(error) not in SPOILT:
                    raise
                _remove(path)
                return _update(ledger, path, stop)
    except Timeout:
        return 0
    except (sqlite3.Error, OSError) as error:
        raise StorageFailed(
            f"the index {path} cannot be written ({error}): check its disk; the index may be deleted"
        ) from error


def position_of(connection: sqlite3.Connection) -> IndexPosition | None:
    """How far the index has read its ledger; None if it has not begun."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'facts'").fetchone():
        return None
    row = connection.execute("SELECT value FROM facts WHERE name = 'place'").fetchone()
    if row is None:
        return None
    told = json.loads(row[0])
    return IndexPosition(**{**told, "last": SubjectChange(*told["last"])})


def _update(ledger: Ledger, path: Path, stop: Event) -> int:
    if path.exists():
        with closing(schema.open_for_writing(path)) as connection:
            if _is_of(ledger, connection):
                return _go_on(ledger, connection, stop)
    _begin(ledger, path)
    with closing(schema.open_for_writing(path)) as connection:
        return _go_on(ledger, connection, stop)


def _remove(path: Path) -> None:
    for part in _PARTS:
        path.with_name(path.name + part).unlink(missing_ok=True)


def _is_of(ledger: Ledger, connection: sqlite3.Connection) -> bool:
    place = position_of(connection)
    return (
        place is not None
        and place.version == schema.VERSION
        and place.ledger == ledger.read_now(indexed.ledger_name)
        and ledger.read_now(indexed.has_change, place.last)
    )


def _begin(ledger: Ledger, path: Path) -> None:
    """Put an empty index in place. It gets its name once it has its tables, so that readers see either the old or the new one."""
    new = path.with_name(f"{path.name}.new")
    _remove(new)
    place = IndexPosition(
        version=schema.VERSION,
        ledger=ledger.read_now(indexed.ledger_name),
        last=ledger.read_now(indexed.last_change),
        works_below=EVERY_ID,
        works_left=ledger.read_now(indexed.number_of_works, EVERY_ID),
    )
    with closing(schema.open_for_writing(new)) as connection:
        schema.create(connection)
        if path.exists():
            schema.take_fingerprints(connection, path)
        _note(connection, place)
    _remove(path)
    new.rename(path)


def _note(connection: sqlite3.Connection, place: IndexPosition) -> None:
    connection.execute("INSERT OR REPLACE INTO facts VALUES ('place', ?)", (json.dumps(asdict(place)),))


def _go_on(ledger: Ledger, connection: sqlite3.Connection, stop: Event) -> int:
    place = position_of(connection)
    assert place is not None
    with ledger.alone("index") if place.works_below else nullcontext(enter_result=True) as is_alone:
        return _read_on(ledger, connection, place, stop, older_too=is_alone)


def _read_on(
    ledger: Ledger, connection: sqlite3.Connection, place: IndexPosition, stop: Event, *, older_too: bool
) -> int:
    read = 0
    while not stop.is_set():
        # What changed comes first, so that a page is never far behind while the older works are still to come.
        step = _changes(ledger, place) or (_older_works(ledger, place) if older_too else None)
        if step is None:
            break
        place, works = step.place, step.work_ids
        facts = ledger.read_now(indexed.searchable_works, works)
        connection.execute("BEGIN IMMEDIATE")
        try:
            writing.replace(connection, works, facts)
            _name(ledger, connection, step, facts)
            _note(connection, place)
            connection.execute("COMMIT")
        except BaseException:
            # On a full disk SQLite has already rolled back, and would refuse a second rollback.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        read += len(facts)
    return read


@dataclass(frozen=True, slots=True)
class _Step:
    """What to read next, and the index's place afterwards."""

    place: IndexPosition
    work_ids: Sequence[int] = ()
    user_ids: Sequence[int] = ()
    tag_ids: Sequence[int] = ()


def _changes(ledger: Ledger, place: IndexPosition) -> _Step | None:
    changes = ledger.read_now(indexed.changes_after, place.last, WORKS_A_STEP)
    if not changes:
        return None
    ids: dict[str, set[int]] = {"work": set(), "user": set(), "tag": set()}
    for change in changes:
        ids[change.kind].add(change.subject_id)
    # The others are read when their turn comes.
    works = sorted(work_id for work_id in ids["work"] if work_id >= place.works_below or not place.works_below)
    return _Step(replace(place, last=changes[-1]), works, sorted(ids["user"]), sorted(ids["tag"]))


def _older_works(ledger: Ledger, place: IndexPosition) -> _Step | None:
    if not place.works_below:
        return None
    works = ledger.read_now(indexed.works_below, place.works_below, WORKS_A_STEP)
    left = max(0, place.works_left - len(works))
    return _Step(replace(place, works_below=works[-1] if works else 0, works_left=left), works)


def _name(ledger: Ledger, connection: sqlite3.Connection, step: _Step, facts: Sequence[indexed.SearchableWork]) -> None:
    tags = writing.without_names(connection, "tag", {tag_id for work in facts for tag_id, _ in work.tags})
    artists = writing.without_names(connection, "artist", {work.user_id for work in facts if work.user_id is not None})
    _replace_names(connection, "tag", [*tags, *step.tag_ids], lambda ids: ledger.read_now(indexed.names_of_tags, ids))
    _replace_names(
        connection, "artist", [*artists, *step.user_ids], lambda ids: ledger.read_now(indexed.names_of_users, ids)
    )


def _replace_names(
    connection: sqlite3.Connection,
    kind: schema.NamedKind,
    ids: Sequence[int],
    names: Callable[[Sequence[int]], writing.NamesById],
) -> None:
    for some in batched(ids, _NAMES_A_QUERY):
        writing.replace_names(connection, kind, names(some))
