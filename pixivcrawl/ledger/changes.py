"""The changes that the journal holds, and each of them as an entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from inspect import isfunction, signature
from typing import Any

from pixivcrawl.ledger import records
from pixivcrawl.ledger.journal import Entry

CHANGES: dict[str, Callable[..., Any]] = {
    name: getattr(records, name)
    for name in records.__all__
    if isfunction(getattr(records, name)) and name not in records.NOT_JOURNALED
}
"""Every change that is journaled, and made again by a rebuild."""

_NAMES = {change: name for name, change in CHANGES.items()}


def entry_of(
    change: Callable[..., Any], arguments: Sequence[Any], named: Mapping[str, Any], result: Any
) -> Entry | None:
    """A change that was made, for the journal; None for one that is not journaled. `arguments` are those after the connection."""
    name = _NAMES.get(change)
    if name is None:
        return None
    given = dict(zip(parameters_of(change), arguments, strict=False)) | dict(named)
    return Entry(name, given, result.crawl_id if isinstance(result, records.Crawl) else None)


@cache
def parameters_of(change: Callable[..., Any]) -> tuple[str, ...]:
    """The names of what a change takes after the connection."""
    return tuple(signature(change).parameters)[1:]
