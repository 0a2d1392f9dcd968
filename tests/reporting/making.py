"""An archive with news of every kind, and reports of it in every form."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from pixivcrawl.items import Tag
from pixivcrawl.ledger.queries.reports import Span
from pixivcrawl.ledger.updates import (
    begin_crawl,
    end_crawl,
    record_artwork,
    record_file_failed,
    record_listing,
    record_unavailable,
    record_user_name,
    record_work_failed,
)
from pixivcrawl.reporting.collect import Limits, News, Place, gather
from pixivcrawl.reporting.json_report import document
from pixivcrawl.reporting.page import PicturesShown, page
from pixivcrawl.reporting.text import LIMITS, report_lines
from tests.ledger.making import DAY, NOW, SECOND, an_artwork, an_original, archived, store

WEEK = Span(NOW - DAY, NOW + 6 * DAY)
PLACE = Place(Path("/archive"), free=10**12, disk_low=10**9)


def news_of_every_kind(connection: Connection) -> None:
    """Works 1 to 6 of artists 7 and 8: revised, reworded, gone, back, failed, without a file; an artist renamed; a list that fails."""
    crawl = begin_crawl(connection, "user", {"id": [7]}, NOW)
    record_listing(connection, crawl.crawl_id, range(1, 8), None, NOW)
    archived(connection, 1, pages=2)
    archived(connection, 2)
    archived(connection, 4)
    record_artwork(connection, an_artwork(3, user_id=8, user_name="other"), NOW)
    record_artwork(connection, an_artwork(1, 2, SECOND), NOW + DAY)
    store(connection, an_original(1, 0, SECOND))
    record_artwork(connection, an_artwork(2, title="new words", tags=(Tag("one"),)), NOW + DAY)
    record_unavailable(connection, 4, "gone", "404", NOW + DAY)
    record_unavailable(connection, 3, "gone", "404", NOW + DAY)
    record_artwork(connection, an_artwork(3, user_id=8, user_name="other"), NOW + 2 * DAY)
    record_user_name(connection, 8, "another", NOW + 2 * DAY)
    record_artwork(connection, an_artwork(6), NOW + 2 * DAY)
    record_file_failed(connection, an_original(6), "damaged: cut short", NOW + 2 * DAY)
    record_work_failed(connection, 5, "HTML where JSON is due", NOW + 2 * DAY)
    ended = {"read_to_end": True, "reason": "why", "counts": {"files_stored": 5, "api_requests": 7, "lists_failed": 1}}
    for number in range(3):
        end_crawl(
            connection, crawl.crawl_id, outcome="finished with failures", exit_code=1, now=NOW + DAY * number, **ended
        )
        crawl = begin_crawl(connection, "user", {"id": [7]}, NOW + DAY * (number + 1))
    end_crawl(connection, crawl.crawl_id, outcome="finished with failures", exit_code=1, now=NOW + 4 * DAY, **ended)


def news(connection: Connection, limits: Limits = LIMITS, span: Span = WEEK, place: Place = PLACE) -> News:
    return gather(connection, place, span, NOW + 6 * DAY, limits)


def as_text(connection: Connection, **options: Any) -> str:
    return "\n".join(report_lines(news(connection, **options)))


def as_html(connection: Connection, **options: Any) -> str:
    return "".join(page(news(connection, **options), PicturesShown(here={1})))


def as_json(connection: Connection) -> str:
    return "".join(document(connection, PLACE, WEEK, NOW + timedelta(days=6)))


def parsed(connection: Connection) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(as_json(connection))
    return told
