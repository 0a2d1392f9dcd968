"""The index follows its ledger: all works at first, then what changes; killed, deleted, spoilt or of another ledger it ends the same."""

from __future__ import annotations

import time
from pathlib import Path
from threading import Event

import pytest

from pixivcrawl.index import reading, sums
from pixivcrawl.index.reading import Index
from pixivcrawl.index.search import parse
from pixivcrawl.index.updating import update_index
from pixivcrawl.items import Tag
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.queries.status import status_of_works
from pixivcrawl.ledger.service import Ledger
from tests.index.making import PATIENCE, contents, follow, know
from tests.ledger.making import NOW, an_artwork


def test_a_work_is_found_once_it_is_followed_and_no_more_by_what_it_was(ledger: Ledger, derived: Path, index: Index):
    assert index.works(parse("")).ids == []
    know(ledger, an_artwork(1, title="猫の娘"), an_artwork(2, title="犬", tags=(Tag("猫"),)))
    assert index.behind() == 2
    # Beside a transaction of another database on the server, a work is read again.
    assert follow(ledger, derived) >= 2
    assert index.behind() == 0
    assert index.works(parse("猫")).ids == [2, 1]
    know(ledger, an_artwork(1, title="鳥"))
    follow(ledger, derived)
    assert index.works(parse("猫")).ids == [2]
    assert index.works(parse("鳥")).ids == [1]


def test_a_work_that_is_gone_is_found_as_such(ledger: Ledger, derived: Path, index: Index):
    know(ledger, an_artwork(1), an_artwork(2))
    follow(ledger, derived)
    ledger.write_now(updates.record_unavailable, 1, "gone", "deleted", NOW)
    follow(ledger, derived)
    assert index.works(parse("is:gone")).ids == [1]
    assert index.count(parse("")) == 2


def test_a_work_of_which_only_the_id_is_known_is_none(ledger: Ledger, derived: Path, index: Index):
    ledger.write_now(updates.record_stubs, [5], NOW)
    assert follow(ledger, derived) == 0
    assert index.works(parse("")).ids == []
    know(ledger, an_artwork(5))
    follow(ledger, derived)
    assert index.works(parse("")).ids == [5]


def test_an_index_that_was_deleted_comes_again(ledger: Ledger, derived: Path, index: Index):
    know(ledger, *(an_artwork(number, title=f"title {number}") for number in range(1, 30)))
    follow(ledger, derived)
    before = contents(derived)
    for path in derived.iterdir():
        path.unlink()
    assert index.works(parse("")).ids == []
    follow(ledger, derived)
    assert contents(derived) == before
    assert len(index.works(parse("")).ids) == 29


def test_an_index_that_is_spoilt_is_made_again(ledger: Ledger, derived: Path, index: Index):
    know(ledger, an_artwork(1))
    derived.mkdir()
    (derived / "index.sqlite").write_bytes(b"no database at all" * 1000)
    assert follow(ledger, derived) >= 1
    assert index.works(parse("")).ids == [1]


def test_an_index_in_the_place_of_a_spoilt_one_is_read_even_if_it_got_its_number(
    ledger: Ledger, derived: Path, index: Index
):
    """A disk gives a new file the number of one that was just removed."""
    know(ledger, an_artwork(1))
    follow(ledger, derived)
    path = derived / "index.sqlite"
    whole = path.read_bytes()
    path.write_bytes(b"no database at all" * 1000)
    assert index.works(parse("")).ids == []
    path.write_bytes(whole)
    assert index.works(parse("")).ids == [1]


@pytest.mark.parametrize("most_sorted", [100, 3])
def test_pages_in_an_order_are_the_same_however_many_works_fit(
    ledger: Ledger, derived: Path, index: Index, monkeypatch: pytest.MonkeyPatch, most_sorted: int
):
    """Few are sorted, and of many the order is walked."""
    monkeypatch.setattr(reading, "MOST_SORTED", most_sorted)
    know(
        ledger,
        *(an_artwork(number, title="猫" if number % 2 else "犬", bookmark_count=number % 5) for number in range(1, 25)),
    )
    follow(ledger, derived)
    wanted = sorted((number for number in range(1, 25, 2)), key=lambda number: (number % 5, number), reverse=True)
    query = parse("猫 pages:1 sort:bookmarks")
    first = index.works(query, limit=5)
    second = index.works(query, before=first.older, limit=100)
    assert [*first.ids, *second.ids] == wanted
    assert index.works(query, after=second.newer, limit=3).ids == wanted[2:5]


@pytest.mark.parametrize("most_sorted", [100, 3])
@pytest.mark.parametrize("words", ["", "even "])
@pytest.mark.parametrize("order", ["new", "uploaded", "bookmarks"])
def test_a_number_that_few_works_have_is_found_in_every_order(
    ledger: Ledger,
    derived: Path,
    index: Index,
    monkeypatch: pytest.MonkeyPatch,
    most_sorted: int,
    order: str,
    words: str,
):
    """The works that have a rare number are sorted; for one that many have, the order is walked."""
    monkeypatch.setattr(reading, "MOST_SORTED", most_sorted)
    monkeypatch.setattr(reading, "MOST_MATCHED", most_sorted)
    know(
        ledger,
        *(
            an_artwork(
                number,
                number % 7,
                title="odd" if number % 2 else "even",
                bookmark_count=-number % 5,
                width=100 * number,
            )
            for number in range(1, 30)
        ),
    )
    follow(ledger, derived)
    wanted = [number for number in range(29, 9, -1) if number % 7 in (5, 6) and not (words and number % 2)]
    if order == "bookmarks":
        wanted.sort(key=lambda number: (-number % 5, number), reverse=True)
    query = parse(f"{words}pages:>4 width:>=1000 sort:{order}")
    first = index.works(query, limit=2)
    second = index.works(query, before=first.older, limit=100)
    assert [*first.ids, *second.ids] == wanted
    assert index.works(query, after=second.newer, limit=1).ids == wanted[1:2]
    assert index.count(query) == len(wanted)


def test_sums_are_kept_until_something_changes(ledger: Ledger, derived: Path, index: Index):
    know(ledger, an_artwork(1), an_artwork(2))
    follow(ledger, derived)
    assert index.sums() is None
    sums.keep(ledger, derived)
    first = index.sums()
    assert first is not None
    assert (first.totals, first.artists) == ledger.read_now(status_of_works, sums.MOST_PEOPLE)
    sums.keep(ledger, derived)
    assert index.sums() == first
    know(ledger, an_artwork(3))
    until = time.monotonic() + PATIENCE
    while (now := index.sums()) == first:
        assert time.monotonic() < until
        sums.keep(ledger, derived)
    assert now is not None
    assert now.totals.works == 3


def test_of_a_shared_ledger_one_at_a_time_reads_all_works(tmp_path: Path, postgres_url: str) -> None:
    one, other = Ledger.open(postgres_url), Ledger.open(postgres_url, read_only=True)
    here, there = tmp_path / "here", tmp_path / "there"
    know(one, an_artwork(1), an_artwork(2))
    with one.alone("index") as is_alone:
        assert is_alone
        assert update_index(other, there, stop=Event()) == 0
        # Beside a transaction of another database on the server, their changes are still to be read as well.
        assert Index(there, other).behind() >= 2
    assert follow(one, here) >= 2
    assert follow(other, there) >= 2
    assert contents(here) == contents(there)
    one.close()
    other.close()
