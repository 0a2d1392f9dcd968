"""`export cbz`: comics, one for each work or series, whose pages are the originals byte for byte."""

from __future__ import annotations

import argparse
import hashlib
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pixivcrawl.api.text import plural, quoted
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.batched import batched
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.exchange.export.choice import WORKS_AT_ONCE, Result, Selection
from pixivcrawl.exchange.export.comicinfo import Chapter, document
from pixivcrawl.exchange.export.folder import Planned, opened
from pixivcrawl.exchange.export.templates import Template, read_template
from pixivcrawl.exchange.export.tokens import in_japan
from pixivcrawl.exchange.export.writing import pieces
from pixivcrawl.ledger.queries.exported import ExportedWork, exported_works

WORK = "{user} ({user_id})/{title} ({id})"
SERIES = f"{{user}} ({{user_id}})/{{if series_id}}{{series}} ({{series_id}}){{else}}{WORK.partition('/')[2]}{{end}}"
"""The default template for the names of books."""

EARLIEST, LATEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
"""The times that a zip can tell."""

UNPLACED = 2**31
"""Works whose place in a series is not known come last."""


def export(selection: Selection, target: Path, options: argparse.Namespace) -> Result:
    """Update the books from the ledger."""
    if options.by not in (None, "series"):
        raise ConfigurationError(
            f"--by {quoted(options.by)}: books are by series, or of each work where it is left out"
        )
    by_series = options.by is not None
    template = read_template(options.name or (SERIES if by_series else WORK), of_files=False, ending=".cbz")
    result, books = Result(), Books(selection, template, by_series=by_series)
    with opened(target, "cbz") as folder:
        folder.plan(books.planned())
        difference = folder.bring_in_line(lambda first, _, place: books.write(first, place), result)
    result.lines += [f"{target}: {difference}", *books.lacking()]
    return result


class Books:
    """The books of a selection; each is identified by the id of its first work."""

    def __init__(self, selection: Selection, template: Template, *, by_series: bool) -> None:
        self._selection, self._template, self._by_series = selection, template, by_series
        self._series: dict[int, list[int]] = {}
        self._work = selection.one_by_one()
        self._pageless, self._partial = 0, 0

    def planned(self) -> Iterator[Planned]:
        """Every book: first those of single works, then those of series."""
        series: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for work in self._selection.works():
            chapter = chapter_of(work)
            self._pageless += not chapter.pages
            self._partial += 0 < len(chapter.pages) < (work.facts["page_count"] or 0)
            if not chapter.pages:
                continue
            if self._by_series and work.series is not None:
                series[work.series.id].append((work.series.position or UNPLACED, work.id))
            else:
                yield self._planned([chapter], is_series=False)
        for _, works in sorted(series.items()):
            ids = [work_id for _, work_id in sorted(works)]
            self._series[ids[0]] = ids
            yield self._planned(self._chapters(ids[0]), is_series=True)

    def _planned(self, chapters: Sequence[Chapter], *, is_series: bool) -> Planned:
        told = hashlib.sha256(document(chapters, is_series=is_series))
        for file in (file for chapter in chapters for file in chapter.pages):
            told.update(f"{file.sha256} {file.extension}".encode())
        first = chapters[0].work
        return Planned(self._template.path(first), first.id, "book", told.hexdigest(), f"{first.id} book")

    def _chapters(self, first: int) -> list[Chapter]:
        ids = self._series.get(first)
        if ids is None:
            return [chapter_of(self._work(first))]
        read = self._selection.ledger.read_now
        works = [work for some in batched(ids, WORKS_AT_ONCE) for work in read(exported_works, some)]
        by_id = {work.id: work for work in works}
        return [chapter_of(by_id[work_id]) for work_id in ids]

    def write(self, first: int, place: Path) -> None:
        """Write one book without compression, with the same bytes each time. Raises Differs and StorageFailed."""
        chapters = self._chapters(first)
        moment = time_in_zip(in_japan(chapters[0].work.facts["uploaded"]))
        with storage_errors(place), zipfile.ZipFile(place, "x") as book:
            book.writestr(_member("ComicInfo.xml", moment), document(chapters, is_series=first in self._series))
            pages = [file for chapter in chapters for file in chapter.pages]
            for number, file in enumerate(pages, 1):
                with book.open(_member(f"{number:04}.{file.extension}", moment), "w") as page:
                    for piece in pieces(self._selection.archive, file):
                        page.write(piece)

    def lacking(self) -> Iterator[str]:
        """What the books do not contain, one line each."""
        if self._pageless:
            yield f"{plural(self._pageless, 'work')} without a page, as ugoira are, or with none of them here"
        if self._partial:
            yield f"{plural(self._partial, 'work')} of which not every page is here: pixivcrawl status --missing says why"


def chapter_of(work: ExportedWork) -> Chapter:
    return Chapter(work, [file for file in work.current_files if file.kind == "image"])


def time_in_zip(moment: datetime | None) -> tuple[int, int, int, int, int, int]:
    """A time as a zip stores it, without a zone."""
    if moment is None:
        return EARLIEST
    told = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return min(max(told, EARLIEST), LATEST)


def _member(name: str, moment: tuple[int, int, int, int, int, int]) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, moment)
    # As on every system, and readable.
    member.create_system, member.external_attr = 3, 0o644 << 16
    return member
