"""The forms of export, by name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from pixivcrawl.exchange.export import bagit, cbz, listing, sidecars, video, view, wacz
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
        "view": Form(
            "the originals in folders with human names, as reflinks, symlinks, hard links or copies",
            "view ~/pictures --artist 11 --name '{user}/{title} ({id})/{page:03}.{ext}' --dry-run",
            frozenset({"name", "by", "dry_run", "unchecked"}),
            view.export,
        ),
        "cbz": Form(
            "comics for readers such as Komga, Kavita and phones: ComicInfo 2.1, the pages byte for byte",
            "cbz ~/comics --artist 11 --by series",
            frozenset({"name", "by"}),
            cbz.export,
        ),
        "sidecars": Form(
            "one JSON of each work: every field, tags with translations, files with sums, former values (docs/sidecar.schema.json); or, "
            "of each file, JSON under gallery-dl's key names",
            "sidecars ~/facts --all --like gallery-dl",
            frozenset({"name", "like"}),
            sidecars.export,
        ),
        "list": Form(
            "the works' addresses or ids, a line each, or a table as CSV",
            "list works.csv --artist 11",
            frozenset({"columns"}),
            listing.export,
            target="stream",
        ),
        "bagit": Form(
            "a bag for libraries: originals with their sums, facts with their history, pixiv's answers",
            "bagit ~/bag --artist 11",
            frozenset(),
            bagit.export,
        ),
        "wacz": Form(
            "a web archive for ReplayWeb.page: originals under their addresses, pixiv's answers, a page of each work",
            "wacz works.wacz --artist 11",
            frozenset(),
            wacz.export,
            target="stream",
        ),
        "video": Form(
            "each ugoira as mp4, WebP, webm or APNG with the exact delays of its frames",
            "video ~/videos --artist 11",
            frozenset({"format"}),
            video.export,
        ),
    }
)
