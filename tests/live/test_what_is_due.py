"""`pixivcrawl sync` over days: what is due and nothing else, for as few requests as it takes, whatever happens in between."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from tests.commands.typing_in import type_in
from tests.live.running import PROJECT, assert_holds, environment, rows, scrapy
from tests.live.syncing import DAY, HOUR, START, Synced, sync
from tests.sandbox.serving import Sandbox, World

ARTISTS = 6


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Artists 11 to 16, followed by the reader, and artist 17 who is not; two works each."""
    with Sandbox(World.of(artists=ARTISTS + 1, works=2, size=(32, 24))) as running:
        running.world.shelf(901).follows.remove(17)
        yield running


def subscribe(folder: Path, *entries: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "subscriptions.toml").write_text("".join(f"[[subscription]]\n{entry}\n" for entry in entries))


def artist(number: int, every: str = "6h", more: str = "") -> str:
    return f"name = 'artist {number}'\nurl = 'https://www.pixiv.net/users/{number}'\nevery = '{every}'\n{more}"


FOLLOWING = "name = 'all'\nfrom = 'following'\nevery = '6h'\n"
BOOKMARKS = "name = 'mine'\nspider = 'bookmarks'\nid = 'me'\nevery = '1d'\n"


@pytest.mark.long
def test_what_is_due_runs_and_what_is_not_costs_nothing(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11, "6h"), artist(12, "1d"))
    assert sync(sandbox, tmp_path, START).ran == ["artist 11", "artist 12"]
    assert sync(sandbox, tmp_path, START + 5 * HOUR) == Synced(0, [], [], [])
    # A timer does not come to the second.
    assert sync(sandbox, tmp_path, START + 5.9 * HOUR).ran == ["artist 11"]
    # What was missed is caught up with once, the most overdue first.
    assert sync(sandbox, tmp_path, START + 9 * DAY).ran == ["artist 11", "artist 12"]
    assert sync(sandbox, tmp_path, START + 9 * DAY + HOUR).ran == []
    assert_holds(tmp_path, sandbox.world.expected.user(11), sandbox.world.expected.user(12))


def test_the_most_overdue_comes_first_and_what_was_never_read_last(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11, "2d"), artist(12, "1d"))
    sync(sandbox, tmp_path, START)
    subscribe(tmp_path, artist(13), artist(11, "2d"), artist(12, "1d"))
    assert sync(sandbox, tmp_path, START + 3 * DAY).ran == ["artist 12", "artist 11", "artist 13"]


@pytest.mark.long
def test_one_by_name_and_everything(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11), artist(12), artist(13))
    assert sync(sandbox, tmp_path, START, only=("artist 12",)).ran == ["artist 12"]
    assert sync(sandbox, tmp_path, START, only=("artist 12", "artist 13")).ran == ["artist 12", "artist 13"]
    assert sync(sandbox, tmp_path, START, everything=True).ran == ["artist 12", "artist 13", "artist 11"]


