"""Pixiv says no: to one work, to the account, to everyone. Nobody knocks on, and nothing wrong is written down."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from tests.live.inside import WITH_CLOSE, Run, crawl
from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World

WORKS = 30

WAITING_ALREADY = 6
"""Requests that may wait for their turn at any time, by the default settings (four images, one API request at once)."""


@pytest.fixture
def sandbox():
    with Sandbox(World.of(works=WORKS)) as running:
        yield running


def archived(sandbox: Sandbox, folder: Path, **settings: object) -> Run:
    return crawl("user", sandbox, folder, id=11, settings=dict(settings))


def assert_complete_next_time(sandbox: Sandbox, folder: Path) -> None:
    sandbox.faults.clear()
    assert archived(sandbox, folder).exit_code == 0
    assert_holds(folder, sandbox.world.expected.user(11, session=True))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("login", {}),
        pytest.param("status:403", {}, marks=pytest.mark.long),
        ("html", {"status": 403}),
        pytest.param("html", {"status": 200}, marks=pytest.mark.long),
        pytest.param("redirect", {"location": "https://accounts.pixiv.net/login"}, marks=pytest.mark.long),
    ],
    ids=["401", "403", "a page with 403", "a page with 200", "sent to the login"],
)
def test_an_account_that_is_refused_in_the_middle_ends_the_run_at_once(
    tmp_path: Path, sandbox: Sandbox, kind: str, options: dict[str, Any]
):
    asked = itertools.count()
    refusing: list[int] = []

    def refuse_from_the_tenth(path: str, query: str) -> object:
        if next(asked) == 10:
            refusing.append(len(sandbox.requests("api")))
            sandbox.faults.api(".", kind=kind, **options)
        return honest(path, query)

    honest = sandbox.faults.for_api
    sandbox.faults.for_api = refuse_from_the_tenth  # type: ignore[method-assign]
    run = archived(sandbox, tmp_path, PIXIV_API_RETRIES=2)
    assert run.exit_code == 4
    assert len(sandbox.requests("api")) - refusing[0] <= WAITING_ALREADY + 2, "the run goes on asking"
    assert rows(tmp_path, "SELECT count(*) FROM artworks WHERE unavailable_since IS NOT NULL") == [(0,)]
    sandbox.faults.for_api = honest  # type: ignore[method-assign]
    assert_complete_next_time(sandbox, tmp_path)


@pytest.mark.long
def test_a_session_that_expires_in_the_middle_ends_the_run(tmp_path: Path):
    with Sandbox(World.standard()) as sandbox:
        world = sandbox.world
        restricted = [work.id for work in world.works_of(13, world.readers[0]) if work.x_restrict and not work.gone]
        plain = [work.id for work in world.works_of(15, None)][:40]
        order = [restricted[0], *plain[:12], restricted[1], *plain[12:]]
        readers = world.readers
        honest = sandbox.faults.for_api

        def expire(path: str, query: str) -> object:
            if path.endswith(f"/{plain[10]}"):
                world.readers = ()
            return honest(path, query)

        sandbox.faults.for_api = expire  # type: ignore[method-assign]
        run = crawl("artwork", sandbox, tmp_path, id=",".join(map(str, order)))
        assert run.exit_code == 4
        assert len(sandbox.requests("api")) <= 15 + WAITING_ALREADY + 2, "the run goes on asking"
        world.readers = readers
        sandbox.faults.for_api = honest  # type: ignore[method-assign]
        assert crawl("artwork", sandbox, tmp_path, id=",".join(map(str, order))).exit_code == 0
        assert_holds(tmp_path, world.expected.artwork(order, session=True))


def test_one_work_that_is_forbidden_is_only_that(tmp_path: Path, sandbox: Sandbox):
    work_id = sandbox.world.work_id(11, 7)
    sandbox.faults.api(rf"/ajax/illust/{work_id}$", kind="status:403")
    assert archived(sandbox, tmp_path).exit_code == 1
    assert rows(tmp_path, "SELECT id, availability FROM artworks WHERE availability != 'available'") == [
        (work_id, "withheld")
    ]


def test_a_reader_without_a_session_who_is_refused_all_the_time_stops(tmp_path: Path, sandbox: Sandbox):
    sandbox.faults.api("/ajax/illust/", kind="status:403")
    run = crawl("user", sandbox, tmp_path, phpsessid=None, id=11)
    assert run.exit_code == 4
    assert len(sandbox.requests("api")) <= 5 + WAITING_ALREADY


@pytest.mark.long
def test_a_pixiv_that_answers_nothing_is_left_alone(tmp_path: Path, sandbox: Sandbox):
    sandbox.faults.api("/ajax/illust/", kind="status:502")
    env = environment(sandbox, tmp_path, PIXIVCRAWL_PIXIV_API_RETRIES="1")
    run = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert run.returncode == 1
    assert "run the same command again" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
    assert len(sandbox.requests("api")) <= 2 * (10 + WAITING_ALREADY)
    assert_complete_next_time(sandbox, tmp_path)


@pytest.mark.long
def test_a_burst_of_errors_is_ridden_out(tmp_path: Path, sandbox: Sandbox):
    sandbox.faults.api("/ajax/illust/", kind="status:503", times=7)
    run = archived(sandbox, tmp_path, PIXIV_API_RETRIES=3)
    assert run.exit_code in (0, 1)
    assert_complete_next_time(sandbox, tmp_path)


@pytest.mark.parametrize("kind", ["status:429", "status:503"])
@pytest.mark.long
def test_retry_after_is_obeyed_whatever_the_status_and_after_a_restart(tmp_path: Path, sandbox: Sandbox, kind: str):
    sandbox.faults.api("/ajax/illust/", kind=kind, times=1, retry_after=4)
    started = time.monotonic()
    # Ended in the middle of the pause, as a kill or Ctrl-C would.
    run = crawl("user", sandbox, tmp_path, id=11, settings={"CLOSESPIDER_TIMEOUT": 1} | WITH_CLOSE)
    assert run.exit_code == 130
    assert time.monotonic() - started < 4
    assert archived(sandbox, tmp_path).exit_code == 0
    requests = sandbox.requests("api")
    [place] = [number for number, logged in enumerate(requests) if logged.status in (429, 503)]
    assert requests[place + 1].time - requests[place].time >= 4
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_too_many_requests_said_with_status_200_is_waited_for(tmp_path: Path, sandbox: Sandbox):
    sandbox.faults.api(r"/illust/\d+$", kind="status:200", message="Rate Limit", times=2)
    run = archived(sandbox, tmp_path, PIXIV_RATE_LIMIT_WAIT=1)
    assert run.exit_code == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.parametrize(
    ("kind", "exit_code"), [("status:403", 4), pytest.param("status:521", 1, marks=pytest.mark.long)]
)
def test_an_image_host_that_hands_over_nothing_is_left_alone(
    tmp_path: Path, sandbox: Sandbox, kind: str, exit_code: int
):
    sandbox.faults.image(kind=kind)
    run = archived(sandbox, tmp_path)
    assert run.exit_code == exit_code
    assert 20 <= run.counts["files_failed"] < WORKS
    assert len(sandbox.requests("image")) < 3 * WORKS
    sandbox.faults.clear()
    # What failed waits for an hour, all else comes at once.
    assert archived(sandbox, tmp_path).counts["files_stored"] > 0
