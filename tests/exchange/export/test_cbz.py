"""`export cbz`: books that a reader we did not write opens, with ComicInfo that its schema takes and pages byte for byte."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from pixivcrawl.exchange.export.comicinfo import as_text
from pixivcrawl.items import Facts, Series, SeriesPlace, Tag
from pixivcrawl.ledger.updates import record_artwork, record_facts
from tests.exchange.export.conftest import Export
from tests.exchange.export.making import archive_of, body_of, files_in, titled
from tests.gallery.making import CAPTION, SCRIPT
from tests.ledger.making import DAY, NOW, an_artwork, connected, sqlite_url

SCHEMA = etree.XMLSchema(etree.parse(Path(__file__).with_name("ComicInfo.xsd")))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two chapters of a series, the second with the smaller id, and a hostile work of none."""
    manga = {"kind": "manga", "book_style": 1, "x_restrict": 0, "series_id": 55}
    works = [
        an_artwork(101, 2, title="second", series_order=2, **manga | {"x_restrict": 1}),
        an_artwork(102, 3, title="first", series_order=1, caption=CAPTION, tags=(Tag("猫"), Tag("a, b")), **manga),
        an_artwork(103, title=f"{SCRIPT}\x0b\ufffe", caption=SCRIPT, tags=(Tag(SCRIPT),)),
    ]
    root = archive_of(tmp_path / "archive", works)
    with connected(sqlite_url(root)) as connection:
        places = (SeriesPlace(55, 102, 1), SeriesPlace(55, 101, 2))
        record_facts(connection, Facts(series=(Series(55, 7, "a series"),), places=places), NOW)
    return root


def read(book: Path) -> tuple[etree.Element, list[zipfile.ZipInfo]]:
    """What it tells of itself, which the schema takes, and its pages."""
    with zipfile.ZipFile(book) as opened:
        assert opened.testzip() is None
        info, *pages = opened.infolist()
        told = etree.fromstring(opened.read(info))
    SCHEMA.assertValid(told)
    assert info.filename == "ComicInfo.xml"
    assert {member.compress_type for member in (info, *pages)} == {zipfile.ZIP_STORED}
    return told, pages


def test_a_book_of_each_work(root: Path, tmp_path: Path, export: Export):
    export("cbz")
    books = sorted((tmp_path / "out").rglob("*.cbz"))
    assert len(books) == 3
    told, pages = read(tmp_path / "out/artist (7)/first (102).cbz")
    assert [page.filename for page in pages] == ["0001.jpg", "0002.jpg", "0003.jpg"]
    with zipfile.ZipFile(tmp_path / "out/artist (7)/first (102).cbz") as book:
        for page, original in zip(pages, an_artwork(102, 3).originals, strict=True):
            assert hashlib.sha256(book.read(page)).digest() == hashlib.sha256(body_of(original)).digest()
    assert {each.tag: each.text for each in told if each.tag != "Pages"} == {
        "Title": "first",
        "Series": "a series",
        "Number": "1",
        "Summary": "a caption\nthere bold alert(1) no",
        "Year": "2026",
        "Month": "1",
        "Day": "1",
        "Writer": "artist",
        "Publisher": "pixiv",
        "Tags": "猫, a  b",
        "Web": "https://www.pixiv.net/artworks/102",
        "PageCount": "3",
        "Manga": "YesAndRightToLeft",
        "AgeRating": "Everyone",
    }
    assert [page.get("Type") for page in told.find("Pages")] == ["FrontCover", "Story", "Story"]
    for book in books:
        read(book)


def test_a_book_of_each_series(root: Path, tmp_path: Path, export: Export):
    export("cbz", "--by", "series")
    assert len(files_in(tmp_path / "out")) == 2
    told, pages = read(tmp_path / "out/artist (7)/a series (55).cbz")
    assert len(pages) == 5
    assert (told.findtext("Title"), told.findtext("Number"), told.findtext("AgeRating")) == ("a series", None, "R18+")
    assert [page.get("Bookmark") for page in told.find("Pages")] == ["first", None, None, "second", None]


def test_it_is_the_same_until_a_fact_changes(root: Path, tmp_path: Path, export: Export):
    export("cbz", "--by", "series")
    before = files_in(tmp_path / "out")
    assert "0 made, 0 moved, 0 removed, 2 as they were" in export("cbz", "--by", "series").err
    (tmp_path / "out").rename(tmp_path / "first")
    export("cbz", "--by", "series")
    assert files_in(tmp_path / "out") == before
    with connected(sqlite_url(root)) as connection:
        record_artwork(connection, replace(an_artwork(103, title="plain")), NOW + DAY)
    assert "1 made, 0 moved, 0 removed, 1 as they were" in export("cbz", "--by", "series").err


def test_a_damaged_page_leaves_its_book_out(root: Path, tmp_path: Path, export: Export):
    (page,) = root.rglob("102_p1_*.jpg")
    page.write_bytes(page.read_bytes()[:-1] + b"x")
    told = export("cbz", code=1)
    assert f"not exported: {page.relative_to(root)}: its SHA-256" in told.err
    assert len(files_in(tmp_path / "out")) == 2
    assert not list((tmp_path / "out").rglob("*.part"))


def test_works_without_pages_are_counted(tmp_path: Path, export: Export):
    root = archive_of(tmp_path / "archive", titled("here"))
    with connected(sqlite_url(root)) as connection:
        record_artwork(connection, an_artwork(200, title="to come"), NOW)
    assert "1 work without a page" in export("cbz").err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--by", "copy"], "books are by series"),
        (["--like", "gallery-dl"], "cbz takes no --like"),
        (["--name", "{page}"], "is of a file"),
    ],
)
def test_wrong_usage_is_one_line(root: Path, export: Export, options: list[str], said: str):
    assert said in export("cbz", *options, code=2).err


def test_a_caption_as_text():
    assert as_text('a<br />b<br>  c &amp; <a href="x">d</a>') == "a\nb\nc & d"
