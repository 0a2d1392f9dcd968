"""Replays the journal's events into a new ledger, through the same functions that made them first."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any, get_type_hints

from sqlalchemy import Connection, Engine, delete, exists, or_
from sqlalchemy.exc import DBAPIError

from pixivcrawl.api.catalogue import find
from pixivcrawl.facts_from import facts_of
from pixivcrawl.items import Facts
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.answer import StoredAnswer
from pixivcrawl.ledger.changes import is_fatal, make_change, parameters_of
from pixivcrawl.ledger.columns import storable
from pixivcrawl.ledger.failures import place_of, storage_failed
from pixivcrawl.ledger.journal import ANSWER, FACTS, Entry, located
from pixivcrawl.ledger.models import CrawlArtworkRow, CrawlRow, table
from pixivcrawl.ledger.updates.archive_name import write_for
from pixivcrawl.ledger.updates.tags import remember_tags

if TYPE_CHECKING:
    from pydantic import TypeAdapter

BATCH = 1000
"""How many changes one transaction takes."""

RUN_ARGUMENT = "crawl_id"
"""The argument that names a run by the id that it once had."""

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(slots=True)
class ReplayResult:
    """The result of a replay: how many changes were made, and how many of them were answers; by name, how many this version does not know,
    and how many raised; and the first reason of each kind that raised.
    """

    made: int = 0
    answers: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)
    order: int = 0
    """That of the last commit."""
    unordered: int = 0
    """How many changes of several archives do not say in which order these made them."""


class UnknownChange(Exception):
    """A change, or an argument of one, that this version does not know."""


def replay(
    engine: Engine,
    journals: Mapping[str, Iterable[Entry]],
    tell: Callable[[ReplayResult], None] = lambda _: None,
) -> ReplayResult:
    """Make every change again, in order; one that raises is counted and does not affect the others. `tell` is called after each batch.

    `journals` are the entries of each archive's journal, by its name in the ledger.

    Raises StorageFailed where the ledger cannot go on.
    """
    replayed = ReplayResult()
    runs: dict[int, int] = {}
    try:
        for archive, batch in _batches(journals):
            with engine.connect() as connection:
                remember_tags(connection)
                write_for(connection, archive)
                with connection.begin():
                    for entry in batch:
                        make_again(connection, entry, runs, replayed)
                        replayed.order = max(replayed.order, entry.order or 0)
                        replayed.unordered += entry.order is None and len(journals) > 1
                    updates.note_answers(connection, archive, located(batch))
            tell(replayed)
    except DBAPIError as error:
        raise storage_failed(error, place_of(engine.url)) from error
    return replayed


def arguments_of(entry: Entry) -> dict[str, Any]:
    """The arguments of a change as its function takes them. Raises UnknownChange, and ValueError for what is not of its type."""
    change = updates.EVENTS.get(entry.type)
    if change is None:
        raise UnknownChange(entry.type)
    if entry.type == ANSWER:
        answer: StoredAnswer = entry.data[ANSWER]
        return {ANSWER: answer, FACTS: facts_in(answer) if FACTS in entry.data else None}
    types = _types(change)
    if unknown := entry.data.keys() - types.keys():
        raise UnknownChange(f"{entry.type} with {', '.join(sorted(unknown))}")
    return {name: types[name].validate_python(value) for name, value in _storable(entry.data).items()}


def facts_in(answer: StoredAnswer) -> Facts:
    """What a kept answer says, as the parsers of today read it. Raises BodyRefused, and KeyError for an endpoint that is not known."""
    body = find(answer.endpoint).parse(answer.payload, answer.parameters, [])
    return facts_of(answer.endpoint, {**answer.parameters, **answer.beside}, body, answer.reader)


def _batches(journals: Mapping[str, Iterable[Entry]]) -> Iterator[tuple[str, list[Entry]]]:
    """The entries in the order in which they were committed, those of one archive that follow each other together."""
    in_order = merge(*(_placed(archive, entries) for archive, entries in journals.items()), key=itemgetter(0))
    for archive, some in groupby(in_order, itemgetter(1)):
        while batch := [entry for _, _, entry in islice(some, BATCH)]:
            yield archive, batch


def _placed(archive: str, entries: Iterable[Entry]) -> Iterator[tuple[int, str, Entry]]:
    order = 0
    for entry in entries:
        order = max(order, entry.order or 0)
        yield order, archive, entry


def make_again(connection: Connection, entry: Entry, runs: dict[int, int], replayed: ReplayResult) -> None:
    """Make one change again; `runs` tells the present id of a run by the one that it had."""
    try:
        arguments = arguments_of(entry)
        if arguments.get(RUN_ARGUMENT) is not None:
            arguments[RUN_ARGUMENT] = _run(arguments[RUN_ARGUMENT], runs)
        if entry.gave is not None:
            _forget_a_run_that_never_was(connection, runs.pop(entry.gave, None))
        result = make_change(connection, updates.EVENTS[entry.type], (), arguments)
    except UnknownChange as unknown:
        replayed.unknown[str(unknown)] += 1
    except Exception as error:
        if is_fatal(error):
            raise
        replayed.failed[entry.type] += 1
        replayed.reasons.setdefault(entry.type, _reason(error))
    else:
        replayed.made += 1
        replayed.answers += entry.type == ANSWER
        if entry.gave is not None and isinstance(result, updates.Crawl):
            runs[entry.gave] = result.crawl_id


def _run(crawl_id: int, runs: Mapping[int, int]) -> int:
    """The id that a run has now. One may have another: a kill or a sequence of PostgreSQL's leaves gaps, and a journal may begin late."""
    if crawl_id not in runs:
        raise LookupError("its run began before the journal, or in a lost part of it")
    return runs[crawl_id]


def _forget_a_run_that_never_was(connection: Connection, crawl_id: int | None) -> None:
    """Remove a run whose id comes again: a kill came between its journal entry and its commit. One that has found works is kept."""
    runs, listed = table(CrawlRow), table(CrawlArtworkRow)
    found = exists().where(or_(listed.c.crawl_id == crawl_id, listed.c.list_id == crawl_id))
    later = runs.alias()
    resumed = exists().where(or_(later.c.list_id == crawl_id, later.c.resumes == crawl_id), later.c.id != crawl_id)
    if crawl_id is not None:
        connection.execute(delete(runs).where(runs.c.id == crawl_id, runs.c.outcome.is_(None), ~found, ~resumed))


@cache
def _types(change: Callable[..., Any]) -> dict[str, TypeAdapter[Any]]:
    """What each argument of a change is read by."""
    from pydantic import TypeAdapter  # only here: a run that writes reads nothing back

    hints = get_type_hints(change)
    return {name: TypeAdapter(hints[name]) for name in parameters_of(change)}


def _storable(value: Any) -> Any:
    """The value without lone surrogates, which pydantic refuses and the ledger would have replaced anyway."""
    if isinstance(value, str):
        return storable(value) if _SURROGATE.search(value) else value
    if isinstance(value, Mapping):
        return {_storable(key): _storable(each) for key, each in value.items()}
    return [_storable(each) for each in value] if isinstance(value, list) else value


def _reason(error: Exception) -> str:
    """The kind of an error and its first line; never the values in it, which come from outside."""
    if isinstance(error, DBAPIError):
        return type(error.orig or error).__name__
    text = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {text[0]}"[:200]
