"""Files that were adopted, their revision unknown: they become originals of it once something shows which it is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.canonical import dump
from tests.exchange.fetched import Sandbox, bring_in, gallery_dl, imported, tree
from tests.live.inside import crawl
from tests.live.running import environment, rows, scrapy, stored_files
from tests.sandbox.serving import World


@dataclass
class Adopted:
    """An archive into which two revised works, an illustration of two pages and an ugoira, came without records."""

    sandbox: Sandbox
    folder: Path
    archive: Path


@pytest.fixture
def adopted(tmp_path: Path) -> Iterator[Adopted]:
    world = World.of(works=2, page_counts=(2, 1), ugoira=2, size=(96, 72))
    with Sandbox(world) as sandbox:
        for work in world.works_of(11, world.readers[0]):
            world.revise(work.id)
        gallery_dl(sandbox, tmp_path / "then", "--write-metadata")
        folder = Path(shutil.copytree(tmp_path / "then", tmp_path / "folder", ignore=shutil.ignore_patterns("*.json")))
        run = bring_in(sandbox, tmp_path / "archive", folder)
        assert run.exit_code == 0, run.errors
        assert set(imported(tmp_path / "archive").values()) == {("adopted", "fits")}
        yield Adopted(sandbox, folder, tmp_path / "archive")


def assert_kept_once(adopted: Adopted) -> None:
    """Nothing is adopted any more, no bytes are there twice, and the journal says so too."""
    kept = stored_files(adopted.archive)
    pictures = [sha256 for path, sha256 in kept.items() if not path.endswith(".json")]
    assert len(pictures) == len(set(pictures)) == 3
    assert set(kept) == set(adopted.sandbox.world.expected.user(11).files)
    assert rows(adopted.archive, "SELECT DISTINCT state FROM files") == [("stored",)]
    before, env = dump(adopted.archive), environment(adopted.sandbox, adopted.archive)
    assert not scrapy("verify", env=env).returncode
    assert not scrapy("rebuild", "--replace", "--check", env=env).returncode
    assert dump(adopted.archive) == before


@pytest.mark.long
def test_a_record_that_is_found_later_makes_them_originals_and_nothing_is_fetched(adopted: Adopted):
    then = adopted.folder.with_name("then")
    for sidecar in then.rglob("*.json"):
        shutil.copy(sidecar, adopted.folder / sidecar.relative_to(then))
    untouched = tree(adopted.folder)
    run = bring_in(adopted.sandbox, adopted.archive, adopted.folder)
    assert (run.exit_code, run.image_requests) == (0, 0), run.errors
    assert set(imported(adopted.archive).values()) == {("stored", "recorded")}
    assert tree(adopted.folder) == untouched
    assert_kept_once(adopted)


@pytest.mark.long
def test_a_crawl_that_brings_the_same_bytes_shows_their_revision(adopted: Adopted):
    assert crawl("user", adopted.sandbox, adopted.archive, id=11).exit_code == 0
    assert_kept_once(adopted)
