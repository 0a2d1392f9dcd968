"""Each list spider against the sandbox: exactly what its list holds, no page more than needed, and nothing said that was not seen."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pixivcrawl.errors import ConfigurationError
from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox, World

ROWS_ONLY = {"files": "false", "detail": "listing"}
NO_RETRIES = {"PIXIV_API_RETRIES": 0}


@pytest.fixture(scope="module")
def shared():
    with Sandbox(World.standard()) as running:
        yield running


@pytest.fixture
def small():
    """Artist 11 with 250 works, all of them bookmarked."""
    with Sandbox(World.of(works=250, size=(64, 48))) as running:
        yield running


def arguments_of(run: str) -> dict[str, str]:
    return dict(part.split("=") for part in run.split()[1:])


def asked(sandbox: Sandbox, since: int = 0) -> list[str]:
    """The API requests that are not about one work, or about many at once whose captions are not known."""
    return [
        f"{logged.path}?{logged.query}"
        for logged in sandbox.log[since:]
        if logged.kind == "api"
        and not logged.path.endswith("/details/many")
        and not (logged.path.startswith("/ajax/illust/") and logged.path.split("/")[3].isdecimal())
    ]


def together(*expected: Expected) -> Expected:
    whole = Expected()
    for each in expected:
        whole.files |= each.files
        whole.unavailable |= each.unavailable
    return whole


def listed(archive: Path) -> list[int]:
    return [work_id for (work_id,) in rows(archive, "SELECT artwork_id FROM crawl_artworks ORDER BY position")]


ROWS_OF_13 = "&".join(f"ids%5B%5D={work_id}" for work_id in (5000813, 5000413, 5000313, 5000213, 5000113))

LISTS = {
    "bookmarks id=me tag=keep rest=both": (
        lambda expected: together(expected.bookmarks(901, tag="keep"), expected.bookmarks(901, "hide", "keep")),
        [
            "/ajax/user/901/illusts/bookmarks?tag=keep&offset=0&limit=100&rest=show",
            "/ajax/user/901/illusts/bookmarks?tag=keep&offset=0&limit=100&rest=hide",
        ],
        2,
    ),
    "following id=me rest=hide archive=true": (
        lambda expected: expected.following(901, "hide"),
        [
            "/ajax/user/901/following?offset=0&limit=50&rest=hide",
            "/ajax/user/13/profile/all?",
            # Of the others the list itself shows the rows, or all but two.
            f"/ajax/user/13/profile/illusts?{ROWS_OF_13}&work_category=illustManga&is_first_page=0",
            *(f"/ajax/user/{artist}/profile/all?" for artist in range(71, 81)),
        ],
        1,
    ),
    "followers id=901 archive=true": (
        lambda expected: together(*(expected.user(artist) for artist in range(30, 60))),
        [
            "/ajax/user/901/followers?offset=0&limit=24",
            *(f"/ajax/user/{artist}/profile/all?" for artist in range(30, 54)),
            "/ajax/user/901/followers?offset=24&limit=24",
            *(f"/ajax/user/{artist}/profile/all?" for artist in range(54, 60)),
        ],
        2,
    ),
    "series id=501,502": (
        lambda expected: together(expected.series(501), expected.series(502)),
        ["/ajax/series/501?p=1", *(f"/ajax/series/502?p={page}" for page in (1, 2, 3))],
        4,
    ),
    "watchlist": (
        lambda expected: together(expected.series(501), expected.series(502)),
        ["/ajax/watch_list/manga?p=1", "/ajax/series/501?p=1", *(f"/ajax/series/502?p={page}" for page in (1, 2, 3))],
        1,
    ),
    "feed mode=r18": (lambda expected: expected.feed("r18"), ["/ajax/follow_latest/illust?mode=r18&p=1"], 1),
    "mypixiv": (lambda expected: expected.mypixiv(), ["/ajax/mypixiv_latest/illust?p=1"], 1),
    "new type=manga r18=true": (
        lambda expected: expected.new("manga", adult=True, session=True),
        [f"/ajax/illust/new?lastId={last}&limit=20&type=manga&r18=true" for last in (0, 5000413, 5000413)],
        1,
    ),
}
"""What is run, what a right archive holds, the requests of the first run about lists, and how many the second one needs."""


@pytest.mark.long
@pytest.mark.parametrize("run", LISTS)
def test_a_list_is_archived_exactly_and_looked_at_once_more(tmp_path: Path, shared: Sandbox, run: str):
    holds, requests, requests_again = LISTS[run]
    expected = holds(shared.world.expected)
    spider, arguments, since = run.split()[0], arguments_of(run), len(shared.log)
    assert crawl(spider, shared, tmp_path, **arguments).exit_code == 0
    assert asked(shared, since) == requests
    assert_holds(tmp_path, expected)
    unavailable = rows(
        tmp_path, "SELECT id, availability FROM artworks WHERE availability NOT IN ('available', 'unknown')"
    )
    assert dict(unavailable) == expected.unavailable

    since = len(shared.log)
    assert crawl(spider, shared, tmp_path, **arguments).exit_code == 0
    again = [logged.path for logged in shared.log[since:]]
    assert len(again) == len(asked(shared, since)) == requests_again


def test_bookmarks_over_three_pages_and_what_comes_after(tmp_path: Path, small: Sandbox):
    shelf = small.world.shelf(901)
    assert crawl("bookmarks", small, tmp_path, id="me", **ROWS_ONLY).exit_code == 0
    assert asked(small) == [
        f"/ajax/user/901/illusts/bookmarks?tag=&offset={offset}&limit=100&rest=show" for offset in (0, 100, 200)
    ]
    assert listed(tmp_path) == [kept.work_id for kept in shelf.bookmarks]

    # Three new ones, two that move to the head, one that leaves it.
    old = [kept.work_id for kept in shelf.bookmarks]
    for work in [small.world.add_work(11) for _ in range(3)]:
        shelf.bookmark(work.id, private=False, tags=["new"], comment="")
    for work_id in old[40:42]:
        shelf.bookmark(work_id, private=False, tags=[], comment="")
    shelf.bookmarks = [kept for kept in shelf.bookmarks if kept.work_id != old[1]]
    since = len(small.log)
    assert crawl("bookmarks", small, tmp_path, id="me", **ROWS_ONLY).exit_code == 0
    assert len(small.log) - since == 1
    kept = rows(tmp_path, "SELECT artwork_id, bookmark_id FROM bookmarks ORDER BY position DESC")
    assert [each for each in kept if each[0] != old[1]] == [(each.work_id, each.id) for each in shelf.bookmarks]
    assert rows(tmp_path, "SELECT artwork_id FROM bookmarks WHERE unlisted IS NOT NULL") == []

    assert crawl("bookmarks", small, tmp_path, id="me", reread="true", **ROWS_ONLY).exit_code == 0
    assert rows(tmp_path, "SELECT artwork_id FROM bookmarks WHERE unlisted IS NOT NULL") == [(old[1],)]


def test_bookmarks_are_kept_as_their_owner_made_them(tmp_path: Path, shared: Sandbox):
    assert crawl("bookmarks", shared, tmp_path, id="me", rest="both", **ROWS_ONLY).exit_code == 0
    for private in (False, True):
        query = f"SELECT artwork_id, bookmark_id, tags FROM bookmarks WHERE private = {private} ORDER BY position DESC"
        kept = [(work_id, number, json.loads(tags)) for work_id, number, tags in rows(tmp_path, query)]
        made = [kept for kept in shared.world.shelf(901).bookmarks if kept.private == private]
        assert kept == [(one.work_id, one.id, list(one.tags)) for one in made]
    masked = rows(tmp_path, "SELECT id FROM artworks WHERE masked_since IS NOT NULL")
    assert set(masked) == {(5000811,), (5000813,), (5002018,)}


def test_the_bookmarks_of_another_user(tmp_path: Path, shared: Sandbox):
    assert crawl("bookmarks", shared, tmp_path, id=902, **ROWS_ONLY).exit_code == 0
    assert set(listed(tmp_path)) == {kept.work_id for kept in shared.world.shelf(902).bookmarks if not kept.private}
    # A row tells the reader's own bookmark, which is not the one on this list.
    assert rows(tmp_path, "SELECT DISTINCT user_id, bookmark_id, tags FROM bookmarks") == [(902, None, None)]


def test_a_masked_row_changes_nothing_that_is_known(tmp_path: Path, small: Sandbox):
    small.world.shelf(901).bookmarks = small.world.shelf(901).bookmarks[:4]
    assert crawl("bookmarks", small, tmp_path, id="me").exit_code == 0
    before = small.world.expected.bookmarks(901)
    lost = small.world.shelf(901).bookmarks[1].work_id
    small.world.remove(lost)
    known = (
        f"SELECT title, page_count, kind, user_id, bookmark_count, created, files_state FROM artworks WHERE id = {lost}"
    )
    was = rows(tmp_path, known)
    assert crawl("bookmarks", small, tmp_path, id="me").exit_code == 0
    assert_holds(tmp_path, before)
    assert rows(tmp_path, known) == was
    assert rows(tmp_path, f"SELECT availability FROM artworks WHERE id = {lost}") == [("gone",)]
    assert rows(tmp_path, "SELECT count(*) FROM bookmarks WHERE unlisted IS NULL") == [(4,)]


def test_the_feed_ends_where_pixiv_ends_it(tmp_path: Path):
    with Sandbox(World.standard()) as sandbox:
        sandbox.world.limits.feed = 3
        assert crawl("feed", sandbox, tmp_path, **ROWS_ONLY).exit_code == 0
        assert asked(sandbox) == [f"/ajax/follow_latest/illust?mode=all&p={page}" for page in (1, 2, 3)]
        assert len(listed(tmp_path)) == 180
        assert listed(tmp_path) == sorted(listed(tmp_path), reverse=True)
        fresh = [sandbox.world.add_work(15).id for _ in range(70)]
        since = len(sandbox.log)
        assert crawl("feed", sandbox, tmp_path, **ROWS_ONLY).exit_code == 0
        assert len(sandbox.log) - since == 2
        assert set(fresh) <= set(listed(tmp_path))


def test_new_works_end_where_pixiv_ends_them(tmp_path: Path, small: Sandbox):
    small.world.limits.new_works = 70
    assert crawl("new", small, tmp_path, **ROWS_ONLY).exit_code == 0
    assert listed(tmp_path) == [work.id for work in small.world.works()[:70]]
    since = len(small.log)
    assert crawl("new", small, tmp_path, **ROWS_ONLY).exit_code == 0
    assert len(small.log) - since == 1


def test_who_follows_whom_and_their_newest_works(tmp_path: Path, shared: Sandbox):
    shelf, since = shared.world.shelf(901), len(shared.log)
    assert crawl("following", shared, tmp_path, id="me", rest="both").exit_code == 0
    assert len(shared.log) - since == 3
    follows = rows(tmp_path, "SELECT followed_id, private FROM follows WHERE follower_id = 901")
    assert dict(follows) == dict.fromkeys(shelf.follows, 0) | dict.fromkeys(shelf.secret_follows, 1)
    assert rows(tmp_path, "SELECT name FROM users WHERE id = 18") == [("the serialist",)]
    newest = [work.id for work in shared.world.works_of(15, shared.world.readers[0])][:3]
    told = rows(tmp_path, "SELECT id, title IS NOT NULL FROM artworks WHERE user_id = 15")
    assert dict(told) == dict.fromkeys(newest, 1)
    since = len(shared.log)
    assert crawl("following", shared, tmp_path, id="me", rest="both").exit_code == 0
    assert len(shared.log) - since == 2


@pytest.mark.long
def test_an_artist_with_something_new_is_asked_for_alone(tmp_path: Path):
    with Sandbox(World.of(artists=30, works=2, size=(64, 48))) as sandbox:

        def follow() -> list[str]:
            since = len(sandbox.log)
            assert crawl("following", sandbox, tmp_path, id="me", archive="true").exit_code == 0
            return [logged.path for logged in sandbox.log[since:] if logged.kind == "api"]

        assert len(follow()) == 1 + 30 + 1 + 60
        work = sandbox.world.add_work(40)
        assert follow()[1:] == ["/ajax/user/40/profile/all", f"/ajax/illust/{work.id}"]
        assert_holds(tmp_path, sandbox.world.expected.following(901))
        sandbox.world.shelf(901).follows.remove(30)
        assert len(follow()) == 1
        assert rows(tmp_path, "SELECT followed_id FROM follows WHERE unlisted IS NOT NULL") == [(30,)]
        assert_holds(tmp_path, sandbox.world.expected.following(901), sandbox.world.expected.user(30))


@pytest.mark.long
def test_one_artist_who_cannot_be_read_leaves_the_others_and_comes_later(tmp_path: Path):
    with Sandbox(World.of(artists=30, works=1, size=(64, 48))) as sandbox:
        sandbox.faults.api("/ajax/user/13/profile/all", kind="status:500")
        follow = {"id": "me", "archive": "true"}
        failed = crawl("following", sandbox, tmp_path, settings=NO_RETRIES, **follow)
        assert (failed.exit_code, failed.counts["lists_failed"]) == (1, 1)
        assert len(listed(tmp_path)) == 29
        sandbox.faults.clear()
        since = len(sandbox.log)
        assert crawl("following", sandbox, tmp_path, **follow).exit_code == 0
        assert [path for path in asked(sandbox, since) if "profile" in path] == ["/ajax/user/13/profile/all?"]
        assert_holds(tmp_path, sandbox.world.expected.following(901))


def test_rows_of_those_whom_one_follows_without_asking_for_a_work(tmp_path: Path):
    with Sandbox(World.of(artists=3, works=5, size=(64, 48))) as sandbox:
        assert crawl("following", sandbox, tmp_path, id="me", archive="true", **ROWS_ONLY).exit_code == 0
        assert len(sandbox.log) == 1 + 3 + 3
        assert rows(tmp_path, "SELECT count(*) FROM artworks WHERE detail = 'listing' AND title IS NOT NULL") == [(15,)]


def test_a_series_that_grows_is_read_again_from_the_watchlist(tmp_path: Path):
    with Sandbox(World.standard()) as sandbox:
        sandbox.world.limits.watchlist_entries = 1
        assert crawl("watchlist", sandbox, tmp_path, **ROWS_ONLY).exit_code == 0
        places = rows(tmp_path, "SELECT artwork_id FROM series_artworks WHERE series_id = 502 ORDER BY position")
        assert [work_id for (work_id,) in places] == [work.id for work in sandbox.world.series_works(502)]
        work = sandbox.world.add_work(18, kind=1, series_id=502)
        since = len(sandbox.log)
        assert crawl("watchlist", sandbox, tmp_path, **ROWS_ONLY).exit_code == 0
        watchlist = [f"/ajax/watch_list/manga?p={page}" for page in (1, 2)]
        assert asked(sandbox, since) == watchlist + [f"/ajax/series/502?p={page}" for page in (1, 2, 3)]
        assert work.id in listed(tmp_path)


def test_a_list_that_broke_off_goes_on_where_it_stood(tmp_path: Path, small: Sandbox):
    shelf = small.world.shelf(901)
    small.faults.api("offset=200", kind="status:500", times=1)
    broken = crawl("bookmarks", small, tmp_path, id="me", settings=NO_RETRIES, **ROWS_ONLY)
    assert broken.exit_code == 1
    assert len(listed(tmp_path)) == 200
    old, fresh = shelf.bookmarks, small.world.add_work(11)
    shelf.bookmark(fresh.id, private=False, tags=[], comment="")
    shelf.bookmarks = [kept for kept in shelf.bookmarks if kept not in old[:3]]
    since = len(small.log)
    assert crawl("bookmarks", small, tmp_path, id="me", **ROWS_ONLY).exit_code == 0
    # Three went and one came: two rows may have moved on to pages that were read.
    assert [path.split("offset=")[1].split("&")[0] for path in asked(small, since)] == ["200", "198", "0"]
    assert set(listed(tmp_path)) == {fresh.id, *(kept.work_id for kept in old)}


@pytest.mark.long
def test_a_killed_run_goes_on_where_it_stood(tmp_path: Path):
    with Sandbox(World.of(works=250, size=(64, 48)), delay=0.2) as sandbox:
        command = [sys.executable, "-m", "scrapy", "crawl", "new", "-a", "files=false", "-a", "detail=listing"]
        killed = subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment(sandbox, tmp_path),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while len(sandbox.log) < 6 and time.monotonic() < deadline:
            time.sleep(0.02)
        killed.kill()
        killed.wait()
        before, since = listed(tmp_path), len(sandbox.log)
        assert 60 <= len(before) < 250
        assert crawl("new", sandbox, tmp_path, **ROWS_ONLY).exit_code == 0
        assert listed(tmp_path) == [work.id for work in sandbox.world.works()]
        assert f"lastId={before[-1]}&" in asked(sandbox, since)[0]


def test_max_works_looks_at_the_head_alone(tmp_path: Path, small: Sandbox):
    for _ in range(2):
        since = len(small.log)
        assert crawl("bookmarks", small, tmp_path, id="me", max_works=7, **ROWS_ONLY).exit_code == 0
        assert len(small.log) - since == 1
        assert len(listed(tmp_path)) == 7
    assert crawl("bookmarks", small, tmp_path, id="me", **ROWS_ONLY).exit_code == 0
    assert len(listed(tmp_path)) == 250


@pytest.mark.parametrize("page", ["offset=0", "offset=100"])
def test_a_throttled_page_is_looked_at_again(tmp_path: Path, small: Sandbox, page: str):
    small.faults.api(page, kind="empty", times=1)
    assert crawl("bookmarks", small, tmp_path, id="me", **ROWS_ONLY).exit_code == 0
    assert len(asked(small)) == 4
    assert len(listed(tmp_path)) == 250


def test_a_page_that_stays_empty_among_full_ones_is_no_end(tmp_path: Path, small: Sandbox):
    small.faults.api("offset=100", kind="empty")
    broken = crawl("bookmarks", small, tmp_path, id="me", **ROWS_ONLY)
    assert (broken.exit_code, broken.counts["lists_failed"]) == (1, 1)
    small.faults.clear()
    assert crawl("bookmarks", small, tmp_path, id="me", **ROWS_ONLY).exit_code == 0
    assert len(listed(tmp_path)) == 250


def test_an_empty_list_is_believed_after_the_throttle_time(tmp_path: Path, small: Sandbox):
    small.world.shelf(901).bookmarks = []
    assert crawl("bookmarks", small, tmp_path, id="me", settings={"PIXIV_THROTTLE_WAIT": 1.2}).exit_code == 0
    first, second = small.log
    assert second.time - first.time >= 1.2


NEED_A_SESSION = (
    "bookmarks id=me",
    "bookmarks id=901",
    "following id=me",
    "followers id=901",
    "feed",
    "mypixiv",
    "watchlist",
    "new r18=true",
)
WRONG = {
    "bookmarks id=you": "me",
    "bookmarks": "id",
    "bookmarks id=902 rest=hide": "rest=show",
    "following id=me rest=all": "rest",
    "feed mode=r17": "mode",
    "new type=ugoira": "type",
    "series id=five": "id",
}


@pytest.mark.parametrize("run", NEED_A_SESSION)
def test_what_needs_a_session_says_so_and_sends_nothing(tmp_path: Path, shared: Sandbox, run: str):
    assert "PIXIV_PHPSESSID" in refusal(run, shared, tmp_path, phpsessid=None)


@pytest.mark.parametrize("run", WRONG)
def test_wrong_usage_is_one_line_and_sends_nothing(tmp_path: Path, shared: Sandbox, run: str):
    assert WRONG[run] in refusal(run, shared, tmp_path, phpsessid=shared.cookie)


def test_a_session_that_does_not_tell_whose_it_is_has_no_me(tmp_path: Path, shared: Sandbox):
    assert "give your user id" in refusal("bookmarks id=me", shared, tmp_path, phpsessid="nobodys")


def refusal(run: str, sandbox: Sandbox, archive: Path, *, phpsessid: str | None) -> str:
    since = len(sandbox.log)
    with pytest.raises(ConfigurationError) as refused:
        crawl(run.split()[0], sandbox, archive, phpsessid=phpsessid, **arguments_of(run))
    assert len(sandbox.log) == since
    (line,) = str(refused.value).splitlines()
    return line


def test_the_command_says_it_too(tmp_path: Path, shared: Sandbox):
    run = scrapy("crawl", "bookmarks", "-a", "id=me", env=environment(shared, tmp_path, session=False))
    assert run.returncode == 2
    assert len(complaints(run.stderr).splitlines()) == 1
    assert "PIXIV_PHPSESSID" in run.stderr


def test_an_unknown_series_does_not_stop_the_next(tmp_path: Path, shared: Sandbox, caplog: pytest.LogCaptureFixture):
    assert crawl("series", shared, tmp_path, id="999,501").exit_code == 1
    assert [line for line in caplog.messages if "999" in line]
    assert_holds(tmp_path, shared.world.expected.series(501))
