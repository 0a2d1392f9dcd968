"""Tags, series, rankings, bookmarks and requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection

from pixivcrawl.gallery.pages.keys import as_text, pair
from pixivcrawl.gallery.pages.people import owners
from pixivcrawl.gallery.pages.works import shown_of
from pixivcrawl.gallery.request import NotFound, Page, PageRequest
from pixivcrawl.index.search import WorksQuery
from pixivcrawl.ledger.queries.browsing import lists
from pixivcrawl.ledger.queries.browsing.people import people
from pixivcrawl.ledger.queries.browsing.works import Card, cards, translated, translations_of_tag

A_PAGE = 60
TAGS_A_PAGE = 100


def tags(connection: Connection, asked: PageRequest) -> Page:
    """The tags, those with the most works first."""
    subjects, older = asked.index.tags(before=asked.query.get("before"), limit=TAGS_A_PAGE)
    named = [subject for subject in subjects if subject.name is not None]
    texts = translated(connection, [str(subject.name) for subject in named])
    return Page(
        "tags.html",
        {"tags": named, "translated": texts, "older": f"/tags?before={older}" if older else None},
    )


def tag(connection: Connection, asked: PageRequest) -> Page:
    """A tag in every known language, and its works."""
    name = asked.path["name"]
    texts = translations_of_tag(connection, name)
    shown = shown_of(connection, asked, WorksQuery(tags=(name,), filter=asked.query.get("filter")))
    if texts is None and not shown["count"]:
        raise NotFound(f"tag {name[:60]}")
    return Page("tag.html", {"name": name, "translations": texts or [], **shown})


def series(connection: Connection, asked: PageRequest) -> Page:
    """A series, in its own order."""
    series_id = asked.number("id")
    facts = lists.facts_of_series(connection, series_id)
    if facts is None:
        raise NotFound(f"series {series_id}")
    places = lists.works_of_series(connection, series_id, pair(asked, "after") or (0, 0), A_PAGE)
    ending = as_text((places[-1].position, places[-1].artwork_id)) if len(places) == A_PAGE else None
    return Page(
        "series.html",
        {
            "series": facts,
            **_shown(connection, places),
            "older": f"/series/{series_id}?after={ending}" if ending else None,
        },
    )


def rankings(connection: Connection, asked: PageRequest) -> Page:
    """Every known ranking."""
    return Page("rankings.html", {"rankings": lists.rankings(connection)})


def ranking(connection: Connection, asked: PageRequest) -> Page:
    """A ranking of one day, with the works that are in the archive."""
    mode, date, content = asked.path["mode"], asked.path["date"], asked.query.get("content", "all")
    places = lists.ranking_of(connection, mode, content, date, pair(asked, "after") or (0, 0), A_PAGE)
    known, here = lists.ranked(connection, mode, content, date)
    if not known:
        raise NotFound(f"ranking {mode[:40]} of {date[:40]}")
    dates = {
        "earlier": lists.ranking_date(connection, mode, content, date, later=False),
        "later": lists.ranking_date(connection, mode, content, date, later=True),
    }
    ending = as_text((places[-1].rank, places[-1].artwork_id)) if len(places) == A_PAGE else None
    path = f"/rankings/{quote(mode, safe='')}"
    of_content = f"?content={quote(content, safe='')}"
    return Page(
        "ranking.html",
        {
            "mode": mode,
            "content": content,
            "date": date,
            "known": known,
            "here": here,
            **{name: (found, f"{path}/{found}{of_content}") if found else None for name, found in dates.items()},
            **_shown(connection, places),
            "older": f"{path}/{date}{of_content}&after={ending}" if ending else None,
        },
    )


def bookmark_owners(connection: Connection, asked: PageRequest) -> Page:
    """The people whose bookmarks are known."""
    return owners(connection, lists.bookmark_owners(connection, asked.whole("after", 0)), "bookmarks")


def bookmarks(connection: Connection, asked: PageRequest) -> Page:
    """A person's bookmarks with their own tags."""
    user_id = asked.number("id")
    places = lists.bookmarks_of(connection, user_id, pair(asked, "before"), A_PAGE)
    person = people(connection, [user_id]).get(user_id)
    if person is None and not places:
        raise NotFound(f"person {user_id}")
    ending = as_text((places[-1].place, places[-1].artwork_id)) if len(places) == A_PAGE else None
    return Page(
        "bookmarks.html",
        {
            "id": user_id,
            "name": person.name if person is not None else None,
            **_shown(connection, places),
            "older": f"/bookmarks/{user_id}?before={ending}" if ending else None,
        },
    )


def requests(connection: Connection, asked: PageRequest) -> Page:
    """Requests to artists, the latest first."""
    before = asked.whole("before", 0)
    shown = lists.requests_before(connection, before or None, A_PAGE)
    older = f"/requests?before={shown[-1].id}" if len(shown) == A_PAGE else None
    return Page("requests.html", {"requests": shown, "older": older})


def _shown(connection: Connection, places: Sequence[Any]) -> dict[str, list[Card] | list[Any] | Mapping[int, Any]]:
    """Cards of a list's works, their places on it by id, and the places of unknown works."""
    found = cards(connection, [place.artwork_id for place in places])
    known = {card.work_id for card in found}
    return {
        "cards": found,
        "listed": {place.artwork_id: place for place in places},
        "unknown": [place for place in places if place.artwork_id not in known],
    }
