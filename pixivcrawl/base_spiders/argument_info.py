"""Describes what a spider's arguments take and default to, for the pages of docs/ and for `--help`."""

from __future__ import annotations

from typing import Any

from pixivcrawl.base_spiders.base import PixivSpider


def arguments_of(spider: type[PixivSpider[Any]]) -> dict[str, Any]:
    """The JSON Schema of each argument by name; required ones have `required`."""
    schema = spider.get_param_schema(normalize=True)
    required = schema.get("required", [])
    definitions = schema.get("$defs", {})
    properties = schema.get("properties", {})
    return {name: resolved(of_one, definitions) | {"required": name in required} for name, of_one in properties.items()}


def resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A schema with its references replaced by what they refer to."""
    reference = schema.get("$ref", "").rpartition("/")[2]
    merged: dict[str, Any] = definitions.get(reference, {}) | {
        key: value for key, value in schema.items() if key != "$ref"
    }
    for several in ("anyOf", "allOf"):
        if several in merged:
            merged[several] = [resolved(each, definitions) for each in merged[several]]
    return merged


def values_taken(schema: dict[str, Any]) -> str:
    """The values that an argument takes, in words."""
    for several in ("anyOf", "oneOf"):
        if several in schema:
            kinds = [values_taken(one) for one in schema[several] if one.get("type") != "null"]
            return " or ".join(dict.fromkeys(kinds))
    match schema:
        case {"const": value}:
            return code(value)
        case {"enum": values}:
            return ", ".join(code(value) for value in values)
        case {"type": "array"}:
            return f"one or several: {values_taken(schema['items'])}"
        case {"type": "boolean"}:
            return "true or false"
        case {"type": "integer"}:
            return "whole number" + bounds(schema)
        case {"type": "number"}:
            return "number" + bounds(schema)
        case {"format": "date"}:
            return "day"
        case _:
            return "text"


def bounds(schema: dict[str, Any]) -> str:
    """The range of a number, if it says more than that the number is positive."""
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return f" from {least}" if least else ""


def default_of(schema: dict[str, Any]) -> str:
    if schema["required"]:
        return "must be given"
    match schema.get("default"):
        case None:
            return ""
        case bool() as value:
            return code(str(value).lower())
        case [] | "":
            return "none"
        case list() as values:
            return code(",".join(map(str, values)))
        case value:
            return code(value)


def code(value: object) -> str:
    return f"`{value}`"
