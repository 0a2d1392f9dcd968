"""Formats that people give to the names of their files, read backwards: which work and page a path means.

A path tells the page only if it does so however much of it the free parts, such as titles, are taken to be.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, cast

from pixivcrawl.api.images import LARGEST_ID
from pixivcrawl.exchange.names import Named

Meaning = Literal["work", "page", "page from 1", "file", "work and page", "free"]
"""What a token stands for. `file` is pixiv's own name without its ending, `work and page` the id with or without `_p` and a number."""

Piece = tuple[Meaning | None, str]
"""A token and what it means; what stands between two of them means nothing."""

_WORK = r"(?<![0-9])(?P<work{n}>[1-9][0-9]{{0,18}})(?![0-9])"
_PAGE = r"(?<![0-9])(?P<page{n}>[0-9]{{0,5}})(?![0-9])"
_REDUCED = r"(?P<reduced{n}>_(?:master|square|custom)1200)?"
_SHAPES: Mapping[Meaning, str] = {
    "work": _WORK,
    "page": _PAGE,
    "page from 1": _PAGE.replace("page{n}", "second{n}"),
    "file": (
        r"(?<![0-9])(?P<work{n}>[1-9][0-9]{{0,18}})(?:-[0-9a-f]{{32}})?(?:_big)?"
        rf"_(?:p(?P<page{{n}}>[0-9]{{{{1,5}}}})|(?P<ugoira{{n}}>ugoira)(?:[0-9]+x[0-9]+)?)(?![0-9]){_REDUCED}"
    ),
    "work and page": r"(?<![0-9])(?P<work{n}>[1-9][0-9]{{0,18}})(?:_p(?P<page{n}>[0-9]{{1,5}}))?(?![0-9])",
}
_SEPARATOR = re.compile(r"[/\\]+")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class NameFormat:
    """A format, as two expressions for the end of a path without its ending: free parts as short, and as long, as can be."""

    shortest: re.Pattern[str]
    longest: re.Pattern[str]

    def read(self, path: str) -> Named | None:
        """The page that a path means, with `/` between its parts; None where it means none, or nobody can tell which."""
        stem = path.rpartition(".")[0]
        told = {_named(found) for each in (self.shortest, self.longest) if (found := each.search(stem)) is not None}
        return told.pop() if len(told) == 1 else None


def compiled(text: str, token: re.Pattern[str], meanings: Mapping[str, Meaning]) -> NameFormat | None:
    """A format whose tokens are what `token` finds; None for one that names no work."""
    parts = [list(_pieces(part, token, meanings)) for part in _SEPARATOR.split(text)]
    # What stands before the first part that tells something need not be looked at.
    telling = [place for place, part in enumerate(parts) if any(meaning != "free" for meaning, _ in part if meaning)]
    if not any(meaning in ("work", "file", "work and page") for part in parts for meaning, _ in part):
        return None
    return NameFormat(*(_expression(parts[telling[0] :], free) for free in ("[^/]*?", "[^/]*")))


def _pieces(text: str, token: re.Pattern[str], meanings: Mapping[str, Meaning]) -> Iterator[Piece]:
    place = 0
    for found in token.finditer(text):
        if found.start() > place:
            yield None, text[place : found.start()]
        yield meanings.get(found[0], "free"), found[0]
        place = found.end()
    if place < len(text):
        yield None, text[place:]


def _expression(parts: list[list[Piece]], free: str) -> re.Pattern[str]:
    number = 0
    text = ""
    for place, part in enumerate(parts):
        is_last = place == len(parts) - 1
        if part and all(meaning == "free" for meaning, _ in part) and not is_last:
            # A token may be empty, and its folder is not there then.
            text += "(?:[^/]*/)?"
            continue
        for tells, pieces in groupby(part, lambda piece: piece[0] not in (None, "free")):
            if tells:
                for meaning, _ in pieces:
                    number += 1
                    text += _SHAPES[cast("Meaning", meaning)].format(n=number)
            else:
                text += _between(list(pieces), free)
        text += "" if is_last else "/"
    return re.compile(rf"(?:^|/){text}$")


def _between(pieces: list[Piece], free: str) -> str:
    """What stands between two tokens that tell something, with at most one free part: of five, a name of 255 letters takes for ever."""
    (first, text), (last, end) = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return free if first else _literal(text)
    return ("" if first else _literal(text)) + free + ("" if last else _literal(end))


def _literal(text: str) -> str:
    """Tools take spaces away that come to stand together, or at an end."""
    return r"\s*".join(map(re.escape, _SPACES.split(text)))


def _named(found: re.Match[str]) -> Named | None:
    """The page that the groups mean; None where two of them contradict each other."""
    told = {name: value for name, value in found.groupdict().items() if value}

    def values(group: str) -> set[int]:
        return {int(value) for name, value in told.items() if name.rstrip("0123456789") == group}

    works = values("work")
    pages = values("page") | {number - 1 for number in values("second")}
    is_ugoira = any(name.startswith("ugoira") for name in told)
    if len(works) != 1 or len(pages) > 1 or min(pages, default=0) < 0 or max(works) > LARGEST_ID:
        return None
    is_reduced = any(name.startswith("reduced") for name in told)
    return Named(works.pop(), pages.pop() if pages else 0, "ugoira" if is_ugoira else "image", is_reduced)
