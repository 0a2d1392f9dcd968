"""One odd row costs itself: it is counted, named and kept in the journal, and the list goes on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.ledger.journal import read_journal
from tests.live.inside import crawl
from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

ODD: dict[str, Any] = {
    "no title": {"title": None},
    "masked, with an id of zero": {"id": "0", "isMasked": True},
    "a date before the year 0": {"createDate": "-0001-11-30T00:00:00+09:00"},
    "an unknown kind": {"illustType": 3},
    "a bookmark that is an empty list": {"bookmarkData": []},
    "nothing": None,
    "a text": "gone",
    "an id that is none": {"id": "new"},
    "no pages": {"pageCount": 0},
    "an artist who is none": {"userId": -5},
    "tags that are no list": {"tags": {"0": "sea"}},
    "an enormous side": {"width": 2**40},
}
ROWS_ONLY = {"files": "false", "detail": "listing"}
OFFSETS = (0, 100, 200)


@pytest.fixture
def kept():
    """A reader with 300 bookmarks."""
    with Sandbox(World.of(works=300, size=(32, 24)), tls=False) as running:
        yield running


def listed(archive: Path) -> set[int]:
    return {work_id for (work_id,) in rows(archive, "SELECT artwork_id FROM crawl_artworks")}


def spoil(sandbox: Sandbox, seed: int) -> dict[int, str]:
    """One odd row of each kind among the bookmarks; gives {work: what is odd}."""
    places = random.Random(seed).sample(range(300), len(ODD))
    for offset in OFFSETS:
        of_page = {
            place - offset: odd for place, odd in zip(places, ODD.values(), strict=True) if 0 <= place - offset < 100
        }
        sandbox.faults.api(f"offset={offset}&", kind="replaced_rows", field="works", value=of_page)
    bookmarks = sandbox.world.shelf(901).bookmarks
    return {bookmarks[place].work_id: what for place, what in zip(places, ODD, strict=True)}


@pytest.mark.long
def test_every_other_bookmark_is_archived(tmp_path: Path, kept: Sandbox, caplog: pytest.LogCaptureFixture):
    odd = spoil(kept, seed=7)
    everything = {bookmark.work_id for bookmark in kept.world.shelf(901).bookmarks}

    first = crawl("bookmarks", kept, tmp_path, id="me", detail="listing")

    assert (first.exit_code, first.counts["rows_refused"]) == (1, 12)
    assert_holds(tmp_path, kept.world.expected.artwork(everything - odd.keys(), session=True))
    assert listed(tmp_path) == everything - odd.keys()
    named = [line for line in caplog.messages if line.startswith("a row is left out: user.bookmarks: works.")]
    assert len(named) == 12
    assert [request.query for request in kept.log if "bookmarks" in request.path] == [
        f"tag=&offset={offset}&limit=100&rest=show" for offset in OFFSETS
    ]
    answers = [entry for entry in read_journal(tmp_path / "journal") if entry.type == "answer"]
    assert sum(b'"gone"' in entry.data["answer"].payload for entry in answers) == 1

    # Nothing new: what the first reading lacked is lacking still, and is not asked for again.
    since = len(kept.log)
    again = crawl("bookmarks", kept, tmp_path, id="me", detail="listing")
    assert (again.exit_code, again.counts["rows_refused"], len(kept.log) - since) == (1, 12, 1)

    kept.faults.clear()
    whole = crawl("bookmarks", kept, tmp_path, id="me", reread="true", detail="listing")
    assert whole.exit_code == 0
    assert_holds(tmp_path, kept.world.expected.artwork(everything, session=True))
    assert crawl("bookmarks", kept, tmp_path, id="me", detail="listing").exit_code == 0


def test_a_work_that_stands_twice_on_a_page_is_archived_once(tmp_path: Path):
    with Sandbox(World.of(works=6, size=(32, 24), page_counts=(1, 3)), tls=False) as sandbox:
        bookmarks = sandbox.world.shelf(901).bookmarks
        bookmarks[3:3] = bookmarks[:2]
        assert crawl("bookmarks", sandbox, tmp_path, id="me").exit_code == 0
        everything = {bookmark.work_id for bookmark in bookmarks}
        assert_holds(tmp_path, sandbox.world.expected.artwork(everything, session=True))


def test_rows_that_a_broken_off_reading_left_out_are_not_forgotten(tmp_path: Path, kept: Sandbox):
    kept.faults.api("offset=100&", kind="replaced_rows", field="works", value={50: None})
    kept.faults.api("offset=200&", kind="status:500")
    settings = {"PIXIV_API_RETRIES": 0}
    assert crawl("bookmarks", kept, tmp_path, id="me", settings=settings, **ROWS_ONLY).exit_code == 1
    kept.faults.clear()
    for _ in range(2):
        run = crawl("bookmarks", kept, tmp_path, id="me", **ROWS_ONLY)
        assert (run.exit_code, run.counts["rows_refused"], len(listed(tmp_path))) == (1, 1, 299)


LISTS = {
    "feed": ({}, "page.ids", "nobody"),
    "new": ({}, "illusts", {"userName": None}),
    "search": ({"word": "猫"}, "illustManga.data", {"pageCount": "many"}),
    "following": ({"id": "me"}, "users", {"userId": None}),
    "series": ({"id": 502}, "page.series", {"order": 0}),
    "ranking": ({"date": "20230113"}, "contents", {"rank": None}),
    "requests": ({"type": "illust"}, "requests", {"requestStatus": None}),
    "user": ({"id": 11, "tag": "猫"}, "works", {"updateDate": "yesterday"}),
    "top": ({}, "thumbnails.illust", []),
    "discovery": ({}, "recommendedIllusts", {"illustId": "none"}),
}


@pytest.mark.long
@pytest.mark.parametrize("spider", LISTS)
def test_other_lists_go_on_too(tmp_path: Path, spider: str):
    arguments, field, odd = LISTS[spider]
    with Sandbox(World.standard(), tls=False) as sandbox:
        whole = tmp_path / "whole"
        assert crawl(spider, sandbox, whole, **arguments, **ROWS_ONLY).exit_code == 0
        sandbox.faults.api("", kind="replaced_rows", field=field, value={1: odd})
        run = crawl(spider, sandbox, tmp_path / "odd", **arguments, **ROWS_ONLY)
        odd_rows = run.counts["rows_refused"]
        assert (run.exit_code, odd_rows > 0, run.counts.get("lists_failed", 0)) == (1, True, 0)
        assert len(listed(whole)) - odd_rows <= len(listed(tmp_path / "odd"))


def test_a_list_of_another_shape_is_refused_as_a_whole(tmp_path: Path, kept: Sandbox):
    kept.faults.api("offset=100&", kind="replaced_field", field="works", value={"rows": []})
    run = crawl("bookmarks", kept, tmp_path, id="me", **ROWS_ONLY)
    assert (run.exit_code, run.counts["lists_failed"], len(listed(tmp_path))) == (1, 1, 100)
    kept.faults.clear()
    kept.faults.api("offset=100&", kind="replaced_rows", field="works", value=dict.fromkeys(range(100)))
    run = crawl("bookmarks", kept, tmp_path, id="me", **ROWS_ONLY)
    assert (run.exit_code, run.counts["lists_failed"], len(listed(tmp_path))) == (1, 1, 100)


def test_the_command_names_endpoint_place_and_field(tmp_path: Path, kept: Sandbox):
    kept.faults.api("offset=100&", kind="replaced_rows", field="works", value={50: {"title": None}})
    command = ("crawl", "bookmarks", "-a", "id=me", "-a", "files=false", "-a", "detail=listing")
    run = scrapy(*command, env=environment(kept, tmp_path))
    assert run.returncode == 1
    assert "user.bookmarks: works.50.title: must be a text, not null" in run.stderr
    assert "1  row that could not be read" in run.stderr


def test_an_answer_that_cannot_be_read_is_kept_and_takes_no_others_place(tmp_path: Path):
    """A later version may be able to read it."""
    with Sandbox(World.of(works=1, size=(32, 24)), tls=False) as sandbox:
        [work] = sandbox.world.works_of(11, None)
        assert crawl("artwork", sandbox, tmp_path, id=work.id).exit_code == 0
        places = rows(tmp_path, "SELECT * FROM answers")
        sandbox.faults.api(rf"/illust/{work.id}$", kind="replaced_field", field="pageCount", value="many")
        assert crawl("artwork", sandbox, tmp_path, id=work.id, refresh="true").exit_code == 1
        kept = [entry.data["answer"] for entry in read_journal(tmp_path / "journal") if entry.type == "answer"]
        assert [each.unread for each in kept if each.endpoint == "illust.detail"] == [False, True]
        assert b'"pageCount":"many"' in kept[-1].payload
        assert rows(tmp_path, "SELECT * FROM answers") == places
        rebuilt = scrapy("rebuild", "--replace", env=environment(None, tmp_path))
        assert (rebuilt.returncode, rows(tmp_path, "SELECT * FROM answers")) == (0, places), rebuilt.stderr
