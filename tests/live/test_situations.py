"""What pixiv of today answers in the situations that no other test has: what is archived, what is said, and the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.world import Viewing
from tests.commands.typing_in import Typed, type_in
from tests.live.inside import crawl
from tests.live.running import assert_holds, rows, stored_files
from tests.sandbox.serving import Sandbox, World

DAY = "20230113"
ROWS_ONLY = {"files": "false", "detail": "listing"}


@pytest.fixture
def standard() -> Iterator[Sandbox]:
    with Sandbox(World.standard(), tls=False) as running:
        yield running


@pytest.fixture
def small() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=3, size=(32, 24)), tls=False) as running:
        yield running


def run(sandbox: Sandbox, folder: Path | None, spider: str, /, *, cookie: str | None = None, **arguments: Any) -> Typed:
    given = [word for name, value in arguments.items() for word in ("-a", f"{name}={value}")]
    session = sandbox.cookie if cookie is None else cookie
    more = {"PIXIV_GONE_AFTER": 0, "PIXIV_THROTTLE_WAIT": 0.05}
    return type_in("crawl", spider, *given, sandbox=sandbox, archive=folder, cookie=session, **more)


# Rankings


@pytest.mark.parametrize("mode", ["daily_r18", "r18g"])
def test_a_ranking_for_adults_says_what_to_switch_on(tmp_path: Path, standard: Sandbox, mode: str) -> None:
    standard.world.viewing[901] = Viewing(r18=False)
    ran = run(standard, tmp_path, "ranking", mode=mode, **ROWS_ONLY)
    assert (ran.code, "1 list not read to an end" in " ".join(ran.err.split())) == (1, True)
    assert "forbidden (status 403): switch on R-18 (and R-18G) in the account's viewing settings on pixiv" in ran.err
    assert [logged.path for logged in standard.log] == ["/ranking.php", "/ajax/user/extra"]
    assert rows(tmp_path, "SELECT count(*) FROM artworks") == [(0,)]
    standard.world.viewing.clear()
    assert run(standard, tmp_path, "ranking", mode=mode, **ROWS_ONLY).code == 0
    ranked = {work_id for (work_id,) in rows(tmp_path, "SELECT artwork_id FROM ranking_entries")}
    assert ranked == set(standard.world.rankings[mode, DAY])


@pytest.mark.parametrize("whole", [True, False], ids=["whole works", "rows alone"])
def test_a_ranking_with_works_that_a_visitor_is_not_shown(tmp_path: Path, standard: Sandbox, whole: bool) -> None:
    """Their ranks are kept; that they are missing is said, until a reader comes who is shown them."""
    world = standard.world
    world.rankings["daily", DAY] = world.rankings["daily", DAY][:6]
    hidden = [work_id for work_id in world.rankings["daily", DAY] if not world.work(work_id).gone][:2]
    world.login_only |= {*hidden}
    arguments = {"date": DAY, "files": "false"} if whole else {"date": DAY, **ROWS_ONLY}
    for _ in range(2):
        ran = run(standard, tmp_path, "ranking", cookie="", **arguments)
        assert ran.code == 1
        said = "2 works withheld from this reader" if whole else "2 rows whose work this reader is not shown"
        assert said in " ".join(ran.err.split())
    ranks = "SELECT artwork_id FROM ranking_entries ORDER BY rank"
    assert [work_id for (work_id,) in rows(tmp_path, ranks)] == list(world.rankings["daily", DAY])
    assert run(standard, tmp_path, "ranking", reread="true", **arguments).code == 0
    assert rows(tmp_path, "SELECT count(*) FROM artworks WHERE title IS NULL AND availability != 'gone'") == [(0,)]


@pytest.mark.parametrize(
    ("spider", "arguments", "field"),
    [
        ("bookmarks", {"id": "me"}, "works"),
        ("search", {"word": "猫"}, "illustManga.data"),
        ("feed", {}, "thumbnails.illust"),
    ],
)
def test_rows_alone_say_that_a_work_is_not_shown(
    tmp_path: Path, standard: Sandbox, spider: str, arguments: dict[str, str], field: str
) -> None:
    placeholder = "https://s.pximg.net/common/images/limit_r18_360.png"
    standard.faults.api("", kind="replaced_rows", field=field, value={1: {"url": placeholder}})
    for _ in range(2):
        ran = run(standard, tmp_path, spider, **arguments, **ROWS_ONLY)
        assert ran.code == 1
        assert "row whose work this reader is not shown" in ran.err.replace("rows", "row")
    standard.faults.clear()
    assert run(standard, tmp_path, spider, reread="true", **arguments, **ROWS_ONLY).code == 0


# Sessions


LISTS: dict[str, dict[str, Any]] = {
    "user": {"id": 15},
    "ranking": {"date": DAY},
    "new": {"max_works": 20},
    "series": {"id": 502},
    "related": {"id": 5000111},
    "artwork": {"id": "5000211,5000411"},
    "tag": {"tag": "猫"},
    "collection": {"id": 701},
    "requests": {"type": "illust"},
    "bookmarks": {"id": "me"},
    "account": {},
}


@pytest.mark.parametrize("refuses", [True, False], ids=["401", "public lists go on"])
@pytest.mark.parametrize("spider", LISTS)
def test_a_session_that_pixiv_does_not_know_ends_every_spider(
    tmp_path: Path, standard: Sandbox, spider: str, refuses: bool
) -> None:
    standard.world.habits.sessions_last, standard.world.habits.refuses_unknown = 0, refuses
    rows_only = {} if spider in ("artwork", "tag", "account") else ROWS_ONLY
    ran = run(standard, tmp_path, spider, **LISTS[spider], **rows_only)
    assert ran.code == 4
    assert "pixiv no longer takes the session" in ran.err.splitlines()[-1]
    # Works that a person named are no list of pixiv's.
    assert spider == "artwork" or rows(tmp_path, "SELECT read_to_end FROM crawls") == [(0,)]
    assert len(standard.log) <= 4, "it goes on asking"


@pytest.mark.long
@pytest.mark.parametrize("page", [False, True], ids=["JSON", "a page"])
@pytest.mark.parametrize("status", [400, 403, 404, 410, 418, 451, 500, 503])
@pytest.mark.parametrize("spider", LISTS)
def test_no_status_in_place_of_an_answer_is_taken_for_an_end(
    tmp_path: Path, standard: Sandbox, spider: str, status: int, page: bool
) -> None:
    if page:
        standard.faults.api(".", kind="html", status=status)
    else:
        standard.faults.api(".", kind=f"status:{status}")
    rows_only = {} if spider in ("artwork", "tag", "account") else ROWS_ONLY
    done = crawl(spider, standard, tmp_path, settings={"PIXIV_API_RETRIES": 0}, **LISTS[spider], **rows_only)
    assert done.exit_code in (1, 4)
    assert rows(tmp_path, "SELECT count(*) FROM crawls WHERE read_to_end AND spider != 'artwork'") == [(0,)]
    assert rows(
        tmp_path, "SELECT count(*) FROM artworks WHERE availability = 'gone' AND id NOT IN (5000211, 5000411)"
    ) == [(0,)]


def test_a_page_with_status_400_in_answer_to_everything_ends_the_run(tmp_path: Path, small: Sandbox) -> None:
    """To the question about the session too, which once waited for itself."""
    small.faults.api(".", kind="html", status=400)
    ran = run(small, tmp_path, "user", id=11)
    assert (ran.code, "1 list not read to an end" in " ".join(ran.err.split())) == (1, True)
    assert len(small.log) <= 4
    assert rows(tmp_path, "SELECT read_to_end FROM crawls") == [(0,)]


@pytest.mark.parametrize("named", ["illust.like id=5000111", "illust.bookmark_add id=5000111"])
def test_a_token_of_another_session(tmp_path: Path, standard: Sandbox, named: str) -> None:
    standard.world.habits.mixes_tokens = True
    endpoint, given = named.split()
    given = given.replace("id=", "illust_id=")
    told = type_in("api", endpoint, given, "--yes", sandbox=standard, archive=tmp_path, cookie=standard.cookie)
    assert (told.code, told.out) == (1, "")
    assert "refused (status 400)" in told.err
    assert "log in again in a browser and renew PIXIV_PHPSESSID" in told.err
    standard.world.habits.mixes_tokens = False
    again = type_in("api", endpoint, given, "--yes", sandbox=standard, archive=tmp_path, cookie=standard.cookie)
    assert (again.code, again.err) == (0, "")


# Works and what hangs on them


@pytest.mark.parametrize("kind", ["status:200", "status:404"])
def test_comments_that_pixiv_says_are_not_there(tmp_path: Path, standard: Sandbox, kind: str) -> None:
    """pixiv: an error with status 200 stands for a comment that was deleted; neither says anything of the work."""
    work = next(work for work in standard.world.works_of(11, None) if work.comment_count > 4 and not work.gone)
    standard.faults.api("/comments/replies", kind=kind, message="")
    asked = {"id": work.id, "files": "false", "comments": "true"}
    ran = run(standard, tmp_path, "artwork", **asked)
    assert (ran.code, "1 work whose comments could not be read" in " ".join(ran.err.split())) == (1, True)
    assert f"comments on work {work.id}: comment.replies: " in ran.err
    assert rows(tmp_path, "SELECT availability, detail FROM artworks") == [("available", "full")]
    standard.faults.clear()
    assert run(standard, tmp_path, "artwork", **asked).code == 0
    assert rows(tmp_path, "SELECT count(*) FROM comments WHERE parent_id IS NULL") == [(work.comment_count,)]


@pytest.mark.long
def test_a_page_that_fails_for_ever_is_one_file_that_is_missing(tmp_path: Path, small: Sandbox) -> None:
    broken = small.world.work_id(11, 2)
    small.faults.image(broken, kind="status:500")
    ran = run(small, tmp_path, "user", id=11)
    assert (ran.code, "1 file not stored" in " ".join(ran.err.split())) == (1, True)
    assert len(stored_files(tmp_path)) == 2
    assert f"work {broken} page 0: " in type_in("status", archive=tmp_path).out
    small.faults.clear()
    assert run(small, tmp_path, "artwork", id=broken).code == 0
    assert_holds(tmp_path, small.world.expected.user(11, session=True))


def test_a_work_that_any_list_shows_again_is_back_at_once(tmp_path: Path, small: Sandbox) -> None:
    work = small.world.work_id(11, 2)
    small.world.remove(work, listed=True)
    assert run(small, tmp_path, "user", id=11).code == 0
    assert rows(tmp_path, f"SELECT availability FROM artworks WHERE id = {work}") == [("gone",)]
    small.world.restore(work)
    assert crawl("feed", small, tmp_path).exit_code == 0
    assert rows(tmp_path, f"SELECT availability FROM artworks WHERE id = {work}") == [("available",)]
    assert_holds(tmp_path, small.world.expected.user(11, session=True))
