"""Writes what is known about works into the index, replacing their former entries."""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pixivcrawl.batched import batched
from pixivcrawl.folding import fold, fold_name, plain
from pixivcrawl.index import schema
from pixivcrawl.index.days import day_of
from pixivcrawl.index.schema import NamedKind
from pixivcrawl.index.words import document
from pixivcrawl.ledger.queries.indexed import SearchableWork

NamesById = Mapping[int, tuple[str | None, Sequence[str]]]
"""{tag or user: its name, and others by which it is found}."""

_WORK = f"INSERT INTO works VALUES ({', '.join('?' * 13)})"
_ADD = "INSERT INTO texts (rowid, text) VALUES (?, ?)"
_TAKE_OUT = "INSERT INTO texts (texts, rowid, text) VALUES ('delete', ?, ?)"
_IDS_A_QUERY = 500


def replace(connection: sqlite3.Connection, ids: Iterable[int], works: Iterable[SearchableWork]) -> None:
    """Replace the entries of the works with these ids by `works`; ids that are missing there are removed.

    In the order of their ids, because FTS5 flushes whenever an id is smaller than the one before it.
    """
    ids = sorted(ids)
    before, after = _entries(connection, ids), {work.id: (work, _entry(work)) for work in works}
    same = {work_id for work_id, entry in before.items() if work_id in after and after[work_id][1] == entry}
    gone = [work_id for work_id in before if work_id not in same]
    come = [work_id for work_id in sorted(after) if work_id not in same]
    connection.executemany(_TAKE_OUT, ((work_id, _document(before[work_id])) for work_id in gone))
    connection.executemany("DELETE FROM documents WHERE id = ?", ((work_id,) for work_id in gone))
    connection.executemany("DELETE FROM works WHERE id = ?", ((work_id,) for work_id in before))
    connection.executemany(_ADD, ((work_id, _document(after[work_id][1])) for work_id in come))
    packed = ((work_id, _packed(after[work_id][1])) for work_id in come)
    connection.executemany("INSERT INTO documents VALUES (?, ?)", packed)
    connection.executemany(_WORK, (_row(work) for _, (work, _) in sorted(after.items())))
    _replace_digests(connection, before, after, gone, come)
    _count(connection, [before[work_id] for work_id in gone], [after[work_id][1] for work_id in come])


def replace_names(connection: sqlite3.Connection, kind: NamedKind, names: NamesById) -> None:
    """Make those of these tags or artists that have works findable by these names only."""
    names = {each: names[each] for each, _ in _subjects(connection, kind, names)}
    _remove_names(connection, ((kind, each) for each in names))
    renamed = ((name, kind, each) for each, (name, _) in names.items())
    connection.executemany("UPDATE subjects SET name = ? WHERE kind = ? AND id = ?", renamed)
    for each, (now, others) in names.items():
        for name in {now, *others} - {None}:
            folded = fold_name(name)
            number = connection.execute(_NAME, (folded, kind, each, name)).lastrowid
            connection.execute("INSERT INTO parts (rowid, text) VALUES (?, ?)", (number, document([folded], (), ())))


_NAME = "INSERT INTO names (folded, kind, subject_id, name) VALUES (?, ?, ?, ?)"


def _remove_names(connection: sqlite3.Connection, subjects: Iterable[tuple[str, int]]) -> None:
    for subject in subjects:
        query = "SELECT number, folded FROM names WHERE kind = ? AND subject_id = ?"
        for number, folded in connection.execute(query, subject).fetchall():
            text = document([folded], (), ())
            connection.execute("INSERT INTO parts (parts, rowid, text) VALUES ('delete', ?, ?)", (number, text))
            connection.execute("DELETE FROM names WHERE number = ?", (number,))


def without_names(connection: sqlite3.Connection, kind: NamedKind, ids: Iterable[int]) -> list[int]:
    """Those of these tags or artists that have works and no name in the index."""
    return [each for each, name in _subjects(connection, kind, ids) if name is None]


def _subjects(connection: sqlite3.Connection, kind: NamedKind, ids: Iterable[int]) -> list[tuple[int, str | None]]:
    return _rows(connection, f"SELECT id, name FROM subjects WHERE kind = '{kind}' AND id IN", sorted(ids))


def _row(work: SearchableWork) -> tuple[Any, ...]:
    return (
        work.id,
        work.user_id,
        work.kind,
        work.page_count,
        _rating(work),
        work.ai_type,
        day_of(work.created),
        _seconds(work.uploaded or work.created or work.first_seen),
        _seconds(work.first_seen),
        work.bookmark_count or 0,
        work.bookmark_count is not None,
        work.width or None,
        work.height or None,
    )


