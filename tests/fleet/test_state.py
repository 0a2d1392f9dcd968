"""The state of a fleet, for a terminal and for Prometheus, beside plain SQL."""

from __future__ import annotations

import re
import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine, text

from pixivcrawl.errors import ConfigurationError
from pixivcrawl.fleet.metrics import metrics_served
from pixivcrawl.fleet.state import state_lines, state_of_fleet
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.reader import VISITOR, Reader
from tests.fleet.making import REFUSED, UNPLANNED, configured, lane_held, make_fleet
from tests.ledger.server import Line
from tests.test_project import ROOT

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def test_the_status_tells_of_every_account_and_first_of_those_here(tmp_path: Path, postgres_url: str) -> None:
    configuration = configured(tmp_path, postgres_url, PIXIV_API_BUDGET=40)
    make_fleet(configuration)
    ledger = Ledger.open(postgres_url, read_only=True)
    sessions = {"": VISITOR, "second": Reader(902, 5)}
    with lane_held(configuration, 901):
        status = ledger.read_now(state_of_fleet, configuration, sessions)
    ledger.close()
    lines = [line.partition(" (process ")[0] for line in state_lines(status, configuration)]
    told = [re.sub(r"for \d+ s\b", "for a moment", line) for line in lines]
    assert told[:2] == [
        "the lane of visitors of www.pixiv.net: at work: nobody; 0 API requests of at most 40 today (UTC)",
        "second, account 902: at work: nobody; 0 API requests of at most 40 today (UTC); paused for 30 min",
    ]
    assert told[2] == "account 901: at work: 'pixivcrawl crawl user"
    assert told[3:] == [
        "i.pximg.net: paused for 5 min",
        f"a:/one has not been able to plan for a moment: {UNPLANNED}",
        "jobs: 1 waiting, 0 at work; the oldest waits for a moment",
        "jobs of second: 2 waiting, 0 at work; the oldest waits for a moment",
        "of the last day: 4 crawls ended, 34 files stored (3.4 MB)",
        f"of the last day: 2 crawls ended with exit code 4: {REFUSED}",
    ]


def test_before_the_first_worker_there_is_no_queue(tmp_path: Path, postgres_url: str) -> None:
    configuration = configured(tmp_path, postgres_url)
    Ledger.open(postgres_url).close()
    ledger = Ledger.open(postgres_url, read_only=True)
    status = ledger.read_now(state_of_fleet, configuration)
    ledger.close()
    assert list(state_lines(status, configuration)) == ["no worker has started yet: pixivcrawl work"]


# Prometheus


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port


def scraped(port: int) -> Samples:
    """What Prometheus' own parser reads."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for each in families
        for sample in each.samples
    }


def test_prometheus_reads_what_plain_sql_counts(tmp_path: Path, postgres_url: str) -> None:
    port = free_port()
    configuration = configured(tmp_path, postgres_url, METRICS_ADDRESS=str(port), PIXIV_API_BUDGET=40)
    make_fleet(configuration)
    with metrics_served(configuration), lane_held(configuration, 901):
        found = scraped(port)
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        crawls = connection.execute(
            text("SELECT exit_code, count(*) FROM crawls WHERE ended > now() - interval '1 day' GROUP BY 1")
        ).all()
        jobs = connection.execute(
            text("SELECT args ->> 'account', count(*) FROM fleet.procrastinate_jobs WHERE status = 'todo' GROUP BY 1")
        ).all()
    engine.dispose()
    for code, number in crawls:
        assert found["pixivcrawl_crawls_last_day", (("exit_code", str(code)),)] == number
    for name, number in jobs:
        assert found["pixivcrawl_jobs", (("name", name), ("state", "waiting"))] == number
        assert 0 <= found["pixivcrawl_oldest_job_seconds", (("name", name),)] < 60
    of_901, of_902 = ((("account", account),) for account in ("901", "902"))
    assert [found["pixivcrawl_lane_held", each] for each in (of_901, of_902)] == [1, 0]
    assert [found["pixivcrawl_api_requests_today", each] for each in (of_901, of_902)] == [3, 0]
    assert 1700 < found["pixivcrawl_account_pause_seconds", of_902] <= 1800
    assert 200 < found["pixivcrawl_host_pause_seconds", (("host", "i.pximg.net"),)] <= 300
    assert 0 <= found["pixivcrawl_failed_plan_seconds", (("reason", UNPLANNED), ("worker", "a:/one"))] < 60
    assert not [labels for name, labels in found if ("worker", "b:/two") in labels]
    assert found["pixivcrawl_failures_last_day", (("exit_code", "4"), ("reason", REFUSED))] == 2
    alone = ("ledger_reachable", "api_requests_budget", "files_stored_last_day", "bytes_stored_last_day")
    assert [found[f"pixivcrawl_{name}", ()] for name in alone] == [1, 40, 34, 3_400_000]
    documented = (ROOT / "docs/fleet.md").read_text(encoding="utf-8")
    assert {name for name, _ in found if f"| `{name}`" not in documented} == set()


def test_while_the_ledger_is_away_only_that_is_told(tmp_path: Path, postgres_url: str) -> None:
    Ledger.open(postgres_url).close()
    port = free_port()
    with Line(postgres_url) as line, metrics_served(configured(tmp_path, line.url, METRICS_ADDRESS=str(port))):
        line.cut()
        assert scraped(port) == {("pixivcrawl_ledger_reachable", ()): 0}
        line.mend()
        assert scraped(port)["pixivcrawl_ledger_reachable", ()] == 1


def test_a_port_that_is_taken_is_refused_and_without_one_nothing_listens(tmp_path: Path, postgres_url: str) -> None:
    Ledger.open(postgres_url).close()
    with metrics_served(configured(tmp_path, postgres_url)):
        pass
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigurationError, match=f"METRICS_ADDRESS: 127.0.0.1:{port} cannot be had"),
            metrics_served(configured(tmp_path, postgres_url, METRICS_ADDRESS=str(port))),
        ):
            pass


@pytest.mark.parametrize(
    ("given", "expected"),
    [("", None), ("9490", ("127.0.0.1", 9490)), ("0.0.0.0:9490", ("0.0.0.0", 9490)), ("[::1]:9490", ("::1", 9490))],
)
def test_an_address_is_a_port_or_a_host_with_one(tmp_path: Path, given: str, expected: tuple[str, int] | None) -> None:
    assert configured(tmp_path, "", METRICS_ADDRESS=given).metrics_address == expected


@pytest.mark.parametrize("given", ["0", "65536", "here", "9490/metrics", "http://127.0.0.1:9490", ":", "٩٤٩٠"])
def test_what_is_no_address_is_refused(tmp_path: Path, given: str) -> None:
    with pytest.raises(ConfigurationError, match=r"METRICS_ADDRESS: .* is not PORT or HOST:PORT"):
        configured(tmp_path, "", METRICS_ADDRESS=given)
