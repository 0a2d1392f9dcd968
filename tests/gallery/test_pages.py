"""The pages beside the works: each over an archive made by real runs, whose artist changed, replaced and removed works meanwhile."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gallery.changing import FORMER_CAPTION, HOSTILE, UNREAD, Ids, make_archive
from tests.gallery.conftest import Visitor, visiting
from tests.live.running import rows


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ids]:
    folder = tmp_path_factory.mktemp("archive")
    return folder, make_archive(folder)


@pytest.fixture(scope="module")
def folder(archive: tuple[Path, Ids]) -> Path:
    return archive[0]


@pytest.fixture(scope="module")
def ids(archive: tuple[Path, Ids]) -> Ids:
    return archive[1]


@pytest.fixture(scope="module")
def changed(folder: Path) -> Iterator[Visitor]:
    with visiting(folder) as visitor:
        yield visitor


def main(visitor: Visitor, path: str) -> str:
    """The HTML of what a page shows."""
    answer = visitor.get(path)
    assert answer.status == 200, (path, answer.text)
    return answer.text.partition("<main")[2].partition("</main>")[0]


def words(visitor: Visitor, path: str) -> str:
    """What a page shows as text."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", main(visitor, path))).split())


PAGES = (
    "/artists",
    "/artists/11",
    "/tags",
    "/tags/sky",
    "/series/501",
    "/rankings",
    "/rankings/daily/20261122",
    "/bookmarks",
    "/bookmarks/901",
    "/follows",
    "/follows/901",
    "/requests",
    "/gone",
    "/gone?kind=withheld",
    "/changes",
    "/missing",
    "/duplicates",
    "/duplicates?show=near&of=works&artist=11",
    "/stats",
    "/runs",
    "/works/{}/history",
    "/works/{}/revisions",
    "/works/{}/read",
    "/works/{}/read?view=double&shift=1&dir=rtl",
    "/works/{}/read?view=strip",
)


@pytest.mark.parametrize("path", PAGES)
def test_each_page_answers_and_runs_nothing_that_came_from_pixiv(changed: Visitor, ids: Ids, path: str):
    answer = changed.get(path.format(ids.hostile))
    assert answer.status == 200, answer.text
    text = answer.text
    assert "<script>" not in text
    assert "<img src=x" not in text
    assert not re.search(r"<[^>]+\s(on\w+|style)=", text)


# Criterion 8: of a work that was renamed, retagged, revised and removed, every former value is there.


def test_former_titles_captions_and_tags_stand_as_differences(changed: Visitor, ids: Ids):
    told = main(changed, f"/works/{ids.changed}/history")
    assert "<del><bdi>former</bdi></del><ins><bdi>later</bdi></ins><bdi> title</bdi>" in told
    assert "<del><bdi>first</bdi></del><ins><bdi>other</bdi></ins><bdi> words of it\nand more</bdi>" in told
    assert FORMER_CAPTION not in told
    assert "<li><bdi>sea</bdi></li><li><ins><bdi>sky</bdi></ins></li><li><del><bdi>猫</bdi></del></li>" in told


def test_a_revision_is_told_and_shows_both_pictures(changed: Visitor, ids: Ids, folder: Path):
    work = ids.changed
    files = f"SELECT sha256, revision FROM files WHERE artwork_id = {work} AND page = 0 ORDER BY revision"
    (was, before), (is_now, after) = rows(folder, files)
    history = main(changed, f"/works/{work}/history")
    assert f"/works/{work}/revisions?a={before}&amp;b={after}" in history
    told = main(changed, f"/works/{work}/revisions")
    assert told.index(was) < told.index(is_now)
    for sha256 in (was, is_now):
        assert changed.get(f"/originals/{sha256}.jpg?of=w{work}p0").status == 200
    assert 'type="range"' in told
    swapped = main(changed, f"/works/{work}/revisions?a={after}&b={before}")
    assert swapped.index(is_now) < swapped.index(was)


def test_a_tombstone_says_when_and_why_and_what_is_kept(changed: Visitor, ids: Ids):
    told = words(changed, f"/works/{ids.changed}/history")
    assert re.search(r"gone since \d{4}-\d\d-\d\d \d\d:\d\d UTC : This work was deleted, or its id is wrong\.", told)
    assert "2 files of it are kept." in told
    assert "This work was deleted" in words(changed, "/gone")


def test_an_artist_s_former_names_and_avatars(changed: Visitor, folder: Path):
    told = main(changed, "/artists/11")
    assert "<bdi>artist 11</bdi>" in told
    pictures = [
        sha for (sha,) in rows(folder, "SELECT sha256 FROM user_files WHERE kind = 'avatar' ORDER BY revision DESC")
    ]
    assert len(pictures) == 2
    places = [told.index(f"/originals/{sha256}.") for sha256 in pictures]
    assert places == sorted(places)
    assert "once artist 11" in words(changed, "/artists")


def test_what_is_missing_says_why(changed: Visitor, ids: Ids):
    told = words(changed, "/missing")
    assert re.search(r"1 file · .*500", told)
    assert f'href="/works/{ids.failing}"' in main(changed, "/missing")


