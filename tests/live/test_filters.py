"""Filters, comments and detail=listing: what is left out costs as little as may be, and what is kept is kept once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.sandbox.works import JAPAN
from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(World.standard(), tls=True) as running:
        yield running


def details(sandbox: Sandbox, since: int) -> set[int]:
    """The works whose own page was asked for."""
    paths = [logged.path.split("/") for logged in sandbox.log[since:]]
    return {int(path[3]) for path in paths if len(path) == 4 and path[2] == "illust"}


def of_works(sandbox: Sandbox, work_ids: set[int]) -> Expected:
    return sandbox.world.expected.artwork(sorted(work_ids), session=True)


def test_a_row_that_tells_spares_the_request(tmp_path: Path, sandbox: Sandbox):
    since = len(sandbox.log)
    run = scrapy(
        "crawl", "user", "-a", "id=11", "-a", "kinds=manga", "-a", "min_pages=6", env=environment(sandbox, tmp_path)
    )
    assert run.returncode == 0, run.stderr
    wanted = sandbox.world.work_id(11, 12)
    # The work that is gone has no row: only its own page can tell.
    assert details(sandbox, since) == {wanted, sandbox.world.work_id(11, 8)}
    assert_holds(tmp_path, of_works(sandbox, {wanted}))
    assert "       18  works left out by the filters" in run.stderr


@pytest.mark.long
def test_what_only_the_work_itself_tells_is_asked_once(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path)
    since = len(sandbox.log)
    command = ("crawl", "user", "-a", "id=13", "-a", "min_bookmarks=150")
    run = scrapy(*command, env=env)
    assert run.returncode == 0, run.stderr
    works = {work.id: work for work in sandbox.world.works_of(13, sandbox.world.readers[0])}
    liked = {work.id for work in works.values() if work.bookmark_count >= 150 and not work.gone}
    assert 0 < len(liked) < 7
    assert details(sandbox, since) == set(works)
    assert_holds(tmp_path, of_works(sandbox, liked))
    # Nobody asked how many pages an unwanted work has.
    pages = {int(logged.path.split("/")[3]) for logged in sandbox.log[since:] if logged.path.endswith("/pages")}
    assert pages <= liked

    since = len(sandbox.log)
    again = scrapy(*command, env=env)
    assert again.returncode == 0
    assert details(sandbox, since) == set()
    # A later run without the filter still finds them wanted.
    assert scrapy("crawl", "user", "-a", "id=13", env=env).returncode == 0
    assert_holds(tmp_path, sandbox.world.expected.user(13, session=True))


def test_tags_rating_ai_and_days(tmp_path: Path, sandbox: Sandbox):
    works = [work for work in sandbox.world.works_of(11, sandbox.world.readers[0]) if not work.gone]
    first, last = "2022-08-09", "2022-08-25"
    wanted = {
        work.id
        for work in works
        if work.x_restrict == 0
        and work.ai_type != 2
        and "猫" not in work.tags
        and first <= f"{work.created.astimezone(JAPAN):%Y-%m-%d}" <= last
    }
    assert 0 < len(wanted) < len(works)
    given = ("rating=safe", "ai=exclude", "exclude_tags=猫", f"since={first}", f"until={last}")
    arguments = [part for argument in given for part in ("-a", argument)]
    run = scrapy("crawl", "user", "-a", "id=11", *arguments, env=environment(sandbox, tmp_path))
    assert run.returncode == 0, run.stderr
    assert_holds(tmp_path, of_works(sandbox, wanted))


def test_rows_alone_are_kept_without_a_request_for_a_work(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path)
    since = len(sandbox.log)
    command = ("crawl", "user", "-a", "id=15", "-a", "detail=listing", "-a", "files=false")
    run = scrapy(*command, env=env)
    assert run.returncode == 0, run.stderr
    paths = [logged.path for logged in sandbox.log[since:]]
    assert paths == ["/ajax/user/15/profile/all", *["/ajax/user/15/profile/illusts"] * 2, "/ajax/user/15"]
    assert rows(tmp_path, "SELECT detail, count(*) FROM artworks GROUP BY detail") == [("listing", 120)]
    assert rows(tmp_path, "SELECT name FROM users WHERE id = 15") == [("one a day",)]
    since = len(sandbox.log)
    assert scrapy(*command, env=env).returncode == 0
    assert "/ajax/user/15/profile/illusts" not in [logged.path for logged in sandbox.log[since:]]


@pytest.mark.long
def test_comments_are_kept_once_and_again_when_refreshed(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path)
    command = ("crawl", "user", "-a", "id=11", "-a", "comments=true", "-a", "files=false")
    run = scrapy(*command, env=env)
    assert run.returncode == 0, run.stderr
    works = {work.id: work for work in sandbox.world.works_of(11, sandbox.world.readers[0])}
    commented = {work_id: work.comment_count for work_id, work in works.items() if work.comment_count and not work.gone}
    kept = dict(rows(tmp_path, "SELECT artwork_id, count(*) FROM comments WHERE parent_id IS NULL GROUP BY artwork_id"))
    assert kept == commented
    assert kept[sandbox.world.work_id(11, 2)] == 45
    stamps = rows(tmp_path, "SELECT text, stamp_id FROM comments WHERE stamp_id IS NOT NULL")
    assert set(stamps) == {("", 303)}
    assert rows(tmp_path, "SELECT count(*) FROM comments WHERE user_id IS NULL")[0][0] > 0

    since = len(sandbox.log)
    assert scrapy(*command, env=env).returncode == 0
    assert [logged.path for logged in sandbox.log[since:]] == ["/ajax/user/11/profile/all"]
    since = len(sandbox.log)
    assert scrapy(*command, "-a", "refresh=true", env=env).returncode == 0
    asked = [logged for logged in sandbox.log[since:] if logged.path.endswith("/comments/roots")]
    assert len(asked) == len(commented)
    assert (
        dict(rows(tmp_path, "SELECT artwork_id, count(*) FROM comments WHERE parent_id IS NULL GROUP BY artwork_id"))
        == commented
    )


@pytest.mark.long
def test_comments_that_cannot_be_read_are_said_and_tried_again(tmp_path: Path):
    with Sandbox(World.demo(), tls=True) as sandbox:
        env = environment(sandbox, tmp_path)
        command = ("crawl", "user", "-a", "id=11", "-a", "comments=true", "-a", "files=false")
        sandbox.faults.api(rf"illust_id={sandbox.world.work_id(11, 2)}", kind="not_object")
        run = scrapy(*command, env=env)
        assert run.returncode == 1
        assert f"comments on work {sandbox.world.work_id(11, 2)}" in run.stderr
        sandbox.faults.clear()
        since = len(sandbox.log)
        assert scrapy(*command, env=env).returncode == 0
        assert len([logged for logged in sandbox.log[since:] if logged.path.endswith("/comments/roots")]) == 1
