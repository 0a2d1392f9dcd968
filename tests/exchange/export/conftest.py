"""An archive, and exports of it as from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.typing_in import Typed, type_in

Export = Callable[..., Typed]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """`pixivcrawl export FORM`, to `tmp_path / "out"`, of the archive at `tmp_path / "archive"`."""

    def run(form: str, *options: str, code: int = 0, which: tuple[str, ...] = ("--all",)) -> Typed:
        told = type_in("export", form, str(tmp_path / "out"), *which, *options, archive=tmp_path / "archive")
        assert told.code == code, told.err
        return told

    return run
