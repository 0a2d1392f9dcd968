"""`export sidecars`: what is known about each work as JSON, in a stable order."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row

from pixivcrawl.api.text import plural
from pixivcrawl.exchange.export import like_gallery_dl
from pixivcrawl.exchange.export.choice import Result, Selection
from pixivcrawl.exchange.export.folder import Planned, opened
from pixivcrawl.exchange.export.sidecar import sidecar
from pixivcrawl.exchange.export.templates import Template, read_template
from pixivcrawl.exchange.export.writing import Differs
from pixivcrawl.ledger.queries.exported import ExportedWork, bookmarks_of_works, former_values, names_borne
from pixivcrawl.ledger.queries.files import KeptFile

WORK = "{user_id}/{id}"
LIKE_GALLERY_DL = "pixiv/{user_id} {account}/{id}_p{page}.{ext}"
"""gallery-dl's default path of a picture; its JSON file is beside it, with `.json` after the picture's name."""


def export(selection: Selection, target: Path, options: argparse.Namespace) -> Result:
    """Update the sidecars from the ledger."""
    is_like = options.like is not None
    template = read_template(options.name or (LIKE_GALLERY_DL if is_like else WORK), of_files=is_like, ending=".json")
    result, documents = Result(), Documents(selection, template, is_like=is_like)
    with opened(target, "sidecars") as folder:
        folder.plan(planned for batch in selection.batches() for planned, _ in documents.of(batch))

        def make(work_id: int, print_: str, place: Path) -> None:
            place.write_bytes(documents.printed(work_id, print_))

        difference = folder.bring_in_line(make, result)
    result.lines.append(f"{target}: {plural(len(selection.work_ids), 'work')}: {difference}")
    return result


class Documents:
    """The sidecars of a selection; each is identified by the SHA-256 of its bytes."""

    def __init__(self, selection: Selection, template: Template, *, is_like: bool) -> None:
        self._selection, self._template, self._is_like = selection, template, is_like
        self._ahead: dict[str, bytes] = {}

    def of(self, works: Sequence[ExportedWork]) -> Iterator[tuple[Planned, bytes]]:
        """The documents of some works, with their names."""
        if self._is_like:
            for work in works:
                for file in work.current_files:
                    if file.kind != "frames":
                        text = like_gallery_dl.document(work, file)
                        yield self._planned(work, file, f"{file.kind} {file.page}", text)
            return
        more = self._selection.ledger.read_now(_more, works, with_private=self._selection.with_private)
        for work in works:
            text = sidecar(
                work,
                more.history[work.id],
                more.names[work.facts["user_id"] or 0],
                more.bookmarks[work.id] if more.bookmarks is not None else None,
            )
            yield self._planned(work, None, "work", text)

    def _planned(self, work: ExportedWork, file: KeptFile | None, part: str, text: str) -> tuple[Planned, bytes]:
        content = text.encode()
        mark = f"{work.id} {part}"
        return Planned(
            self._template.path(work, file), work.id, part, hashlib.sha256(content).hexdigest(), mark
        ), content

    def printed(self, work_id: int, print_: str) -> bytes:
        """The planned document. Raises Differs if the ledger has changed since."""
        if print_ not in self._ahead:
            batch = next(self._selection.batches(work_id))
            self._ahead = {planned.print: content for planned, content in self.of(batch)}
        if print_ not in self._ahead:
            raise Differs(f"work {work_id}: changed in the ledger meanwhile: run the same command again")
        return self._ahead[print_]


class More(NamedTuple):
    """What only sidecars contain, by work; names by artist."""

    history: Mapping[int, Sequence[Row[Any]]]
    names: Mapping[int, Sequence[Row[Any]]]
    bookmarks: Mapping[int, Sequence[Row[Any]]] | None


def _more(connection: Connection, works: Sequence[ExportedWork], *, with_private: bool) -> More:
    ids = [work.id for work in works]
    artists = {work.facts["user_id"] for work in works} - {None}
    bookmarks = bookmarks_of_works(connection, ids) if with_private else None
    return More(former_values(connection, ids), names_borne(connection, artists), bookmarks)
