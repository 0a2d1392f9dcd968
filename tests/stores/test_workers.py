"""Archives that share a ledger and an object store: what one has written the others read there, and they take turns at changing it."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pixivcrawl.archive.bucket import read_bucket
from pixivcrawl.archive.layout import Archive
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger.engine import read_url
from pixivcrawl.ledger.originals import CHANGES
from pixivcrawl.ledger.presence import alone
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.shared_journals import JournalUploads
from tests.canonical import dump
from tests.commands.typing_in import Typed, type_in
from tests.ledger.postgres import lose_ledger
from tests.live.inside import crawl
from tests.sandbox.serving import Sandbox, World
from tests.seaweed import SeaweedFS
from tests.stores.conftest import Denied

pytestmark = pytest.mark.long

NOWHERE = Path("no journal is here")
"""Bodies are compared by their places alone."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(World.of(artists=2, works=4, size=(48, 36))) as running:
        yield running


@dataclass(frozen=True)
class Workers:
    """Two folders with one ledger at `url` and one store at `address`."""

    sandbox: Sandbox
    s3: SeaweedFS
    here: Path
    there: Path
    url: str
    address: str

    def crawl(self, folder: Path, artist: int, **arguments: object) -> None:
        settings = {"DATABASE_URL": self.url, "ORIGINALS_STORE": self.address}
        run = crawl("user", self.sandbox, folder, settings=settings, id=artist, **arguments)
        assert run.exit_code == 0, run

    def run(self, *words: str, folder: Path) -> Typed:
        return type_in(*words, archive=folder, DATABASE_URL=self.url, ORIGINALS_STORE=self.address)

    def ledger_of(self, folder: Path) -> Ledger:
        return Ledger.open(self.url, archive=Archive(folder, bucket=read_bucket(self.address)))

    def uploaded(self) -> dict[str, bytes]:
        return {path: body for path, body in self.s3.held(self.address).items() if path.startswith("journals/")}

    def written(self, *folders: Path) -> dict[str, bytes]:
        return {
            f"journals/{name_of(folder)}/{file.name}": file.read_bytes()
            for folder in folders
            for file in (folder / "journal").iterdir()
        }


def name_of(folder: Path) -> str:
    return (folder / ".name").read_text().strip()


@pytest.fixture
def workers(sandbox: Sandbox, s3: SeaweedFS, address: str, tmp_path: Path, postgres_url: str) -> Workers:
    """The first has read artist 11, the second artist 12."""
    both = Workers(sandbox, s3, tmp_path / "here", tmp_path / "there", postgres_url, address)
    both.crawl(both.here, 11)
    both.crawl(both.there, 12)
    return both


def test_each_has_its_journal_in_the_store_when_its_run_ends(workers: Workers):
    assert workers.uploaded() == workers.written(workers.here, workers.there)
    workers.crawl(workers.here, 12)
    assert workers.uploaded() == workers.written(workers.here, workers.there)


def test_what_a_killed_run_wrote_follows_with_the_next_one(workers: Workers, monkeypatch: pytest.MonkeyPatch):
    before = workers.uploaded()
    with monkeypatch.context() as killed:
        killed.setattr("pixivcrawl.extensions.ledger.JournalUploads.end", lambda _: None)
        workers.crawl(workers.here, 12)
    with max((workers.here / "journal").iterdir()).open("ab") as file:
        file.write(b"\x1f\x8b a torn batch")
    assert workers.uploaded() == before
    workers.crawl(workers.here, 11)
    assert workers.uploaded() == workers.written(workers.here, workers.there)
    assert len(workers.uploaded()) == len(before) + 2


