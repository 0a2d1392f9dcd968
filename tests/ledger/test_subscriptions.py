"""What earlier runs say of a list: only what they saw, whatever else was asked of it by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from pixivcrawl.items import Follow
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.updates.crawls import list_key
from pixivcrawl.reader import VISITOR, Reader

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
KEY = list_key("user", {"id": [7]})
READER = Reader(901, 1)


def run(connection: Connection, hours: int, outcome: str | None = "complete", **more: Any) -> int:
    """A run of one list, so many hours after the first; `full`: it compared everything."""
    now, full = NOW + hours * HOUR, more.pop("full", False)
    spider, arguments = more.pop("of", ("user", {"id": [7]}))
    crawl_id = updates.begin_crawl(connection, spider, arguments, now, more.pop("reader", READER)).crawl_id
    if full:
        updates.record_full_reading(connection, crawl_id)
    if outcome is not None:
        told: dict[str, Any] = {"exit_code": 0, "counts": {}, "read_to_end": outcome == "complete", "now": now} | more
        updates.end_crawl(connection, crawl_id, outcome=outcome, **told)
    return crawl_id


def runs(connection: Connection, **more: Any) -> queries.ListRuns:
    return queries.runs_of_lists(connection, READER, [KEY], **more).get(KEY, queries.NO_RUNS)


def test_a_list_without_runs(connection: Connection) -> None:
    assert runs(connection) == queries.NO_RUNS


def test_the_last_run_that_saw_the_list(connection: Connection) -> None:
    run(connection, 0)
    compared = run(connection, 1, full=True)
    read = run(connection, 2)
    run(connection, 3, "finished with failures", exit_code=1, counts={"lists_failed": 1})
    run(connection, 4, "finished with failures", exit_code=1, counts={"lists_failed": 1, "unreachable": 4})
    run(connection, 5, "interrupted")
    killed = run(connection, 6, None)
    told = runs(connection)
    assert told.read is not None
    assert told.read.crawl_id == read
    assert [each.started for each in told.failed] == [NOW + 3 * HOUR]
    assert (told.first_read, told.compared, told.incomplete) == (NOW, NOW + HOUR, 0)
    assert told.last is not None
    assert (told.last.crawl_id, told.last.outcome) == (killed, None)
    assert compared < read


def test_what_another_reader_saw_is_not_read(connection: Connection) -> None:
    for reader in (VISITOR, Reader(902, 2), Reader()):
        run(connection, 0, reader=reader)
    assert runs(connection) == queries.NO_RUNS
    mine = run(connection, 1)
    run(connection, 2, reader=VISITOR)
    told = runs(connection)
    assert told.read is not None
    assert told.last is not None
    assert (told.read.crawl_id, told.last.crawl_id) == (mine, mine)


def test_runs_that_saw_the_list_and_whose_works_failed(connection: Connection) -> None:
    run(connection, 0)
    for hour in (1, 2):
        run(connection, hour, "finished with failures", exit_code=1, read_to_end=True, counts={"works_failed": 1})
    told = runs(connection)
    assert told.read is not None
    assert (told.read.started, told.incomplete, told.failed) == (NOW + 2 * HOUR, 2, ())


def test_a_look_at_the_head_by_hand_is_no_reading(connection: Connection) -> None:
    run(connection, 0)
    run(connection, 1, read_to_end=False)
    told = runs(connection)
    assert told.read is not None
    assert told.read.started == NOW
    limited = runs(connection, limited=[KEY])
    assert limited.read is not None
    assert limited.read.started == NOW + HOUR


FEED, PEOPLE = ("news", {"mode": "all"}), ("following", {"id": 901})


def feed(connection: Connection) -> queries.Feed | None:
    return queries.feed(connection, list_key(*FEED), list_key(*PEOPLE), READER)


def follow(connection: Connection, hours: int, *followed: int) -> None:
    """A whole reading of the list of those followed."""
    now = NOW + hours * HOUR
    crawl_id = updates.begin_crawl(connection, *PEOPLE, now, READER).crawl_id
    follows = [Follow(901, artist, private=False) for artist in followed]
    updates.record_gaps_in_following(connection, crawl_id, follows, now)
    updates.record_follows(connection, follows, dict.fromkeys(followed, "name"), now)
    updates.record_full_reading(connection, crawl_id)
    updates.end_crawl(connection, crawl_id, outcome="complete", exit_code=0, counts={}, read_to_end=True, now=now)


def test_the_feed_is_unbroken_from_its_first_reading_or_its_last_gap(connection: Connection) -> None:
    assert feed(connection) is None
    first = run(connection, 0, of=FEED)
    assert feed(connection) is None, "whom it shows is not known"
    follow(connection, 1, 7)
    run(connection, 2, of=FEED)
    run(connection, 3, None, of=FEED)
    told = feed(connection)
    assert told is not None
    assert (told.unbroken_from, told.read.started) == (first, NOW + 2 * HOUR)
    gap = run(connection, 4, of=FEED, counts={"feed_gaps": 1, "works_listed": 2})
    run(connection, 5, of=FEED)
    told = feed(connection)
    assert told is not None
    assert told.unbroken_from == gap


def test_since_when_a_follow_was_seen_without_a_gap(connection: Connection) -> None:
    for hours, followed in enumerate([(7, 8), (7, 9), (7, 8, 9), (7, 8)]):
        follow(connection, hours, *followed)
    run(connection, 9, of=FEED)
    told = feed(connection)
    assert told is not None
    assert told.followed == {7: NOW, 8: NOW + 2 * HOUR}
    assert queries.followed_by(connection, 901) == [7, 8, 9], "who is missing from one reading may still be followed"


def test_works_on_a_list_and_in_the_feed(connection: Connection) -> None:
    run(connection, 0)
    listed = updates.begin_crawl(connection, "user", {"id": [7]}, NOW).crawl_id
    updates.record_listing(connection, listed, [1, 2], None, NOW)
    follow(connection, 1, 7)
    seen = updates.begin_crawl(connection, *FEED, NOW, READER).crawl_id
    updates.record_listing(connection, seen, [2, 3, 4], None, NOW)
    updates.end_crawl(connection, seen, outcome="complete", exit_code=0, counts={}, read_to_end=True, now=NOW)
    connection.execute(text("INSERT INTO users (id, first_seen, last_seen) SELECT 8, first_seen, last_seen FROM users"))
    connection.execute(text("UPDATE artworks SET user_id = CASE id WHEN 4 THEN 8 ELSE 7 END"))
    told = feed(connection)
    assert told is not None
    assert queries.seen_in_feed(connection, told, seen - 1) == {7: {2: seen, 3: seen}, 8: {4: seen}}
    assert queries.seen_in_feed(connection, told, seen) == {}
    assert queries.not_on_list(connection, KEY, [2, 3]) == {3}
    assert queries.not_on_list(connection, "unknown", [2]) == {2}
    assert queries.list_sizes(connection, [KEY, "unknown"]) == {KEY: 2}


def test_what_was_spent(connection: Connection) -> None:
    run(connection, 0, counts={"api_requests": 5})
    run(connection, 2, counts={"api_requests": 7}, full=True)
    run(connection, 3, None)
    run(connection, 4, counts={})
    assert queries.api_requests_since(connection, NOW) == 12
    assert queries.api_requests_since(connection, NOW + HOUR) == 7
    assert queries.api_requests_since(connection, NOW, full_readings=True) == 7
