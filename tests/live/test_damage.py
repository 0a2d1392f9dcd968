"""No damaged body ever counts as an original; each one's reason is said; served right the next time, all are there."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

import pytest

from tests.live.inside import crawl
from tests.live.running import assert_holds, environment, scrapy, scrapy_at, stored_files
from tests.live.syncing import HOUR
from tests.sandbox.faults import IMAGE_KINDS, ZIP_KINDS
from tests.sandbox.serving import Sandbox, World

PICTURE_DAMAGE = sorted(set(IMAGE_KINDS) - set(ZIP_KINDS) - {"no_length", "slow"})


@pytest.fixture
def sandbox():
    with Sandbox(World.standard(), tls=True) as running:
        yield running


@pytest.mark.long
def test_every_damage_is_refused_said_and_healed(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path)
    works = [work for work in sandbox.world.works_of(11, sandbox.world.readers[0]) if not work.gone]
    kinds = dict(zip((work.id for work in works if not work.is_ugoira), cycle(PICTURE_DAMAGE)))
    kinds |= dict(zip((work.id for work in works if work.is_ugoira), cycle(ZIP_KINDS)))
    assert set(kinds.values()) == {*PICTURE_DAMAGE, *ZIP_KINDS}
    for work_id, kind in kinds.items():
        sandbox.faults.image(work_id, kind=kind)
    damaged = scrapy("crawl", "user", "-a", "id=11", env=env)
    assert damaged.returncode == 1, damaged.stderr
    assert "Traceback" not in damaged.stderr
    assert stored_files(tmp_path) == {}

    status = scrapy("status", "--all", env=env).stdout.splitlines()
    for work_id in kinds:
        line = next(line for line in status if f"work {work_id} " in line)
        assert "due" in line
        assert "not tried" not in line

    sandbox.faults.clear()
    # What only made a decoder warn is not asked for again within the hour.
    healed = scrapy_at(datetime.now(UTC) + HOUR, "crawl", "user", "-a", "id=11", env=env)
    assert healed.returncode == 0, healed.stderr
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_a_body_without_a_length_is_whole_when_its_end_is(tmp_path: Path, sandbox: Sandbox):
    sandbox.faults.image(kind="no_length")
    assert scrapy("crawl", "user", "-a", "id=11", env=environment(sandbox, tmp_path)).returncode == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


@pytest.mark.long
def test_a_transfer_that_never_ends_is_given_up(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path, PIXIVCRAWL_PIXIV_THROUGHPUT_WINDOW="0.5")
    work_id = sandbox.world.works_of(11, sandbox.world.readers[0])[0].id
    sandbox.faults.image(work_id, kind="slow")
    assert scrapy("crawl", "artwork", "-a", f"id={work_id}", env=env).returncode == 1
    sandbox.faults.clear()
    assert scrapy("crawl", "artwork", "-a", f"id={work_id}", env=env).returncode == 0
    assert_holds(tmp_path, sandbox.world.expected.artwork([work_id], session=True))


@pytest.mark.parametrize("what", ["file", "work"])
def test_a_run_is_not_complete_while_something_waits_for_its_time(tmp_path: Path, what: str):
    quick = {"PIXIV_IMAGE_RETRY_DELAY": 0.01}
    with Sandbox(World.of(works=3)) as sandbox:
        if what == "file":
            sandbox.faults.image(sandbox.world.work_id(11, 2), kind="status:500")
        else:
            sandbox.faults.api(rf"/ajax/illust/{sandbox.world.work_id(11, 2)}$", kind="missing_field")
        runs = [crawl("user", sandbox, tmp_path, settings=quick, id=11) for _ in range(3)]
        assert [run.exit_code for run in runs] == [1, 1, 1]
        # What failed in two runs is not due for an hour.
        assert runs[-1].counts["works_waiting"] == 1
        assert runs[-1].counts["api_requests"] == 1