@pytest.mark.long
def test_everyone_whom_the_reader_follows(tmp_path: Path, sandbox: Sandbox) -> None:
    world, shelf = sandbox.world, sandbox.world.shelf(901)
    subscribe(tmp_path, FOLLOWING, artist(11, "6h", "files = false"))
    first = sync(sandbox, tmp_path, START)
    assert (first.exit_code, sorted(first.artists)) == (0, list(range(11, 11 + ARTISTS)))
    assert not list(tmp_path.glob("originals/11/*"))

    # Nothing new: the public follows, the private ones (of whom there were none before), the feed.
    still = sync(sandbox, tmp_path, START + 6 * HOUR)
    assert [path.rpartition("/")[2] for path in still.asked] == [
        "following",
        "following",
        "illust",
    ]
    assert still.ran == ["all", "what is new from whom you follow"]

    world.add_work(16)
    assert sync(sandbox, tmp_path, START + 12 * HOUR).artists == [16]

    # One less, one more, and one who comes back after a work that the feed did not show.
    shelf.follows.remove(15)
    shelf.follows.insert(0, 17)
    assert sync(sandbox, tmp_path, START + 18 * HOUR).artists == [17]
    missed = world.add_work(15)
    world.add_work(14)
    assert sync(sandbox, tmp_path, START + 24 * HOUR).artists == [14]
    shelf.follows.insert(0, 15)
    assert sync(sandbox, tmp_path, START + 30 * HOUR).artists == [15]
    assert list(tmp_path.glob(f"originals/15/{missed.id}_*"))
    assert sync(sandbox, tmp_path, START + 36 * HOUR).artists == []
    assert_holds(tmp_path, *(world.expected.user(each, session=True) for each in range(12, 18)))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "artists", [pytest.param(60, marks=pytest.mark.long), pytest.param(500, marks=pytest.mark.campaign)]
)
def test_many_artists_with_nothing_new(tmp_path: Path, artists: int) -> None:
    with Sandbox(World.of(artists=artists, works=1, size=(32, 24))) as sandbox:
        subscribe(tmp_path, FOLLOWING + "files = false\ndetail = 'listing'\n")
        assert len(sync(sandbox, tmp_path, START).artists) == artists
        for hours in (6, 12):
            still = sync(sandbox, tmp_path, START + hours * HOUR)
            assert (still.exit_code, still.artists) == (0, [])
            # 50 of those followed in public a page, the private ones, of whom there are still none, and the feed.
            assert len(still.asked) == -(-artists // 50) + 1 + 1
        sandbox.world.add_work(40)
        assert sync(sandbox, tmp_path, START + 18 * HOUR).artists == [40]


@pytest.mark.long
def test_a_list_of_those_followed_whose_reading_was_interrupted_tells_who_is_followed(tmp_path: Path) -> None:
    with Sandbox(World.of(artists=70, works=1, size=(32, 24))) as sandbox:
        subscribe(tmp_path, FOLLOWING + "files = false\ndetail = 'listing'\n")
        sandbox.faults.api("rest=hide", kind="status:500")
        assert sync(sandbox, tmp_path, START).exit_code == 1
        sandbox.faults.clear()
        assert sync(sandbox, tmp_path, START + 6 * HOUR).exit_code == 0
        still = sync(sandbox, tmp_path, START + 12 * HOUR)
        assert (still.exit_code, still.artists) == (0, [])


@pytest.mark.long
def test_works_that_the_filters_leave_out_bring_nobody_to_the_artist_again(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, FOLLOWING + "max_pages = 1\n")
    sync(sandbox, tmp_path, START)
    sandbox.world.add_work(15, pages=(sandbox.world.works()[0].pages[0],) * 2)
    sandbox.world.add_work(16)
    assert sync(sandbox, tmp_path, START + 6 * HOUR).artists == [16]
    assert sync(sandbox, tmp_path, START + 12 * HOUR).artists == []


@pytest.mark.long
def test_a_feed_that_ends_too_soon_is_not_believed(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, FOLLOWING + "files = false\ndetail = 'listing'\n")
    sync(sandbox, tmp_path, START)
    sandbox.world.limits.feed = 2
    sandbox.world.add_work(12)
    for _ in range(125):
        sandbox.world.add_work(11)
    assert len(sync(sandbox, tmp_path, START + 6 * HOUR).artists) == ARTISTS
    assert sync(sandbox, tmp_path, START + 12 * HOUR).artists == []
    assert rows(tmp_path, "SELECT count(*) FROM artworks") == [(2 * ARTISTS + 126,)]


@pytest.mark.long
def test_an_artist_who_left_is_tried_ever_more_seldom_and_the_others_go_on(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(999, "1h"), artist(11, "10d"))
    runs = {hour: sync(sandbox, tmp_path, START + hour * HOUR) for hour in range(18)}
    assert runs[0].ran == ["artist 999", "artist 11"]
    tried = [hour for hour, one in runs.items() if one.artists[:1] == [999]]
    assert tried == [0, 1, 2, 4, 8, 16]
    assert {hour for hour, one in runs.items() if one.exit_code} == set(tried)


@pytest.mark.long
def test_known_works_are_compared_now_and_then(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, *(artist(number, "2d", "refresh = '4d'") for number in range(11, 15)))
    sync(sandbox, tmp_path, START)
    revised = sandbox.world.revise(sandbox.world.work_id(11, 1))
    compared: dict[int, list[int]] = {}
    for day in range(1, 10):
        for path in sync(sandbox, tmp_path, START + day * DAY).asked:
            if path.endswith("/profile/illusts"):
                compared.setdefault(int(path.split("/")[3]), []).append(day)
    assert sorted(compared) == list(range(11, 15))
    for days in compared.values():
        assert days[0] in (2, 3, 4)
        assert all(later - earlier == 4 for earlier, later in pairwise(days))
    assert len({days[0] for days in compared.values()}) > 1
    assert list(tmp_path.glob(f"originals/11/{revised.id}_p0_{revised.revision}.*"))


@pytest.mark.long
def test_comparisons_take_no_more_than_their_share_of_a_day(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, *(artist(number, "4d", "refresh = '4d'") for number in range(11, 17)))
    sync(sandbox, tmp_path, START)
    # A quarter of 36 requests: three comparisons of three requests each.
    compared = [
        sum(path.endswith("/profile/illusts") for path in sync(sandbox, tmp_path, START + day * DAY, budget=36).asked)
        for day in (8, 9.1, 10.2)
    ]
    assert compared == [3, 3, 0]


@pytest.mark.long
def test_a_budget_that_is_used_up_leaves_the_rest_for_later(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, *(artist(number) for number in range(11, 14)))
    first = sync(sandbox, tmp_path, START, budget=5)
    assert (first.exit_code, first.ran) == (1, ["artist 11", "artist 12"])
    assert "PIXIV_API_BUDGET" in "".join(first.said)
    assert "not begun: 1 that are due" in "".join(first.said)
    assert sync(sandbox, tmp_path, START + HOUR, budget=5).asked == []
    assert sync(sandbox, tmp_path, START + 2 * DAY, budget=50).exit_code == 0


@pytest.mark.long
def test_a_clock_that_was_ahead_holds_nothing_up(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11), artist(12))
    sync(sandbox, tmp_path, START + 3000 * DAY)
    assert sync(sandbox, tmp_path, START).ran == ["artist 11", "artist 12"]
    assert sync(sandbox, tmp_path, START + HOUR).ran == []
    # A little ahead is as good as now.
    assert sync(sandbox, tmp_path, START - HOUR).ran == []
    assert sync(sandbox, tmp_path, START + 6 * HOUR).ran == ["artist 11", "artist 12"]


