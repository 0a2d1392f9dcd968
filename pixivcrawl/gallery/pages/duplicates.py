"""Pages with the same bytes, and pictures that look alike, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast, get_args
from urllib.parse import urlencode

from sqlalchemy import Connection

from pixivcrawl.api.text import quoted
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.gallery.request import LARGEST_NUMBER, Page, PageRequest
from pixivcrawl.index.duplicates import Show
from pixivcrawl.index.schema import digest_of
from pixivcrawl.ledger.queries.browsing.people import people
from pixivcrawl.ledger.queries.browsing.works import Card, Picture, cards, pictures_in

GROUPS_A_PAGE = 12

MOST_OF_GROUP = 24
"""Pictures of a group that are shown: those of the newest works."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A group: its pictures with their works, whether all have the same bytes, and how many more pages there are."""

    pictures: list[tuple[Picture, Card]]
    same_bytes: bool
    more: int


def duplicates(connection: Connection, asked: PageRequest) -> Page:
    """Groups of pictures, of all artists or only those with a picture by one artist."""
    show = cast("Show", asked.one_of("show", get_args(Show)))
    of = asked.one_of("of", ("pages", "works"))
    artist = asked.whole("artist", 0, most=LARGEST_NUMBER) or None
    groups, last = asked.index.duplicates(
        show, artist=artist, across_works=of == "works", after=_after(asked), limit=GROUPS_A_PAGE
    )
    shown = {digest for group in groups for digest in group.digests}
    places = {place for group in groups for place in group.places[:MOST_OF_GROUP]}
    pictures = [each for each in pictures_in(connection, places) if digest_of(each.sha256) in shown]
    works = {card.work_id: card for card in cards(connection, sorted({each.work_id for each in pictures}))}
    alike = []
    for group in groups:
        digests, there = set(group.digests), set(group.places[:MOST_OF_GROUP])
        own = [
            (each, works[each.work_id])
            for each in pictures
            if (each.work_id, each.page) in there and digest_of(each.sha256) in digests and each.work_id in works
        ]
        if len(own) > 1:
            alike.append(Alike(own, len({each.sha256 for each, _ in own}) == 1, len(group.places) - len(there)))
    chosen = {"show": show, "of": of} | ({"artist": artist} if artist is not None else {})

    def address(**changes: str | int) -> str:
        return f"/duplicates?{urlencode(chosen | changes)}"

    person = people(connection, [artist]).get(artist) if artist is not None else None
    return Page(
        "duplicates.html",
        {
            "groups": alike,
            "chosen": chosen,
            "address": address,
            "artist": (artist, person.name if person is not None else None) if artist is not None else None,
            "older": address(after=last) if last is not None else None,
            "unseen": asked.index.unseen(),
            "looks_itself": asked.archive.bucket is None,
        },
    )


def _after(asked: PageRequest) -> int:
    """The digest after which the page begins. Raises ConfigurationError."""
    given = asked.query.get("after", str(-(2**63)))
    digits = given.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and -(2**63) <= int(given) < 2**63):
        raise ConfigurationError(f"after={quoted(given, 40)} is not where a page ends: begin with the first one")
    return int(given)
