"""Column types that mean the same on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import StorageFailed

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Number = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits; SQLite's INTEGER has as many, and only a key with exactly this type name is the row id itself."""


def storable(text: str) -> str:
    """`text` with what a database cannot hold (NUL on PostgreSQL, lone surrogates anywhere) replaced by U+FFFD."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\ufffd", text)


class CleanText(TypeDecorator[str]):
    """Text of any length, unchanged except for what `storable` replaces."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept in UTC to the microsecond; on SQLite as ISO text of one width, so that it sorts and reads."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        """Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        moment = value.astimezone(UTC)
        return moment.isoformat(timespec="microseconds")[:-6] + "Z" if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        try:
            # Text that this program wrote ends in Z, and is read as UTC.
            return datetime.fromisoformat(value) if isinstance(value, str) else value.astimezone(UTC)
        except (ValueError, AttributeError):
            raise _damaged(value, "time") from None


class Json(TypeDecorator[Any]):
    """Any JSON value as text that a person can read and search; equal values have equal text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else storable(json_text(value))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        try:
            return None if value is None else json.loads(value)
        except (ValueError, TypeError):
            raise _damaged(value, "JSON") from None


def _damaged(value: object, kind: str) -> StorageFailed:
    return StorageFailed(
        f"the ledger is damaged, because {quoted(value)} in it is no {kind}: rebuild it with pixivcrawl rebuild --replace, or put a "
        "backup copy in its place"
    )


class json_length(FunctionElement[int]):  # noqa: N801 (it is written as a function)
    """How many values an array in a `Json` column has."""

    type = Integer()
    inherit_cache = True


@compiles(json_length, "sqlite")
def _length_on_sqlite(element: json_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_length({compiler.process(element.clauses, **options)})"


@compiles(json_length, "postgresql")
def _length_on_postgresql(element: json_length, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_length(CAST({compiler.process(element.clauses, **options)} AS JSON))"


class json_values(FunctionElement[Any]):  # noqa: N801
    """The values of an array in JSON, a row each; used as `json_values(text).table_valued("value")`."""

    inherit_cache = True


@compiles(json_values, "sqlite")
def _values_on_sqlite(element: json_values, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(json_values, "postgresql")
def _values_on_postgresql(element: json_values, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSON))"


def json_text(value: Any) -> str:
    """JSON with sorted keys and no spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
