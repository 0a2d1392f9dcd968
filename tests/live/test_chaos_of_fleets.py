"""A campaign against a fleet: workers are killed, with their crawls and without, and their servers are killed and stopped.

`-m long` runs a tenth; `-m campaign -s tests/live/test_chaos_of_fleets.py` the whole, with its figures. CHAOS_SEED=N draws other moments.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.ledger.postgres import Postgres, programs
from tests.live.chaos.plans import seeds
from tests.live.fleets import ANSWERS_AFTER, Plan, carried_out
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import seaweedfs

(SEED,) = seeds([1])[:1]
WHOLE = Plan(SEED, artists=40, works=12, accounts=4, workers=4, killed=20, server_killed=3, frozen=30.0, budget=2_000)
TENTH = Plan(SEED, artists=4, works=8, accounts=2, workers=2, killed=2, server_killed=1, budget=2_000)


@pytest.mark.timeout(2400)
@pytest.mark.skipif(sys.platform != "linux", reason="a crawl that ends with its worker")
@pytest.mark.skipif(programs() is None, reason="PostgreSQL's programs are not there")
@pytest.mark.parametrize("originals", ["in folders", "in a store"])
@pytest.mark.parametrize(
    ("plan", "within"),
    [
        pytest.param(TENTH, 240, id="a tenth", marks=pytest.mark.long),
        pytest.param(WHOLE, 2_000, id="whole", marks=pytest.mark.campaign),
    ],
)
def test_whatever_dies_every_file_comes_once_and_pixiv_sees_one_polite_reader_an_account(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, plan: Plan, within: float, originals: str
) -> None:
    world = World.of(artists=plan.artists, works=plan.works, size=(48, 36))
    in_store = seaweedfs(tmp_path_factory.mktemp("store")) if originals == "in a store" else nullcontext()
    with Postgres() as postgres, Sandbox(world, delay=ANSWERS_AFTER) as sandbox, in_store as store:
        outcome = carried_out(plan, sandbox, postgres, tmp_path, within, store)
    print(outcome)
    assert outcome.jobs == plan.artists, (tmp_path / "log").read_text()[-8000:]
    assert outcome.wrong == []
    assert (outcome.beside_another, outcome.inside_a_pause) == (0, 0)
    assert outcome.pauses > 0
    assert outcome.most_of_an_account <= plan.budget
    assert outcome.fetched_again <= outcome.may_be_fetched_again
