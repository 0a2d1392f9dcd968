"""No damaged body ever counts as an original; each one's reason is said; served right the next time, all are there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pixivcrawl.sandbox import Sandbox, World
from pixivcrawl.sandbox.faults import IMAGE_KINDS
from tests.live.running import assert_holds, environment, scrapy, stored_files

HARMLESS = {"no_length"}
SLOW = {"slow"}


@pytest.fixture
def sandbox():
    with Sandbox(World.demo(), tls=True) as running:
        yield running


@pytest.mark.parametrize("kind", sorted(set(IMAGE_KINDS) - HARMLESS - SLOW))
def test_damage_is_refused_said_and_healed(tmp_path: Path, sandbox: Sandbox, kind: str):
    env = environment(sandbox, tmp_path)
    sandbox.faults.image(kind=kind)
    damaged = scrapy("crawl", "user", "-a", "id=11", env=env)
    whole = stored_files(tmp_path)
    expected = sandbox.world.expected.user(11, session=True)
    assert damaged.returncode == 1, damaged.stderr
    # A kind that strikes zips alone, or images alone, leaves the others whole.
    assert set(whole.items()) <= set(expected.files.items()) | {
        (name, digest) for name, digest in whole.items() if name.endswith(".json")
    }
    missing = set(expected.files) - set(whole)
    assert missing
    status = scrapy("status", "--all", env=env).stdout
    for name in missing:
        if not name.endswith(".json"):
            work_id = name.split("/")[2].split("_")[0]
            line = next(line for line in status.splitlines() if work_id in line)
            assert len(line.split()) > 3, line

    sandbox.faults.clear()
    assert scrapy("crawl", "user", "-a", "id=11", env=env).returncode == 0
    assert_holds(tmp_path, expected)


def test_a_body_without_a_length_is_whole_when_its_end_is(tmp_path: Path, sandbox: Sandbox):
    sandbox.faults.image(kind="no_length")
    assert scrapy("crawl", "user", "-a", "id=11", env=environment(sandbox, tmp_path)).returncode == 0
    assert_holds(tmp_path, sandbox.world.expected.user(11, session=True))


def test_a_transfer_that_never_ends_is_given_up(tmp_path: Path, sandbox: Sandbox):
    env = environment(sandbox, tmp_path, PIXIVCRAWL_PIXIV_THROUGHPUT_WINDOW="0.5")
    work_id = sandbox.world.works_of(11, sandbox.world.readers[0])[0].id
    sandbox.faults.image(work_id, kind="slow")
    assert scrapy("crawl", "artwork", "-a", f"id={work_id}", env=env).returncode == 1
    sandbox.faults.clear()
    assert scrapy("crawl", "artwork", "-a", f"id={work_id}", env=env).returncode == 0
    assert_holds(tmp_path, sandbox.world.expected.artwork([work_id], session=True))
