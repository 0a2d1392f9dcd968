"""What pixiv does not show: withheld from this reader, gone, or only not there this once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.sandbox.works import Page, Work
from pixivcrawl.sandbox.world import Viewing
from tests.commands.typing_in import type_in
from tests.live.inside import Run, crawl
from tests.live.running import assert_holds, rows
from tests.sandbox.serving import Sandbox, World

SMALL = Page("jpg", 32, 24)
AN_HOUR = {"PIXIV_GONE_AFTER": 3600}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(works=3, size=(32, 24))) as running:
        yield running


def archived(sandbox: Sandbox, folder: Path, **more: Any) -> Run:
    return crawl("user", sandbox, folder, id=11, **more)


def asked_for(sandbox: Sandbox, work: Work, since: int) -> int:
    path = f"/ajax/illust/{work.id}"
    return sum(logged.path == path for logged in sandbox.requests("api")[since:])


def state_of(folder: Path, work: Work) -> tuple[Any, ...]:
    told = "availability, unavailable_reason, detail, title"
    [row] = rows(folder, f"SELECT {told} FROM artworks WHERE id = {work.id}")
    return row


def some_time_passes(folder: Path, hours: int) -> None:
    """As if all that is dated in the works' rows had been so much earlier."""
    with sqlite3.connect(folder / "archive.sqlite") as ledger:
        for table, names in (
            ("artworks", ("withheld_at", "missing_since", "next_attempt")),
            ("users", ("missing_since",)),
        ):
            for name in names:
                ledger.execute(
                    f"UPDATE {table} SET {name} = strftime('%Y-%m-%dT%H:%M:%f', {name}, '-{hours} hours') || '000Z' WHERE {name} NOT NULL"
                )


WITHHELD = {
    "R-18 is off": ({"x_restrict": 1}, "R-18, which the account's settings do not show"),
    "AI is off": ({"ai_type": 2}, "made with AI, which the account's settings do not show"),
    "another region": ({"region_masked": True}, "not shown in this region"),
    "another region, two pages": ({"region_masked": True, "pages": (SMALL, SMALL)}, "not shown in this region"),
}


@pytest.mark.long
@pytest.mark.parametrize("tells", [True, False], ids=["x-userid", "no header"])
@pytest.mark.parametrize("case", WITHHELD)
def test_what_an_account_is_not_shown_is_kept_with_the_reason_and_asked_for_again(
    tmp_path: Path, sandbox: Sandbox, case: str, tells: bool
) -> None:
    world = sandbox.world
    facts, reason = WITHHELD[case]
    work = world.add_work(11, **({"pages": (SMALL,)} | facts))
    world.habits.tells_reader = tells
    world.viewing[901] = Viewing(r18=False, ai=False)
    assert archived(sandbox, tmp_path).exit_code == 1
    assert state_of(tmp_path, work) == ("withheld", reason, "full", work.title)
    told = type_in("status", archive=tmp_path).out
    assert f"1 work from account 901: {reason}" in told

    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path).exit_code == 1, "it is missing still"
    assert asked_for(sandbox, work, since) == 0, "once a day is enough"
    assert archived(sandbox, tmp_path, phpsessid=sandbox.premium_cookie).exit_code == ("region" in case)
    assert asked_for(sandbox, work, since) == 1, "another reader may be shown it"
    world.viewing.clear()
    world._change(work.id, region_masked=False)
    some_time_passes(tmp_path, 25)
    assert archived(sandbox, tmp_path).exit_code == 0
    assert_holds(tmp_path, world.expected.user(11, session=True))


