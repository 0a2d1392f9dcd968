"""A real S3 for the tests of one process, and an address in it that nobody has used."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from pixivcrawl.archive.bucket import read_bucket
from tests.seaweed import CREDENTIALS, SeaweedFS, seaweedfs

Denied = Callable[..., AbstractContextManager[None]]


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


@pytest.fixture
def denied(s3: SeaweedFS, address: str) -> Denied:
    """Meanwhile, nobody may do what is named with the objects of this address (s3:DeleteObject, ...), or with the bucket itself."""

    @contextmanager
    def deny(action: str, of: str = "") -> Iterator[None]:
        which = of or f"archive/{read_bucket(address).key('*')}"
        said = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": f"arn:aws:s3:::{which}"}
        s3.client().put_bucket_policy(
            Bucket="archive", Policy=json.dumps({"Version": "2012-10-17", "Statement": [said]})
        )
        try:
            yield
        finally:
            s3.client().delete_bucket_policy(Bucket="archive")

    return deny
