"""Thumbnails of works, made from their originals and embedded in a page."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import on_this_machine
from pixivcrawl.archive.workers import Workers
from pixivcrawl.ledger.queries.browsing.works import Picture

DRAW = "pixivcrawl.archive.drawing:draw"


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A JPEG as a data URI, and its size in pixels."""

    uri: str
    width: int
    height: int


def thumbnails(archive: Archive, covers: Iterable[Picture], workers: Workers) -> dict[int, Thumbnail]:
    """{work: its thumbnail} for those that can be read. Raises NoWorker."""
    drawing: dict[int, Future[Any]] = {}
    with ExitStack() as held:
        for cover in covers:
            try:
                path = held.enter_context(on_this_machine(archive, archive.resolve(cover.path)))
            except (ValueError, FileNotFoundError):
                # It would lead out of the archive, or the store has none.
                continue
            drawing[cover.work_id] = workers.run(DRAW, path, cover.kind, cover.frame)
        drawn = [(work_id, _thumbnail(picture)) for work_id, picture in drawing.items()]
    return {work_id: picture for work_id, picture in drawn if picture is not None}


def _thumbnail(drawing: Future[Any]) -> Thumbnail | None:
    """None for a picture that is missing, too large, or unreadable: a report does without it."""
    try:
        drawn = drawing.result()
    except Damaged:
        return None
    if drawn is None:
        return None
    content, width, height = drawn
    return Thumbnail(f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}", width, height)
