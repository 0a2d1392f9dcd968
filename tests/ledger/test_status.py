"""What `pixivcrawl status` is told."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from pixivcrawl.ledger.queries import (
    ArtistStatus,
    Missing,
    OddFile,
    Totals,
    Unavailable,
    artists_unread,
    files_at_pixiv,
    status_missing,
    status_odd,
    status_odd_files,
    status_of_works,
    status_totals,
    status_unavailable,
)
from pixivcrawl.ledger.updates import (
    begin_crawl,
    end_crawl,
    record_artwork,
    record_file_failed,
    record_listing,
    record_lost,
    record_stored,
    record_unavailable,
    record_user_seen,
    record_user_unavailable,
    record_withheld,
    record_work_failed,
)
from tests.ledger.making import (
    DAY,
    FIRST,
    HOUR,
    NOW,
    SECOND,
    an_artwork,
    an_original,
    an_ugoira,
    archived,
    as_stored,
    begun,
    store,
)


def an_archive(connection: Connection) -> None:
    """Artist 7: one complete work, one half fetched, one with a parked file, one gone, one that could not be read. Artist 8: one gone
    after it was archived, an ugoira, and one that needs a session. And a work of which only the id is known."""
    begun(connection, *range(1, 10))
    archived(connection, 1, pages=2)
    record_artwork(connection, an_artwork(2, pages=2), NOW)
    store(connection, an_original(2))
    record_artwork(connection, an_artwork(3), NOW)
    record_file_failed(connection, an_original(3), "damaged: cut short", NOW + HOUR)
    record_artwork(connection, an_artwork(4), NOW)
    record_unavailable(connection, 4, "gone", "404", NOW)
    record_artwork(connection, an_artwork(5, detail="listing", originals=()), NOW)
    record_work_failed(connection, 5, "HTML where JSON is due", NOW)
    record_artwork(connection, an_artwork(6, user_id=8, user_name="other"), NOW)
    store(connection, an_original(6))
    record_unavailable(connection, 6, "gone", "404", NOW + DAY)
    ugoira = an_artwork(7, user_id=8, user_name="other", originals=(an_ugoira(7),))
    record_artwork(connection, ugoira, NOW)
    store(connection, an_ugoira(7))
    record_artwork(connection, an_artwork(8, user_id=8, user_name="other", availability="withheld", originals=()), NOW)
    record_withheld(connection, 8, "R-18", NOW)


def test_an_empty_archive_is_told(connection: Connection):
    assert status_totals(connection) == Totals(0, 0, 0, 0, 0, 0, 0, 0)
    assert status_of_works(connection, 5)[1] == []
    assert status_missing(connection, None) == []
    assert status_unavailable(connection, 5) == []


def test_totals_add_up(connection: Connection):
    an_archive(connection)
    totals = status_totals(connection)
    assert totals == Totals(artists=2, works=9, complete=3, to_do=2, parked=2, unavailable=2, files=5, bytes=5000)
    assert totals.works == totals.complete + totals.to_do + totals.parked + totals.unavailable


def test_artists_are_told_with_most_works_first(connection: Connection):
    an_archive(connection)
    record_user_unavailable(connection, 8, "gone", "404", NOW)
    artists = [
        ArtistStatus(7, "artist", "unknown", works=5, complete=1, missing=3, unavailable=1, files=3, bytes=3000),
        ArtistStatus(8, "other", "gone", works=3, complete=2, missing=0, unavailable=1, files=2, bytes=2000),
    ]
    assert status_of_works(connection, None) == (status_totals(connection), artists)
    assert status_of_works(connection, 1)[1] == artists[:1]


def test_what_is_missing_is_told_with_its_reason_and_time(connection: Connection):
    an_archive(connection)
    missing = [
        Missing(5, None, "work", "HTML where JSON is due", 1, NOW),
        Missing(3, 0, "image", "damaged: cut short", 1, NOW + HOUR),
        Missing(2, 1, "image", None, 0, None),
    ]
    assert status_missing(connection, None) == missing
    for limit in range(4):
        assert status_missing(connection, limit) == missing[:limit]


def test_a_file_whose_work_cannot_be_read_is_missing_for_that_reason(connection: Connection):
    an_archive(connection)
    record_work_failed(connection, 2, "HTML where JSON is due", NOW)
    assert Missing(2, 1, "image", "HTML where JSON is due", 0, NOW) in status_missing(connection, None)


def test_losses_are_told_latest_first(connection: Connection):
    an_archive(connection)
    losses = [
        Unavailable(6, 8, "title", "gone", "404", NOW + DAY, 1),
        Unavailable(4, 7, "title", "gone", "404", NOW, 0),
        Unavailable(8, 8, "title", "withheld", "R-18", NOW, 0),
    ]
    assert status_unavailable(connection, None) == losses
    assert status_unavailable(connection, 2) == losses[:2]


def test_files_that_are_odd_and_kept_are_counted_and_named(connection: Connection):
    record_artwork(connection, an_artwork(pages=4), NOW)
    odd = {1: {"flaw": "trailing bytes"}, 2: {"flaw": "bad Huffman code", "as_served": True}, 3: {"as_served": True}}
    for page in range(4):
        stored = as_stored(an_original(page=page))
        record_stored(connection, replace(stored, proven=replace(stored.proven, **odd.get(page, {}))), NOW)
    assert status_odd(connection) == (1, 2)
    paths = [as_stored(an_original(page=page)).path for page in range(4)]
    assert status_odd_files(connection) == [
        OddFile(paths[2], "bad Huffman code", as_served=True),
        OddFile(paths[3], None, as_served=True),
        OddFile(paths[1], "trailing bytes", as_served=False),
    ]
    record_lost(connection, 1, 1, FIRST, "image", NOW)
    assert status_odd(connection) == (0, 2)


def test_what_pixiv_may_still_have_is_known(connection: Connection):
    """Not what the artist replaced, not what is gone with its work, and not the list of an ugoira's frames, which is our own."""
    archived(connection, 1)
    archived(connection, 2)
    record_artwork(connection, an_artwork(2, revision=SECOND), NOW + DAY)
    store(connection, an_original(2, revision=SECOND))
    archived(connection, 3)
    record_unavailable(connection, 3, "gone", "404", NOW)
    record_artwork(connection, an_artwork(4, originals=(an_ugoira(4),)), NOW)
    store(connection, an_ugoira(4))
    record_artwork(connection, an_artwork(5), NOW)
    files = [as_stored(each).path for each in (an_original(1), an_original(2, revision=SECOND), an_ugoira(4))]
    assert sorted(files_at_pixiv(connection, None)) == list(zip((1, 2, 4), files, strict=True))
    assert list(files_at_pixiv(connection, NOW + DAY)) == []


