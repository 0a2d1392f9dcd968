"""One work: its pages, texts, facts, and files with their proof."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from pixivcrawl.archive.stores import sha256_of_pieces, store_of
from pixivcrawl.gallery.pages.works import query_of
from pixivcrawl.gallery.request import NotFound, Page, PageRequest
from pixivcrawl.ledger.queries.browsing import works
from pixivcrawl.ledger.queries.browsing.history import changes_of_work, revisions_of_work
from pixivcrawl.ledger.queries.browsing.proof import files_of_work

A_PAGE = 50
"""Pages of a work that stand on one page of the gallery; a work may have 10,000."""


def work(connection: Connection, asked: PageRequest) -> Page:
    """A work, with its neighbours in the search from which it was opened."""
    work_id = asked.number("id")
    facts = works.facts_of_work(connection, work_id)
    if facts is None:
        raise NotFound(f"work {work_id}")
    total = works.page_total(connection, work_id)
    first = asked.whole("from", 1, least=1, most=max(1, total)) - 1
    query = query_of(asked, "in")
    newer, older = asked.index.neighbours(query, work_id)
    values: dict[str, Any] = {
        "work": facts,
        "pages": works.pages_of_work(connection, work_id, first, A_PAGE),
        "first": first,
        "total": total,
        "a_page": A_PAGE,
        "tags": works.tags_of_works(connection, [work_id]).get(work_id, []),
        "series": works.series_place(connection, work_id, facts.series_id) if facts.series_id else None,
        "files": files_of_work(connection, work_id, first, A_PAGE),
        "revisions": revisions_of_work(connection, work_id),
        "changes": changes_of_work(connection, work_id),
        "mark": asked.shelf.mark_of(work_id),
        "searched": query.text(),
        "newer": newer,
        "older": older,
    }
    return Page("work.html", values)


def check(connection: Connection, asked: PageRequest) -> Page:
    """Read the files of a work now and compare each with its stored SHA-256; changes nothing."""
    work_id = asked.number("id")
    facts = works.facts_of_work(connection, work_id)
    if facts is None:
        raise NotFound(f"work {work_id}")
    first = asked.whole("from", 1, least=1) - 1
    files = files_of_work(connection, work_id, first, A_PAGE)
    return Page("check.html", {"work": facts, "checked": [(file, _found(asked, file)) for file in files]})


def _found(asked: PageRequest, file: Any) -> str:
    """`same`, `differs`, or `missing`."""
    try:
        found = sha256_of_pieces(store_of(asked.archive).read(file.path or ""))
    except OSError:
        return "missing"
    return "same" if found == file.sha256 else "differs"