@pytest.mark.parametrize("refuses", [True, False], ids=["401", "public lists go on"])
def test_a_session_that_is_not_taken_ends_it_before_anything_else(
    tmp_path: Path, sandbox: Sandbox, refuses: bool
) -> None:
    """Three requests: to ask about the session first would cost each sync whose session works one more, so that the first question is the
    first list; its answer is no proof, or an error that may be one of the moment; and what pixiv then says of the session is believed
    when it says so twice. Where only the signed-in may ask, one 401 is enough.
    """
    sandbox.world.habits.refuses_unknown = refuses
    subscribe(tmp_path / "both", artist(11), BOOKMARKS)
    refused = sync(sandbox, tmp_path / "both", START, phpsessid="901_stale")
    assert (refused.exit_code, refused.asked.count("/ajax/user/extra"), len(refused.asked)) == (4, 2, 3)
    assert rows(tmp_path / "both", "SELECT count(*) FROM artworks") == [(0,)]
    subscribe(tmp_path / "own", BOOKMARKS)
    refused = sync(sandbox, tmp_path / "own", START, phpsessid="901_stale")
    assert (refused.exit_code, len(refused.asked)) == (4, 1 if refuses else 3)


@pytest.mark.long
def test_a_session_that_dies_in_the_middle_ends_it_there(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, BOOKMARKS, *(artist(number) for number in range(11, 16)))
    sandbox.world.habits.sessions_last = 8
    refused = sync(sandbox, tmp_path, START)
    assert refused.exit_code == 4
    assert len(refused.ran) < 6
    sandbox.world.habits.sessions_last = None
    assert sync(sandbox, tmp_path, START + HOUR).exit_code == 0


@pytest.mark.long
def test_it_is_asked_of_a_session_that_nothing_needs_and_of_none_that_is_not_there(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    subscribe(tmp_path, artist(11))
    assert sync(sandbox, tmp_path, START, phpsessid="901_stale").exit_code == 4
    assert "/ajax/user/extra" not in sync(sandbox, tmp_path, START, phpsessid=None).asked


@pytest.mark.long
def test_a_list_that_a_visitor_read_is_due_for_the_account(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11))
    assert sync(sandbox, tmp_path, START, phpsessid=None).ran == ["artist 11"]
    assert sync(sandbox, tmp_path, START + HOUR).ran == ["artist 11"]
    assert sync(sandbox, tmp_path, START + 2 * HOUR).ran == []


@pytest.mark.long
def test_without_a_network_it_gives_up_soon_and_goes_on_later(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, *(artist(number) for number in range(11, 16)))
    nowhere = {"PIXIV_BASE_URL": "http://127.0.0.1:9", "PIXIV_API_RETRIES": 1}
    for hour in range(3):
        down = sync(sandbox, tmp_path, START + hour * HOUR, settings=nowhere, phpsessid=None)
        assert (down.exit_code, len(down.ran)) == (1, 3)
        assert "could not be reached" in "".join(down.said)
    up = sync(sandbox, tmp_path, START + 3 * HOUR, phpsessid=None)
    assert (up.exit_code, sorted(up.artists)) == (0, list(range(11, 16)))


