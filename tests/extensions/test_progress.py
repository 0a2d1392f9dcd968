"""What is said of a run's waits and of the time that it takes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.cells import cell_len
from scrapy import Spider
from scrapy.utils.test import get_crawler

from pixivcrawl.api.text import spoken
from pixivcrawl.extensions.progress.estimate import ProgressEstimate
from pixivcrawl.extensions.progress.reporter import ProgressReporter, clock
from pixivcrawl.extensions.progress.terminal import OverallProgress
from pixivcrawl.throttling.costs import REQUESTS_A_WORK
from pixivcrawl.throttling.waits import waiting, waits_of
from tests.travelling import own_settings


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-1, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (154, "2:34"), (3600, "1:00:00"), (90061, "25:01:01")],
)
def test_a_clock_counts_down(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172800, "2 days"), (9e7, "1,042 days")],
)
def test_a_length_of_time_is_as_exact_as_a_guess(seconds: float, said: str) -> None:
    assert spoken(seconds) == said


def test_a_wait_is_known_while_it_lasts() -> None:
    crawler = get_crawler(Spider)
    assert waits_of(crawler) == []
    with waiting(crawler, "asked again", 30), waiting(crawler, "asked again", 90), waiting(crawler, "in doubt"):
        assert [wait.what for wait in waits_of(crawler)] == ["asked again", "in doubt"]
        assert 89 < (waits_of(crawler)[0].left or 0) <= 90
        assert waits_of(crawler)[1].left is None
    assert waits_of(crawler) == []


class Counted:
    """A estimate of works that are to be asked for, of which some are done."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, to_ask: int, done: int, seconds: float, **settings: Any
    ) -> None:
        crawler = get_crawler(Spider, own_settings() | settings)
        monkeypatch.setattr("pixivcrawl.extensions.progress.estimate.pauses", dict)
        answer = 0.0 if done else None
        monkeypatch.setattr(
            "pixivcrawl.extensions.progress.estimate.rest_of_api", lambda given, _: (given.api_delay, answer)
        )
        self.estimate = ProgressEstimate(crawler)
        self.estimate.details.done, self.estimate._has_looked = done, True
        self.estimate.details.looked(to_ask, done, to_ask * (2 if done else REQUESTS_A_WORK))
        self.estimate._noted = self.estimate._began + seconds
        for name, number in (("works_read", done), ("api_requests", 2 * done)):
            crawler.stats.set_value(f"pixiv/{name}", number)


def test_time_left_is_what_the_pace_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 works of two requests each, and a pause of three seconds after each: at least 600 seconds, however quick it was so far."""
    counted = Counted(monkeypatch, to_ask=100, done=20, seconds=1, PIXIV_API_DELAY=3)
    assert counted.estimate.seconds_left == pytest.approx(600)


def test_time_left_is_what_it_took_so_far_where_that_is_more(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch, to_ask=100, done=20, seconds=200, PIXIV_API_DELAY=0)
    assert counted.estimate.seconds_left == pytest.approx(1000)
    assert counted.estimate.parts()[:2] == ["20 of 120 works", "about 17 min left"]


def test_time_left_of_the_first_works_is_a_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch, to_ask=100, done=0, seconds=0, PIXIV_API_DELAY=1.5)
    assert counted.estimate.seconds_left == pytest.approx(100 * 1.4 * 2.0)


def test_time_left_comes_after_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch, to_ask=100, done=20, seconds=1, PIXIV_API_DELAY=3)
    with waiting(counted.estimate._crawler, "looked at again", 167):
        assert counted.estimate.seconds_left == pytest.approx(767, abs=1)
    monkeypatch.setattr(
        "pixivcrawl.extensions.progress.estimate.pauses", lambda: {"a": datetime.now(UTC) + timedelta(seconds=60)}
    )
    assert counted.estimate.seconds_left == pytest.approx(660, abs=1)


def test_time_left_is_a_wait_where_nothing_else_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch, to_ask=0, done=0, seconds=0)
    with waiting(counted.estimate._crawler, "looked at again", 167):
        assert counted.estimate.seconds_left == pytest.approx(167, abs=1)
        watch = ProgressReporter(lambda: OverallProgress("sync", 1, 3, "all", 60.0))
        watch._estimate = counted.estimate
        assert "about 4 min left" in watch.line()


def test_nothing_is_said_of_the_time_when_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Counted(monkeypatch, to_ask=0, done=20, seconds=9).estimate.seconds_left is None


@pytest.mark.parametrize("name", ["\x1b[2J\u202ea\u2028\nb\x00" * 100, "港の風景" * 50], ids=["control", "wide"])
def test_no_name_breaks_the_lines(name: str) -> None:
    watch = ProgressReporter(lambda: OverallProgress("sync", 0, 3, name, 60.0))
    watch._estimate = cast("Any", SimpleNamespace(done=1, total=3, seconds_left=None, parts=lambda: ["1 of 3 works"]))
    for width in (10, 37, 97):
        lines = watch.lines(width)
        assert len(lines) == 2
        assert all(line.plain.isprintable() and cell_len(line.plain) <= width for line in lines)
    assert watch.line().isprintable()
