"""ComicInfo 2.1: a book's metadata for comic readers, in the order of its schema."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from pixivcrawl.exchange.export.listing import ADDRESS
from pixivcrawl.exchange.export.tokens import in_japan
from pixivcrawl.folding import plain
from pixivcrawl.ledger.queries.exported import ExportedWork
from pixivcrawl.ledger.queries.files import KeptFile

RIGHT_TO_LEFT = 1
"""Pixiv's `bookStyle` of a manga whose pages turn from right to left; 2 is left to right, 0 and None do not say."""

_RATINGS = ("Everyone", "R18+", "R18+")
"""By pixiv's xRestrict: all ages, R-18, R-18G."""

_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A work and its pages in the book."""

    work: ExportedWork
    pages: Sequence[KeptFile]


def document(chapters: Sequence[Chapter], *, is_series: bool) -> bytes:
    """The ComicInfo.xml of a book, for one work or a whole series."""
    first = chapters[0].work
    of_series = first.series.title if first.series is not None else None
    created = in_japan(first.facts["created"])
    root = ElementTree.Element("ComicInfo")
    told: dict[str, object] = {
        "Title": of_series if is_series else first.facts["title"],
        "Series": of_series,
        "Number": first.series.position if first.series is not None and not is_series else None,
        "Summary": None if is_series else as_text(first.facts["caption"]),
        "Year": created.year if created is not None else None,
        "Month": created.month if created is not None else None,
        "Day": created.day if created is not None else None,
        "Writer": first.artist["name"] if first.artist is not None else None,
        "Publisher": "pixiv",
        # A comma parts them.
        "Tags": ", ".join(tag.replace(",", " ") for tag in _tags(chapters)),
        "Web": " ".join(ADDRESS.format(chapter.work.id) for chapter in chapters),
        "PageCount": sum(len(chapter.pages) for chapter in chapters),
        "Manga": manga(first),
        "AgeRating": age_rating(chapters),
    }
    for name, value in told.items():
        if value not in (None, ""):
            ElementTree.SubElement(root, name).text = _NO_XML.sub("", str(value))
        if name == "AgeRating":
            root.append(_pages(chapters))
    ElementTree.indent(root)
    encoded: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return encoded + b"\n"


def manga(work: ExportedWork) -> str:
    if work.facts["book_style"] == RIGHT_TO_LEFT:
        return "YesAndRightToLeft"
    return "Yes" if work.facts["kind"] == "manga" else "No"


def age_rating(chapters: Sequence[Chapter]) -> str:
    """The strictest rating; Unknown if pixiv gave none for a work."""
    ratings = [chapter.work.facts["x_restrict"] for chapter in chapters]
    known = [rating for rating in ratings if rating in range(len(_RATINGS))]
    if known and max(known) > 0:
        return _RATINGS[max(known)]
    return _RATINGS[0] if len(known) == len(ratings) else "Unknown"


def as_text(caption: str | None) -> str:
    """A caption, which is HTML, as lines of text."""
    lines = (" ".join(line.split()) for line in plain(_BREAK.sub("\n", caption or "")).split("\n"))
    return "\n".join(lines).strip()


def _tags(chapters: Sequence[Chapter]) -> list[str]:
    return list(dict.fromkeys(tag.name for chapter in chapters for tag in chapter.work.tags))


def _pages(chapters: Sequence[Chapter]) -> ElementTree.Element:
    pages = ElementTree.Element("Pages")
    for chapter in chapters:
        for file in chapter.pages:
            told = {"Image": str(len(pages)), "Type": "FrontCover" if len(pages) == 0 else "Story"}
            if file is chapter.pages[0] and len(chapters) > 1:
                told["Bookmark"] = _NO_XML.sub("", chapter.work.facts["title"] or str(chapter.work.id))
            for name, value in (("ImageSize", file.bytes), ("ImageWidth", file.width), ("ImageHeight", file.height)):
                if value is not None:
                    told[name] = str(value)
            ElementTree.SubElement(pages, "Page", told)
    return pages
