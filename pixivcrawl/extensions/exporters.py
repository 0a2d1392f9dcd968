"""Writes items into feeds as plain data, without Python's own notation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any

from scrapy import exporters

from pixivcrawl.items import Tag, feed_types


def plain(value: Any) -> Any:
    """A value as in JSON: times in ISO 8601 and UTC, nested items as objects."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def in_a_cell(value: Any) -> Any:
    """A value in one cell: tags by name, separated by spaces (no tag contains one); other nested values as JSON."""
    if isinstance(value, tuple) and all(isinstance(each, (str, Tag)) for each in value):
        return " ".join(each if isinstance(each, str) else each.name for each in value)
    value = plain(value)
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (bool, dict, list)) else value


class _Plain(exporters.BaseItemExporter):
    """Begins each object with its item's type, unless fields are chosen."""

    def get_serialized_fields(
        self, item: Any, default_value: Any = None, include_empty: bool | None = None
    ) -> Iterable[tuple[str, Any]]:
        if type(item).__name__ in feed_types() and self.fields_to_export is None:
            yield "type", type(item).__name__
        for name, value in super().get_serialized_fields(item, default_value, include_empty):
            yield name, plain(value)


class JsonLines(_Plain, exporters.JsonLinesItemExporter):
    """One object a line."""


class Json(_Plain, exporters.JsonItemExporter):
    """A list of objects."""


class Xml(_Plain, exporters.XmlItemExporter):
    """One element an item."""

    def _export_xml_field(self, name: str, serialized_value: Any, depth: int) -> None:
        if serialized_value is None:
            serialized_value = ""
        elif isinstance(serialized_value, bool):
            serialized_value = json.dumps(serialized_value)
        super()._export_xml_field(name, serialized_value, depth)


class Csv(exporters.CsvItemExporter):
    """One row an item, all of one type."""

    def serialize_field(self, field: Mapping[str, Any], name: str, value: Any) -> Any:
        return in_a_cell(exporters.BaseItemExporter.serialize_field(self, field, name, value))
