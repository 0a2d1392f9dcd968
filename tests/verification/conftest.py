"""A small archive of real pictures, a copy for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pixivcrawl.archive.layout import Archive
from tests.verification.making import fill


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = Archive(tmp_path_factory.mktemp("whole"))
    fill(archive)
    return archive


@pytest.fixture
def archive(whole: Archive, tmp_path: Path) -> Archive:
    return Archive(shutil.copytree(whole.root, tmp_path / "archive"))