@pytest.mark.long
def test_a_setting_that_changes_shows_what_it_hid_a_day_later_or_when_a_person_says_so(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    world = sandbox.world
    works = [world.add_work(11, x_restrict=1, pages=(SMALL,)) for _ in range(3)]
    world.viewing[901] = Viewing(r18=False)
    assert archived(sandbox, tmp_path).exit_code == 1
    world.viewing.clear()
    assert crawl("artwork", sandbox, tmp_path, id=works[0].id).exit_code == 0
    assert state_of(tmp_path, works[0])[0] == "available"
    assert archived(sandbox, tmp_path).exit_code == 1, "the others were asked for today"
    some_time_passes(tmp_path, 25)
    assert archived(sandbox, tmp_path).exit_code == 0
    assert_holds(tmp_path, world.expected.user(11, session=True))


@pytest.mark.long
def test_a_visitor_is_not_shown_what_the_signed_in_are_and_that_is_said(tmp_path: Path, sandbox: Sandbox) -> None:
    world = sandbox.world
    adult = world.add_work(11, x_restrict=1, pages=(SMALL,))
    members = world.add_work(11, pages=(SMALL,))
    world.login_only.add(members.id)
    for _ in range(2):
        assert archived(sandbox, tmp_path, phpsessid=None).exit_code == 1
    for work in (adult, members):
        assert state_of(tmp_path, work)[:2] == ("withheld", "shown to signed-in readers only")
    assert (
        "2 works from a visitor: shown to signed-in readers only: set PIXIV_PHPSESSID"
        in type_in("status", archive=tmp_path).out
    )
    assert archived(sandbox, tmp_path).exit_code == 0
    assert_holds(tmp_path, world.expected.user(11, session=True))


@pytest.mark.parametrize(
    ("part", "kind"), [("pages", "status:404"), ("ugoira_meta", "status:403"), ("ugoira_meta", "status:404")]
)
def test_what_an_answer_about_a_part_refuses_leaves_the_work(
    tmp_path: Path, sandbox: Sandbox, part: str, kind: str
) -> None:
    world = sandbox.world
    facts: dict[str, Any] = (
        {"pages": (SMALL, SMALL)} if part == "pages" else {"kind": 2, "pages": (SMALL,), "delays": (80, 90)}
    )
    work = world.add_work(11, title="still here", **facts)
    sandbox.faults.api(f"/{part}$", kind=kind)
    assert archived(sandbox, tmp_path).exit_code == 1
    assert state_of(tmp_path, work) == ("withheld", "pixiv shows the work, and not its files", "full", "still here")
    sandbox.faults.clear()
    some_time_passes(tmp_path, 25)
    assert archived(sandbox, tmp_path).exit_code == 0
    assert_holds(tmp_path, world.expected.user(11, session=True))


@pytest.mark.long
def test_one_404_is_no_tombstone_while_a_list_names_the_work(tmp_path: Path, sandbox: Sandbox) -> None:
    [work, *_] = sandbox.world.works_of(11, None)
    sandbox.faults.api(f"/ajax/illust/{work.id}$", kind="status:404", times=1)
    assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 1
    assert state_of(tmp_path, work)[0] == "available", "as its row says"
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 1
    assert asked_for(sandbox, work, since) == 0, "not within the hour"
    some_time_passes(tmp_path, 1)
    assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_a_second_404_an_hour_later_is_one(tmp_path: Path, sandbox: Sandbox) -> None:
    [work, *_] = sandbox.world.works_of(11, None)
    sandbox.world.remove(work.id, listed=True)
    assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 1
    some_time_passes(tmp_path, 1)
    assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 0
    assert state_of(tmp_path, work)[0] == "gone"
    since = len(sandbox.requests("api"))
    assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 0
    assert asked_for(sandbox, work, since) == 0
    # Whoever names it asks, each time.
    for _ in range(2):
        since = len(sandbox.requests("api"))
        assert crawl("artwork", sandbox, tmp_path, id=work.id, settings=AN_HOUR).exit_code == 1
        assert asked_for(sandbox, work, since) == 1
    sandbox.world.restore(work.id)
    assert crawl("artwork", sandbox, tmp_path, id=work.id, settings=AN_HOUR).exit_code == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_an_artists_own_404_counts_when_it_comes_again(tmp_path: Path, sandbox: Sandbox) -> None:
    assert archived(sandbox, tmp_path).exit_code == 0
    sandbox.faults.api("/ajax/user/11/profile/all", kind="status:404")
    for expected in (0, 0, 3):
        assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 1
        [(gone,)] = rows(tmp_path, "SELECT count(*) FROM artworks WHERE availability = 'gone'")
        assert gone == expected
        if expected == 0 and rows(tmp_path, "SELECT count(*) FROM crawls") == [(3,)]:
            some_time_passes(tmp_path, 1)
    sandbox.faults.clear()
    assert archived(sandbox, tmp_path, settings=AN_HOUR).exit_code == 0
    assert rows(tmp_path, "SELECT DISTINCT availability FROM artworks") == [("available",)]


def test_what_an_account_saw_is_not_gone_because_a_visitor_is_not_shown_it(tmp_path: Path, sandbox: Sandbox) -> None:
    private = sandbox.world.add_work(11, restrict=1, pages=(SMALL,))
    assert archived(sandbox, tmp_path).exit_code == 0
    assert archived(sandbox, tmp_path, phpsessid=None).exit_code == 0
    assert state_of(tmp_path, private)[0] == "available"
    sandbox.world.habits.sessions_last = 1
    assert archived(sandbox, tmp_path, refresh="true").exit_code == 4
    assert state_of(tmp_path, private)[0] == "available"
