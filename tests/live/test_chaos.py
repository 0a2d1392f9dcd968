"""Killed at any moment, the same command ends with the same archive as an undisturbed run, and fetches nothing twice.

The short version; test_chaos_of_kills.py and test_chaos_of_faults.py are the long one, of which `-m long` runs a part, and
`-m campaign` the rest. CHAOS_SEED=N runs one seed alone.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from pixivcrawl.ledger.updates.files import GONE, GONE_WITH_FIRST
from tests.live.chaos.experiments import killed_at, killed_at_random, wronged_and_killed
from tests.live.chaos.plans import API_FAULTS, IMAGE_FAULTS, Kill, Plan, Wrongs, seeds
from tests.live.chaos.trials import Laboratory
from tests.live.running import assert_holds, environment, rows, scrapy
from tests.sandbox.serving import Sandbox, World


@pytest.mark.long
@pytest.mark.parametrize("seed", seeds(range(1)))
def test_killed_at_random(laboratory: Laboratory, seed: int):
    killed_at_random(laboratory, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", seeds(range(1)))
def test_killed_and_wronged(laboratory: Laboratory, seed: int):
    wronged_and_killed(laboratory, seed, IMAGE_FAULTS, API_FAULTS)


@pytest.mark.long
def test_killed_in_every_step_of_a_list(laboratory: Laboratory):
    steps = (
        "pixivcrawl.ledger.updates:begin_crawl:after",
        "pixivcrawl.ledger.updates:record_listing:after",
        "pixivcrawl.ledger.updates:record_answer:after",
        "pixivcrawl.ledger.journal:_append:halfway",
        "pixivcrawl.ledger.journal:Journal.append:after",
        "pixivcrawl.ledger.writer:Writer._commit:after",
        "pixivcrawl.ledger.updates:record_facts:after",
        "pixivcrawl.ledger.updates:end_crawl:after",
    )
    killed_at(laboratory, steps, "bookmarks")


@pytest.mark.long
def test_killed_in_every_step_of_a_file(laboratory: Laboratory):
    steps = (
        "pixivcrawl.archive.staging:Receiver.write:after",
        "pixivcrawl.archive.staging:Receiver.finish:before",
        "pixivcrawl.archive.staging:Receiver.finish:after",
        "pixivcrawl.archive.workers:Workers.prove:before",
        "pixivcrawl.ledger.updates:record_intent:after",
        "pixivcrawl.archive.stores.folder:FolderStore._put:before",
        "os:link:before",
        "os:link:after",
        "pixivcrawl.archive.stores.placing:sync:after",
        "pixivcrawl.ledger.updates:record_stored:after",
        "pixivcrawl.base_spiders.from_rows:place_frames:after",
    )
    killed_at(laboratory, steps, "user")


@pytest.mark.long
def test_killed_while_an_intent_is_settled(laboratory: Laboratory):
    steps = (
        "os:link:before",
        "pixivcrawl.extensions.ledger:_is_in_place:before",
        "pixivcrawl.archive.stores.folder:FolderStore._put:before",
        "pixivcrawl.archive.stores.folder:put:after",
        "pixivcrawl.archive.stores.folder:sync_folders:after",
        "pixivcrawl.ledger.updates:settle_intent:after",
    )
    killed_at(laboratory, steps, "user")


@pytest.mark.long
def test_killed_while_an_address_is_found_to_be_gone(laboratory: Laboratory):
    steps = ("pixivcrawl.ledger.updates:mark_stale:before", "pixivcrawl.ledger.updates:mark_stale:after")
    killed_at(laboratory, steps, "user", image_fault="status:404")


def test_a_kill_leaves_no_file_without_its_reason_whose_address_is_gone(laboratory: Laboratory):
    # Behind the addresses that only followed from rows, whose works are asked about without a reason.
    kill = Kill(place="pixivcrawl.ledger.updates:mark_stale:before:40")
    trial = laboratory.killed(Plan(0, 0, "user", (kill,), Wrongs(1, 1.0, image=("status:404",))))
    reasons = rows(trial.archive, "SELECT failed_reason FROM files WHERE state = 'parked'")
    assert reasons
    assert {reason for (reason,) in reasons} <= {GONE, GONE_WITH_FIRST}


@pytest.mark.long
@pytest.mark.parametrize(
    ("place", "listed", "kept"),
    [
        # The facts of the second page are lost before they are committed, or kept while its cursor has not moved, or both are there.
        ("pixivcrawl.ledger.updates:record_answer:after:2", 100, 100),
        ("pixivcrawl.ledger.updates:record_listing:before:2", 100, 200),
        ("pixivcrawl.ledger.updates:record_answer:before:3", 200, 200),
    ],
)
def test_a_page_counts_as_read_when_its_facts_are_recorded(tmp_path: Path, place: str, listed: int, kept: int):
    with Sandbox(World.of(works=250, size=(8, 8))) as sandbox:
        env = environment(sandbox, tmp_path, CHAOS_KILL=place)
        command = ("crawl", "bookmarks", "-a", "id=me", "-a", "files=false", "-a", "detail=listing")
        assert scrapy(*command, env=env).returncode == -signal.SIGKILL
        assert rows(tmp_path, "SELECT (SELECT count(*) FROM crawl_artworks), (SELECT count(*) FROM bookmarks)") == [
            (listed, kept)
        ]
        assert scrapy(*command, env=environment(sandbox, tmp_path)).returncode == 0
        order = [work_id for (work_id,) in rows(tmp_path, "SELECT artwork_id FROM bookmarks ORDER BY position DESC")]
        assert order == [
            work_id for (work_id,) in rows(tmp_path, "SELECT artwork_id FROM crawl_artworks ORDER BY position")
        ]
        assert len(order) == 250


@pytest.mark.long
@pytest.mark.parametrize("world", [{"pages": 2}, {"ugoira": 100}], ids=["pages", "ugoira"])
def test_a_work_that_was_told_in_full_before_a_kill_is_asked_about_no_more(tmp_path: Path, world: dict[str, int]):
    with Sandbox(World.of(works=1, size=(16, 12), **world)) as sandbox:
        work_id = sandbox.world.work_id(11, 1)
        command = ("crawl", "artwork", "-a", f"id={work_id}")
        before = environment(sandbox, tmp_path, CHAOS_KILL="pixivcrawl.ledger.updates:record_facts:before:1")
        assert scrapy(*command, env=before).returncode == -signal.SIGKILL
        asked = len(sandbox.requests("api"))
        assert asked == 2, "its own page, and its parts"
        assert scrapy(*command, env=environment(sandbox, tmp_path)).returncode == 0
        assert len(sandbox.requests("api")) == asked
        assert_holds(tmp_path, sandbox.world.expected.artwork([work_id], session=True))


@pytest.mark.long
def test_killed_while_a_damaged_body_goes_to_quarantine(laboratory: Laboratory):
    steps = ("pipelines.validation:quarantine:before", "os:link:after", "pipelines.validation:quarantine:after")
    killed_at(laboratory, steps, "user", image_fault="zeroed_half")
