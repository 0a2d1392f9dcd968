"""`pixivcrawl import`: what gallery-dl itself fetched from a sandbox comes in as what it is, and nothing is fetched twice."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import create_engine, text

from tests.canonical import dump
from tests.exchange.fetched import Brought, Sandbox, bring_in, gallery_dl, imported, tree
from tests.live.inside import crawl
from tests.live.running import environment, ledger_files, rows, scrapy, stored_files
from tests.sandbox.serving import World

WORKS = 20


@dataclass
class Years:
    """A folder that gallery-dl filled years ago, and what has become of its works since."""

    sandbox: Sandbox
    folder: Path
    then: dict[str, str]
    """Every file as pixiv had it then, by its place in an archive of then, with its SHA-256."""
    now: dict[str, str]
    revised: list[int]
    gone: list[int]
    damaged: list[Path]
    reduced: list[Path]

    @property
    def artist(self) -> Path:
        return self.folder / "pixiv" / "11 artist_11"


def later(folder: Path, works: int, *options: str) -> Iterator[Years]:
    """10 of 100 works are revised, 5 are gone, of 5 a file is damaged or reduced; the folder was moved."""
    world = World.of(works=works, page_counts=(1, 3, 1, 2), ugoira=10, size=(96, 72))
    with Sandbox(world) as sandbox:
        gallery_dl(sandbox, folder / "then", *options)
        shutil.move(folder / "then", folder / "moved")
        then = {**world.expected.user(11).files}
        shown = [work.id for work in world.works_of(11, world.readers[0])]
        revised, gone = shown[: works // 10], shown[works // 2 :][: works // 20]
        for work_id in revised:
            world.revise(work_id)
        for work_id in gone:
            world.remove(work_id)
        pictures = [
            path
            for path in sorted((folder / "moved").rglob("*_p0.jpg"))
            if int(path.name.split("_")[0]) not in {*revised, *gone}
        ]
        damaged, reduced = pictures[: ceil(works / 40)], pictures[-ceil(works / 40) :]
        for path in damaged:
            path.write_bytes(path.read_bytes()[:-20])
        for path in reduced:
            half = io.BytesIO()
            Image.open(path).resize((48, 36)).save(half, "JPEG")
            path.write_bytes(half.getvalue())
        yield Years(sandbox, folder / "moved", then, {**world.expected.user(11).files}, revised, gone, damaged, reduced)


def of_work(path: str) -> int:
    return int(path.rpartition("/")[2].split("_")[0])


def assert_came(years: Years, archive: Path, run: Brought) -> None:
    """Every stored file is the very one that pixiv had at that revision; every whole one is here; what is not is named."""
    assert run.image_requests == 0
    assert run.api_requests <= ceil(WORKS / 100) + 3
    of_pixiv = {path: sha256 for path, sha256 in (years.then | years.now).items() if isinstance(sha256, str)}
    for path, sha256 in ledger_files(archive).items():
        if not path.endswith(".json"):
            assert of_pixiv[path] == sha256, path
    for path in (*years.damaged, *years.reduced):
        assert f"left: {path}: " in run.said
        assert path.relative_to(years.folder).as_posix() not in imported(archive)
    whole = {path.relative_to(years.folder).as_posix() for path in years.folder.rglob("*_p*") if path.suffix != ".json"}
    left = {path.relative_to(years.folder).as_posix() for path in (*years.damaged, *years.reduced)}
    assert set(imported(archive)) == whole - left


def assert_the_next_crawl_fetches_the_rest(years: Years, archive: Path) -> None:
    here = ledger_files(archive)
    before = len(years.sandbox.log)
    assert crawl("user", years.sandbox, archive, id=11).exit_code == 0
    fetched = [each.path for each in years.sandbox.log[before:] if each.kind == "image"]
    missing = [path for path in years.now if not path.endswith(".json") and path not in here]
    assert len(fetched) == len(missing)
    assert set(years.now) <= set(stored_files(archive))
    assert {
        path: sha256
        for path, sha256 in ledger_files(archive).items()
        if path in years.now and not path.endswith(".json")
    } == {path: sha256 for path, sha256 in years.now.items() if not path.endswith(".json")}
    # Those that are gone have their tombstones, and their files stay.
    tombstones = dict(rows(archive, "SELECT id, unavailable_reason FROM artworks WHERE availability = 'gone'"))
    assert set(tombstones) == set(years.gone)
    assert all(tombstones.values())
    assert not scrapy("verify", env=environment(years.sandbox, archive)).returncode


@pytest.fixture(params=["sidecars", "names"])
def years(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Years]:
    yield from later(tmp_path, WORKS, *(["--write-metadata"] if request.param == "sidecars" else []))


def test_every_file_comes_in_as_what_it_is_and_nothing_is_fetched_twice(years: Years, tmp_path: Path):
    untouched, archive = tree(years.folder), tmp_path / "archive"
    planned = bring_in(years.sandbox, archive, years.folder, "--dry-run")
    assert not archive.exists()
    run = bring_in(years.sandbox, archive, years.folder)
    assert (run.exit_code, planned.exit_code) == (0, 0), run.errors
    assert run.said == planned.said
    assert_came(years, archive, run)
    kinds = set(imported(archive).values())
    has_sidecars = any(years.folder.rglob("*.jpg.json"))
    assert kinds == (
        {("stored", "recorded")}
        if has_sidecars
        else {("stored", "one revision"), ("adopted", "fits"), ("adopted", "gone")}
    )
    again = bring_in(years.sandbox, archive, years.folder)
    # What was left without a record is looked at again, and so are their works: in one request.
    assert again.api_requests == (0 if has_sidecars else 1)
    assert again.number("here already") == len(imported(archive))
    assert tree(years.folder) == untouched
    assert_the_next_crawl_fetches_the_rest(years, archive)


@pytest.mark.long
def test_what_was_imported_is_remade_from_the_journal(years: Years, tmp_path: Path):
    archive = tmp_path / "archive"
    assert bring_in(years.sandbox, archive, years.folder).exit_code == 0
    before = dump(archive)
    env = environment(years.sandbox, archive)
    rebuilt = scrapy("rebuild", "--replace", "--check", env=env)
    assert rebuilt.returncode == 0, rebuilt.stdout
    assert dump(archive) == before
    assert not scrapy("verify", "--repair", env=env).returncode
    assert dump(archive) == before


@pytest.mark.long
@pytest.mark.parametrize("years", ["names"], indirect=True)
def test_a_ledger_on_a_server_says_the_same(years: Years, tmp_path: Path, postgres_url: str):
    """Also of files whose path is longer than what PostgreSQL keeps in a tree."""
    deep = years.folder.joinpath(*["d" * 240] * 12)
    deep.mkdir(parents=True)
    (years.folder / "pixiv").rename(deep / "pixiv")
    env = {"PIXIVCRAWL_DATABASE_URL": postgres_url}
    archive = tmp_path / "archive"
    query = "SELECT path, sha256, state, source, evidence FROM files ORDER BY path, id"
    here = bring_in(years.sandbox, tmp_path / "in a file", years.folder)
    assert here.exit_code == 0, here.errors
    run = bring_in(years.sandbox, archive, years.folder, **env)
    assert (run.exit_code, run.said) == (0, here.said), run.errors
    server = create_engine(postgres_url)
    with server.connect() as connection:
        there = {tuple(row) for row in connection.execute(text(query))}
    assert there == set(rows(tmp_path / "in a file", query))
    again = bring_in(years.sandbox, archive, years.folder, **env)
    assert again.number("here already") == run.number("stored") + run.number("adopted")
    # What the present files show, once they are fetched, is true of those that were adopted; none is kept twice.
    assert crawl("user", years.sandbox, archive, settings={"DATABASE_URL": postgres_url}, id=11).exit_code == 0
    with server.connect() as connection:
        bytes_kept = [
            each
            for (each,) in connection.execute(
                text("SELECT sha256 FROM files WHERE state IN ('stored', 'adopted') AND kind != 'frames'")
            )
        ]
    server.dispose()
    assert len(bytes_kept) == len(set(bytes_kept))
