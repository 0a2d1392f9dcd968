"""Copies of pictures are found among others, whatever was done to them, and no other picture is taken for one."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
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
from tests.index.making import follow
from tests.index.pictures import COPIES, blank, drawn, shapes
from tests.index.planted import STORED, Outcome, campaign, store
from tests.ledger.making import NOW, connected, sqlite_url


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


@pytest.mark.parametrize(("number", "pairs"), [(20, 4), pytest.param(500, 5, marks=pytest.mark.long)])
def test_planted_copies_are_found_and_no_other_picture(number: int, pairs: int):
    """A tenth of `python -m tests.index.planted`."""
    assert campaign(number, pairs) == Outcome([], [])


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


def test_an_index_that_is_made_again_keeps_what_was_looked_at(looked: Looked, monkeypatch: pytest.MonkeyPatch):
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
