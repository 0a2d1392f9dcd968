"""A hundred archives, each killed three times or more at random moments and exact places."""

from __future__ import annotations

import pytest

from tests.live.chaos.experiments import killed_at_random
from tests.live.chaos.plans import campaign
from tests.live.chaos.trials import Laboratory


@pytest.mark.parametrize("seed", campaign(range(100)))
def test_killed_at_random(laboratory: Laboratory, seed: int):
    killed_at_random(laboratory, seed)
