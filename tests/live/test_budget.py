"""`PIXIV_API_BUDGET`: no more API requests a day than that, over runs, kills and crawls; what waits for another day is not failed."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reader import VISITOR
from pixivcrawl.reporting.overview import plan
from pixivcrawl.reporting.status_text import plan_lines
from pixivcrawl.throttling.costs import speed_of
from tests.live.inside import crawl
from tests.live.running import PROJECT, assert_holds, complaints, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World
from tests.travelling import settings_for


def sent(sandbox: Sandbox) -> int:
    return len(sandbox.requests("api"))


@pytest.mark.long
def test_a_run_ends_at_the_budget_says_when_it_goes_on_and_fails_nothing(tmp_path: Path):
    with Sandbox(World.of(works=12, size=(48, 36))) as sandbox:
        env = environment(sandbox, tmp_path, session=False, PIXIVCRAWL_PIXIV_API_BUDGET="6")
        run = scrapy("crawl", "user", "-a", "id=11", env=env)
        assert run.returncode == 1
        (line,) = complaints(run.stderr).splitlines()
        assert line.startswith("pixivcrawl: the 6 API requests of this day are spent (PIXIV_API_BUDGET): ")
        assert "00:00 UTC" in line
        assert sent(sandbox) == 6
        # What was known came, down to its files.
        assert rows(tmp_path, "SELECT count(*) FROM files WHERE state = 'stored'") == [(12,)]
        assert rows(tmp_path, "SELECT max(failed_runs), max(failed_reason) FROM artworks") == [(0, None)]
        again = crawl("user", sandbox, tmp_path, phpsessid=None, settings={"PIXIV_API_BUDGET": 6}, id=11)
        assert (again.exit_code, sent(sandbox)) == (1, 6)

        status = scrapy("status", env=env).stdout
        assert "API requests today (UTC): 6 sent, 0 of 6 left" in status
        assert "all pictures are here, 10 details to come: about 14 requests" in status
        assert "spread over 4 days by the budget" in status

        assert crawl("user", sandbox, tmp_path, phpsessid=None, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))


@pytest.mark.long
def test_the_count_outlives_a_kill(tmp_path: Path):
    with Sandbox(World.of(works=300, size=(48, 36)), delay=0.01) as sandbox:
        env = environment(sandbox, tmp_path, session=False)
        run = subprocess.Popen(
            [sys.executable, "-m", "scrapy", "crawl", "user", "-a", "id=11"],
            cwd=PROJECT,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 60
        while sent(sandbox) < 40:
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        # A request is on record when its answer leaves, `delay` after it came: also the last one of the killed run.
        time.sleep(0.3)
        [(counted,)] = rows(tmp_path, "SELECT spent FROM accounts WHERE spent_on IS NOT NULL")
        assert sent(sandbox) - 2 <= counted <= sent(sandbox) + 1
        # The lane's record is written before the ledger's commit: a kill may lie between the two.
        (lane,) = (Path(os.environ["XDG_STATE_HOME"]) / "pixivcrawl/lanes").glob("*.json")
        counted = max(counted, json.loads(lane.read_text())["spent"])
        before = sent(sandbox)
        settings = {"PIXIV_API_BUDGET": counted + 5}
        assert crawl("user", sandbox, tmp_path, phpsessid=None, settings=settings, id=11).exit_code == 1
        assert sent(sandbox) == before + 5


def test_a_new_day_counts_from_zero(tmp_path: Path):
    with Sandbox(World.of(works=2, size=(48, 36))) as sandbox:
        settings = {"PIXIV_API_BUDGET": 3}
        assert crawl("user", sandbox, tmp_path, phpsessid=None, settings=settings, id=11).exit_code == 1
        ledger = Ledger.open(f"sqlite:///{tmp_path / 'archive.sqlite'}")
        ledger.write_now(
            lambda connection: connection.exec_driver_sql("UPDATE accounts SET spent_on = '20200101'").rowcount
        )
        ledger.close()
        (lane,) = Path(os.environ["XDG_STATE_HOME"]).glob("pixivcrawl/lanes/*.json")
        lane.write_text(json.dumps(json.loads(lane.read_text()) | {"day": "20200101"}))
        assert crawl("user", sandbox, tmp_path, phpsessid=None, settings=settings, id=11).exit_code == 0
        assert_holds(tmp_path, sandbox.world.expected.user(11))


def test_every_crawl_of_a_process_spends_from_one_budget(tmp_path: Path):
    with Sandbox(World.of(artists=2, works=6, size=(48, 36))) as sandbox:

        async def both() -> None:
            crawls = []
            for artist in (11, 12):
                chosen = Settings()
                chosen.setmodule("settings.base", priority="project")
                own: dict[str, Any] = {"ARCHIVE_DIR": str(tmp_path / str(artist)), "TWISTED_REACTOR_ENABLED": False}
                quick = {"PIXIV_API_DELAY": 0, "PROGRESS_ENABLED": False, "PIXIV_API_BUDGET": 7}
                chosen.update(own | quick | sandbox.settings(), priority="cmdline")
                crawls.append(AsyncCrawlerRunner(chosen).crawl("user", id=str(artist)))
            await asyncio.gather(*crawls)

        asyncio.run(both())
        assert sent(sandbox) == 7


@pytest.mark.long
def test_a_plan_tells_how_long_rows_take_to_be_completed(tmp_path: Path):
    with Sandbox(World.of(works=100, size=(48, 36))) as sandbox:
        assert crawl("user", sandbox, tmp_path, phpsessid=None, id=11, detail="listing").exit_code == 0
        settings = settings_for(tmp_path, sandbox, PIXIV_API_DELAY=1.5, PIXIV_API_BUDGET=1000)
        configuration = Configuration.from_settings(settings)
        ledger = Ledger.open(configuration.database_url, read_only=True)
        now = datetime.now(UTC)
        speed = ledger.read_now(speed_of, configuration, VISITOR, now)
        lines = plan_lines(ledger.read_now(plan, configuration, speed.for_works, now), is_all_here=True)
        ledger.close()
        assert lines == [
            "API requests today (UTC): 3 sent, 997 of 1,000 left",
            "100 works known only from rows (pixivcrawl artwork --backfill): about 140 requests, 4 minutes (an estimate)",
        ]
