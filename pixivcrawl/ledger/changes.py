"""The changes of the ledger: how one is made, and as which event of the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import signature
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from pixivcrawl.ledger import updates
from pixivcrawl.ledger.failures import is_busy, is_the_end
from pixivcrawl.ledger.journal import Entry
from pixivcrawl.ledger.updates.change_log import changes_collected
from pixivcrawl.ledger.updates.state import refreshed_together
from pixivcrawl.ledger.updates.tags import forget_tags

_TYPES = {change: name for name, change in updates.EVENTS.items()}


def make_change(
    connection: Connection, change: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any]
) -> Any:
    """Make one change inside a savepoint, so that an error in it does not undo the others. Returns or raises what the change does."""
    connection.exec_driver_sql("SAVEPOINT one_change")
    try:
        with changes_collected(connection):
            result = change(connection, *arguments, **named)
    except Exception as error:
        if not is_fatal(error):
            forget_tags(connection)
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT one_change")
            connection.exec_driver_sql("RELEASE SAVEPOINT one_change")
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT one_change")
    return result


Call = tuple[Callable[..., Any], Sequence[Any], Mapping[str, Any]]
"""A change, its arguments after the connection, and those by name."""


def make_together(connection: Connection, calls: Sequence[Call]) -> list[Any] | None:
    """Make all changes in order, which costs much less than each in a savepoint; returns the result of each.

    None if one of them raised: then none was made.
    """
    connection.exec_driver_sql("SAVEPOINT all_changes")
    try:
        with changes_collected(connection), refreshed_together(connection):
            results = [
                result for alike, group in groupby(calls, _kind) for result in _make(connection, alike, [*group])
            ]
    except Exception as error:
        if is_fatal(error):
            raise
        forget_tags(connection)
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT all_changes")
        return None
    connection.exec_driver_sql("RELEASE SAVEPOINT all_changes")
    return results


def _kind(call: Call) -> Callable[..., Any]:
    return call[0]


def _make(connection: Connection, change: Callable[..., Any], calls: Sequence[Call]) -> list[Any]:
    """Changes of one kind."""
    if len(calls) > 1 and change in updates.BATCHED:
        holding, make_all = updates.BATCHED[change]
        return make_all(connection, [holding(*arguments, **named) for _, arguments, named in calls])
    return [change(connection, *arguments, **named) for _, arguments, named in calls]


def is_fatal(error: BaseException) -> bool:
    """Whether an error of one change ends its whole transaction."""
    return is_the_end(error) or is_busy(error)


def entry_of(
    change: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any], result: Any
) -> Entry | None:
    """A change that was made, for the journal; None for one that is not journaled. `arguments` are those after the connection."""
    kind = _TYPES.get(change)
    if kind is None:
        return None
    given = dict(zip(parameters_of(change), arguments, strict=False)) | dict(named)
    return Entry(kind, given, result.crawl_id if isinstance(result, updates.Crawl) else None)


@cache
def parameters_of(change: Callable[..., Any]) -> tuple[str, ...]:
    """The names of a change's parameters after the connection."""
    return tuple(signature(change).parameters)[1:]
