"""What the store's credentials do not allow, and a bucket that keeps versions: what happens then is what is said."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from pixivcrawl.archive.bucket import read_bucket
from pixivcrawl.archive.stores.s3 import S3Store
from pixivcrawl.errors import StorageFailed
from tests.live.inside import crawl
from tests.live.running import rows
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import SeaweedFS, objects
from tests.stores.conftest import Denied
from tests.stores.making import Stored
from tests.stores.test_s3 import store_at

pytestmark = pytest.mark.long


def test_a_crawl_needs_to_remove_only_a_file_that_is_not_the_original(
    s3: SeaweedFS, address: str, tmp_path: Path, denied: Denied
):
    settings = {"ORIGINALS_STORE": address}
    with Sandbox(World.of(works=1, pages=3, size=(60, 40))) as sandbox:
        [work] = sandbox.world.works_of(11, None)
        # A row tells the size of the first page alone.
        sandbox.faults.image(work.id, 2, kind="wrong_size")
        with denied("s3:DeleteObject"):
            assert crawl("user", sandbox, tmp_path, settings=settings, id=11, detail="listing").exit_code == 0
            sandbox.faults.clear()
            before = s3.held(address)
            assert crawl("artwork", sandbox, tmp_path, settings=settings, backfill="true").exit_code == 5
            ((why,),) = rows(tmp_path, "SELECT reason FROM crawls WHERE exit_code = 5")
            assert "does not allow this (DeleteObject): see to the credentials and their rights" in why
            assert s3.held(address) == before
            assert not list((tmp_path / "quarantine").iterdir())
        assert crawl("artwork", sandbox, tmp_path, settings=settings, backfill="true").exit_code == 0
        assert len(list((tmp_path / "quarantine").glob("*_p2_*.jpg"))) == 1


@pytest.mark.parametrize(
    ("action", "asks", "operation"),
    [
        ("s3:DeleteObject", lambda store: store.try_removal(), "DeleteObject"),
        ("s3:GetObject", lambda store: store.head("originals/1.jpg"), "HeadObject"),
        ("s3:PutObject", lambda store: store.try_out(), "PutObject"),
        ("s3:ListBucket", lambda store: store.listed("originals"), "ListObjectsV2"),
    ],
)
def test_what_is_not_allowed_is_named(
    address: str, tmp_path: Path, denied: Denied, action: str, asks: Callable[[S3Store], object], operation: str
):
    store = store_at(tmp_path, address)
    with (
        denied(action, of="archive" if action == "s3:ListBucket" else ""),
        pytest.raises(StorageFailed, match=rf"does not allow this \({operation}\): see to the credentials"),
    ):
        asks(store)


@pytest.fixture
def versions(s3: SeaweedFS) -> str:
    """An address in a bucket that keeps versions."""
    name = f"versions-{uuid4().hex[:8]}"
    s3.client().create_bucket(Bucket=name)
    s3.client().put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return f"s3://{name}/x?endpoint={s3.endpoint}"


def test_a_bucket_that_keeps_versions_is_as_another_and_has_what_was_deleted(
    s3: SeaweedFS, versions: str, tmp_path: Path
):
    bucket = versions.removeprefix("s3://").partition("/")[0]
    archive = Stored(s3, tmp_path, versions)

    def held() -> dict[str, bytes]:
        return {path: body for path, body in objects(s3.client(), bucket, "x").items() if path.startswith("originals/")}

    with Sandbox(World.of(artists=1, works=3, size=(48, 36))) as sandbox:
        assert archive.crawl(sandbox).exit_code == 0
        before = held()
        first, second, third = sorted(before)
        for path in (first, second):
            s3.client().put_object(Bucket=bucket, Key=f"x/{path}", Body=b"not what was stored")
        repaired = archive.run("verify", "--repair")
        assert (repaired.code, repaired.out.count("quarantined: ")) == (1, 2), repaired
        assert held() == {third: before[third]}
        assert archive.crawl(sandbox).exit_code == 0
        assert held() == before
        s3.client().put_object(Bucket=bucket, Key=f"x/{third}", Body=b"not what was stored")
        refetched = archive.run("refetch", Path(third).name.partition("_")[0], sandbox=sandbox)
        assert (refetched.code, held()) == (0, before), refetched
    forgotten = archive.run("forget", "users/11", "--delete-files")
    assert "4 files deleted" in forgotten.out
    assert forgotten.out.strip().endswith(f"; {read_bucket(versions)} keeps older versions, which have them still")
    assert held() == {}
    kept = s3.client().list_object_versions(Bucket=bucket, Prefix="x/originals/")["Versions"]
    assert {each["Key"] for each in kept} == {f"x/{path}" for path in before}
