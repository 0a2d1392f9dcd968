"""The forms of export, by their names."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pixivcrawl.exchange.export import listing
from pixivcrawl.exchange.export.choice import Result, Selection


@dataclass(frozen=True, slots=True)
class Form:
    """One way to leave the archive: what it is for, and an example behind `pixivcrawl export`.

    `options` are the names of those that it takes beside what all take. `run` writes to the target; it raises ConfigurationError for
    what it cannot do and StorageFailed where the disk cannot go on, and names in the result what it refuses. `target` is what TARGET has
    to be; a stream is a file, or - for standard output.
    """

    purpose: str
    example: str
    options: frozenset[str]
    run: Callable[[Selection, Path, argparse.Namespace], Result]
    target: Literal["folder", "stream"] = "folder"


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "list": Form(
            "the works' addresses or ids, a line each, or a table as CSV",
            "list works.csv --artist 11",
            frozenset({"columns"}),
            listing.export,
            target="stream",
        ),
    }
)
