"""Thirty archives, each killed three times or more while a tenth of all answers is wrong; then with each fault alone."""

from __future__ import annotations

import pytest

from tests.live.chaos.experiments import refused_and_killed, wronged_and_killed
from tests.live.chaos.plans import API_FAULTS, IMAGE_FAULTS, REFUSALS, campaign, seeds
from tests.live.chaos.trials import Laboratory


@pytest.mark.parametrize("seed", campaign(range(30)))
def test_every_fault_at_once(laboratory: Laboratory, seed: int):
    wronged_and_killed(laboratory, seed, IMAGE_FAULTS, API_FAULTS)


@pytest.mark.long
@pytest.mark.parametrize("kind", IMAGE_FAULTS)
def test_one_fault_of_the_image_host(laboratory: Laboratory, kind: str):
    wronged_and_killed(laboratory, IMAGE_FAULTS.index(kind), (kind,), ())


@pytest.mark.long
@pytest.mark.parametrize("kind", API_FAULTS)
def test_one_fault_of_the_api(laboratory: Laboratory, kind: str):
    wronged_and_killed(laboratory, API_FAULTS.index(kind), (), (kind,))


@pytest.mark.long
@pytest.mark.parametrize("seed", seeds(range(6)))
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refused_account(laboratory: Laboratory, kind: str, seed: int):
    refused_and_killed(laboratory, seed, kind)
