"""Imports whose originals go to an object store: as into a folder, and the folders that they read stay as they are."""

from __future__ import annotations

import hashlib
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.exchange.fetched import Sandbox, bring_in, gallery_dl, imported, tree
from tests.ledger.postgres import answered
from tests.live.running import complaints, environment, rows, scrapy, stored_files
from tests.sandbox.serving import World
from tests.seaweed import READY_WITHIN, SeaweedFS, seaweedfs
from tests.stores.conftest import Denied

pytestmark = pytest.mark.long

PREFIX = "imported"


@dataclass
class Fetched:
    """What another tool has fetched, and what becomes of it in an archive's own folder."""

    sandbox: Sandbox
    folder: Path
    tree: dict[str, tuple[str, int, int]]
    files: dict[str, str]
    imported: dict[str, tuple[str, str]]
    notes: dict[str, bytes]
    """What the tool has noted about a work that was revised since; not in the folder."""


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetched]:
    place = tmp_path_factory.mktemp("fetched")
    world = World.of(works=40, page_counts=(1, 3), ugoira=10, size=(96, 72))
    with Sandbox(world) as sandbox:
        gallery_dl(sandbox, place / "gallery-dl", "--write-metadata")
        shown = [work.id for work in world.works_of(11, world.readers[0])]
        sidecars = [*(place / "gallery-dl").rglob(f"{shown[0]}_p*.json")]
        notes = {sidecar.relative_to(place / "gallery-dl").as_posix(): sidecar.read_bytes() for sidecar in sidecars}
        # So that some are adopted.
        for sidecar in sidecars:
            sidecar.unlink()
        world.revise(shown[0])
        assert bring_in(sandbox, place / "archive", place / "gallery-dl").exit_code == 0
        kept, files = tree(place / "gallery-dl"), stored_files(place / "archive")
        yield Fetched(sandbox, place / "gallery-dl", kept, files, imported(place / "archive"), notes)


def assert_ends_in_the_store(fetched: Fetched, s3: SeaweedFS, address: str, archive: Path) -> None:
    done = bring_in(fetched.sandbox, archive, fetched.folder, PIXIVCRAWL_ORIGINALS_STORE=address)
    assert (done.exit_code, done.image_requests) == (0, 0), done.errors
    held = {path: body for path, body in s3.held(address).items() if path.startswith("originals/")}
    assert {path: hashlib.sha256(body).hexdigest() for path, body in held.items()} == fetched.files
    assert imported(archive) == fetched.imported
    assert dict(rows(archive, "SELECT path, sha256 FROM files WHERE state IN ('stored', 'adopted')")) == fetched.files
    assert not (archive / "originals").exists()
    assert not list((archive / "staging").iterdir())
    assert tree(fetched.folder) == fetched.tree


def test_an_import_goes_to_the_store_once(fetched: Fetched, s3: SeaweedFS, address: str, tmp_path: Path):
    tried = bring_in(fetched.sandbox, tmp_path, fetched.folder, "--dry-run", PIXIVCRAWL_ORIGINALS_STORE=address)
    assert (tried.exit_code, s3.held(address)) == (0, {}), tried.errors
    assert_ends_in_the_store(fetched, s3, address, tmp_path)
    again = bring_in(fetched.sandbox, tmp_path, fetched.folder, PIXIVCRAWL_ORIGINALS_STORE=address)
    assert (again.exit_code, again.api_requests) == (0, 0)
    assert "stored" not in again.said
    env = environment(fetched.sandbox, tmp_path, PIXIVCRAWL_ORIGINALS_STORE=address)
    verified = scrapy("verify", "--deep", env=env)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_what_was_adopted_is_not_kept_twice_once_its_revision_is_known(
    fetched: Fetched, s3: SeaweedFS, address: str, tmp_path: Path
):
    folder, archive = tmp_path / "folder", tmp_path / "archive"
    shutil.copytree(fetched.folder, folder)
    assert bring_in(fetched.sandbox, archive, folder, PIXIVCRAWL_ORIGINALS_STORE=address).exit_code == 0
    pages = {path.removesuffix(".json") for path in fetched.notes}
    assert {imported(archive)[page][0] for page in pages} == {"adopted"}
    for path, note in fetched.notes.items():
        (folder / path).write_bytes(note)
    assert bring_in(fetched.sandbox, archive, folder, PIXIVCRAWL_ORIGINALS_STORE=address).exit_code == 0
    assert {imported(archive)[page][0] for page in pages} == {"stored"}
    held = {path for path in s3.held(address) if path.startswith("originals/")}
    assert held == {path for (path,) in rows(archive, "SELECT path FROM files WHERE state = 'stored'")}


