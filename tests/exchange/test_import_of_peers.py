"""`pixivcrawl import` of what PixivUtil2 and Powerful Pixiv Downloader fetched years ago: each file as what it is, nothing fetched twice.

`python -m tests.exchange.test_import_of_peers WORKS` brings in folders of so many works each, and tells what it took.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import pytest
from PIL import Image

from pixivcrawl.sandbox.works import Work
from tests.exchange.fetched import Brought, Sandbox, bring_in, imported, tree
from tests.exchange.making import DEFAULT, DEFAULT_OF_PBD, PBD, Folder, PixivUtil2
from tests.live.inside import crawl
from tests.live.running import ledger_files, rows, stored_files
from tests.sandbox.serving import World

WORKS = 20
ARTIST = 11

Maker = Callable[[Path, World], PixivUtil2 | PBD]

MAKERS: dict[str, tuple[Maker, dict[str, bool]]] = {
    "pixivutil2": (lambda root, world: PixivUtil2(root, world, single=DEFAULT, said_root="D:\\pixiv"), {}),
    "pixivutil2, a format of one's own": (
        lambda root, world: PixivUtil2(
            root,
            world,
            single="%member_id%/%works_date_only% %title% [%image_id%]",
            manga="%member_id%/%image_id%/%page_number% %title%",
            notes=("txt",),
            ugoira=("zip", "ugoira", "webm", "gif"),
        ),
        {"database": False},
    ),
    "pixivutil2, nothing but its database": (
        lambda root, world: PixivUtil2(
            root,
            world,
            single="%artist%/%title% %works_date_only%",
            manga="%artist%/%title%/%page_index%",
            notes=(),
            writes_timing=False,
        ),
        {"settings": False},
    ),
    "pbd": (lambda root, world: PBD(root, world, rule=DEFAULT_OF_PBD), {}),
    "pbd, numbers from 1": (lambda root, world: PBD(root, world, first=1, digits=3), {"record": False}),
    "pbd, nothing but its record": (
        lambda root, world: PBD(root, world, rule="{user}-{user_id}/{p}-{pid}", notes=(), unnumbered=True),
        {},
    ),
}


@dataclass
class Years:
    """A folder that a tool filled years ago, and what has become of its works since; `then` and `now` are files of pixiv's."""

    sandbox: Sandbox
    made: Folder
    works: int
    then: dict[str, object]
    now: dict[str, object]
    revised: list[int]
    gone: list[int]
    spoilt: list[Path]


@contextmanager
def later(tool: str, folder: Path, works: int) -> Iterator[Years]:
    """10 of 100 works are revised, 5 are gone, of 5 a file is damaged or reduced; the folder was moved."""
    make, finish = MAKERS[tool]
    world = World.of(works=works, page_counts=(1, 3, 1, 2), ugoira=10, size=(96, 72))
    shown: list[Work] = list(world.works_of(ARTIST, world.readers[0]))
    # Some had been revised before they were fetched.
    for work in shown[2::10]:
        world.revise(work.id)
    made = make(folder / "then", world)
    made.fetch(world.works_of(ARTIST, world.readers[0]))
    made.finish(**finish)
    made.moved(folder / "elsewhere" / "moved")
    then: dict[str, object] = {**world.expected.user(ARTIST).files}
    revised, gone = [work.id for work in shown[: works // 10]], [work.id for work in shown[works // 2 :][: works // 20]]
    for work_id in revised:
        world.revise(work_id)
    for work_id in gone:
        world.remove(work_id)
    pictures = [
        path for path, truth in made.files.items() if truth.work_id not in {*revised, *gone} and path.suffix == ".jpg"
    ]
    first = [path for path in pictures if made.files[path].page == 0]
    spoilt = [*first[: ceil(works / 40)], *first[-ceil(works / 40) :]]
    for path in spoilt[: len(spoilt) // 2]:
        path.write_bytes(path.read_bytes()[:-20])
    for path in spoilt[len(spoilt) // 2 :]:
        half = io.BytesIO()
        Image.open(path).resize((48, 36)).save(half, "JPEG")
        path.write_bytes(half.getvalue())
    with Sandbox(world) as sandbox:
        yield Years(sandbox, made, works, then, {**world.expected.user(ARTIST).files}, revised, gone, spoilt)


def assert_came(years: Years, archive: Path, run: Brought) -> None:
    """Every stored file is the very one that pixiv had at that revision; every whole one is here; what is not is named."""
    assert run.image_requests == 0
    without_timing = sum(truth.is_ugoira for truth in years.made.files.values())
    assert run.api_requests <= ceil(years.works / 100) + 3 + without_timing
    of_pixiv = {path: sha256 for path, sha256 in (years.then | years.now).items() if isinstance(sha256, str)}
    for path, sha256 in ledger_files(archive).items():
        if not path.endswith(".json"):
            assert of_pixiv[path] == sha256, path
    came = imported(archive)
    left = {path.relative_to(years.made.root).as_posix() for path in years.spoilt}
    assert not left & set(came)
    assert all(f"left: {path}: " in run.said for path in years.spoilt)
    whole = {path.relative_to(years.made.root).as_posix() for path in years.made.files}
    assert set(came) == whole - left


def assert_the_next_crawl_fetches_the_rest(years: Years, archive: Path) -> None:
    here = ledger_files(archive)
    before = len(years.sandbox.log)
    assert crawl("user", years.sandbox, archive, id=ARTIST).exit_code == 0
    fetched = [each.path for each in years.sandbox.log[before:] if each.kind == "image"]
    missing = [path for path in years.now if not path.endswith(".json") and path not in here]
    assert len(fetched) == len(missing)
    assert set(years.now) <= set(stored_files(archive))
    tombstones = {row[0] for row in rows(archive, "SELECT id FROM artworks WHERE availability = 'gone'")}
    assert tombstones == set(years.gone)


@pytest.mark.long
@pytest.mark.parametrize("tool", [tool for tool in MAKERS if tool not in ("pixivutil2", "pbd")])
def test_every_file_comes_in_as_what_it_is_and_nothing_is_fetched_twice(tool: str, tmp_path: Path) -> None:
    with later(tool, tmp_path, WORKS) as years:
        untouched, archive = tree(years.made.root), tmp_path / "archive"
        run = bring_in(years.sandbox, archive, years.made.root)
        assert run.exit_code == 0, run.errors
        assert tool.partition(",")[0] in run.said
        assert_came(years, archive, run)
        assert tree(years.made.root) == untouched
        assert_the_next_crawl_fetches_the_rest(years, archive)


if __name__ == "__main__":
    for tool in MAKERS:
        with tempfile.TemporaryDirectory() as folder, later(tool, Path(folder), int(sys.argv[1])) as years:
            archive, began = Path(folder) / "archive", time.perf_counter()
            run = bring_in(years.sandbox, archive, years.made.root)
            took = time.perf_counter() - began
            assert_came(years, archive, run)
            kinds = Counter(" ".join(each) for each in imported(archive).values())
            print(
                f"{tool}: {len(years.made.files)} files in {took:.1f} s, {run.api_requests} API requests, 0 image requests; {dict(kinds)}"
            )
            assert_the_next_crawl_fetches_the_rest(years, archive)
