"""The tokens of templates, and the value of each for a work or a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from posixpath import basename, splitext
from types import MappingProxyType
from typing import Literal

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.filters import MADE_BY_AI, RATINGS
from pixivcrawl.ledger.queries.exported import ExportedWork
from pixivcrawl.ledger.queries.files import KeptFile

Kind = Literal["text", "word", "number", "time", "list"]
"""A word is one of a few, of ours or of pixiv's, and never cut; all other texts are."""

Value = str | int | datetime | list[str] | None


@dataclass(frozen=True, slots=True)
class Token:
    """The value of a token; None if unknown. One that is `of_file` differs between the files of a work."""

    kind: Kind
    of_work: Callable[[ExportedWork], Value] | None = None
    of_file: Callable[[KeptFile], Value] | None = None

    def value(self, work: ExportedWork, file: KeptFile | None) -> Value:
        if self.of_work is not None:
            return self.of_work(work)
        assert self.of_file is not None
        return self.of_file(file) if file is not None else None


def _fact(name: str) -> Callable[[ExportedWork], Value]:
    return lambda work: work.facts[name]


def _of_artist(name: str) -> Callable[[ExportedWork], Value]:
    return lambda work: work.artist[name] if work.artist is not None else None


def _of_series(name: str) -> Callable[[ExportedWork], Value]:
    return lambda work: getattr(work.series, name) if work.series is not None else None


def in_japan(moment: datetime | None) -> datetime | None:
    """A time in Japan's zone, as the artist would give it."""
    try:
        return moment.astimezone(JAPAN) if moment is not None else None
    except OverflowError:
        # Within hours of the end of all dates.
        return moment


def rating_of(work: ExportedWork) -> str | None:
    """safe, r18 or r18g; None if pixiv gave none."""
    rating = work.facts["x_restrict"]
    return RATINGS[rating] if rating in range(len(RATINGS)) else None


def _translated_tags(work: ExportedWork) -> list[str]:
    return [tag.translations.get("en") or tag.name for tag in work.tags]


TOKENS: Mapping[str, Token] = MappingProxyType(
    {
        "id": Token("number", lambda work: work.id),
        "title": Token("text", _fact("title")),
        "translated_title": Token("text", _fact("translated_title")),
        "user": Token("text", _of_artist("name")),
        "user_id": Token("number", _fact("user_id")),
        "account": Token("text", _of_artist("account")),
        "kind": Token("word", _fact("kind")),
        "pages": Token("number", _fact("page_count")),
        "created": Token("time", lambda work: in_japan(work.facts["created"])),
        "uploaded": Token("time", lambda work: in_japan(work.facts["uploaded"])),
        "rating": Token("word", rating_of),
        "ai": Token("word", lambda work: "AI" if work.facts["ai_type"] == MADE_BY_AI else None),
        "availability": Token("word", _fact("availability")),
        "series": Token("text", _of_series("title")),
        "series_id": Token("number", _of_series("id")),
        "series_order": Token("number", _of_series("position")),
        "tags": Token("list", lambda work: [tag.name for tag in work.tags]),
        "translated_tags": Token("list", _translated_tags),
        "bookmarks": Token("number", _fact("bookmark_count")),
        "likes": Token("number", _fact("like_count")),
        "views": Token("number", _fact("view_count")),
        "page": Token("number", of_file=lambda file: file.page),
        "number": Token("number", of_file=lambda file: file.page + 1),
        "width": Token("number", of_file=lambda file: file.width),
        "height": Token("number", of_file=lambda file: file.height),
        "revision": Token("word", of_file=lambda file: file.revision),
        "name": Token("word", of_file=lambda file: splitext(basename(file.path or ""))[0]),
        "ext": Token("word", of_file=lambda file: splitext(file.path or "")[1][1:]),
    }
)
"""In the order of the table in docs/export.md."""
