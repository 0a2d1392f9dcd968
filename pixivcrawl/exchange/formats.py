"""Reads people's file name formats backwards, to find which work and page a path means.

A path gives a page only if every way of matching the format gives the same one, because titles may contain numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, cast

from pixivcrawl.api.images import LARGEST_ID
from pixivcrawl.exchange.names import Named

Meaning = Literal["work", "page", "page from 1", "file", "work and page", "free"]
"""What a token stands for. `file` is pixiv's own name without its ending, `work and page` the id with or without `_p` and a number."""

Piece = tuple[Meaning | None, str]
"""A token and what it means; what stands between two of them means nothing."""

_WORK = r"(?P<work>[1-9][0-9]{0,18})"
_PAGE = r"(?P<page>[0-9]{1,5})(?![0-9])"
_SHAPES: Mapping[Meaning, re.Pattern[str]] = {
    "work": re.compile(rf"{_WORK}(?![0-9])"),
    "page": re.compile(_PAGE),
    "page from 1": re.compile(_PAGE.replace("page", "second")),
    "file": re.compile(
        rf"{_WORK}(?:-[0-9a-f]{{32}})?(?:_big)?_(?:p{_PAGE}|(?P<ugoira>ugoira)(?:[0-9]+x[0-9]+)?(?![0-9]))"
        r"(?P<reduced>_(?:master|square|custom)1200)?"
    ),
    "work and page": re.compile(rf"{_WORK}(?![0-9])(?:_p{_PAGE})?"),
}
_SEPARATOR = re.compile(r"[/\\]+")
_SPACES = re.compile(r"\s+")
_NUMBER = re.compile(r"(?<![0-9])[0-9]")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What a part of a path gives; None if nothing."""

    work: int | None = None
    page: int | None = None
    is_ugoira: bool = False
    is_reduced: bool = False

    def beside(self, found: re.Match[str]) -> _Reading | None:
        """This reading plus one more token; None if the two contradict each other."""
        told = found.groupdict()
        work = int(told["work"]) if told.get("work") else self.work
        page = int(told["page"]) if told.get("page") else self.page
        page = int(told["second"]) - 1 if told.get("second") else page
        if (self.work or work) != work or (self.page if self.page is not None else page) != page:
            return None
        return replace(
            self,
            work=work,
            page=page,
            is_ugoira=self.is_ugoira or bool(told.get("ugoira")),
            is_reduced=self.is_reduced or bool(told.get("reduced")),
        )


@dataclass(frozen=True, slots=True)
class NameFormat:
    """The meaningful tokens of a format, and the text before, between and after them."""

    tokens: tuple[re.Pattern[str], ...]
    others: tuple[re.Pattern[str], ...]

    def read(self, path: str) -> Named | None:
        """The page that a path means, with `/` between its parts; None if there is none or it is ambiguous."""
        stem = path.rpartition(".")[0]
        numbers = [found.start() for found in _NUMBER.finditer(stem)]
        # By the end of what has been read so far: all possible readings.
        reached: dict[int, set[_Reading]] = {0: {_Reading()}}
        for token, before in zip(self.tokens, self.others, strict=False):
            following: dict[int, set[_Reading]] = {}
            for start in numbers:
                if (found := token.match(stem, start)) is None:
                    continue
                for end, readings in reached.items():
                    if end <= start and before.fullmatch(stem, end, start):
                        further = {more for each in readings if (more := each.beside(found)) is not None}
                        following.setdefault(found.end(), set()).update(further)
            reached = following
        fits = (readings for end, readings in reached.items() if self.others[-1].fullmatch(stem, end))
        told = {named for readings in fits for each in readings if (named := _named(each)) is not None}
        return told.pop() if len(told) == 1 else None


def compiled(
    text: str, token: re.Pattern[str], meanings: Mapping[str, Meaning], *, of_pages: bool = True
) -> NameFormat | None:
    """Compile a format whose tokens match `token`; None if it names no work.

    Without `of_pages` it is for single-page works: tokens for the page are empty.
    """
    if not of_pages:
        text = token.sub(lambda found: "" if meanings.get(found[0]) in ("page", "page from 1") else found[0], text)
    parts = [list(_pieces(part, token, meanings)) for part in _SEPARATOR.split(text)]
    if not any(meaning in ("work", "file", "work and page") for part in parts for meaning, _ in part):
        return None
    # Parts before the first meaningful one need not be checked.
    first = next(place for place, part in enumerate(parts) if any(_tells(piece) for piece in part))
    tokens: list[re.Pattern[str]] = []
    others = ["(?:.*/)?"]
    for place, part in enumerate(parts[first:], first):
        is_last = place == len(parts) - 1
        if part and all(meaning == "free" for meaning, _ in part) and not is_last:
            # A token may be empty, and its folder is not there then.
            others[-1] += "(?:[^/]*/)?"
            continue
        groups = [(tells, list(pieces)) for tells, pieces in groupby(part, _tells)]
        for at, (tells, pieces) in enumerate(groups):
            if tells:
                for meaning, _ in pieces:
                    tokens.append(_SHAPES[cast("Meaning", meaning)])
                    others.append("")
            else:
                others[-1] += _between(pieces, at_start=at == 0, at_end=at == len(groups) - 1)
        others[-1] += "" if is_last else "/"
    return NameFormat(tuple(tokens), tuple(map(re.compile, others)))


def _pieces(text: str, token: re.Pattern[str], meanings: Mapping[str, Meaning]) -> Iterator[Piece]:
    place = 0
    for found in token.finditer(text):
        if found.start() > place:
            yield None, text[place : found.start()]
        yield meanings.get(found[0], "free"), found[0]
        place = found.end()
    if place < len(text):
        yield None, text[place:]


def _tells(piece: Piece) -> bool:
    return piece[0] not in (None, "free")


def _between(pieces: list[Piece], *, at_start: bool, at_end: bool) -> str:
    """The text between two meaningful tokens, or between one and an end of the part.

    At most one part of it is free: with five, a name of 255 letters takes for ever. Where that is empty, spaces that come to stand
    together are one, and at an end none.
    """
    (first, text), (last, end) = pieces[0], pieces[-1]
    before, after = "" if first else text, "" if last or len(pieces) == 1 else end
    if not any(meaning for meaning, _ in pieces):
        return _literal(before)
    alone = _SPACES.sub(" ", before + after)
    alone = alone.lstrip(" .") if at_start else alone
    alone = alone.rstrip(" .") if at_end else alone
    return rf"(?:{_literal(before)}[^/]*{_literal(after)}|{_literal(alone)})"


def _literal(text: str) -> str:
    return r"\s+".join(map(re.escape, _SPACES.split(text)))


def _named(reading: _Reading) -> Named | None:
    if reading.work is None or reading.work > LARGEST_ID or (reading.page or 0) < 0:
        return None
    return Named(reading.work, reading.page or 0, "ugoira" if reading.is_ugoira else "image", reading.is_reduced)
