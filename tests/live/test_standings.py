"""`pixivcrawl status` after what real runs leave behind: each number is the one that SQL counts, by hand, from works' and files' rows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.commands.test_status import json_of
from tests.commands.typing_in import type_in
from tests.live.inside import crawl
from tests.live.running import PROJECT, environment, rows, stored_files
from tests.sandbox.serving import Sandbox, World

pytestmark = pytest.mark.long


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as running:
        yield running


def nothing_was_found(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id=12)


def killed(sandbox: Sandbox, archive: Path) -> None:
    command = [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11"]
    with subprocess.Popen(
        command, env=environment(sandbox, archive), cwd=PROJECT, stderr=subprocess.DEVNULL, start_new_session=True
    ) as run:
        deadline = time.monotonic() + 60
        while len(sandbox.requests("image")) < 30:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(run.pid, signal.SIGKILL)


def filtered(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id=11, min_pages=2)


def withheld(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id=11, phpsessid=None)


def gone(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id="11,13")
    for number in (2, 5):
        sandbox.world.remove(sandbox.world.work_id(11, number), listed=True)
    for _ in range(2):
        crawl("user", sandbox, archive, id=11, refresh="true")


def forgotten(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id="11,13")
    sandbox.faults.image(sandbox.world.work_id(17, 1), kind="status:500")
    crawl("user", sandbox, archive, id=17)
    first, second = (str(sandbox.world.work_id(11, number)) for number in (1, 2))
    for words in ((first,), (second, "--delete-files"), ("users/13",), (str(sandbox.world.work_id(17, 1)),)):
        assert type_in("forget", *words, archive=archive).code == 0


def facts_alone(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id=11, files="false")


def pictures_alone(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id=11, stop_after="pictures")


def failing(sandbox: Sandbox, archive: Path) -> None:
    sandbox.faults.image(sandbox.world.work_id(11, 3), kind="status:500")
    sandbox.faults.api(rf"illust/{sandbox.world.work_id(11, 5)}$", kind="html")
    crawl("user", sandbox, archive, id=11)


def damaged(sandbox: Sandbox, archive: Path) -> None:
    sandbox.faults.image(sandbox.world.work_id(11, 2), kind="zeroed_half")
    crawl("user", sandbox, archive, id=11)


def begun(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id="11,15", max_works=7)


def revised(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id=11)
    for number in (1, 2, 4):
        sandbox.world.revise(sandbox.world.work_id(11, number))
    crawl("user", sandbox, archive, id=11, refresh="true")


def ugoira_frames(sandbox: Sandbox, archive: Path) -> None:
    crawl("user", sandbox, archive, id=11, ugoira="frames")


STATES = (
    *(nothing_was_found, killed, filtered, withheld, gone, forgotten),
    *(facts_alone, pictures_alone, failing, damaged, begun, revised, ugoira_frames),
)


@pytest.mark.parametrize("reach", STATES, ids=lambda reach: reach.__name__)
def test_every_number_is_the_one_that_sql_counts(
    reach: Callable[[Sandbox, Path], None], sandbox: Sandbox, tmp_path: Path
) -> None:
    reach(sandbox, tmp_path)
    told = json_of("status", archive=tmp_path)
    (by_hand,) = rows(tmp_path, BY_HAND)
    totals = told["totals"]
    assert tuple(totals[name] for name in NUMBERS) == by_hand
    # A kill may come between placing a file and recording it.
    about_to_be = {path for (path,) in rows(tmp_path, "SELECT path FROM files WHERE state = 'intent'")}
    on_disk = [path for path in stored_files(tmp_path) if not path.endswith(".json") and path not in about_to_be]
    assert totals["files"] == len(on_disk)
    assert totals["bytes"] == sum((tmp_path / path).stat().st_size for path in on_disk)
    assert totals["works"] == sum(
        totals[name] for name in ("complete", "to_do", "parked", "unavailable", "forgotten", "unasked")
    )
    (unavailable,) = rows(tmp_path, "SELECT count(*) FROM artworks WHERE unavailable_since IS NOT NULL")
    assert (told["unavailable_works"], len(told["unavailable"])) == unavailable * 2
    assert {(each["reason"], each["number"]) for each in told["waiting"]} == set(rows(tmp_path, WAITING))
    assert sum(artist["works"] for artist in told["artists"]) == totals["works"]


NUMBERS = ("artists", "works", "forgotten", "complete", "unavailable", "parked", "unasked", "to_do", "files", "bytes")

BY_HAND = """
WITH forgotten_works AS (
    SELECT id FROM artworks
    WHERE id IN (SELECT subject_id FROM forgotten WHERE subject = 'work')
       OR user_id IN (SELECT subject_id FROM forgotten WHERE subject = 'artist')
), wanted AS (
    SELECT id, availability, next_attempt, revision, coalesce(page_count, -1) AS page_count FROM artworks
    WHERE id NOT IN (SELECT id FROM forgotten_works)
), judged AS (
    SELECT id, availability,
        page_count = (
            SELECT count(*) FROM files
            WHERE artwork_id = wanted.id AND files.revision = wanted.revision AND state = 'stored' AND kind NOT IN ('frame', 'frames')
        ) AND NOT EXISTS (
            SELECT 1 FROM files WHERE artwork_id = wanted.id AND state IN ('wanted', 'parked', 'intent')
        ) AS complete,
        next_attempt IS NOT NULL OR EXISTS (
            SELECT 1 FROM files WHERE artwork_id = wanted.id AND state = 'parked'
        ) AS parked,
        EXISTS (SELECT 1 FROM crawl_artworks WHERE artwork_id = wanted.id AND unsettled) AS asked
    FROM wanted
)
SELECT
    (SELECT count(DISTINCT user_id) FROM artworks),
    (SELECT count(*) FROM artworks),
    (SELECT count(*) FROM forgotten_works),
    (SELECT count(*) FROM judged WHERE complete),
    (SELECT count(*) FROM judged WHERE NOT complete AND availability IN ('gone', 'withheld', 'masked')),
    (SELECT count(*) FROM judged
     WHERE NOT complete AND availability NOT IN ('gone', 'withheld', 'masked') AND parked),
    (SELECT count(*) FROM judged
     WHERE NOT complete AND availability NOT IN ('gone', 'withheld', 'masked') AND NOT parked AND NOT asked),
    (SELECT count(*) FROM judged
     WHERE NOT complete AND availability NOT IN ('gone', 'withheld', 'masked') AND NOT parked AND asked),
    (SELECT count(*) FROM files WHERE state = 'stored' AND kind != 'frames'),
    (SELECT coalesce(sum(bytes), 0) FROM files WHERE state = 'stored' AND kind != 'frames')
"""

WAITING = """
SELECT reason, count(*) FROM (
    SELECT failed_reason AS reason FROM artworks
    WHERE next_attempt IS NOT NULL
      AND id NOT IN (SELECT subject_id FROM forgotten WHERE subject = 'work')
      AND user_id NOT IN (SELECT subject_id FROM forgotten WHERE subject = 'artist')
    UNION ALL
    SELECT coalesce(files.failed_reason, artworks.failed_reason) FROM files JOIN artworks ON artworks.id = files.artwork_id
    WHERE files.state IN ('wanted', 'parked') AND availability != 'gone'
      AND artworks.id NOT IN (SELECT subject_id FROM forgotten WHERE subject = 'work')
      AND artworks.user_id NOT IN (SELECT subject_id FROM forgotten WHERE subject = 'artist')
    UNION ALL
    SELECT failed_reason FROM user_files
    WHERE state IN ('wanted', 'parked') AND user_id NOT IN (SELECT subject_id FROM forgotten WHERE subject = 'artist')
) GROUP BY reason
"""
