"""What a run costs, in things that can be counted, so that a slow machine fails nothing and a wasted request or commit does.

The counts are taken outside the product: the sandbox's log, SQLAlchemy's events, `os.fsync`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from tests.live.inside import crawl
from tests.sandbox.serving import Sandbox, World

WORKS, MULTI_PAGE, UGOIRA, FILES, AVATARS = 20, 8, 3, 36, 1
IO = Path("/proc/self/io")
SETTINGS = {"PIXIV_API_CONCURRENCY": 8, "PIXIV_IMAGE_CONCURRENCY": 16}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    world = World.of(works=WORKS, size=(96, 64), page_counts=(1, 3), ugoira=15)
    works = world.works()
    counted = sum(len(work.pages) > 1 for work in works), sum(work.is_ugoira for work in works)
    assert (*counted, sum(len(work.pages) for work in works)) == (MULTI_PAGE, UGOIRA, FILES)
    with Sandbox(world) as running:
        yield running


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Iterator[Counter[str]]:
    """What happens meanwhile: requests of either kind, statements that read and that change, commits, fsyncs, looks for symlinks."""
    counts: Counter[str] = Counter()
    before = {kind: len(sandbox.requests(kind)) for kind in ("api", "image", "portrait")}

    def statement(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        kind = text.split()[0]
        if kind in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            counts["selects" if kind == "SELECT" else "changes"] += 1

    def commit(_connection: Any) -> None:
        counts["commits"] += 1

    sync = os.fsync

    def fsync(descriptor: Any) -> None:
        counts["fsyncs"] += 1
        sync(descriptor)

    look = os.lstat

    def lstat(*args: Any, **named: Any) -> os.stat_result:
        counts["looks"] += 1
        return look(*args, **named)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "lstat", lstat)
    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "commit", commit)
        monkeypatch.undo()
        for kind, number in before.items():
            counts[kind] = len(sandbox.requests(kind)) - number


def test_what_an_artist_costs_for_the_first_time_and_again(
    tmp_path: Path, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with counted(monkeypatch, sandbox) as first:
        assert crawl("user", sandbox, tmp_path, id=11, settings=SETTINGS).exit_code == 0
    # The artist's list and page, rows and captions for all works at once; each work, and what its own page does not tell.
    assert first["api"] == 2 + 2 + WORKS + MULTI_PAGE + UGOIRA
    assert (first["image"], first["portrait"]) == (FILES, AVATARS)
    # Each API request looks at the day's budget and counts in it. Four of the rest are about what vanished since the last reading.
    assert first["selects"] <= first["api"] + 5 * WORKS + FILES + 30
    assert first["changes"] <= first["api"] + 7 * WORKS + 4 * FILES + 20
    # Each file, an ugoira's frames and their folder; the files' folder once for all whose intents were committed together; the journal once
    # a commit; the lock, and new folders.
    assert first["fsyncs"] <= FILES + 2 * UGOIRA + 2 * first["commits"] + 6
    assert first["commits"] <= 3 * WORKS
    # Each name below the archive's folder on the way to a file; not whether a name is free in a folder that the run itself began. Up to
    # eight are on the way to the lock of the network address.
    assert first["looks"] <= 3 * (FILES + AVATARS + UGOIRA) + 34 + 8

    with counted(monkeypatch, sandbox) as again:
        assert crawl("user", sandbox, tmp_path, id=11, settings=SETTINGS).exit_code == 0
    assert (again["api"], again["image"], again["portrait"]) == (1, 0, 0)
    # Two of them look for works not found at a first look, and for what is withheld; five for pictures of the artist; one for
    # imported works that the list does not name.
    assert again["selects"] <= 23 + 1
    # With each commit how far the journal is.
    assert again["changes"] <= 6 + again["commits"]
    # The journal once a commit, and the lock.
    assert again["fsyncs"] <= again["commits"] + 2
    assert again["commits"] <= 8


@pytest.mark.skipif(not IO.exists(), reason="the system does not count what a process reads and writes")
def test_a_large_file_is_written_once_and_read_once(tmp_path: Path) -> None:
    with Sandbox(World.of(works=4, size=(2400, 1800))) as sandbox:
        sizes = [sandbox.world.pictures.original(work, 0).length for work in sandbox.world.works()]
        before = read_and_written()
        assert crawl("user", sandbox, tmp_path, id=11, settings=SETTINGS).exit_code == 0
        read, written = (now - then for now, then in zip(read_and_written(), before, strict=True))
    # What is more is the ledger, the journal and a module that is read for the first time.
    assert written <= sum(sizes) + 2_500_000
    assert read <= sum(sizes) + 2_500_000


def read_and_written() -> tuple[int, int]:
    """Bytes that this process has read from files and written to them; what goes through sockets is not among them."""
    counts = dict(line.split(": ") for line in IO.read_text().splitlines())
    return int(counts["rchar"]), int(counts["wchar"])
