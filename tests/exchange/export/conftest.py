"""An archive, and exports of it as from the command line."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commands.typing_in import Typed, type_in
from tests.exchange.export.crawled import crawled

Export = Callable[..., Typed]


@pytest.fixture
def export(tmp_path: Path) -> Export:
    """`pixivcrawl export FORM`, to `tmp_path / "out"`, of the archive at `tmp_path / "archive"`."""

    def run(form: str, *options: str, code: int = 0, which: tuple[str, ...] = ("--all",)) -> Typed:
        told = type_in("export", form, str(tmp_path / "out"), *which, *options, archive=tmp_path / "archive")
        assert told.code == code, told.err
        return told

    return run


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of `crawled.py`, which no test changes."""
    folder = tmp_path_factory.mktemp("kept") / "archive"
    crawled(folder)
    return folder


@pytest.fixture
def archive(kept: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(kept, tmp_path / "archive")
