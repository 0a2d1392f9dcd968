"""A work's history: its former texts, and its former images beside the later ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from pixivcrawl.gallery.differences import Piece, caption_pieces, pieces, tag_pieces
from pixivcrawl.gallery.request import NotFound, Page, PageRequest
from pixivcrawl.ledger.queries.browsing import history as former
from pixivcrawl.ledger.queries.browsing import works
from pixivcrawl.ledger.queries.browsing.history import FormerValue, Revision
from pixivcrawl.ledger.queries.browsing.works import Picture

CHANGES_A_PAGE = 50
PAIRS_A_PAGE = 20

_TEXTS = ("title", "translated_title", "comment", "webpage")
_CAPTIONS = ("caption", "translated_caption")


@dataclass(frozen=True, slots=True)
class Change:
    """A change with both values merged in pieces; for a field that is not text, `pieces` is None and both are shown whole."""

    field: str
    was: Any
    now: Any
    since: Any
    seen: Any
    pieces: list[Piece] | None


@dataclass(frozen=True, slots=True)
class RevisionShown:
    """A revision with the first of its pictures in the archive."""

    revision: Revision
    picture: Picture | None


@dataclass(frozen=True, slots=True)
class Pair:
    """A page (from 1) in two revisions; None for one that is not in the archive."""

    page: int
    before: Picture | None
    after: Picture | None

    @property
    def is_same(self) -> bool:
        return self.before is not None and self.after is not None and self.before.sha256 == self.after.sha256


def history(connection: Connection, asked: PageRequest) -> Page:
    """All known changes of a work, latest first, its revisions, and its tombstone."""
    work = _work(connection, asked)
    start = asked.whole("from", 0)
    changes = former.changes_of_work(connection, work.id)
    shown = [compared(each) for each in changes[start : start + CHANGES_A_PAGE]]
    revisions = former.revisions_of_work(connection, work.id)
    names = former.names_of_users(connection, [work.user_id]).get(work.user_id, []) if work.user_id else []
    return Page(
        "history.html",
        {
            "work": work,
            "changes": shown,
            "newer": _from(work, start - CHANGES_A_PAGE) if start else None,
            "older": _from(work, start + CHANGES_A_PAGE) if len(changes) > start + CHANGES_A_PAGE else None,
            "revisions": [_shown(connection, work.id, each) for each in revisions],
            "names": names,
        },
    )


def revisions(connection: Connection, asked: PageRequest) -> Page:
    """Two revisions of a work's images side by side: those in the address, or the last two."""
    work = _work(connection, asked)
    known = [each.revision for each in former.revisions_of_work(connection, work.id)]
    after = asked.query.get("b", known[0] if known else "")
    before = asked.query.get("a", next((each for each in known if each < after), after))
    for revision in (before, after):
        if known and revision not in known:
            raise NotFound(f"revision {revision[:40]} of work {work.id}")
    first = asked.whole("page", 1, least=1) - 1
    sides = [
        _by_page(works.pictures_at(connection, work.id, each, first, PAIRS_A_PAGE + 1)) for each in (before, after)
    ]
    numbers = sorted({*sides[0], *sides[1]})
    pairs = [Pair(number + 1, sides[0].get(number), sides[1].get(number)) for number in numbers]
    chosen = f"/works/{work.id}/revisions?a={before}&b={after}"
    return Page(
        "revisions.html",
        {
            "work": work,
            "revisions": known,
            "before": before,
            "after": after,
            "pairs": [each for each in pairs if each.page <= first + PAIRS_A_PAGE],
            "newer": f"{chosen}&page={max(1, first + 1 - PAIRS_A_PAGE)}" if first else None,
            "older": f"{chosen}&page={first + 1 + PAIRS_A_PAGE}"
            if pairs and pairs[-1].page > first + PAIRS_A_PAGE
            else None,
        },
    )


def compared(change: FormerValue) -> Change:
    """A change, prepared for display."""
    found = None
    if change.field == "tags":
        found = tag_pieces(change.was or [], change.now or [])
    elif change.field in _CAPTIONS:
        found = caption_pieces(change.was or "", change.now or "")
    elif change.field in _TEXTS:
        found = pieces(change.was or "", change.now or "")
    return Change(change.field, change.was, change.now, change.since, change.seen, found)


def _work(connection: Connection, asked: PageRequest) -> Row[Any]:
    work_id = asked.number("id")
    if (work := works.facts_of_work(connection, work_id)) is None:
        raise NotFound(f"work {work_id}")
    return work


def _from(work: Row[Any], start: int) -> str:
    return f"/works/{work.id}/history?from={max(0, start)}"


def _shown(connection: Connection, work_id: int, revision: Revision) -> RevisionShown:
    return RevisionShown(
        revision, next(iter(works.pictures_at(connection, work_id, revision.revision, limit=10)), None)
    )


def _by_page(pictures: list[Picture]) -> dict[int, Picture]:
    return {each.page: each for each in pictures}
