"""What a page is given and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from multidict import MultiMapping
from sqlalchemy import Connection

from pixivcrawl.api.text import quoted
from pixivcrawl.archive.layout import Archive
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.shelf import Shelf
from pixivcrawl.index.reading import Index

LARGEST_NUMBER = 2**63 - 1

LARGEST_PLACE = 10**18
"""Of a query's numbers, so that a page's length may be added to one."""


class NotFound(Exception):
    """The archive does not have this; the text says what."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One request: the variable parts of its path, its query, and what it is answered from.

    `covered`: R-18 works are shown only after a click; `language` is for the texts, `zone` for the times. `fleet`: as in `Gallery`.
    """

    path: Mapping[str, str]
    query: MultiMapping[str]
    address: str
    archive: Archive
    index: Index
    shelf: Shelf
    covered: bool
    language: str
    zone: tzinfo
    fleet: Configuration | None

    def number(self, name: str) -> int:
        """A numeric part of the path. Raises NotFound if it cannot be an id."""
        digits = self.path[name].lstrip("0") or "0"
        if len(digits) > 19 or int(digits) > LARGEST_NUMBER:
            raise NotFound(f"{name} {digits[:40]}")
        return int(digits)

    def whole(self, name: str, default: int, *, least: int = 0, most: int = LARGEST_PLACE) -> int:
        """A number from the query. Raises ConfigurationError."""
        given = self.query.get(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdigit() and len(given) < 20 and least <= int(given) <= most):
            raise ConfigurationError(f"{name}={quoted(given, 40)} is not a whole number from {least} to {most}")
        return int(given)

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """A word from the query; by default the first of the choices. Raises ConfigurationError."""
        given = self.query.get(name, choices[0])
        if given not in choices:
            raise ConfigurationError(f"{name}={quoted(given, 40)} is not one of {', '.join(choices)}")
        return given


@dataclass(frozen=True, slots=True)
class Page:
    """A template and its values. `status` is the answer's status."""

    template: str
    values: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True, slots=True)
class JsonData:
    """A value that a script reads as JSON, instead of a page."""

    value: Any


@dataclass(frozen=True, slots=True)
class Redirect:
    """The page is at another address of the gallery."""

    address: str


PageFunction = Callable[[Connection, PageRequest], Page | JsonData | Redirect]
