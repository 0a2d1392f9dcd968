"""Killed at any moment, the same command ends with the same archive as an undisturbed run, and fetches nothing twice.

The short version; test_chaos_of_kills.py and test_chaos_of_faults.py are the long one. CHAOS_SEED=N runs one seed alone.
"""

from __future__ import annotations

import pytest

from tests.live.chaos.experiments import killed_at, killed_at_random, wronged_and_killed
from tests.live.chaos.plans import API_FAULTS, IMAGE_FAULTS, ONCE_A_RUN, PLACES, seeds
from tests.live.chaos.trials import Laboratory


@pytest.mark.parametrize("seed", seeds(range(6)))
def test_killed_at_random(laboratory: Laboratory, seed: int):
    killed_at_random(laboratory, seed)


@pytest.mark.parametrize("seed", seeds(range(2)))
def test_killed_and_wronged(laboratory: Laboratory, seed: int):
    wronged_and_killed(laboratory, seed, IMAGE_FAULTS, API_FAULTS)


def test_killed_in_every_step_of_a_list(laboratory: Laboratory):
    begin, began, end, ended = ONCE_A_RUN
    killed_at(laboratory, [begin, began, *PLACES[:11], end, ended], "bookmarks")


def test_killed_in_every_step_of_a_file(laboratory: Laboratory):
    killed_at(laboratory, [*PLACES[11:], "pipelines.storage:place_text:after"], "user")


def test_killed_while_an_intent_is_settled(laboratory: Laboratory):
    settling = (
        "os:link:before",
        "pixivcrawl.extensions.ledger:place:before",
        "pixivcrawl.extensions.ledger:place:after",
        "pixivcrawl.ledger.records:settle_intent:before",
        "pixivcrawl.ledger.records:settle_intent:after",
    )
    killed_at(laboratory, settling, "user")


def test_killed_while_a_damaged_body_goes_to_quarantine(laboratory: Laboratory):
    places = (
        "pipelines.validation:quarantine:before",
        "os:link:before",
        "os:link:after",
        "pipelines.validation:quarantine:after",
    )
    killed_at(laboratory, places, "user", image_fault="zeroed_half")