def test_a_journal_that_cannot_be_stored_is_said_and_ends_no_run(
    workers: Workers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    def put_copy(*_: object) -> None:
        raise StorageFailed("the store is away")

    with monkeypatch.context() as away:
        away.setattr("pixivcrawl.archive.stores.s3.S3Store.put_copy", put_copy)
        workers.crawl(workers.here, 11)
    assert "the journal is not in the object store yet; the next run tries again (the store is away)" in caplog.text
    assert workers.uploaded() != workers.written(workers.here, workers.there)


def test_a_finished_file_is_there_before_the_run_ends(workers: Workers, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pixivcrawl.ledger.journal.ROTATE_AT", 1000)
    before = workers.uploaded()
    at_end: list[dict[str, bytes]] = []
    monkeypatch.setattr("pixivcrawl.ledger.shared_journals.JournalUploads.end", lambda _: None)
    monkeypatch.setattr(
        "pixivcrawl.ledger.shared_journals.JournalUploads.close",
        lambda uploads: (uploads._thread.shutdown(), at_end.append(workers.uploaded())),
    )
    workers.crawl(workers.here, 12, refresh=True)
    (uploaded,) = at_end
    written = workers.written(workers.here, workers.there)
    assert uploaded.items() < written.items()
    assert written.keys() - uploaded.keys() == {max(path for path in written if name_of(workers.here) in path)}
    assert len(uploaded) > len(before)


def test_a_finished_file_that_cannot_be_stored_is_said_once_and_tried_again_at_the_end(
    workers: Workers, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("pixivcrawl.ledger.journal.ROTATE_AT", 1000)
    end = JournalUploads.end

    def put_copy(*_: object) -> None:
        raise StorageFailed("the store is away")

    def mend_and_end(uploads: JournalUploads) -> None:
        uploads._thread.submit(away.undo).result()
        end(uploads)

    with monkeypatch.context() as away:
        away.setattr("pixivcrawl.archive.stores.s3.S3Store.put_copy", put_copy)
        monkeypatch.setattr("pixivcrawl.ledger.shared_journals.JournalUploads.end", mend_and_end)
        workers.crawl(workers.here, 12, refresh=True)
    assert caplog.text.count("the journal is not in the object store yet") == 1
    assert "the end of the run tries again (the store is away)" in caplog.text
    assert workers.uploaded() == workers.written(workers.here, workers.there)


def test_a_lost_journal_comes_back_from_the_store(workers: Workers):
    before, known = workers.written(workers.here, workers.there), dump(NOWHERE, workers.url)
    cut, *_ = sorted((workers.here / "journal").iterdir())
    cut.write_bytes(cut.read_bytes()[:100])
    workers.crawl(workers.there, 11)
    rebuilt = workers.run("rebuild", folder=workers.here)
    assert rebuilt.code == 0, rebuilt
    assert f"{workers.here / 'journal'}: 1 file from the object store" in rebuilt.out
    assert before.items() <= workers.written(workers.here, workers.there).items()
    assert dump(NOWHERE, workers.url) == known


def test_an_answer_in_the_journal_of_another_is_read_from_the_store(workers: Workers):
    of_artist = {11: workers.here, 12: workers.there}
    for artist, folder in of_artist.items():
        work_id = workers.sandbox.world.work_id(artist, 1)
        for reading in of_artist.values():
            ledger = workers.ledger_of(reading)
            body = ledger.kept_answer_now("illust.detail", work_id)
            ledger.close()
            assert body is not None, (folder, reading)
            assert str(work_id).encode() in body
    read = workers.run("reparse", folder=workers.here)
    assert read.code == 0, read
    shutil.rmtree(workers.here / "journal")
    ledger = workers.ledger_of(workers.there)
    for path in workers.uploaded():
        workers.s3.client().delete_object(Bucket="archive", Key=f"{read_bucket(workers.address).key(path)}")
    assert ledger.kept_answer_now("illust.detail", workers.sandbox.world.work_id(11, 1)) is None
    ledger.close()


@pytest.mark.parametrize("lost", ["the other folder", "both folders", "an older copy of this folder"])
def test_the_ledger_comes_back_with_the_journals_in_the_store(workers: Workers, tmp_path: Path, lost: str):
    if lost == "an older copy of this folder":
        older = shutil.copytree(workers.here, tmp_path / "older")
    workers.crawl(workers.here, 12)
    before = dump(NOWHERE, workers.url)
    lose_ledger(workers.url)
    folder = workers.here
    shutil.rmtree(workers.there)
    if lost != "the other folder":
        shutil.rmtree(workers.here)
    if lost == "an older copy of this folder":
        folder = older
    rebuilt = workers.run("rebuild", folder=folder)
    assert rebuilt.code == 0, rebuilt.out + rebuilt.err
    number = "2 journals" if lost == "both folders" else "1 journal"
    assert f"{number} of other archives read from the object store" in rebuilt.out
    assert "in another archive of this ledger" not in rebuilt.out
    assert ("journal: 1 file from the object store" in rebuilt.out) == (lost == "an older copy of this folder")
    assert dump(NOWHERE, workers.url) == before


def test_a_rebuild_whose_key_does_not_allow_removals_begins_nothing(workers: Workers, denied: Denied):
    before = dump(NOWHERE, workers.url)
    lose_ledger(workers.url)
    with denied("s3:DeleteObject"):
        refused = workers.run("rebuild", folder=workers.here)
        assert refused.code == 5, refused
        assert "does not allow this (DeleteObject)" in refused.err
    assert workers.run("rebuild", folder=workers.here).code == 0
    assert dump(NOWHERE, workers.url) == before


def test_an_export_has_the_answers_that_others_received(workers: Workers, tmp_path: Path):
    work_ids = [workers.sandbox.world.work_id(artist, 1) for artist in (11, 12)]
    exported = workers.run("export", "bagit", str(tmp_path / "bag"), "--all", folder=workers.here)
    assert exported.code == 0, exported
    for work_id in work_ids:
        (packed,) = (tmp_path / "bag/data/answers").glob(f"*/{work_id}.warc.gz")
        assert b"/ajax/illust/%d" % work_id in gzip.decompress(packed.read_bytes())
    assert workers.run("export", "wacz", str(tmp_path / "all.wacz"), "--all", folder=workers.here).code == 0


def test_they_take_turns_at_changing_stored_files(workers: Workers):
    ledger = workers.ledger_of(workers.here)
    work_id = str(workers.sandbox.world.work_id(12, 1))
    commands = (("verify", "--repair"), ("forget", work_id, "--delete-files"), ("refetch", work_id))
    with ledger.alone(CHANGES) as is_alone:
        assert is_alone
        for command in commands:
            refused = workers.run(*command, folder=workers.there)
            assert refused.code == 3, refused
            assert "another command changes files of this store" in refused.err
    ledger.close()
    assert workers.run("verify", "--repair", folder=workers.there).code == 0
    before = dump(NOWHERE, workers.url)
    lose_ledger(workers.url)
    with alone(read_url(workers.url), CHANGES):
        refused = workers.run("rebuild", folder=workers.there)
        assert refused.code == 3, refused
    assert workers.run("rebuild", folder=workers.there).code == 0, "nothing was begun"
    assert dump(NOWHERE, workers.url) == before
