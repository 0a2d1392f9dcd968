"""docs/schema.md: the tables of the ledger."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Column, Index, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import ColumnDefault, DefaultClause

from pages.markdown import UNDESCRIBED, blocks, code, link, own_words, paragraphs, table
from pixivcrawl.ledger import columns, models
from pixivcrawl.ledger.models import Base

KINDS: dict[type, str] = {columns.CleanText: "text", columns.UtcTime: "time", columns.Json: "JSON"}
PLAIN_KINDS: dict[type, str] = {int: "integer", bytes: "bytes", bool: "boolean", float: "number", str: "text"}


def page() -> str:
    of_all = {model.__table__.name: model for model in Base.__subclasses__() if "__table__" in vars(model)}
    return blocks(
        "# The ledger's tables",
        "They are in `archive.sqlite` in the archive's folder, or in the PostgreSQL database that `DATABASE_URL` names.",
        *paragraphs(models.__doc__),
        "On SQLite a time is text such as `2026-01-31T12:00:00.000000Z`, which sorts as it reads, and a boolean is 0 or 1.",
        f"{', '.join(link(name) for name in Base.metadata.tables)}.",
        *(section(of_all[name]) for name in Base.metadata.tables),
    )


def section(model: type[Base]) -> str:
    of_model = models.table(model)
    return blocks(
        f"## {of_model.name}",
        *(own_words(model) or [UNDESCRIBED]),
        table(["column", "type", "null", "default"], (column_row(column) for column in of_model.columns)),
        key_line(of_model),
        "\n".join(f"- {index_line(index)}" for index in sorted(of_model.indexes, key=lambda index: str(index.name))),
    )


def column_row(column: Column[object]) -> tuple[str, str, str, str]:
    refers = [link(key.target_fullname, heading=key.column.table.name) for key in column.foreign_keys]
    return (
        code(column.name),
        ", ".join([kind_of(column), *refers, *(["unique"] if column.unique else [])]),
        "null" if column.nullable else "",
        default_of(column),
    )


def kind_of(column: Column[object]) -> str:
    return KINDS.get(type(column.type)) or PLAIN_KINDS[column.type.python_type]


def default_of(column: Column[object]) -> str:
    default = column.server_default
    if isinstance(default, DefaultClause):
        return code(getattr(default.arg, "text", default.arg))
    return code(column.default.arg) if isinstance(column.default, ColumnDefault) else ""


def key_line(of_model: Table) -> str:
    return f"Key: {', '.join(code(column.name) for column in of_model.primary_key.columns)}."


def index_line(index: Index) -> str:
    over = ", ".join(code(name) for name in index.columns.keys())  # noqa: SIM118 (a collection of columns, not a dict)
    return f"{'unique index' if index.unique else 'index'} {code(index.name)} over {over}{''.join(condition(index))}"


def condition(index: Index) -> Iterator[str]:
    """What the rows of a partial index have in common."""
    where = index.dialect_options["sqlite"]["where"]
    if where is not None:
        yield f", of the rows where {code(where.compile(dialect=sqlite.dialect()))}"
