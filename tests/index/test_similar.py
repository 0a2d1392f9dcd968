"""Copies of pictures are found among others, whatever was done to them, and no other picture is taken for one."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.index import similar, updating
from pixivcrawl.index.duplicates import Show
from pixivcrawl.index.reading import Index
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger
from tests.archive.making import encoded
from tests.gallery.making import keep
from tests.index.making import follow
from tests.index.pictures import COPIES, DRAWN, blank, drawn, shapes, writing
from tests.ledger.making import NOW, an_artwork, connected, sqlite_url

STORED = [name for name in COPIES if name != "as a WebP"]


class Looked(NamedTuple):
    """An archive whose pictures were looked at."""

    root: Path
    ledger: Ledger
    workers: Workers

    @property
    def index(self) -> Index:
        return Index(self.root / "derived", self.ledger)

    def follow(self) -> None:
        follow(self.ledger, self.root / "derived")

    def look(self) -> None:
        after: int | None = similar.LEAST_DIGEST
        while after is not None:
            after = similar.analyse(self.ledger, Archive(self.root), self.root / "derived", self.workers, after=after)

    def find(self, path: Path) -> similar.SimilarPictures:
        return similar.find(path, self.ledger, Archive(self.root), self.root / "derived", self.workers)

    def groups(self, show: Show, artist: int | None = None, *, across_works: bool = False) -> list[set[int]]:
        """The works of each group, a few groups a page."""
        found: list[set[int]] = []
        after: int | None = similar.LEAST_DIGEST
        while after is not None:
            page, after = self.index.duplicates(show, artist=artist, across_works=across_works, after=after, limit=2)
            found += [{work_id for work_id, _ in group.places} for group in page]
        return sorted(found, key=sorted)


@pytest.fixture
def looked(tmp_path: Path) -> Iterator[Looked]:
    with connected(sqlite_url(tmp_path)):
        pass
    ledger = Ledger.open(sqlite_url(tmp_path), read_only=True)
    with Workers(1, Limits(100_000_000, 1 << 30)) as workers:
        yield Looked(tmp_path, ledger, workers)
    ledger.close()


def store(root: Path, works: dict[int, Sequence[bytes]], artist: int = 7) -> None:
    """Works with these pictures as their pages."""
    with connected(sqlite_url(root)) as connection:
        for work_id, pages in works.items():
            work = an_artwork(work_id, len(pages), user_id=artist)
            updates.record_artwork(connection, work, NOW)
            for original, body in zip(work.originals, pages, strict=True):
                keep(connection, root, original, body)


def planted(number: int, pairs: int) -> tuple[dict[int, Sequence[bytes]], list[set[int]]]:
    """So many works of one picture each, copies of some of them, and which work is a copy of which."""
    dice = random.Random(number)
    pictures = {work_id: drawn(work_id) for work_id in range(1, number + 1)}
    works: dict[int, Sequence[bytes]] = {
        work_id: [encoded(picture, "PNG", compress_level=1) if work_id % 2 else encoded(picture, "JPEG", quality=90)]
        for work_id, picture in pictures.items()
    }
    copied = dice.sample([work_id for work_id in pictures if DRAWN[work_id % len(DRAWN)] is not blank], pairs)
    expected = []
    for place, work_id in enumerate(copied):
        copy, name = number + 1 + place, STORED[place % len(STORED)]
        if DRAWN[work_id % len(DRAWN)] is writing and name == "trimmed":
            # Thin lines then fall elsewhere between the pixels of the closer look.
            name = "half the size"
        works[copy] = [COPIES[name](pictures[work_id])]
        expected.append({work_id, copy})
    return works, sorted(expected, key=sorted)


@pytest.mark.parametrize(
    ("number", "pairs"),
    [(40, 7), pytest.param(300, 21, marks=pytest.mark.long), pytest.param(5_000, 50, marks=pytest.mark.campaign)],
)
def test_planted_copies_are_found_and_no_other(looked: Looked, number: int, pairs: int):
    works, expected = planted(number, pairs)
    store(looked.root, works)
    looked.follow()
    assert looked.index.unseen() > 0
    looked.look()
    assert looked.index.unseen() == 0
    assert looked.groups("near") == expected


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_from_anywhere_finds_what_it_was_made_of(looked: Looked, tmp_path: Path, name: str):
    picture = shapes(random.Random(3))
    store(looked.root, {5: [encoded(picture, "PNG")], 6: [encoded(shapes(random.Random(4)), "PNG")]})
    looked.follow()
    looked.look()
    (tmp_path / "copy").write_bytes(COPIES[name](picture))
    (like,) = looked.find(tmp_path / "copy").like
    assert (like.picture.work_id, like.same_bytes) == (5, False)
    (tmp_path / "same").write_bytes(encoded(picture, "PNG"))
    (like,) = looked.find(tmp_path / "same").like
    assert (like.picture.work_id, like.same_bytes) == (5, True)
    (tmp_path / "another").write_bytes(encoded(shapes(random.Random(5)), "PNG"))
    assert looked.find(tmp_path / "another").like == []


def test_pages_with_the_same_bytes_stand_together_across_works_and_within_one(looked: Looked):
    one, other, blank_page = (encoded(drawn(number), "PNG") for number in (1, 6, 4))
    store(looked.root, {1: [one, other], 2: [one], 3: [blank_page, blank_page]})
    store(looked.root, {4: [other]}, artist=8)
    looked.follow()
    assert looked.groups("same") == [{1, 2}, {1, 4}, {3}]
    assert looked.groups("same", across_works=True) == [{1, 2}, {1, 4}]
    assert looked.groups("same", artist=8) == [{1, 4}]
    looked.look()
    assert looked.groups("near") == []
    assert looked.groups("all") == [{1, 2}, {1, 4}, {3}]


def test_pictures_that_show_nothing_are_like_none(looked: Looked):
    pages = [encoded(blank(random.Random(number)), "JPEG", quality=60 + number) for number in range(20)]
    store(looked.root, {number + 1: [page] for number, page in enumerate(pages)})
    looked.follow()
    looked.look()
    assert looked.groups("near") == []
    found = looked.find(looked.root / "originals/7/3_p0_20260102030405.jpg")
    assert found.is_plain
    assert [like.picture.work_id for like in found.like] == [3]


def test_copies_of_copies_are_one_group(looked: Looked):
    picture = drawn(1)
    store(looked.root, {number: [COPIES[name](picture)] for number, name in enumerate(STORED, 1)})
    looked.follow()
    looked.look()
    assert looked.groups("near") == [set(range(1, len(STORED) + 1))]


def test_nothing_is_kept_of_how_a_deleted_picture_looked(looked: Looked):
    picture = drawn(1)
    store(looked.root, {1: [encoded(picture, "PNG")], 2: [COPIES["half the size"](picture)]})
    looked.follow()
    looked.look()
    assert looked.groups("near") == [{1, 2}]
    with connected(sqlite_url(looked.root)) as connection:
        updates.forget(connection, "work", 2, NOW, files_deleted=True)
    looked.follow()
    assert looked.groups("near") == []
    with closing(sqlite3.connect(looked.root / "derived/index.sqlite")) as index:
        assert index.execute("SELECT count(*) FROM looks").fetchone() == (1,)
        assert index.execute("SELECT count(*) FROM alike").fetchone() == (0,)


def test_an_index_that_is_made_anew_keeps_what_was_looked_at(looked: Looked, monkeypatch: pytest.MonkeyPatch):
    picture = drawn(1)
    store(looked.root, {1: [encoded(picture, "PNG")], 2: [COPIES["half the size"](picture)]})
    looked.follow()
    looked.look()
    monkeypatch.setattr(updating.schema, "VERSION", "another")
    looked.follow()
    assert looked.index.unseen() == 0
    assert looked.groups("near") == [{1, 2}]


def test_a_file_that_is_away_is_looked_at_when_it_is_back(looked: Looked):
    body = encoded(drawn(1), "PNG")
    store(looked.root, {1: [body]})
    looked.follow()
    (file,) = (looked.root / "originals/7").iterdir()
    file.rename(file.with_suffix(".away"))
    looked.look()
    assert looked.index.unseen() == 1
    file.with_suffix(".away").rename(file)
    looked.look()
    assert looked.index.unseen() == 0


def test_a_damaged_file_is_looked_at_once(looked: Looked):
    store(looked.root, {1: [encoded(drawn(1), "PNG")[:200]]})
    looked.follow()
    looked.look()
    assert looked.index.unseen() == 0