# The command itself


@pytest.mark.long
def test_the_command_runs_what_is_due(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11, "1d"), FOLLOWING + "files = false\n")
    ran = scrapy("sync", env=environment(sandbox, tmp_path))
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.splitlines()[0] == f"archive: {tmp_path}"
    assert "artist 11 (user id=11): complete; 2 works listed, 2 new, 2 works asked for, 2 files stored" in ran.stderr
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))
    asked = len(sandbox.log)
    again = type_in("sync", sandbox=sandbox, archive=tmp_path, cookie=sandbox.cookie)
    assert again.code == 0
    assert again.err.splitlines()[-1].startswith("nothing is due; next: all")
    listed = type_in("subscriptions", "--all", sandbox=sandbox, archive=tmp_path, cookie=sandbox.cookie).out
    assert "artist 11: user id=11, every 1d; last " in listed
    assert f"  {ARTISTS - 1} artists: {ARTISTS - 1} read, 0 due now" in listed
    assert "all/11" not in listed
    assert "  all/12: user files=false id=12, every 6h; last " in listed
    assert len(sandbox.log) == asked


@pytest.mark.long
def test_the_plan_sends_nothing_and_holds_no_lock(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11), BOOKMARKS, FOLLOWING)
    typed: dict[str, Any] = {"sandbox": sandbox, "archive": tmp_path, "cookie": sandbox.cookie}
    first = type_in("sync", "--plan", **typed)
    assert (first.code, first.err) == (0, "")
    assert "  artist 11 (user id=11): never read; a first reading" in first.out
    sync(sandbox, tmp_path, datetime.now(UTC) - 25 * HOUR)
    asked = len(sandbox.log)
    with lock(Archive(tmp_path), "sync"):
        later = type_in("sync", "--plan", **typed).out.splitlines()
    assert len(sandbox.log) == asked
    assert later[1] == "reads as account 901"
    assert later[3] == "  the followed artists and what is new from them (6 artists here): about 3 requests"
    assert later[4].startswith("  mine (bookmarks id=me): due since ")
    assert later[4].endswith("; about 1 request")
    # How long an answer takes, the sync before has measured.
    assert re.fullmatch(r"about 5 API requests, 0:00:0\d at the current pace; new works come on top", later[5])
    assert later[6].startswith("each 100 new works: their pictures first, then about 140 requests, 0:0")


def test_a_second_sync_ends_at_once(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11), artist(12))
    with lock(Archive(tmp_path), "sync"):
        second = type_in("sync", sandbox=sandbox, archive=tmp_path)
    assert second.code == 3
    assert "'sync' (process " in second.err
    assert (second.err.count("pixivcrawl: "), len(sandbox.log)) == (1, 0)


@pytest.mark.long
def test_killed_in_the_middle_it_goes_on(tmp_path: Path, sandbox: Sandbox) -> None:
    subscribe(tmp_path, artist(11), artist(12), artist(13))
    sandbox.faults.api("/ajax/user/12/profile/all", kind="status:500")
    env = environment(sandbox, tmp_path, PIXIVCRAWL_PIXIV_API_RETRY_DELAY="60")
    running = subprocess.Popen(
        [sys.executable, "-m", "scrapy", "sync"], cwd=PROJECT, env=env, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    for line in running.stderr:
        if line.startswith("artist 12"):
            break
    # While it runs, no other run may.
    beside = type_in("sync", sandbox=sandbox, archive=tmp_path)
    assert (beside.code, "'sync' (process" in beside.err) == (3, True)
    running.send_signal(signal.SIGKILL)
    running.communicate()
    sandbox.faults.clear()
    went_on = sync(sandbox, tmp_path)
    assert (went_on.exit_code, went_on.ran) == (0, ["artist 12", "artist 13"])
    assert_holds(tmp_path, *(sandbox.world.expected.user(each) for each in (11, 12, 13)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["sync"], "has no subscriptions yet"),
        (["sync", "artist 11"], "--only"),
        (["sync", "--only", "harbour"], "has no subscriptions yet"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, sandbox: Sandbox, words: list[str], said: str) -> None:
    typed = type_in(*words, sandbox=sandbox, archive=tmp_path)
    assert typed.code == 2
    assert said in typed.err.splitlines()[-1]
    assert len(sandbox.log) == 0
