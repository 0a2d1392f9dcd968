"""A folder of pictures without records: only their names identify them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from pixivcrawl.exchange.names import PICTURES, ending, read_name
from pixivcrawl.exchange.source import Contents, Files, Found, Passed, Source
from pixivcrawl.verification.claims import Claim


def shows_itself(entries: Files) -> bool:
    return True


def read(contents: Contents, pictures: Files) -> Iterator[Found]:
    return map(claim_by_name, pictures)


def claim_by_name(entry: os.DirEntry[str]) -> Claim | Passed:
    """What a picture's name says by itself."""
    path, kind = Path(entry.path), ending(entry.name)
    named = read_name(entry.name)
    if named is None:
        return Passed(path, "its name tells no page of a work")
    if named.is_reduced:
        return Passed(path, "reduced: its name says so")
    if kind not in PICTURES:
        return Passed(path, f"converted: pixiv has no {kind}", named.work_id)
    return Claim(path, named.work_id, named.page, named.kind)


SOURCE = Source("folder", shows_itself, read)
