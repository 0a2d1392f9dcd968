"""Inserts rows that may exist already, in the SQL of either database; and turns items into rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Executable, Table, func
from sqlalchemy.dialects import sqlite

from pixivcrawl.items import columns_of
from pixivcrawl.ledger.columns import json_text, storable

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> None:
    """Insert `rows`, all with the same columns; where `key` (a primary key or unique index) is there already, replace the others."""
    if rows:
        _execute(connection, _statement(connection.dialect.name, table, tuple(rows[0]), key, replace=True), rows, key)


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> None:
    """Insert those `rows` whose `key` is not there yet."""
    if rows:
        _execute(connection, _statement(connection.dialect.name, table, tuple(rows[0]), key, replace=False), rows, key)


def _execute(
    connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]
) -> None:
    # In the order of their keys: two processes that write the same rows in different orders would wait for each other.
    connection.execute(statement, sorted(rows, key=itemgetter(*key)))


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # only here: it would slow the start of runs that do not use it

    return postgresql.insert(table)


@lru_cache
def _statement(
    dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...], *, replace: bool
) -> sqlite.Insert | postgresql.Insert:
    # One object for each shape, so that SQLAlchemy only has to handle the values.
    statement = _insert(dialect, table)
    others = [column for column in columns if column not in key]
    if not replace or not others:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_={name: statement.excluded[name] for name in others})


def rows_of(items: Iterable[Any], **more: Any) -> list[dict[str, Any]]:
    """Items as rows: all their values, by the names of their columns, and `more` in each row."""
    return [
        {name: getattr(item, field.name) for name, field in columns_of(item.__class__).items()} | more for item in items
    ]


@cache
def may_be_unsaid(item: Any) -> tuple[str, ...]:
    """The columns of a type of item in which None says nothing."""
    return tuple(name for name, field in columns_of(item).items() if field.default is None)


def as_kept(value: Any) -> Any:
    """A value in the form in which the ledger would give it back."""
    if isinstance(value, str):
        return storable(value)
    return json.loads(storable(json_text(value))) if isinstance(value, dict | list) else value


def keep_known(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    key: tuple[str, ...],
    keep: tuple[str, ...],
) -> None:
    """Insert `rows`; where `key` exists already, replace the other columns, but those in `keep` only by values other than None.

    `first_seen` stays as it was first written.
    """
    if rows:
        _execute(connection, _keeping(connection.dialect.name, table, tuple(rows[0]), key, keep), rows, key)


@lru_cache
def _keeping(
    dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...], keep: tuple[str, ...]
) -> sqlite.Insert | postgresql.Insert:
    statement = _insert(dialect, table)
    told: dict[str, Any] = {
        name: func.coalesce(statement.excluded[name], table.c[name]) if name in keep else statement.excluded[name]
        for name in columns
        if name not in (*key, "first_seen")
    }
    return statement.on_conflict_do_update(index_elements=key, set_=told)