def _rating(work: SearchableWork) -> int | None:
    """pixiv's xRestrict is 0, 1 or 2; a greater one would be no milder."""
    return None if work.x_restrict is None else min(work.x_restrict, 2)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _entry(work: SearchableWork) -> dict[str, Any]:
    """A work's words and marks, which must be known to remove its entry again."""
    texts = (work.title or "", plain(work.caption or ""))
    day = day_of(work.created)
    return {
        "texts": [folded for text in texts if (folded := fold(text))],
        "names": [folded for _, name in work.tags if (folded := fold_name(name))],
        "tags": [tag_id for tag_id, _ in work.tags],
        "untagged": not work.tags and work.detail != "full",
        "partial": work.detail != "full",
        "unrated": work.x_restrict is None,
        "user": work.user_id,
        "kind": work.kind,
        "rating": _rating(work),
        "ai": work.ai_type,
        "month": None if day is None else day // 100,
        "revised": work.is_revised,
        "gone": work.availability == "gone",
        "files": sorted([page, schema.digest_of(sha256)] for page, sha256 in work.files),
    }


def _document(entry: Mapping[str, Any]) -> str:
    return document(entry["texts"], entry["names"], _marks(entry))


def _marks(entry: Mapping[str, Any]) -> list[str]:
    """What a work is found by besides its words."""
    marks = ["all", *(f"tag{tag_id}" for tag_id in dict.fromkeys(entry["tags"]))]
    marks += [f"{name}{entry[name]}" for name in ("user", "kind", "rating", "ai", "month") if entry[name] is not None]
    marks += [name for name in ("untagged", "partial", "unrated", "revised", "gone") if entry[name]]
    if entry["ai"] is None:
        marks.append("ainone")
    if entry["month"] is not None:
        marks.append(f"year{entry['month'] // 100:04}")
    return marks


def _packed(entry: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _entries(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The entries of these works, by ascending ids."""
    rows = _rows(connection, "SELECT id, entry FROM documents WHERE id IN", ids)
    return {work_id: json.loads(zlib.decompress(entry)) for work_id, entry in sorted(rows)}


def _rows(connection: sqlite3.Connection, query: str, ids: Sequence[int]) -> list[Any]:
    rows: list[Any] = []
    for some in batched(ids, _IDS_A_QUERY):
        rows += connection.execute(f"{query} ({', '.join('?' * len(some))})", some)
    return rows


def _replace_digests(
    connection: sqlite3.Connection,
    before: Mapping[int, Mapping[str, Any]],
    after: Mapping[int, tuple[SearchableWork, Mapping[str, Any]]],
    gone: Sequence[int],
    come: Sequence[int],
) -> None:
    old = {(digest, work_id, page) for work_id in gone for page, digest in before[work_id]["files"]}
    new = {(digest, work_id, page) for work_id in come for page, digest in after[work_id][1]["files"]}
    connection.executemany("DELETE FROM digests WHERE digest = ? AND work_id = ? AND page = ?", old - new)
    _forget_looks(connection, {digest for digest, _, _ in old - new})
    come_now = sorted(new - old)
    connection.executemany("INSERT OR IGNORE INTO digests VALUES (?, ?, ?)", come_now)
    connection.executemany(_TO_SEE, come_now)
    connection.executemany(_SAME, ((digest,) for digest, _, _ in come_now))


_TO_SEE = "INSERT OR IGNORE INTO unseen SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM looks WHERE digest = ?1)"
_SAME = (
    "INSERT OR IGNORE INTO alike SELECT ?1, ?1, 0 "
    "WHERE (SELECT count(*) FROM (SELECT 1 FROM digests WHERE digest = ?1 LIMIT 2)) > 1"
)


def _forget_looks(connection: sqlite3.Connection, digests: Iterable[int]) -> None:
    """Remove the hashes of pictures that no page has any more."""
    for digest in digests:
        places = connection.execute("SELECT work_id, page FROM digests WHERE digest = ? LIMIT 2", (digest,)).fetchall()
        if len(places) < 2:
            connection.execute("DELETE FROM alike WHERE digest = ?1 AND other = ?1", (digest,))
        if places:
            connection.execute("UPDATE unseen SET work_id = ?, page = ? WHERE digest = ?", (*places[0], digest))
            continue
        others = connection.execute("SELECT other, digest FROM alike WHERE digest = ?", (digest,)).fetchall()
        connection.executemany("DELETE FROM alike WHERE digest = ? AND other = ?", others)
        for table in ("alike", "looks", "unseen"):
            connection.execute(f"DELETE FROM {table} WHERE digest = ?", (digest,))


def _count(
    connection: sqlite3.Connection, before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> None:
    """Count works by tag, artist and month again, as far as they changed."""
    more = Counter(subject for entry in after for subject in _subjects_of(entry))
    more.subtract(subject for entry in before for subject in _subjects_of(entry))
    connection.executemany(
        "INSERT INTO subjects (kind, id, works) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET works = works + excluded.works",
        ((*subject, count) for subject, count in sorted(more.items()) if count),
    )
    fewer = [subject for subject, count in more.items() if count < 0]
    query = "DELETE FROM subjects WHERE kind = ? AND id = ? AND works = 0"
    _remove_names(connection, [subject for subject in fewer if connection.execute(query, subject).rowcount])


def _subjects_of(entry: Mapping[str, Any]) -> list[tuple[str, int]]:
    subjects = [("tag", tag_id) for tag_id in dict.fromkeys(entry["tags"])]
    return subjects + [
        (kind, entry[name]) for kind, name in (("artist", "user"), ("month", "month")) if entry[name] is not None
    ]
