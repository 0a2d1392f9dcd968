"""What the endpoints answer: the pydantic models of pixivcrawl.api.bodies, in words."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pages.markdown import blocks, code, link, own_words, table

PLAIN = {
    int: "whole number",
    str: "text",
    bool: "true or false",
    float: "number",
    datetime: "time",
    type(None): "null",
    Any: "anything",
    object: "anything",
}


def section(model: type[BaseModel]) -> str:
    return blocks(
        f"### {heading(model)}",
        *own_words(model),
        table(["key", "value", "sent"], (field_row(name, field) for name, field in model.model_fields.items())),
    )


def heading(model: type[BaseModel]) -> str:
    """Not the name alone: endpoints have headings that lead to the same address."""
    return f"{model.__name__} (shape)"


def field_row(name: str, field: FieldInfo) -> tuple[str, str, str]:
    return code(field.alias or name), in_words(field.annotation), "always" if field.is_required() else ""


def in_words(annotation: Any) -> str:
    """A type as a reader of JSON would name it; a model as a link to its section."""
    match get_origin(annotation):
        case None:
            return PLAIN.get(annotation) or link(annotation.__name__, heading=heading(annotation))
        case origin if origin is Annotated:
            return in_words(get_args(annotation)[0])
        case origin if origin is Literal:
            return " or ".join(code(value) for value in get_args(annotation))
        case origin if origin in (Union, types.UnionType):
            return " or ".join(dict.fromkeys(in_words(one) for one in get_args(annotation)))
        case origin if origin is dict:
            key, value = get_args(annotation)
            return f"object: {in_words(key)} → {in_words(value)}"
        case origin if origin in (list, tuple):
            return f"list of {in_words(get_args(annotation)[0])}"
        case _:
            return PLAIN[object]


def models_in(annotations: Iterable[Any]) -> list[type[BaseModel]]:
    """Every model that these types hold, and those that they hold in turn, by name."""
    found: set[type[BaseModel]] = set()
    waiting = list(annotations)
    while waiting:
        for model in models_named(waiting.pop()):
            if model not in found:
                found.add(model)
                waiting += [field.annotation for field in model.model_fields.values()]
    return sorted(found, key=lambda model: model.__name__)


def models_named(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and not get_origin(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from models_named(part)
