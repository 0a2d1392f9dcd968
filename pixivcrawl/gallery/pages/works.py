"""The grid of works: search, filters, order, pages by key, and the jump to a month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, get_args
from urllib.parse import urlencode

from sqlalchemy import Connection

from pixivcrawl.api.text import one_line, quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.request import JsonData, Page, PageRequest, Redirect
from pixivcrawl.index.schema import NamedKind
from pixivcrawl.index.search import Rating, Sort, WorksQuery, days_of, parse
from pixivcrawl.items import Kind
from pixivcrawl.ledger.queries.browsing.works import Card, cards

A_PAGE = 60

COUNTED_TO = 10_000

COMPLETIONS = 12

LONGEST_BOX = 1_000

JAPAN = timezone(timedelta(hours=9))

_FIELDS = ("kind", "rating", "ai", "pages", "bookmarks", "date", "is", "sort")
"""What the form has a field for, beside the saved filter; the words, tags and the artist stand in its box."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A page of works: what is shown, what is hidden, and the addresses of the neighbouring pages."""

    cards: Sequence[Card]
    hidden: int
    newer: str | None
    older: str | None
    looked_back_to: Card | None


def works(connection: Connection, asked: PageRequest) -> Page | Redirect:
    """The works that the address asks for."""
    if "form" in asked.query:
        return Redirect(address_of(_of_form(asked)))
    query = query_of(asked)
    if "at" in asked.query:
        return Redirect(address_of(query, before=_key_of_month(asked, query)))
    values = shown_of(connection, asked, query) | {
        "behind": asked.index.behind(),
        "months": asked.index.months(),
        "unfiltered": address_of(replace(query, filter="none")),
        "box": replace(
            WorksQuery(), words=query.words, tags=query.tags, without_tags=query.without_tags, artist=query.artist
        ).text(),
        "kinds": get_args(Kind),
        "ratings": get_args(Rating),
        "sorts": get_args(Sort),
        "saved": asked.index.saved,
    }
    return Page("works.html", values)


def complete(_connection: Connection, asked: PageRequest) -> JsonData:
    """Completions of the last word in the box, as OpenSearch suggestions, each with the whole text."""
    text = asked.query.get("q", "")[:LONGEST_BOX]
    head, space, last = text.rpartition(" ")
    begun = last.removeprefix("-").removeprefix("#").removeprefix("user:")
    kinds: tuple[NamedKind, ...] = ("tag", "artist")
    if last.startswith(("#", "-#")):
        kinds = ("tag",)
    elif last.startswith("user:"):
        kinds = ("artist",)
    found = asked.index.complete(begun, kinds, COMPLETIONS)
    texts, words = [], []
    for each in found:
        part = (
            replace(WorksQuery(), tags=(each.now or each.name,))
            if each.kind == "tag"
            else WorksQuery(artist=str(each.id))
        )
        minus = "-" if last.startswith("-") and each.kind == "tag" else ""
        texts.append(f"{head}{space}{minus}{part.text()}")
        also = f" ({each.now})" if each.now and each.now != each.name else ""
        words.append(one_line(f"{each.name}{also} · {each.works:,}", LONGEST_BOX))
    return JsonData([text, texts, words])


def query_of(asked: PageRequest, name: str = "q") -> WorksQuery:
    """The query in a part of the address. Raises ConfigurationError."""
    text = asked.query.get(name, "")
    if len(text) > LONGEST_BOX:
        raise ConfigurationError(f"a search of {len(text):,} characters is longer than {LONGEST_BOX:,}: shorten it")
    return parse(text)


def address_of(query: WorksQuery, **more: str | None) -> str:
    """The one address of a query."""
    parts = {"q": query.text() or None} | more
    told = urlencode({name: value for name, value in parts.items() if value is not None})
    return f"/works?{told}" if told else "/works"


def shown_of(connection: Connection, asked: PageRequest, query: WorksQuery) -> dict[str, Any]:
    """What every page with search results shows: a page of works, their number, and how many a saved filter leaves out."""
    return {
        "query": query,
        "grid": grid_of(connection, asked, query),
        "count": asked.index.count(query, COUNTED_TO),
        "most": COUNTED_TO,
        "filtered_out": _filtered_out(asked, query),
    }


def grid_of(connection: Connection, asked: PageRequest, query: WorksQuery) -> Grid:
    """A page of works by the keys in the address, without those that the person has hidden, unless requested."""
    page = asked.index.works(query, before=asked.query.get("before"), after=asked.query.get("after"), limit=A_PAGE)
    found = cards(connection, page.ids)
    marks = asked.shelf.marks_of(page.ids) if asked.query.get("hidden") != "shown" else {}
    shown = [card for card in found if card.work_id not in marks or not marks[card.work_id].hidden]
    last = cards(connection, [page.looked_back_to]) if page.looked_back_to is not None else []
    return Grid(shown, len(found) - len(shown), page.newer, page.older, last[0] if last else None)


def _of_form(asked: PageRequest) -> WorksQuery:
    """The query of a form: its box, then its fields, which use the same words."""
    box = query_of(asked)
    told = [
        f"{name}:{''.join(value.split())}"
        for name in _FIELDS
        for value in asked.query.getall(name, [])
        if value.strip()
    ]
    query = parse(f"{box.text()} {' '.join(told)}")
    return replace(query, filter=asked.query.get("filter") or query.filter)


def _key_of_month(asked: PageRequest, query: WorksQuery) -> str | None:
    """The key of a month's newest works; ids are in order of time. Raises ConfigurationError."""
    month = asked.query["at"]
    try:
        last = days_of(month).last
    except ValueError:
        raise ConfigurationError(f"at={quoted(month, 40)} is not a month: write it as 2021-05") from None
    end = datetime(last.year, last.month, last.day, tzinfo=JAPAN).timestamp() + 86400
    by_time = f"{int(end)}.0"
    if query.sort != "new":
        return by_time
    first = asked.index.works(WorksQuery(sort="uploaded", filter="none"), before=by_time, limit=1).ids
    return str(first[0] + 1) if first else "0"


def _filtered_out(asked: PageRequest, query: WorksQuery) -> int | None:
    """How many works a saved filter leaves out; None if there are too many to count."""
    hidden = asked.index.hidden(query, COUNTED_TO)
    return None if hidden > COUNTED_TO else hidden
