"""The reader: a work page by page, in double pages, or as a strip; without script by plain links."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import Connection

from pixivcrawl.gallery.request import NotFound, Page, PageRequest
from pixivcrawl.ledger.queries.browsing import works

View = Literal["single", "double", "strip"]

STRIP = 50
"""Pages of one strip; a work may have 10,000."""

CHOICES: dict[str, dict[str, Any]] = {
    "single": {"view": "single"},
    "double": {"view": "double", "shift": 0},
    "shifted": {"view": "double", "shift": 1},
    "strip": {"view": "strip"},
    "rtl": {"dir": "rtl"},
    "ltr": {"dir": "ltr"},
}
"""What a person can choose, and what it changes in the address."""

RIGHT_TO_LEFT = 1
"""Pixiv's `bookStyle` of a manga whose pages turn from right to left; 2 is left to right, 0 and None do not say."""


def read(connection: Connection, asked: PageRequest) -> Page:
    """The pages of a work that are shown together, beginning with the one in the address."""
    work_id = asked.number("id")
    work = works.facts_of_work(connection, work_id)
    if work is None:
        raise NotFound(f"work {work_id}")
    total = works.page_total(connection, work_id)
    own = ("rtl", "ltr") if work.book_style == RIGHT_TO_LEFT else ("ltr", "rtl")
    chosen: dict[str, Any] = {
        "dir": asked.one_of("dir", own),
        "view": asked.one_of("view", ("single", "double", "strip")),
        "shift": asked.whole("shift", 0, most=1),
    }
    page = asked.whole("page", 1, least=1)
    if page > total:
        raise NotFound(f"page {page} of work {work_id}")
    seen = together(page, total, chosen["view"], chosen["shift"])
    shown = works.pages_of_work(connection, work_id, seen[0] - 1, len(seen))

    def address(number: int, **choice: Any) -> str:
        told = chosen | choice
        written = [f"page={number}", *(f"{name}={told[name]}" for name in ("dir", "view", "shift"))]
        return f"/works/{work_id}/read?{'&'.join(written)}"

    before = together(seen[0] - 1, total, chosen["view"], chosen["shift"])[0] if seen[0] > 1 else None
    after = seen[-1] + 1 if seen[-1] < total else None
    return Page(
        "reader.html",
        {
            "work": work,
            "total": total,
            "seen": seen,
            "pages": shown,
            "chosen": chosen,
            "before": address(before) if before is not None else None,
            "after": address(after) if after is not None else None,
            "first": address(1),
            "last": address(total),
            "choices": {name: address(seen[0], **choice) for name, choice in CHOICES.items()},
        },
    )


def together(page: int, total: int, view: View, shift: int) -> range:
    """The pages (from 1) that are shown together with one; with a shift, the first stands alone like a cover."""
    if view == "single":
        return range(page, page + 1)
    if view == "strip":
        first = page - (page - 1) % STRIP
        return range(first, min(first + STRIP, total + 1))
    first = page - (page - 1 + shift) % 2
    return range(max(first, 1), min(first + 2, total + 1))
