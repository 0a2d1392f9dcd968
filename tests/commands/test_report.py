"""`pixivcrawl report`: from the command line to a whole report, beside whatever else goes on."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from pixivcrawl.archive.drawing import LONGEST_SIDE
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.lock import lock
from tests.commands.typing_in import Typed, type_in
from tests.ledger.making import an_artwork, connected, sqlite_url
from tests.reporting.making import news_of_every_kind
from tests.reporting.test_thumbnails import PICTURES

SINCE = ("--since", "2026-11-01")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the original of one work of the ledger."""
    folder = tmp_path_factory.mktemp("archive")
    with connected(sqlite_url(folder)) as connection:
        news_of_every_kind(connection)
    original = folder / f"originals/7/2_p0_{an_artwork(2).revision}.jpg"
    original.parent.mkdir(parents=True)
    original.write_bytes(PICTURES["jpeg"])
    return folder


def refusal(typed: Typed) -> str:
    assert (typed.code, typed.out) == (2, "")
    (line,) = typed.err.splitlines()
    return line


def test_to_the_terminal(archive: Path) -> None:
    told = type_in("report", *SINCE, archive=archive)
    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines()[0] == f"archive: {archive}"
    assert "7 new works of 2 artists" in told.out


def test_as_a_document_for_a_span(archive: Path) -> None:
    told = type_in("report", "--since", "2026-11-24", "--until", "2026-11-25", "--format", "json", archive=archive)
    assert (told.code, told.err) == (0, "")
    document = json.loads(told.out)
    assert (document["since"], document["until"]) == ("2026-11-24T00:00:00.000000Z", "2026-11-25T00:00:00.000000Z")
    assert [change["work_id"] for change in document["changed"]] == [1, 2, 2]
    assert document["renamed"] == []


def test_without_what_a_filter_leaves_out(archive: Path, tmp_path: Path) -> None:
    (archive / "filters.toml").write_text("[filter.mine]\nexclude_artists = [8]\n[filter.long]\nmin_pages = 2\n")
    mine = type_in("report", *SINCE, "--filter", "mine", archive=archive)
    assert (mine.code, mine.err) == (0, "")
    assert mine.out.splitlines()[2] == "filter mine: 1 work left out"
    assert "6 new works of 1 artist" in mine.out
    assert "1 gone, 0 back" in mine.out
    told = json.loads(type_in("report", *SINCE, "--filter", "long", "--format", "json", archive=archive).out)
    assert (told["filter"], told["left_out"]) == ("long", 4)
    assert {change["work_id"] for change in told["changed"]} == {1}
    assert told["gone"] == told["returned"] == []
    # Nothing but its id is known of 5, which failed.
    assert {failure["work_id"] for failure in told["failed"]} == {5}
    page = type_in("report", *SINCE, "--filter", "long", "--format", "html", archive=archive).out
    assert "filter long: 4 works left out" in page
    assert "has no filter 'none such'" in refusal(type_in("report", "--filter", "none such", archive=archive))


def test_as_a_page_with_the_pictures_that_there_are(archive: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    told = type_in("report", *SINCE, "--output", str(file), archive=archive)
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"{file}: ")
    page = file.read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 1
    assert f'width="{LONGEST_SIDE}"' in page
    without = type_in("report", *SINCE, "--format", "html", "--thumbnails", "0", archive=archive)
    assert "data:image" not in without.out


def test_the_format_may_be_told_by_the_name(archive: Path, tmp_path: Path) -> None:
    for name, begins in (("a.json", "{"), ("a.txt", "archive:"), ("a.htm", "<!DOCTYPE html>"), ("a", "archive:")):
        assert type_in("report", *SINCE, "--output", str(tmp_path / name), archive=archive).code == 0
        assert (tmp_path / name).read_text().startswith(begins)


def test_beside_a_run_and_from_what_may_only_be_read(archive: Path) -> None:
    """Another holds the archive's lock and writes to the ledger, which the report leaves as it is."""
    writing = sqlite3.connect(archive / "archive.sqlite", isolation_level=None)
    before = (archive / "archive.sqlite").read_bytes()
    try:
        writing.execute("BEGIN IMMEDIATE")
        writing.execute("UPDATE artworks SET title = 'not committed'")
        with lock(Archive(archive), "crawl user"):
            told = type_in("report", *SINCE, archive=archive)
    finally:
        writing.execute("ROLLBACK")
        writing.close()
    assert (told.code, told.err) == (0, "")
    assert "not committed" not in told.out
    assert (archive / "archive.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--since", "yesterday"], "--since: give how long ago"),
        (["--until", "soon"], "--until: give how long ago"),
        (["--since", "1d", "--until", "2d"], "is not before --until"),
        (["--since", "99999999d"], "--since"),
        (["--thumbnails", "501"], "--thumbnails"),
        (["--thumbnails", "-1"], "--thumbnails"),
        (["--output", "/nowhere/report.html"], "there is no folder /nowhere"),
        (["--output", "/"], "is a folder"),
    ],
)
def test_wrong_usage_is_one_line(archive: Path, words: list[str], said: str) -> None:
    assert said in refusal(type_in("report", *words, archive=archive))


@pytest.mark.parametrize("words", [["7"], ["--format", "pdf"]])
def test_words_that_it_does_not_take(archive: Path, words: list[str]) -> None:
    assert type_in("report", *words, archive=archive).code == 2


def test_where_no_archive_is_yet(tmp_path: Path) -> None:
    assert "begin one with pixivcrawl user ID" in refusal(type_in("report", archive=tmp_path / "none"))
    assert not (tmp_path / "none").exists()
