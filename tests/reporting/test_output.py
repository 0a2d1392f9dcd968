"""A report's file is whole or as it was, and never in the place of something of the archive's."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.reporting.output import file_for, write_file


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    (folder / "originals").mkdir(parents=True)
    (folder / "archive.sqlite").touch()
    return folder


@pytest.mark.parametrize(
    "name", ["archive.sqlite", "subscriptions.toml", "notices.json", "originals/report.html", "new/report.html"]
)
def test_what_is_the_archives_own_is_refused(archive: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="--output"):
        file_for(str(archive / name), archive)


def test_a_folder_and_a_way_around_are_refused(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(archive / "originals")
    for path in (tmp_path, tmp_path / "nowhere" / "report.html", tmp_path / "link" / "report.html"):
        with pytest.raises(ConfigurationError, match="--output"):
            file_for(str(path), archive)


def test_elsewhere_and_beside_the_ledger_it_may_be(archive: Path, tmp_path: Path) -> None:
    for path in (tmp_path / "report.json", archive / "report.html"):
        assert file_for(str(path), archive) == path


def test_a_report_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    for content in ("first", "zweiter \N{SNOWMAN}"):
        write_file(file, [content, "\n"])
        assert file.read_bytes() == f"{content}\n".encode()
    assert list(tmp_path.iterdir()) == [file]


def test_a_report_that_breaks_off_leaves_the_last_one(tmp_path: Path) -> None:
    file = tmp_path / "report.txt"
    write_file(file, ["first"])

    def breaks_off() -> Iterator[str]:
        yield "second"
        raise StorageFailed("the ledger cannot go on")

    with pytest.raises(StorageFailed):
        write_file(file, breaks_off())
    assert file.read_text() == "first"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reading = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reading.start()
    write_file(pipe, ["text"])
    reading.join()
    assert read == ["text"]
    assert pipe.is_fifo()
