"""A folder of pictures without records: only their names identify them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pixivcrawl.exchange.names import CONVERTED, PICTURES, ending, read_name
from pixivcrawl.exchange.source import Found, Passed, Source, files_in
from pixivcrawl.verification.claims import Claim


def is_its_own(folder: Path) -> bool:
    return True


def read(folder: Path) -> Iterator[Found]:
    for entries in files_in(folder):
        if isinstance(entries, Passed):
            yield entries
            continue
        yield from (found for entry in entries if (found := claim_by_name(entry)) is not None)


def claim_by_name(entry: os.DirEntry[str]) -> Claim | Passed | None:
    """What a file's name says by itself; None if it is not a picture."""
    kind = ending(entry.name)
    if kind not in PICTURES and kind not in CONVERTED:
        return None
    path = Path(entry.path)
    named = read_name(entry.name)
    if named is None:
        return Passed(path, "its name tells no page of a work")
    if named.is_reduced:
        return Passed(path, "reduced: its name says so")
    if kind in CONVERTED:
        return Passed(path, f"converted: pixiv has no {kind}")
    return Claim(path, named.work_id, named.page, named.kind)


SOURCE = Source("folder", is_its_own, read)
