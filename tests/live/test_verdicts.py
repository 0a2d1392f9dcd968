"""What becomes of a file after its verdict: kept with its flaw, kept as served, or asked for more and more rarely."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from pixivcrawl.sandbox.works import Form, Page
from tests.archive.making import jpeg, png, zeroed
from tests.live.inside import Run, crawl
from tests.live.running import complaints, environment, rows, scrapy
from tests.live.syncing import DAY, HOUR, START, clock
from tests.sandbox.serving import Sandbox, World


@contextmanager
def serving(*pages: Page) -> Iterator[Sandbox]:
    """A sandbox with one work, by artist 11."""
    with Sandbox(World.of(works=1, pages=pages)) as sandbox:
        yield sandbox


def a_page(folder: Path, form: Form, body: bytes) -> Page:
    """A page of 640 x 480 pixels whose original is whatever the file `page.FORM` holds."""
    path = folder / f"page.{form}"
    path.write_bytes(body)
    return Page(form, 640, 480, path)


MOMENT = timedelta(minutes=1)
"""The clock goes on while a run is at work."""


def crawl_at(moment: datetime, sandbox: Sandbox, archive: Path) -> tuple[Run, int]:
    """A run at that time, and how many images it asked for."""
    before = len(sandbox.requests("image"))
    with clock(moment):
        run = crawl("user", sandbox, archive, id=11)
    return run, len(sandbox.requests("image")) - before


def quarantined(archive: Path) -> dict[str, list[str]]:
    """The copies in quarantine, and the lines of each one's note."""
    folder = archive / "quarantine"
    return {
        path.name: path.with_name(f"{path.name}.txt").read_text().splitlines()
        for path in folder.iterdir()
        if path.suffix != ".txt"
    }


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.mark.long
def test_a_doubtful_file_is_kept_when_three_transfers_over_a_day_were_the_same(tmp_path: Path, archive: Path):
    body = jpeg(640, 480)
    with serving(a_page(tmp_path, "jpg", zeroed(body, len(body) // 2, 4096))) as sandbox:
        hours = (0, 0.5, 0.99, 1.02, 1.5, 12, 23.98, 24.02, 24.5, 48)
        runs = [crawl_at(START + hour * HOUR, sandbox, archive) for hour in hours]
        assert [asked for _, asked in runs] == [2, 0, 0, 1, 0, 0, 0, 1, 0, 0]
        assert [run.exit_code for run, _ in runs] == [1, 1, 1, 1, 1, 1, 1, 0, 0, 0]
        assert runs[7][0].counts["files_as_served"] == 1
        first, *others = [logged.headers for logged in sandbox.requests("image")]
        assert "cache-control" not in first
        assert [(each["cache-control"], each["pragma"]) for each in others] == [("no-cache", "no-cache")] * 3
        ((state, as_served, flaw, etag, modified),) = rows(
            archive, "SELECT state, as_served, flaw, etag, last_modified FROM files"
        )
        assert (state, as_served) == ("stored", 1)
        assert "3 transfers from 2026-03-01 to 2026-03-02 brought the same bytes" in flaw
        assert etag.startswith('"')
        assert modified.endswith(" GMT")
        (lines,) = quarantined(archive).values()
        assert len(lines) == 3
        assert all(f"ETag {etag}; Last-Modified {modified}" in line for line in lines)

        env = environment(sandbox, archive)
        assert "1 file doubtful and kept as served, see docs/proof.md" in scrapy("status", env=env).stdout
        verified = scrapy("verify", "--deep", env=env)
        assert (verified.returncode, verified.stderr) == (0, "")


def test_other_doubtful_bytes_begin_again(tmp_path: Path, archive: Path):
    body = jpeg(640, 480)
    with serving(a_page(tmp_path, "jpg", zeroed(body, len(body) // 2, 4096))) as sandbox:
        crawl_at(START, sandbox, archive)
        crawl_at(START + HOUR + MOMENT, sandbox, archive)
        a_page(tmp_path, "jpg", zeroed(body, len(body) // 3, 4096))
        again = START + DAY + MOMENT
        assert crawl_at(again, sandbox, archive)[0].exit_code == 1
        ((reason,),) = rows(archive, "SELECT failed_reason FROM files")
        assert reason.startswith("doubtful (1 of 3 transfers brought the same bytes; on 2026-03-01 others came): ")
        crawl_at(again + HOUR + MOMENT, sandbox, archive)
        assert crawl_at(again + DAY - MOMENT, sandbox, archive)[0].exit_code == 1
        assert crawl_at(again + DAY + MOMENT, sandbox, archive)[0].exit_code == 0
        assert len(quarantined(archive)) == 2


@pytest.mark.long
def test_the_same_damaged_bytes_lie_in_quarantine_once_and_are_asked_for_more_and_more_rarely(archive: Path):
    with Sandbox(World.of(works=1)) as sandbox:
        sandbox.faults.image(kind="html")
        waits = [timedelta(0), timedelta(0), HOUR, DAY, 7 * DAY, 30 * DAY, 30 * DAY]
        now = START
        for wait in waits:
            if wait:
                run, asked = crawl_at(now + 0.99 * wait, sandbox, archive)
                assert (run.exit_code, asked, run.counts["works_waiting"]) == (1, 0, 1)
            now += wait + MOMENT
            run, asked = crawl_at(now, sandbox, archive)
            assert (run.exit_code, asked) == (1, 2)
        (lines,) = quarantined(archive).values()
        assert len(lines) == 2 * len(waits)
        assert not list((archive / "staging").iterdir())
        sandbox.faults.clear()
        assert crawl_at(now + 30 * DAY + MOMENT, sandbox, archive)[0].exit_code == 0


@pytest.mark.long
def test_who_asks_for_a_work_by_name_need_not_wait(archive: Path):
    with Sandbox(World.of(works=2)) as sandbox:
        work = sandbox.world.work_id(11, 1)
        sandbox.faults.image(work, kind="html")
        for _ in range(3):
            crawl_at(START, sandbox, archive)
        assert crawl_at(START, sandbox, archive)[1] == 0
        for asked in (2, 2):
            before = len(sandbox.requests("image"))
            assert crawl("artwork", sandbox, archive, id=work).exit_code == 1
            assert len(sandbox.requests("image")) - before == asked
        sandbox.faults.clear()
        assert crawl("artwork", sandbox, archive, id=work).exit_code == 0
        assert crawl_at(START, sandbox, archive)[0].exit_code == 0


@pytest.mark.long
def test_files_beyond_a_limit_of_ours_wait_where_they_are_and_are_not_fetched_again(tmp_path: Path, archive: Path):
    pages = []
    for progressive, marker, width, height in (
        (True, b"\xff\xc2", 22_300, 22_300),
        (False, b"\xff\xc0", 25_000, 20_001),
    ):
        body = bytearray(jpeg(64, 48, progressive=progressive, subsampling=0))
        size = body.index(marker) + 5
        body[size : size + 4] = height.to_bytes(2, "big") + width.to_bytes(2, "big")
        path = tmp_path / f"{width}.jpg"
        path.write_bytes(body)
        pages.append(Page("jpg", width, height, path))
    with serving(*pages) as sandbox:
        runs = [crawl_at(START + hours * HOUR, sandbox, archive) for hours in (0, 1, 2)]
        assert [(run.exit_code, asked) for run, asked in runs] == [(1, 2), (1, 0), (1, 0)]
        assert quarantined(archive) == {}
        assert len(list((archive / "staging").iterdir())) == 2
        lines = scrapy("status", "--all", env=environment(sandbox, archive)).stdout.splitlines()
        for limit in ("PROOF_MEMORY", "PIXIV_MAX_PIXELS"):
            (line,) = [line for line in lines if limit in line]
            assert line.endswith("; due at the next run")


@pytest.mark.long
def test_a_flaw_is_kept_counted_and_comes_back_with_the_journal(tmp_path: Path, archive: Path):
    whole = png(640, 480)
    text = b"tEXtComment\0drawn by hand"
    wrong_checksum = len(text[4:]).to_bytes(4, "big") + text + (zlib.crc32(text) ^ 1).to_bytes(4, "big")
    flawed = a_page(tmp_path, "png", whole[:33] + wrong_checksum + whole[33:])
    with serving(flawed, Page("png", 640, 480)) as sandbox:
        env = environment(sandbox, archive)
        ran = scrapy("crawl", "user", "-a", "id=11", env=env)
        assert (ran.returncode, complaints(ran.stderr)) == (0, "")
        assert "1  of them flawed (docs/proof.md)" in ran.stderr
        assert "1 file flawed: kept, see docs/proof.md" in scrapy("status", env=env).stdout
        ((path, flaw),) = rows(archive, "SELECT path, flaw FROM files WHERE flaw IS NOT NULL")
        assert f"{path}: {flaw}" in scrapy("status", "--all", env=env).stdout
        for depth in ((), ("--deep",)):
            verified = scrapy("verify", *depth, env=env)
            assert (verified.returncode, verified.stderr) == (0, "")
            assert "1 file flawed: kept" in verified.stdout
        kept = rows(archive, "SELECT path, sha256, flaw, etag, last_modified FROM files ORDER BY path")
        (archive / "archive.sqlite").unlink()
        assert scrapy("rebuild", env=env).returncode == 0
        assert rows(archive, "SELECT path, sha256, flaw, etag, last_modified FROM files ORDER BY path") == kept
