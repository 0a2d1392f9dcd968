"""`scrapy status`: what the ledger holds, fit for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from pixivcrawl.commands.status import artist_line, crawl_line, missing_line, unavailable_line
from pixivcrawl.ledger import queries

NASTY = "\x1b[2J\u202ea\u2028\nb\x00" * 1000


def test_no_line_holds_what_a_terminal_acts_on() -> None:
    now = datetime.now(UTC)
    lines = [
        artist_line(queries.ArtistStatus(11, NASTY, "available", 1, 1, 0, 0, 1, 1)),
        missing_line(queries.Missing(1, 0, "image", NASTY, 1, now)),
        unavailable_line(queries.Unavailable(1, 11, NASTY, "gone", NASTY, now, 0)),
        crawl_line(queries.CrawlRecord(1, "search", {"word": NASTY}, now, now, "complete", 0, NASTY, 0, {}, ())),
    ]
    assert all(line.isprintable() and len(line) < 400 for line in lines)