def test_changes_of_a_day_and_the_days_beside_it(changed: Visitor, ids: Ids):
    told = words(changed, "/changes")
    assert "Title , once former title" in told
    assert "Renamed" in told
    assert "once artist 11" in told
    assert f'href="/works/{ids.changed}"' in main(changed, "/changes").partition('id="lost"')[2]
    assert re.search(r'rel="next" href="/changes\?day=2026-11-23"', main(changed, "/changes"))
    assert "Nothing happened on this day." in words(changed, "/changes?day=2001-01-01")


# Lists.


@pytest.mark.parametrize("path", ["/bookmarks/901", "/rankings/daily/20261122", "/series/501"])
def test_a_list_shows_what_is_here_and_names_what_is_not(changed: Visitor, ids: Ids, path: str):
    assert f'href="/works/{ids.manga}' in main(changed, path)
    assert f"Not read yet: {UNREAD}" in words(changed, path)


def test_a_ranking_says_how_much_of_it_is_here(changed: Visitor):
    told = words(changed, "/rankings/daily/20261122")
    assert "8 places are known, 7 of these works are here." in told
    assert "← " not in told
    assert "2026-11-21 →" in told
    assert "1 place is known, 1 of these works is here." in words(changed, "/rankings/daily/20261121")


def test_bookmarks_bear_their_owner_s_tags(changed: Visitor):
    assert "# own <tag>" in words(changed, "/bookmarks/901")
    assert 'href="/bookmarks/901"' in main(changed, "/bookmarks")


def test_follows_and_requests(changed: Visitor, ids: Ids):
    assert "in private" in words(changed, "/follows/901")
    assert 'href="/artists/12"' in main(changed, "/follows/901")
    told = words(changed, "/requests")
    assert "¥5,000" in told
    assert HOSTILE[-300:] in told
    assert f'href="/works/{ids.manga}"' in main(changed, "/requests")


def test_numbers_agree_with_the_ledger(changed: Visitor, folder: Path):
    ((works, files),) = rows(folder, "SELECT count(*), sum(files_stored) FROM artworks")
    told = words(changed, "/stats")
    assert f"Works {works}" in told
    assert f"Files {files}" in told
    assert re.search(r"gone This work was deleted, or its id is wrong\. 1 1", told)


def test_runs_say_what_they_brought(changed: Visitor):
    told = words(changed, "/runs")
    assert told.count("read as account 901") == 3
    assert "complete" in told


# The reader, without script.


def test_the_reader_s_links_lead_through_all_pages(changed: Visitor, ids: Ids, folder: Path):
    ((pages,),) = rows(folder, f"SELECT page_count FROM artworks WHERE id = {ids.manga}")
    assert pages > 2
    address: str | None = f"/works/{ids.manga}/read"
    seen = []
    while address is not None:
        told = main(changed, address)
        seen += re.findall(r'<img src="/originals/([0-9a-f]{64})', told)
        found = re.search(r'rel="next" href="([^"]+)"', told)
        address = html.unescape(found[1]) if found else None
    wanted = f"SELECT sha256 FROM files WHERE artwork_id = {ids.manga} ORDER BY page"
    assert seen == [sha256 for (sha256,) in rows(folder, wanted)]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/works/1/history", 404),
        ("/works/1/revisions", 404),
        ("/works/1/read", 404),
        ("/works/99999999999999999999/history", 404),
        (f"/works/{'9' * 5000}", 404),
        ("/artists/99999", 404),
        ("/tags/never", 404),
        ("/tags/..%2F..%2Fetc", 404),
        ("/series/9", 404),
        ("/rankings/daily/20010101", 404),
        ("/rankings/daily/%00", 404),
        ("/bookmarks/4", 404),
        ("/follows/4", 404),
        ("/changes?day=yesterday", 400),
        ("/changes?day=0001-01-01", 400),
        ("/changes?new=1", 400),
        ("/changes?new=999999999999999999.1", 400),
        ("/gone?kind=all", 400),
        ("/gone?before=%27", 400),
        ("/bookmarks/901?before=1.x", 400),
        ("/requests?before=-1", 400),
        ("/runs?before=9999999999999999999999", 400),
    ],
)
def test_what_is_not_here_is_said_on_a_page(changed: Visitor, path: str, status: int):
    answer = changed.get(path)
    assert answer.status == status
    assert "<h1>" in answer.text
    assert "Traceback" not in answer.text


def test_what_the_address_of_a_work_s_pages_may_not_say(changed: Visitor, ids: Ids):
    for query, status in (("page=999", 404), ("page=0", 400), ("view=all", 400), ("dir=up", 400), ("shift=2", 400)):
        assert changed.get(f"/works/{ids.manga}/read?{query}").status == status
    assert changed.get(f"/works/{ids.revised}/revisions?a=nothing").status == 404
    assert changed.get(f"/works/{ids.revised}/history?from=x").status == 400
    for query in ("check?from", "revisions?page"):
        assert changed.get(f"/works/{ids.revised}/{query}={2**63 - 1}").status == 400
