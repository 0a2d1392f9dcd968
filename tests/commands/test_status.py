"""`pixivcrawl status`: what the ledger holds, fit for a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.commands.status import artist_line, crawl_line, missing_line, unavailable_line
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from tests.commands.typing_in import type_in

NASTY = "\x1b[2J\u202ea\u2028\nb\x00" * 1000


def test_no_line_holds_what_a_terminal_acts_on() -> None:
    now = datetime.now(UTC)
    lines = [
        artist_line(queries.ArtistStatus(11, NASTY, "available", 1, 1, 0, 0, 1, 1)),
        missing_line(queries.Missing(1, 0, "image", NASTY, 1, now)),
        unavailable_line(queries.Unavailable(1, 11, NASTY, "gone", NASTY, now, 0)),
        crawl_line(queries.CrawlRecord(1, 1, "search", {"word": NASTY}, now, now, "complete", 0, NASTY, 0, {}, 901)),
    ]
    assert all(line.isprintable() and len(line) < 400 for line in lines)


def test_a_run_without_an_end_is_under_way_or_broke_off(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    archive.create()

    def last_run() -> str:
        return next(line for line in type_in("status", archive=tmp_path).out.splitlines() if " user id=" in line)

    ledger = Ledger.open(f"sqlite:///{archive.database}")
    with lock(archive, "crawl user"):
        ledger.write_now(updates.begin_crawl, "user", {"id": [11]}, datetime.now(UTC))
        assert "user id=11: under way; " in last_run()
    ledger.close()
    assert "user id=11: broke off (killed, or the disk or the ledger failed); " in last_run()
