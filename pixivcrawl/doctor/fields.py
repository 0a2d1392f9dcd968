"""The known fields of pixiv's answers, and how an answer differs from them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

EVERY = "*"
"""Replaces, in `known_fields.json`, the keys of an object that are ids or words."""

ALWAYS = "!"
"""Marks there the name of a field that has always been sent."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,60}", re.ASCII)

Known = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Differences:
    """Dotted paths, sorted, each once; ids and words among the keys are replaced by `*`."""

    new: tuple[str, ...]
    missing: tuple[str, ...]


@cache
def known_fields() -> Mapping[str, Known]:
    """The fields of each endpoint's body: a name that ends with `!` was always sent; the value has the fields inside."""
    text = files("pixivcrawl.doctor").joinpath("known_fields.json").read_text(encoding="utf-8")
    known: Mapping[str, Known] = json.loads(text)
    return known


def differences(body: Any, known: Known) -> Differences:
    """The fields that `body` has or lacks compared with the known ones."""
    found = sorted(set(_differences(body, known, "")))
    return Differences(
        tuple(path for path, is_new in found if is_new), tuple(path for path, is_new in found if not is_new)
    )


def _differences(value: Any, known: Known, place: str) -> Iterator[tuple[str, bool]]:
    """Each path, and whether the field is new; fields inside a new field belong to it."""
    if isinstance(value, list):
        for item in value:
            yield from _differences(item, known, place)
    elif isinstance(value, dict) and EVERY in known:
        for item in value.values():
            yield from _differences(item, known[EVERY], f"{place}{EVERY}.")
    elif isinstance(value, dict) and known:
        for name, within in known.items():
            key = name.removesuffix(ALWAYS)
            if key in value:
                yield from _differences(value[key], within, f"{place}{key}.")
            elif key != name:
                yield f"{place}{key}", False
        for key in value.keys() - {name.removesuffix(ALWAYS) for name in known}:
            # What is no name may be an id, or a word that a person wrote.
            yield f"{place}{key if _NAME.fullmatch(key) else EVERY}", True
