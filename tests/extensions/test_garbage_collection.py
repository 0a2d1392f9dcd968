"""The collector of garbage is as it was when a crawl is over."""

from __future__ import annotations

import gc
import threading
from pathlib import Path

import pytest
from scrapy.crawler import Crawler

from tests.live.inside import crawl
from tests.sandbox.serving import Sandbox, World


@pytest.mark.long
def test_a_crawl_leaves_the_collector_as_it_was(tmp_path: Path) -> None:
    seen: set[tuple[int, int]] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            seen.add((gc.get_freeze_count(), gc.get_threshold()[0]))

    before = gc.get_threshold()
    looker = threading.Thread(target=look)
    looker.start()
    try:
        with Sandbox(World.of(works=30, size=(64, 48))) as sandbox:
            assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    finally:
        over.set()
        looker.join()
    assert any(frozen > 50_000 and threshold > before[0] for frozen, threshold in seen), "what stays is set aside"
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)


def crawlers_held() -> int:
    gc.collect()
    return sum(isinstance(each, Crawler) for each in gc.get_objects())


@pytest.mark.long
def test_a_crawl_that_is_over_is_let_go_of(tmp_path: Path) -> None:
    """A sync makes hundreds of them in one process."""
    # Other tests of this process may hold some.
    before = crawlers_held()
    with Sandbox(World.of(works=1, size=(32, 24))) as sandbox:
        for _ in range(2):
            assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    assert crawlers_held() <= before
