"""A week of `pixivcrawl sync` in which syncs are killed at random: the same end as of a week without."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.canonical import Dump, dump
from tests.live.running import PROJECT, environment
from tests.live.test_thirty_days import WORDS, Life, assert_history, in_this_process, life, live_through, subscriptions
from tests.sandbox.serving import Sandbox

REFRESH = 5


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("artists", "days", "kills"),
    [pytest.param(4, 3, 2, marks=pytest.mark.long), pytest.param(12, 7, 10, marks=pytest.mark.campaign)],
)
def test_killed_now_and_then_it_comes_to_the_same_end(tmp_path: Path, artists: int, days: int, kills: int) -> None:
    undisturbed = end_of_days(tmp_path / "whole", life(artists), days, kills=0)
    disturbed = end_of_days(tmp_path / "killed", life(artists), days, kills)
    for facts in (undisturbed, disturbed):
        # A kill moves what is read again by minutes, and so by a sync: the same works are known, by an answer of one day or of the next.
        facts["answers"] = [(endpoint, subject) for endpoint, subject, *_ in facts["answers"]]
    for table in undisturbed:
        assert disturbed[table] == undisturbed[table], table


def end_of_days(archive: Path, one: Life, days: int, kills: int) -> Dump:
    """The facts that days leave in which so many syncs are killed; whatever is not to be killed needs no process of its own."""
    archive.mkdir()
    (archive / "subscriptions.toml").write_text(subscriptions(one, WORDS[:2], REFRESH))
    chances = random.Random(11)
    killed = 0
    with Sandbox(one.world) as sandbox:
        to_its_end = in_this_process(one, sandbox, archive)

        def sync_at(moment: datetime) -> None:
            nonlocal killed
            while killed < kills and chances.random() < 0.6:
                killed += is_killed(sandbox, archive, moment, len(sandbox.log) + chances.randint(1, 30))
                # The timer comes again.
                moment += timedelta(minutes=1)
            to_its_end(moment)

        live_through(one, days, REFRESH, sync_at)
        assert killed == kills
        assert_history(one, archive)
    return dump(archive)


def is_killed(sandbox: Sandbox, archive: Path, moment: datetime, requests: int) -> bool:
    """Kill a sync when the sandbox has seen so many requests; False when it ended before."""
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.live.elsewhen", moment.isoformat(), "sync"],
        cwd=PROJECT,
        env=environment(sandbox, archive),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while run.poll() is None and len(sandbox.log) < requests:
        time.sleep(0.002)
    was_running = run.poll() is None
    run.kill()
    run.wait()
    return was_running
