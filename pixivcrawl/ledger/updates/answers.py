"""Pixiv's answers: the journal holds them, and the ledger records where to find those that are read again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from pixivcrawl.items import Facts
from pixivcrawl.ledger.answer import Location, StoredAnswer
from pixivcrawl.ledger.models import AnswerRow, SnapshotRow, table
from pixivcrawl.ledger.updates.facts import FactsUpdate, record_all_facts
from pixivcrawl.ledger.updates.upsert import upsert

SUBJECTS = {"illust.detail": "id", "illust.pages": "id", "illust.ugoira_meta": "id", "user.full": "id"}
"""The endpoints whose last answer can be found again, and the parameter that says which work or user it is about."""

_ANSWERS = table(AnswerRow)
_INSERT_SNAPSHOTS = insert(table(SnapshotRow))


@dataclass(frozen=True, slots=True)
class AnswerUpdate:
    """What `record_answer` takes."""

    answer: StoredAnswer
    facts: Facts | None = None


def record_answer(connection: Connection, answer: StoredAnswer, facts: Facts | None = None) -> int:
    """Record an answer in the journal, and the facts in it (`facts_of`). Returns how many of its comments are new.

    `note_answers` records its place there.
    """
    (new_comments,) = record_answers(connection, [AnswerUpdate(answer, facts)])
    return new_comments


def record_answers(connection: Connection, answered: Sequence[AnswerUpdate]) -> list[int]:
    """`record_answer` for each."""
    told = [FactsUpdate(each.facts, each.answer.read_at) for each in answered if each.facts is not None]
    new_comments = iter(record_all_facts(connection, told))
    return [next(new_comments) if each.facts is not None else 0 for each in answered]


def note_answers(connection: Connection, archive: str, answers: Iterable[tuple[StoredAnswer, Location]]) -> None:
    """Record where answers are in the journal of an archive: the last one that says something about a work or a user, and
    each one that is kept by its date.
    """
    last, snapshots = [], []
    for answer, location in answers:
        row: dict[str, Any] = {"endpoint": answer.endpoint, "archive": archive, "read_at": answer.read_at}
        row |= {"file": location.file, "start": location.offset, "length": location.length}
        if answer.snapshot:
            snapshots.append({**row, "parameters": dict(answer.parameters)})
        elif not answer.is_refusal and (subject := _subject(answer)) is not None:
            last.append({**row, "subject_id": subject})
    if snapshots:
        connection.execute(_INSERT_SNAPSHOTS, snapshots)
    upsert(connection, _ANSWERS, last, ("endpoint", "subject_id"))


def _subject(answer: StoredAnswer) -> int | None:
    name = SUBJECTS.get(answer.endpoint)
    subject = str(answer.parameters.get(name)) if name is not None else ""
    return int(subject) if subject.isdecimal() else None
