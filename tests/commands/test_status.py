"""`pixivcrawl status`: what the ledger holds, fit for a terminal."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jsonschema

from benchmarks.building import fill, make_tables
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.hosts import Pace
from pixivcrawl.reader import VISITOR
from pixivcrawl.reporting.status_text import artist_line, crawl_line, missing_line, unavailable_line, why
from pixivcrawl.spiders.user import UserArguments
from tests.commands.typing_in import settings_for, type_in
from tests.test_project import ROOT

SCHEMA = json.loads((ROOT / "docs" / "status.schema.json").read_text())

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
        assert "user id=11: under way" in last_run()
    ledger.close()
    assert "user id=11: ended early (killed, or the disk or the ledger failed)" in last_run()


# At a glance


def an_archive_of(folder: Path, artists: int, works: int) -> Path:
    """`works` archived works of so many artists, some in every state that there is."""
    make_tables(folder)
    of_artists = {1000 + number: UserArguments(id=[1000 + number]).canonical() for number in range(artists)}
    owners = ((work, 1000 + work % artists) for work in range(1, works + 1))
    fill(folder, owners, tags=1, files=1, arguments=of_artists)
    with closing(sqlite3.connect(folder / "archive.sqlite")) as database, database:
        for state, every in STATES.items():
            database.execute(f"UPDATE artworks SET {state} WHERE id % 20 = {every}")
        database.execute("UPDATE files SET state = 'wanted' WHERE artwork_id % 20 = 1")
        database.execute("UPDATE crawl_artworks SET unsettled = true WHERE artwork_id % 20 = 1")
        database.execute(
            "UPDATE files SET state = 'parked', failed_reason = 'cut', next_attempt = ? WHERE artwork_id % 20 = 2",
            LATER,
        )
    return folder


LATER = ("2036-01-01T00:00:00.000000Z",)
STATES = {
    "files_state = 'found', files_stored = 0, bytes_stored = 0": 1,
    "files_state = 'parked', files_stored = 0, bytes_stored = 0": 2,
    "availability = 'gone', unavailable_reason = '404', unavailable_since = '2026-01-01T00:00:00.000000Z'": 3,
    "availability = 'withheld', unavailable_reason = 'R-18, which the account''s settings do not show', withheld_from = 901, "
    "unavailable_since = '2026-01-01T00:00:00.000000Z', files_state = 'found', files_stored = 0, bytes_stored = 0": 4,
    "failed_reason = 'HTML where JSON is due', failed_runs = 1, next_attempt = '2036-01-01T00:00:00.000000Z', files_state = 'parked'": 5,
    "detail = 'listing'": 6,
}


def test_an_archive_of_many_artists_is_told_in_twenty_lines(tmp_path: Path) -> None:
    folder = an_archive_of(tmp_path / "archive", artists=200, works=2_000)
    told = type_in("status", archive=folder).out.splitlines()
    assert len(told) == 20
    assert told[1].startswith("reads as a visitor")
    assert (
        told[2] == "2,000 works of 200 artists: 1,600 complete, 100 to do, 200 waiting after a failure, 100 unavailable"
    )
    text = "\n".join(told)
    assert "artists: 200, the first " in text
    assert "missing: 300: 100 " in text
    assert "(pixivcrawl status --missing)" in text
    assert "100 works from account 901: R-18, which the account's settings do not show: switch on R-18" in text
    everything = type_in("status", "--all", archive=folder).out.splitlines()
    assert sum(line.startswith("  1") and " works, " in line for line in everything) == 200


def test_every_number_is_the_one_that_sql_counts(tmp_path: Path) -> None:
    folder = an_archive_of(tmp_path / "archive", artists=7, works=400)

    def count(what: str) -> int:
        with closing(sqlite3.connect(folder / "archive.sqlite")) as database:
            return int(database.execute(f"SELECT {what}").fetchone()[0] or 0)

    works = "count(*) FROM artworks WHERE"
    totals = json_of("status", archive=folder)["totals"]
    assert totals == {
        "artists": count("count(DISTINCT user_id) FROM artworks"),
        "works": count("count(*) FROM artworks"),
        "complete": count(f"{works} files_state = 'complete'"),
        "to_do": count(f"{works} files_state = 'found' AND availability NOT IN ('gone', 'withheld', 'masked')"),
        "parked": count(f"{works} files_state = 'parked' AND availability NOT IN ('gone', 'withheld', 'masked')"),
        "unavailable": count(f"{works} files_state != 'complete' AND availability IN ('gone', 'withheld', 'masked')"),
        "files": count("sum(files_stored) FROM artworks"),
        "bytes": count("sum(bytes_stored) FROM artworks"),
        "forgotten": 0,
        "unasked": 0,
    }
    of_artist = json_of("status", "1003", archive=folder)
    assert of_artist["artist"]["works"] == count(f"{works} user_id = 1003")
    missing = json_of("status", "--missing", archive=folder)
    reasons = {each["reason"]: each["number"] for each in missing["waiting"]}
    assert reasons == {
        None: count("count(*) FROM files WHERE state = 'wanted'"),
        "cut": count("count(*) FROM files WHERE state = 'parked'"),
        "HTML where JSON is due": count(f"{works} failed_reason IS NOT NULL"),
    }
    assert len(missing["missing"]) == sum(reasons.values())


def test_what_is_left_is_timed_by_the_rest_that_the_account_has_learned(tmp_path: Path) -> None:
    """As plans are: pixiv refused this reader a minute ago, and each answer is followed by three times the usual rest since."""
    folder = an_archive_of(tmp_path / "archive", artists=2, works=400)
    settings = settings_for(None, folder, PIXIV_API_DELAY=1.5)
    configuration = Configuration.from_settings(settings)

    def rows() -> dict[str, float]:
        told: dict[str, float] = json_of("status", archive=folder, PIXIV_API_DELAY=1.5)["plan"]["rows"]
        return told

    assert rows() == {"works": 20, "requests": 28, "seconds": 28 * (1.5 + 0.5), "days": 0}
    learned = Pace(4.5, 1.5, refused_at=datetime.now(UTC) - timedelta(minutes=1))
    ledger = Ledger.open(configuration.database_url)
    ledger.write_now(updates.share_pace, configuration.api.key, VISITOR, learned)
    ledger.close()
    assert rows() == {"works": 20, "requests": 28, "seconds": 28 * (4.5 + 0.5), "days": 0}


def json_of(*words: str, archive: Path, **more: Any) -> Any:
    """What a command writes as JSON, which is as its schema says."""
    ran = type_in(*words, "--json", archive=archive, **more)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.isascii()
    told = json.loads(ran.out)
    jsonschema.Draft202012Validator(SCHEMA).validate(told)
    return told


def test_json_of_an_artist_and_of_a_work_are_as_the_schema_says(tmp_path: Path) -> None:
    folder = an_archive_of(tmp_path / "archive", artists=3, works=60)
    for work in range(1, 8):
        assert json_of("status", str(work), archive=folder)["work"]["work_id"] == work
    assert json_of("status", "pixiv.net/users/1001", archive=folder)["about"] == "artist"


def test_one_work_is_told_with_its_files_and_what_is_in_its_way(tmp_path: Path) -> None:
    folder = an_archive_of(tmp_path / "archive", artists=3, works=60)
    told = {number: type_in("status", str(number), archive=folder).out for number in range(1, 8)}
    assert re.search("page 0 of [0-9]{14}: to come", told[1])
    assert ": failed: cut; due 2036-01-01" in told[2]
    assert "gone since 2026-01-01: 404" in told[3]
    assert "1 work from account 901: R-18" in told[4]
    assert "HTML where JSON is due; due 2036-01-01" in told[5]
    assert "known from a list's row" in told[6]
    assert "known in full, all files are here" in told[7]
    assert "originals/1001/7_p0_" in told[7]


def test_a_number_that_is_an_artist_and_a_work_is_told_as_both_and_in_json_as_neither(tmp_path: Path) -> None:
    folder = an_archive_of(tmp_path / "archive", artists=3, works=1_100)
    told = type_in("status", "1001", archive=folder)
    assert (told.code, "\n1001 " in told.out, "\nwork 1001 " in told.out) == (0, True, True)
    refused = type_in("status", "1001", "--json", archive=folder)
    assert (refused.code, refused.out) == (2, "")
    assert "1001 is the id of an artist and of a work: name one by the address of its page" in refused.err


def test_reasons_that_begin_alike_are_counted_as_one() -> None:
    waits = [
        queries.Waiting(f"the quarantine already has a file with the name {number:04}_p0.png", 1, None)
        for number in range(9)
    ]
    said = why([queries.Waiting(None, 12, None), *waits])
    assert said == ": 12 not tried yet; 9 the quarantine already has a file wit..."
