"""Saved filters in crawls and subscriptions: what a name stands for, and which list is read with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from scrapy.settings import Settings

from pixivcrawl.runs.subscriptions import Catalogue
from pixivcrawl.subscriptions.file import Subscription, SubscriptionFile
from tests.live.inside import crawl
from tests.live.running import assert_holds, rows
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox, World


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.standard()) as running:
        yield running


def of_works(sandbox: Sandbox, work_ids: set[int]) -> Expected:
    return sandbox.world.expected.artwork(sorted(work_ids), session=True)


def test_a_saved_filter_takes_what_its_words_take(tmp_path: Path, sandbox: Sandbox):
    """By its name, or because it is the default; the list is known by what the filter says."""
    (tmp_path / "filters.toml").write_text(
        "[filter.long]\nkinds = ['manga']\nmin_pages = 6\n[default]\nfetch = 'long'\n"
    )
    wanted = {sandbox.world.work_id(11, 12)}
    assert crawl("user", sandbox, tmp_path, id=11, filter="long").counts["works_filtered"] == 18
    assert_holds(tmp_path, of_works(sandbox, wanted))
    assert "files_stored" not in crawl("user", sandbox, tmp_path, id=11).counts
    first, second = rows(tmp_path, "SELECT list_id, arguments FROM crawls ORDER BY id")
    assert first == second
    assert json.loads(first[1])["filter"] == {"kinds": ["manga"], "min_pages": 6}


def test_whoever_names_a_work_wants_it_and_so_does_whoever_wants_no_filter(tmp_path: Path, sandbox: Sandbox):
    (tmp_path / "filters.toml").write_text("[filter.long]\nmin_pages = 60\n[default]\nfetch = 'long'\n")
    crawl("artwork", sandbox, tmp_path, id=sandbox.world.work_id(11, 1))
    assert_holds(tmp_path, of_works(sandbox, {sandbox.world.work_id(11, 1)}))
    unfiltered = crawl("user", sandbox, tmp_path, id=11, filter="none", detail="listing", files="false")
    assert "works_filtered" not in unfiltered.counts


def test_a_subscription_to_a_filtered_list_knows_the_list_that_a_crawl_reads(tmp_path: Path, sandbox: Sandbox):
    (tmp_path / "filters.toml").write_text(
        "[filter.long]\nmin_pages = 6\n[filter.more]\nmin_pages = 60\n[default]\nfetch = 'long'\n"
    )
    settings = Settings()
    settings.setmodule("settings.base", priority="project")
    settings.set("ARCHIVE_DIR", str(tmp_path), priority="cmdline")
    file = SubscriptionFile(tmp_path / "subscriptions.toml", "", ())
    for arguments in ({"id": "11"}, {"id": "11", "filter": "more"}, {"id": "11", "filter": "none"}):
        crawl("user", sandbox, tmp_path, files="false", detail="listing", **arguments)
        wanted = Catalogue(settings, None).wanted(
            file, Subscription("mine", "user", {**arguments, "files": "false", "detail": "listing"})
        )
        (arguments_read,) = rows(tmp_path, "SELECT arguments FROM crawls ORDER BY id DESC LIMIT 1")
        assert json.loads(arguments_read[0]) == wanted.canonical