def test_what_one_archive_adopted_is_not_kept_twice_once_another_one_knows_its_revision(
    fetched: Fetched, s3: SeaweedFS, address: str, tmp_path: Path, postgres_url: str
):
    folder = tmp_path / "folder"
    env = {"PIXIVCRAWL_ORIGINALS_STORE": address, "PIXIVCRAWL_DATABASE_URL": postgres_url}
    shutil.copytree(fetched.folder, folder)
    assert bring_in(fetched.sandbox, tmp_path / "here", folder, **env).exit_code == 0
    for path, note in fetched.notes.items():
        (folder / path).write_bytes(note)
    assert bring_in(fetched.sandbox, tmp_path / "there", folder, **env).exit_code == 0
    held = {path for path in s3.held(address) if path.startswith("originals/")}
    assert held == {path for (path,) in answered(postgres_url, "SELECT path FROM files WHERE state = 'stored'")}
    assert answered(postgres_url, "SELECT count(*) FROM files WHERE state = 'adopted'") == [(0,)]


def test_what_was_adopted_is_kept_twice_while_nothing_may_be_removed(
    fetched: Fetched, s3: SeaweedFS, address: str, tmp_path: Path, denied: Denied
):
    folder, archive, env = tmp_path / "folder", tmp_path / "archive", {"PIXIVCRAWL_ORIGINALS_STORE": address}
    shutil.copytree(fetched.folder, folder)
    assert bring_in(fetched.sandbox, archive, folder, **env).exit_code == 0
    pages = {path.removesuffix(".json") for path in fetched.notes}
    for path, note in fetched.notes.items():
        (folder / path).write_bytes(note)
    with denied("s3:DeleteObject"):
        again = bring_in(fetched.sandbox, archive, folder, **env)
        assert again.exit_code == 0, again.errors
        assert "are kept twice for now: " in again.errors
        assert "does not allow this (DeleteObject)" in again.errors
    both = "SELECT count(*) FROM files WHERE state = 'adopted'"
    assert rows(archive, both) == [(len(pages),)]
    assert bring_in(fetched.sandbox, archive, folder, **env).exit_code == 0
    assert rows(archive, both) == [(0,)]
    held = {path for path in s3.held(address) if path.startswith("originals/")}
    assert held == {path for (path,) in rows(archive, "SELECT path FROM files WHERE state = 'stored'")}


@pytest.mark.parametrize(
    "place",
    [
        "pixivcrawl.archive.stores.s3:S3Store._put:after:30",
        "pixivcrawl.ledger.updates:record_intent:after:20",
        "pixivcrawl.ledger.updates:record_stored:after:2",
    ],
)
def test_an_import_that_is_killed_around_a_put_goes_on(
    fetched: Fetched, s3: SeaweedFS, address: str, tmp_path: Path, place: str
):
    killed = bring_in(fetched.sandbox, tmp_path, fetched.folder, PIXIVCRAWL_ORIGINALS_STORE=address, CHAOS_KILL=place)
    assert killed.exit_code == -signal.SIGKILL, killed.errors
    assert tree(fetched.folder) == fetched.tree
    assert_ends_in_the_store(fetched, s3, address, tmp_path)


def test_a_store_that_goes_away_ends_an_import_and_the_same_command_goes_on(
    fetched: Fetched, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
):
    with seaweedfs(tmp_path_factory.mktemp("own")) as server:
        address, client = server.address(PREFIX), server.client()

        def take_away() -> None:
            """As soon as there is an original."""
            while not client.list_objects_v2(Bucket="archive", Prefix=f"{PREFIX}/originals/").get("KeyCount"):
                time.sleep(0.005)
            server.stop()

        leaving = threading.Thread(target=take_away)
        leaving.start()
        env = {"PIXIVCRAWL_ORIGINALS_STORE": address, "CHAOS_PATIENCE": "0"}
        ended = bring_in(fetched.sandbox, tmp_path, fetched.folder, **env)
        leaving.join()
        said = complaints(ended.errors)
        assert (ended.exit_code, said.count("\n")) == (5, 1), ended.errors
        assert "does not answer" in said
        assert "then run the same command again" in said
        assert tree(fetched.folder) == fetched.tree
        server.start()
        wait_until_it_finds_what_it_holds(server, address)
        assert_ends_in_the_store(fetched, server, address, tmp_path)


def wait_until_it_finds_what_it_holds(server: SeaweedFS, address: str) -> None:
    """It takes requests some seconds before that, and fails them."""
    until = time.monotonic() + READY_WITHIN
    while True:
        try:
            assert server.held(address)
        except ClientError:
            assert time.monotonic() < until
            time.sleep(0.2)
        else:
            return


def test_what_does_not_work_with_a_store_is_refused(fetched: Fetched, s3: SeaweedFS, address: str, tmp_path: Path):
    folder, elsewhere = tmp_path / "folder", {"PIXIVCRAWL_ORIGINALS_STORE": address}
    assert bring_in(fetched.sandbox, folder, fetched.folder).exit_code == 0
    asked = len(fetched.sandbox.log)
    for archive, options, says in (
        (tmp_path / "new", ("--link",), "--link makes hard links, and the originals are in s3://archive/"),
        (folder, (), "which are in folders: leave out ORIGINALS_STORE"),
    ):
        refused = bring_in(fetched.sandbox, archive, fetched.folder, *options, **elsewhere)
        assert (refused.exit_code, says in refused.errors) == (2, True), refused.errors
    assert (len(fetched.sandbox.log), s3.held(address)) == (asked, {})
