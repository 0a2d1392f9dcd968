"""A real S3 for the tests of one process, and an address in it that nobody has used."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.seaweed import CREDENTIALS, SeaweedFS, seaweedfs


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeaweedFS]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def address(s3: SeaweedFS) -> str:
    return s3.address()
