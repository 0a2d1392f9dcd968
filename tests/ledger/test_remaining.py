"""What a run to come has to do, and how fast the last ones were."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection

from pixivcrawl.ledger.queries import (
    Measured,
    WorksLeft,
    known_from_rows,
    list_is_known,
    measured,
    of_artists,
    on_list,
    with_ids,
    works_to_come,
)
from pixivcrawl.ledger.updates import begin_crawl, end_crawl, record_listing, record_rows
from pixivcrawl.ledger.updates.crawls import list_key
from pixivcrawl.reader import Reader
from tests.ledger.making import NOW, a_row, archived

KEY = list_key("user", {"id": [7]})


def to_come(connection: Connection, among: Any, **more: Any) -> WorksLeft:
    wanted: dict[str, Any] = {"reader": Reader(901, 5), "now": NOW, "files": True, "enough": "full"}
    return works_to_come(connection, among, **wanted | more).left


@pytest.mark.parametrize("among", [on_list(KEY), of_artists([7]), with_ids([1, 2, 3, 4])])
def test_each_work_takes_the_requests_of_its_kind(connection: Connection, among: Any) -> None:
    crawl = begin_crawl(connection, "user", {"id": [7]}, NOW)
    several, ugoira = a_row(2, page_count=3), a_row(3, kind="ugoira")
    record_rows(connection, [a_row(1), several, ugoira], NOW)
    record_listing(connection, crawl.crawl_id, [1, 2, 3, 4], None, NOW, artist=7)
    left = to_come(connection, among)
    assert (left.to_ask, left.requests, left.untold) == (4, 1 + 2 + 2, 1)
    assert list_is_known(connection, KEY)


def test_what_is_known_is_asked_again_alone_where_that_is_wished(connection: Connection) -> None:
    archived(connection, 1)
    assert to_come(connection, with_ids([1])).to_ask == 0
    assert to_come(connection, with_ids([1]), again=True).to_ask == 1
    assert to_come(connection, known_from_rows()).works == 0
    assert not list_is_known(connection, KEY)


def test_the_last_runs_tell_how_fast_pictures_come(connection: Connection) -> None:
    assert measured(connection) == Measured(None, 0.0, 0, 0)
    told = [
        {"answer_ms": 900, "pictures_ms": 8000, "files_stored": 90, "bytes_stored": 900},
        {"answer_ms": 200, "pictures_ms": 5000, "files_stored": 110, "bytes_stored": 700},
        {"api_requests": 1},
    ]
    for counts in told:
        crawl = begin_crawl(connection, "user", {"id": [7]}, NOW)
        end_crawl(connection, crawl.crawl_id, outcome="complete", exit_code=0, counts=counts, read_to_end=True, now=NOW)
    # The latest that tells; as many runs back as it takes for a hundred files.
    assert measured(connection) == Measured(0.2, 5.0, 110, 700)
