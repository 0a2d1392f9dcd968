"""The gallery beside a crawl, and in archives where not everything is as it should be."""

from __future__ import annotations

import logging
import socket
import sqlite3
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from pixivcrawl.gallery.server import FOLLOW_EVERY
from tests.gallery.making import NORMAL, archive_at
from tests.live.galleries import served
from tests.live.inside import crawl
from tests.live.running import environment, pixivcrawl
from tests.sandbox.serving import Sandbox, World

WITHIN = 10.0
"""Seconds after its crawl in which a work is on the page."""


COVERS_WITHIN = 40.0
"""Seconds in which a few covers are drawn by themselves: the gallery waits until nobody looks, and looks for new ones each 10."""


def page(address: str | urllib.request.Request) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


@pytest.mark.long
def test_what_a_crawl_stores_while_the_gallery_is_open_is_on_its_pages(tmp_path: Path):
    with Sandbox(World.of(artists=2, works=6)) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        with served(tmp_path) as address:
            assert "6 works" in page(f"{address}/works")
            assert crawl("user", sandbox, tmp_path, id=12).exit_code == 0
            stored = time.monotonic()
            while "12 works" not in page(f"{address}/works"):
                assert time.monotonic() - stored < WITHIN
                time.sleep(0.1)
            work_id = sandbox.world.work_id(12, 6)
            assert f'href="/works/{work_id}"' in page(f"{address}/works")
            assert "SHA-256" in page(f"{address}/works/{work_id}")


def test_what_is_no_request_of_a_browser_is_refused_and_not_told(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    with served(archive_at(tmp_path)) as address:
        port = int(address.rpartition(":")[2])
        for request in (
            b"GET /works HTTP/1.1\r\n\r\n",
            b"\x16\x03\x01 not http\r\n\r\n",
            b"GET /\xff HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(request)
                assert b" 400 " in connection.recv(100)
        assert "works" in page(f"{address}/works")
    # asyncio says at this level which selector a loop has.
    told = [record.getMessage() for record in caplog.records if record.levelno > logging.DEBUG]
    assert (capfd.readouterr().err, told) == ("", [])


def test_the_longest_search_is_answered_and_so_is_the_page_after_it(tmp_path: Path):
    with served(archive_at(tmp_path)) as address:
        longest = f"{address}/works?q={urllib.parse.quote(chr(0x20B9F) * 1_000)}"
        assert "No work is like this" in page(longest)
        assert "works" in page(urllib.request.Request(f"{address}/works", headers={"Referer": longest}))


@pytest.mark.long
def test_covers_are_drawn_while_nobody_looks(tmp_path: Path):
    with Sandbox(World.of(artists=2, works=6)) as sandbox:
        assert crawl("user", sandbox, tmp_path, id=11).exit_code == 0
        with served(tmp_path):
            assert drawn(tmp_path, 6)
            assert crawl("user", sandbox, tmp_path, id=12).exit_code == 0
            assert drawn(tmp_path, 12)


def drawn(archive: Path, number: int) -> bool:
    """Whether so many small pictures come to lie in the archive."""
    began = time.monotonic()
    while len(list((archive / "derived/thumbnails").rglob("*.webp"))) < number:
        if time.monotonic() - began > COVERS_WITHIN:
            return False
        time.sleep(0.2)
    return True


@pytest.mark.long
def test_a_changed_filters_file_is_taken_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = archive_at(tmp_path / "archive")
    file = root / "filters.toml"
    with served(root) as address:
        assert shows(address, "for adults")
        file.write_text('[filter.calm]\nrating = "safe"\n[default]\nshow = "calm"\n')
        assert shows(address, "1 work is left out by a saved filter")
        file.write_text("[filter.calm]\nrating = 7\n")
        time.sleep(3 * FOLLOW_EVERY)
        assert shows(address, "1 work is left out by a saved filter")
        file.unlink()
        assert shows(address, "for adults")
    assert capsys.readouterr().err.count("the saved filters stay as they were") == 1


def shows(address: str, text: str) -> bool:
    """Whether the works' page comes to show a text."""
    began = time.monotonic()
    while text not in page(f"{address}/works"):
        if time.monotonic() - began > WITHIN:
            return False
        time.sleep(0.1)
    return True


def test_a_folder_that_cannot_be_written_has_its_index_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    root = archive_at(tmp_path / "archive")
    # Root may write everywhere, but not make a folder where a file is.
    (root / "derived").write_text("in the way")
    with served(root) as address:
        assert f'href="/works/{NORMAL}"' in page(f"{address}/works")
    assert (root / "derived").read_text() == "in the way"
    assert "derived cannot be written" in capsys.readouterr().err


def test_an_index_of_another_archive_is_made_again(tmp_path: Path):
    root = archive_at(tmp_path / "archive")
    (root / "derived").mkdir()
    (root / "derived/index.sqlite").write_bytes(b"no index" * 1000)
    with served(root) as address:
        assert f'href="/works/{NORMAL}"' in page(f"{address}/works")


@pytest.mark.long
def test_a_ledger_of_an_older_version_is_one_line(tmp_path: Path):
    root = archive_at(tmp_path / "archive")
    with sqlite3.connect(root / "archive.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0007'")
    ended = pixivcrawl("gallery", "--port", "0", env=environment(None, root))
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "older version" in ended.stderr
