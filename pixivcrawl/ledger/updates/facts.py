"""What one answer says, recorded at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from pixivcrawl.items import Facts
from pixivcrawl.ledger.updates.bookmarks import record_bookmarks, record_masked
from pixivcrawl.ledger.updates.comments import record_comments
from pixivcrawl.ledger.updates.follows import record_follows
from pixivcrawl.ledger.updates.people import record_user
from pixivcrawl.ledger.updates.rankings import record_ranking
from pixivcrawl.ledger.updates.requests import record_requests
from pixivcrawl.ledger.updates.series import record_series
from pixivcrawl.ledger.updates.tags import record_tag_translations
from pixivcrawl.ledger.updates.works import ArtworkUpdate, record_artworks, record_rows


@dataclass(frozen=True, slots=True)
class FactsUpdate:
    """What `record_facts` takes."""

    facts: Facts
    now: datetime


def record_facts(connection: Connection, facts: Facts, now: datetime) -> int:
    """Record what an answer says about works, people and lists. Returns how many of its comments are new."""
    (new_comments,) = record_all_facts(connection, [FactsUpdate(facts, now)])
    return new_comments


def record_all_facts(connection: Connection, learned: Sequence[FactsUpdate]) -> list[int]:
    """`record_facts` for each; works' own pages cost less together."""
    told = [(artwork, each.now) for each in learned for artwork in each.facts.artworks if artwork.detail == "full"]
    if told:
        record_artworks(connection, [ArtworkUpdate(artwork, now) for artwork, now in told])
    return [_record(connection, each.facts, each.now) for each in learned]


def _record(connection: Connection, facts: Facts, now: datetime) -> int:
    for user in facts.users:
        record_user(connection, user, now)
    if facts.masked:
        record_masked(connection, {work.work_id: work.reason for work in facts.masked}, now)
    if rows := [artwork for artwork in facts.artworks if artwork.detail == "listing"]:
        record_rows(connection, rows, now)
    record_bookmarks(connection, facts.bookmarks, now)
    record_follows(connection, facts.follows, {}, now)
    record_ranking(connection, facts.rankings, now)
    record_series(connection, facts.series, facts.places, now)
    if facts.requests:
        record_requests(connection, facts.requests, now)
    if facts.translations:
        texts: dict[str, dict[str, str | None]] = defaultdict(dict)
        for translation in facts.translations:
            texts[translation.tag][translation.language] = translation.text
        record_tag_translations(connection, texts, now)
    return record_comments(connection, facts.comments, now) if facts.comments else 0