def test_works_that_a_list_of_their_artist_named_are_the_artists(connection: Connection):
    """Although nothing is known of them but that; what is known already is not changed by it."""
    record_artwork(connection, an_artwork(1, user_id=8, user_name="other"), NOW)
    record_user_seen(connection, 7, NOW)
    crawl = begin_crawl(connection, "user", {"id": [7]}, NOW)
    record_listing(connection, crawl.crawl_id, [1, 2, 3], None, NOW, artist=7)
    by_artist = {artist.user_id: (artist.works, artist.missing) for artist in status_of_works(connection, None)[1]}
    assert by_artist == {7: (2, 2), 8: (1, 1)}


def test_an_artist_whose_list_was_never_read_to_its_end_is_known(connection: Connection):
    def read(ids: list[int], *, to_end: bool, **more: bool) -> None:
        crawl = begin_crawl(connection, "user", {"id": ids, **more}, NOW)
        end_crawl(connection, crawl.crawl_id, outcome="x", exit_code=1, counts={}, read_to_end=to_end, now=NOW)

    assert artists_unread(connection) == set()
    read([7, 8], to_end=False)
    read([9], to_end=True)
    read([9], to_end=False)
    assert artists_unread(connection) == {7, 8}
    read([8], to_end=True, latest=True)
    assert artists_unread(connection) == {7, 8}, "the latest few are not all of them"
    read([7, 8], to_end=True)
    assert artists_unread(connection) == set()
