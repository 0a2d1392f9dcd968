"""Reads the names that people and tools give to pixiv's files."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from pixivcrawl.api.images import LARGEST_ID

_NAME = re.compile(
    r"(?<![0-9])(?P<work>[1-9][0-9]{0,18})(?:-[0-9a-f]{32})?_(?:p(?P<page>[0-9]{1,5})|(?P<ugoira>ugoira)(?:[0-9]+x[0-9]+|(?P<frame>[0-9]{1,5}))?)"
    r"(?![0-9])(?P<reduced>_(?:master|square|custom)1200)?"
)
"""pixiv: works that only those who know the address may see carry a hash after the id."""

PICTURES = frozenset({"jpg", "jpeg", "jfif", "png", "gif", "zip", "ugoira"})
"""The endings, in lower case, of names that may be originals; what a file is its bytes say."""

CONVERTED = frozenset({"webm", "mp4", "mkv", "mov", "avi", "webp", "apng", "avif", "jxl", "heic", "bmp"})
"""pixiv has no original of these: some tool made the file of one."""


class Named(NamedTuple):
    """The page that a name gives; `kind` is frame or, for an ugoira without a frame, ugoira."""

    work_id: int
    page: int
    kind: Literal["image", "ugoira", "frame"]
    is_reduced: bool = False


def read_name(name: str) -> Named | None:
    """What a file's name says; None if it gives no page, or several and none at its start.

    A title in the name may contain anything, but the start comes from the tool.
    """
    if (at_start := _NAME.match(name)) is not None and (named := _read(at_start)) is not None:
        return named
    found = {named for each in _NAME.finditer(name) if (named := _read(each)) is not None}
    return found.pop() if len(found) == 1 else None


def is_at_start(name: str) -> bool:
    """Whether a name begins with the page that it gives: so it is the tool's word, and no title's."""
    at_start = _NAME.match(name)
    return at_start is not None and _read(at_start) is not None


def ending(name: str) -> str:
    """The part after the last dot, in lower case."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def _read(found: re.Match[str]) -> Named | None:
    work_id = int(found["work"])
    if work_id > LARGEST_ID:
        return None
    reduced = found["reduced"] is not None
    if found["ugoira"] is None:
        return Named(work_id, int(found["page"]), "image", reduced)
    if found["frame"] is None:
        return Named(work_id, 0, "ugoira", reduced)
    return Named(work_id, int(found["frame"]), "frame", reduced)
