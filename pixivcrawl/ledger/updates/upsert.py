"""Inserting what may be there already, in the words of either database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, func
from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql


def upsert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> None:
    """Insert `rows`, all with the same columns; where `key` (a primary key or unique index) is there already, replace the others."""
    if rows:
        connection.execute(_statement(connection.dialect.name, table, tuple(rows[0]), key, replace=True), list(rows))


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: tuple[str, ...]) -> None:
    """Insert those `rows` whose `key` is not there yet."""
    if rows:
        connection.execute(_statement(connection.dialect.name, table, tuple(rows[0]), key, replace=False), list(rows))


def _insert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # only here: it costs the start of those who do not use it

    return postgresql.insert(table)


@lru_cache
def _statement(
    dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...], *, replace: bool
) -> sqlite.Insert | postgresql.Insert:
    # One object for each shape: SQLAlchemy then has nothing to work out but the values.
    statement = _insert(dialect, table)
    others = [column for column in columns if column not in key]
    if not replace or not others:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_={name: statement.excluded[name] for name in others})


def keep_known(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: tuple[str, ...],
    replace: tuple[str, ...],
    keep: tuple[str, ...],
) -> None:
    """Insert `rows`; where `key` is there already, replace the columns in `replace`, and those in `keep` where the row tells them.

    The other columns stay as they were first written.
    """
    if rows:
        connection.execute(_keeping(connection.dialect.name, table, key, replace, keep), list(rows))


@lru_cache
def _keeping(
    dialect: str, table: Table, key: tuple[str, ...], replace: tuple[str, ...], keep: tuple[str, ...]
) -> sqlite.Insert | postgresql.Insert:
    statement = _insert(dialect, table)
    told: dict[str, Any] = {name: statement.excluded[name] for name in replace}
    told |= {name: func.coalesce(statement.excluded[name], table.c[name]) for name in keep}
    return statement.on_conflict_do_update(index_elements=key, set_=told)
