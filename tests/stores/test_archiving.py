"""Crawls whose originals go to an object store."""

from __future__ import annotations

import hashlib
import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixivcrawl.archive.stores.placing import sha256_of
from tests.live.running import complaints, environment, rows, scrapy
from tests.sandbox.expected import Expected
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import SeaweedFS

pytestmark = pytest.mark.long

CRAWL = ("crawl", "user", "-a", "id=11")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(artists=1, works=12, page_counts=(1, 2), ugoira=20, size=(48, 36))) as running:
        yield running


def assert_all_there(s3: SeaweedFS, address: str, archive: Path, expected: Expected) -> None:
    """The store holds exactly what the world says, the ledger agrees, and nothing of it lies on this machine."""
    held = {path: body for path, body in s3.held(address).items() if path.startswith("originals/")}
    assert set(held) == set(expected.files)
    for path, what in expected.files.items():
        if isinstance(what, str):
            assert hashlib.sha256(held[path]).hexdigest() == what, path
        else:
            assert json.loads(held[path]) == what, path
    known = dict(rows(archive, "SELECT path, sha256 FROM files WHERE state = 'stored'"))
    assert known == {path: hashlib.sha256(body).hexdigest() for path, body in held.items()}
    assert not (archive / "originals").exists()
    assert not list((archive / "staging").iterdir())


def stem_of(path: str) -> tuple[str, str]:
    """Work and page, of which pixiv's names and ours are made: 5_p0.jpg, 5_ugoira600x600.zip."""
    work, part = path.rpartition("/")[2].partition(".")[0].split("_")[:2]
    return work, "ugoira" if part.startswith("ugoira") else part


def transfers(sandbox: Sandbox, since: int = 0) -> Counter[str]:
    return Counter(each.path for each in sandbox.log[since:] if each.kind == "image")


def test_originals_go_to_the_store_and_are_never_fetched_twice(
    tmp_path: Path, sandbox: Sandbox, s3: SeaweedFS, address: str
):
    copies = tmp_path / "copies"
    copies.mkdir()
    archive = tmp_path / "archive"
    env = environment(sandbox, archive, PIXIVCRAWL_ORIGINALS_STORE=address)
    first = scrapy(*CRAWL, env=env | {"PIXIVCRAWL_ON_STORED": f"cp {{files}} {copies}"})
    assert (first.returncode, complaints(first.stderr)) == (0, "")
    expected = sandbox.world.expected.user(11, session=True)
    assert_all_there(s3, address, archive, expected)
    # The command was given copies of the files, which are gone with it.
    given = [path for path in expected.files if path.startswith("originals/") and not path.endswith(".json")]
    # Whether a list of frames was there by then is chance.
    assert {each.name: sha256_of(each) for each in copies.iterdir() if each.suffix != ".json"} == {
        path.rpartition("/")[2]: expected.files[path] for path in given
    }
    since = len(sandbox.log)
    assert scrapy(*CRAWL, env=env).returncode == 0
    assert not transfers(sandbox, since)


@pytest.mark.parametrize(
    "place",
    [
        "pixivcrawl.archive.stores.s3:S3Store._put:after:3",
        "pixivcrawl.ledger.updates:record_stored:after:2",
    ],
)
def test_a_crawl_that_is_killed_around_a_put_goes_on(
    tmp_path: Path, sandbox: Sandbox, s3: SeaweedFS, address: str, place: str
):
    env = environment(sandbox, tmp_path / "archive", PIXIVCRAWL_ORIGINALS_STORE=address)
    killed = scrapy(*CRAWL, env=env | {"CHAOS_KILL": place})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    # Whatever is in the store has been brought, be it known to the ledger or not.
    brought = {path for path in s3.held(address) if path.endswith((".jpg", ".png", ".gif", ".zip"))}
    since = len(sandbox.log)
    assert scrapy(*CRAWL, env=env).returncode == 0
    assert_all_there(s3, address, tmp_path / "archive", sandbox.world.expected.user(11, session=True))
    again = {stem_of(path) for path in transfers(sandbox, since)}
    assert brought
    assert not again & {stem_of(path) for path in brought}


def test_other_bytes_under_a_name_are_left_there_and_said(
    tmp_path: Path, sandbox: Sandbox, s3: SeaweedFS, address: str
):
    env = environment(sandbox, tmp_path, PIXIVCRAWL_ORIGINALS_STORE=address)
    expected = sandbox.world.expected.user(11, session=True)
    taken = next(path for path in expected.files if path.endswith(".jpg"))
    prefix = address.removeprefix("s3://archive/").partition("?")[0]
    s3.client().put_object(Bucket="archive", Key=f"{prefix}/{taken}", Body=b"somebody's own")
    run = scrapy(*CRAWL, env=env)
    assert run.returncode == 1
    held = s3.held(address)
    assert held[taken] == b"somebody's own"
    assert {path for path in held if path.startswith("originals/")} == set(expected.files)
    ((reason,),) = rows(tmp_path, "SELECT failed_reason FROM files WHERE state = 'parked'")
    assert f"{taken} in s3://archive/{prefix}" in reason
    assert "exists already and is never overwritten" in reason
    assert list((tmp_path / "quarantine").glob("*.jpg"))


def test_what_is_not_this_archives_store_is_refused_before_anything_is_sent(
    tmp_path: Path, sandbox: Sandbox, s3: SeaweedFS, address: str
):
    env = environment(sandbox, tmp_path / "one", PIXIVCRAWL_ORIGINALS_STORE=address)
    assert scrapy(*CRAWL, env=env).returncode == 0
    folder = environment(sandbox, tmp_path / "folder")
    assert scrapy(*CRAWL, env=folder).returncode == 0
    (found,) = [
        line for line in scrapy("doctor", "--offline", env=env).stdout.splitlines() if line.split()[1] == "store"
    ]
    assert found.startswith("ok")
    assert "keeps conditions and checksums" in found
    bucket = "archive_of_nobody"
    since = len(sandbox.log)
    for wrong, code, says in (
        (env | {"PIXIVCRAWL_ORIGINALS_STORE": ""}, 2, "the originals of this archive are in s3://archive/"),
        (env | {"PIXIVCRAWL_ORIGINALS_STORE": s3.address()}, 2, "does not have the originals of this archive"),
        (folder | {"PIXIVCRAWL_ORIGINALS_STORE": s3.address()}, 2, "which are in folders: leave out ORIGINALS_STORE"),
        (env | {"PIXIVCRAWL_ARCHIVE_DIR": str(tmp_path / "two")}, 2, "is the store of another archive"),
        (
            env | {"PIXIVCRAWL_ORIGINALS_STORE": f"s3://{bucket.replace('_', '-')}/x?endpoint={s3.endpoint}"},
            5,
            "make the bucket",
        ),
        (env | {"PIXIVCRAWL_ORIGINALS_STORE": "s3://archive/x?endpoint=http://127.0.0.1:1"}, 5, "does not answer"),
        (env | {"PIXIVCRAWL_ORIGINALS_STORE": "s3://a:b@archive/x"}, 2, "write s3://BUCKET/PREFIX"),
        (env | {"AWS_SECRET_ACCESS_KEY": "x"}, 5, "refuses the secret key"),
    ):
        run = scrapy(*CRAWL, env=wrong)
        said = complaints(run.stderr)
        assert (run.returncode, says in said, said.count("\n")) == (code, True, 1), run.stderr
        assert "secret that stands" not in run.stderr
    assert len(sandbox.log) == since
