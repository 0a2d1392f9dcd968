"""The laboratory in which crawls are killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.chaos.trials import Laboratory


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with Laboratory(tmp_path_factory.mktemp("chaos")) as laboratory:
        yield laboratory
