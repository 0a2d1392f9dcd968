"""The collector of garbage is as it was when a crawl is over."""

from __future__ import annotations

import gc
from pathlib import Path

from pixivcrawl.sandbox import Sandbox, World
from tests.live.inside import crawl


def test_a_crawl_leaves_the_collector_as_it_was(tmp_path: Path) -> None:
    before = (700, 10, 10)
    seen: list[tuple[int, int]] = []

    def look(phase: str, _: dict[str, int]) -> None:
        seen.append((gc.get_freeze_count(), gc.get_threshold()[0]))

    # A crawl of another test that was broken off in this process may have left its own.
    gc.set_threshold(*before)
    gc.callbacks.append(look)
    try:
        with Sandbox(World.of(works=30, size=(64, 48))) as sandbox:
            assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
    finally:
        gc.callbacks.remove(look)
    assert any(frozen > 50_000 and threshold > before[0] for frozen, threshold in seen), "what stays is set aside"
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, before)
