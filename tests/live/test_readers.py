"""Who reads: a run knows it, says it, keeps it, and never takes what a visitor is shown for what its account is."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pixivcrawl.sandbox.lists import Search
from pixivcrawl.sandbox.works import Page
from tests.commands.typing_in import type_in
from tests.live.chaos.plans import campaign
from tests.live.inside import Run, crawl
from tests.live.running import assert_holds, rows
from tests.sandbox.serving import Sandbox, World

TAG = "harbour"
EXTRA = "/ajax/user/extra"


def world_of(works: int, *, adult: int) -> World:
    """So many works under the tag, of which every n-th is R-18 until there are `adult`."""
    world = World.of(works=1)
    for number in range(works):
        restricted = number % (works // adult) == 0 and number // (works // adult) < adult
        world.add_work(11, tags=(TAG,), x_restrict=int(restricted), pages=(Page("jpg", 32, 24),))
    return world


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(world_of(65, adult=5)) as running:
        yield running


def searched(sandbox: Sandbox, folder: Path, **more: object) -> Run:
    return crawl("search", sandbox, folder, word=TAG, **more)


def assert_all_there(sandbox: Sandbox, folder: Path) -> None:
    assert_holds(folder, sandbox.world.expected.search(Search(TAG), session=True))


def asked(sandbox: Sandbox, since: int = 0) -> list[str]:
    return [logged.path for logged in sandbox.requests("api")[since:]]


@pytest.mark.parametrize("tells", [True, False], ids=["x-userid", "no header"])
@pytest.mark.parametrize("refuses", [True, False], ids=["401", "public lists go on"])
@pytest.mark.parametrize(
    "last", [20, *(pytest.param(each, marks=pytest.mark.long) for each in (0, 1, 66))], ids=lambda last: f"after {last}"
)
def test_a_session_that_is_lost_ends_the_run_and_nothing_is_missing_afterwards(
    tmp_path: Path, sandbox: Sandbox, last: int, refuses: bool, tells: bool
) -> None:
    habits = sandbox.world.habits
    habits.tells_reader, habits.refuses_unknown, habits.sessions_last = tells, refuses, last
    assert searched(sandbox, tmp_path).exit_code == 4
    [(outcome, to_end)] = rows(tmp_path, "SELECT outcome, read_to_end AND id < 0 FROM crawls")
    assert (outcome, to_end) == ("stopped", 0)
    habits.sessions_last = None
    assert searched(sandbox, tmp_path).exit_code == 0
    assert_all_there(sandbox, tmp_path)


@pytest.mark.parametrize("tells", [True, False], ids=["x-userid", "no header"])
@pytest.mark.parametrize("seed", campaign(range(50)))
def test_a_session_that_is_lost_at_any_request(tmp_path: Path, seed: int, tells: bool) -> None:
    with Sandbox(world_of(70, adult=7)) as sandbox:
        habits = sandbox.world.habits
        habits.tells_reader = tells
        whole = searched(sandbox, tmp_path / "whole")
        assert whole.exit_code == 0
        habits.sessions_last = random.Random(seed).randrange(whole.counts["api_requests"])
        assert searched(sandbox, tmp_path / "lost").exit_code == 4, habits
        habits.sessions_last = None
        assert searched(sandbox, tmp_path / "lost").exit_code == 0
        assert_all_there(sandbox, tmp_path / "lost")


@pytest.mark.long
def test_a_visitors_frontier_is_nobody_elses(tmp_path: Path, sandbox: Sandbox) -> None:
    assert searched(sandbox, tmp_path, phpsessid=None).exit_code == 0
    # The head of the list is the same for both; what lies below is not.
    sandbox.world.add_work(11, tags=(TAG,))
    assert searched(sandbox, tmp_path).exit_code == 0
    assert_all_there(sandbox, tmp_path)
    read = rows(tmp_path, "SELECT reader, read_to_end FROM crawls ORDER BY id")
    assert read == [(0, 1), (901, 1)]
    since = len(sandbox.requests("api"))
    assert searched(sandbox, tmp_path).exit_code == 0
    assert len(asked(sandbox, since)) == 1, "its own frontier is one"
    assert searched(sandbox, tmp_path, phpsessid=sandbox.premium_cookie).exit_code == 0
    assert len(asked(sandbox, since)) == 3, "another account reads it whole: two pages"


def test_a_new_session_goes_on_where_the_old_one_was_known_to_work(tmp_path: Path, sandbox: Sandbox) -> None:
    habits = sandbox.world.habits
    habits.sessions_last = 1
    assert searched(sandbox, tmp_path).exit_code == 4
    habits.sessions_last = None
    since = len(sandbox.requests("api"))
    assert searched(sandbox, tmp_path).exit_code == 0
    pages = [logged.query for logged in sandbox.requests("api")[since:] if "/search/" in logged.path]
    assert len(pages) <= 4
    assert_all_there(sandbox, tmp_path)


@pytest.mark.long
def test_it_is_asked_as_seldom_as_that_takes(tmp_path: Path, sandbox: Sandbox) -> None:
    def extra(**more: object) -> int:
        since = len(sandbox.requests("api"))
        assert searched(sandbox, tmp_path, **more).exit_code == 0
        return asked(sandbox, since).count(EXTRA)

    assert extra() == 0, "each answer tells who reads"
    sandbox.world.habits.tells_reader = False
    assert extra() == 1, "once before the reading counts as read to its end"
    long_ago = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    with sqlite3.connect(tmp_path / "archive.sqlite") as ledger:
        ledger.execute("UPDATE crawls SET confirmed = ? WHERE confirmed IS NOT NULL", (long_ago,))
    assert extra(reread="true") == 2, "and once more at the start of the day"
    assert extra(reread="true") == 1
    with sqlite3.connect(tmp_path / "archive.sqlite") as ledger:
        ledger.execute("UPDATE crawls SET confirmed = ? WHERE confirmed IS NOT NULL", (long_ago,))
    assert extra() == 1, "what is asked behind the one page of a reading serves as both"
    since = len(sandbox.requests("api"))
    assert crawl("bookmarks", sandbox, tmp_path, id="me", files="false", detail="listing").exit_code == 0
    assert EXTRA not in asked(sandbox, since), "such a list is shown to the signed-in alone"


def test_a_session_that_is_taken_for_another_account_ends_the_run(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.world.readers = (*sandbox.world.readers, type(sandbox.world.readers[0])(903, "x", "0" * 32))
    renamed = type(sandbox.world.readers[0])(904, "x", "0" * 32)
    sandbox.world.reader = lambda cookie: renamed  # type: ignore[method-assign]
    assert searched(sandbox, tmp_path).exit_code == 4
    assert len(sandbox.log) == 1


@pytest.mark.parametrize("signed_in", [True, False], ids=["account", "visitor"])
def test_a_guard_is_asked_three_times_and_no_more(tmp_path: Path, sandbox: Sandbox, signed_in: bool) -> None:
    sandbox.faults.api(".", kind="guard")
    cookie = sandbox.cookie if signed_in else ""
    ran = type_in("crawl", "search", "-a", f"word={TAG}", sandbox=sandbox, archive=tmp_path, cookie=cookie)
    assert (ran.code, len(sandbox.log)) == (4, 3)
    assert "Just a moment" in ran.err.splitlines()[-1]
    assert "run the same command again" in ran.err.splitlines()[-1]


def test_a_question_that_is_wrong_says_nothing_of_the_session(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.faults.api("/illusts/bookmarks", kind="status:400", message="不正なリクエストです。")
    assert crawl("bookmarks", sandbox, tmp_path, id="me").exit_code == 1
    assert asked(sandbox) == ["/ajax/user/901/illusts/bookmarks", EXTRA]
    sandbox.world.habits.sessions_last = 0
    assert crawl("bookmarks", sandbox, tmp_path, id="me").exit_code == 4


@pytest.mark.long
def test_an_answer_that_does_not_come_confirms_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    sandbox.world.habits.tells_reader = False
    sandbox.faults.api(EXTRA, kind="status:500")
    run = searched(sandbox, tmp_path, settings={"PIXIV_API_RETRIES": 0})
    assert (run.exit_code, "reader_unconfirmed" in run.counts) == (1, True)
    assert rows(tmp_path, "SELECT read_to_end FROM crawls") == [(0,)]


def test_who_reads_is_said_in_the_second_line_and_kept(tmp_path: Path, sandbox: Sandbox) -> None:
    search = ("crawl", "search", "-a", f"word={TAG}", "-a", "max_works=1", "-a", "files=false")
    for cookie, said in ((sandbox.cookie, "reads as account 901"), ("", "reads as a visitor: no session set")):
        ran = type_in(*search, sandbox=sandbox, archive=tmp_path, cookie=cookie)
        assert ran.err.splitlines()[1].startswith(said)
    told = type_in("status", archive=tmp_path).out
    assert " as account 901: complete" in told
    assert " as a visitor: complete" in told
    warned = type_in("doctor", sandbox=sandbox, archive=tmp_path).out
    assert "none is set, though earlier runs read as account 901" in warned
