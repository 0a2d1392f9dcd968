"""A report of a real archive, in a real browser, at a phone's width and at a desk's; and of an archive that is large."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.making import connected, sqlite_url
from tests.live.browser import PROGRAM, browser, first_page
from tests.live.inside import crawl
from tests.live.running import PROJECT, environment, scrapy
from tests.sandbox.serving import Sandbox, World

HOSTILE = (
    "</bdi></a><script>document.title='ran'</script><img src=x onerror=\"document.title='ran'\">\u202e\x1b[31m"
    + "W" * 300
)

WIDTHS = (320, 390, 768, 1280)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of an archive that was read twice, with a change of every kind between and hostile names."""
    archive = tmp_path_factory.mktemp("archive")
    with Sandbox(World.of(artists=2, works=8, size=(96, 64), page_counts=(1, 3), ugoira=30)) as sandbox:
        for artist in (11, 12):
            assert crawl("user", sandbox, archive, id=artist).exit_code == 0
        world = sandbox.world
        world.remove(world.work_id(11, 1))
        world.revise(world.work_id(11, 2))
        world._change(world.work_id(11, 3), title=HOSTILE)
        world._change(world.work_id(12, 2), title="\u0301" * 200 + "\U0001f469\u200d\U0001f4bb مرحبا" + "界" * 200)
        world.rename(11, HOSTILE)
        world.add_work(12)
        sandbox.faults.image(world.work_id(12, 9), kind="status:500")
        for artist in (11, 12):
            crawl("user", sandbox, archive, id=artist, refresh="true", reread="true")
        file = archive / "report.html"
        told = scrapy("report", "--output", str(file), env=environment(sandbox, archive))
    assert (told.returncode, told.stderr) == (0, "")
    return file


@pytest.mark.long
def test_a_revised_work_is_shown_before_and_after_and_opens_in_the_gallery(page: Path):
    text = page.read_text()
    both = re.findall(
        r'<span class="both"><img src="([^"]+)"[^>]*alt="before"> → <img src="([^"]+)"[^>]*alt="after">', text
    )
    assert len(both) == 1
    assert both[0][0] != both[0][1]
    assert 'href="http://127.0.0.1:8490/works/5000211"' in text
    # Of the one whose image could not be fetched nothing is here.
    assert 'href="https://www.pixiv.net/artworks/5000912"' in text


@pytest.mark.long
@pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed: apt-get install chromium")
def test_the_page_fits_every_screen_and_does_nothing(page: Path, tmp_path: Path):
    with browser() as port:
        looks = asyncio.run(looked_at(port, page))
    for name, picture in looks.items():
        (tmp_path / f"{name}.png").write_bytes(picture)
    assert len(set(looks.values())) == len(looks)


async def looked_at(port: int, file: Path) -> dict[str, bytes]:
    """{width and scheme: what was seen}."""
    looks = {}
    async with first_page(port) as page:
        await page.open(file)
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                await page.look(width, 844, scheme)
                assert await page.value("window.innerWidth") == width
                assert await page.value("document.documentElement.scrollWidth") <= width
                assert await page.value(OUTSIDE) == []
                assert await page.value(HARD_TO_READ) == []
                looks[f"{width} {scheme}"] = await page.screenshot()
        shown = "[...document.images].filter(each => each.complete && each.naturalWidth > 0).length"
        assert await page.value(shown) == await page.value("document.images.length") > 10
        assert await page.value("document.title") != "ran"
        assert HOSTILE[:20] in await page.value("document.body.innerText"), "the hostile name is shown as it is"
        # The probes find what they look for.
        await page.value("document.querySelector('h1').style.cssText = 'width: 3000px; color: #ddd; background: #eee'")
        assert len(await page.value(OUTSIDE)) == len(await page.value(HARD_TO_READ)) == 1
        assert page.told == []
        assert [url for url in page.asked if not url.startswith(("file:", "data:"))] == []
    return looks


OUTSIDE = """
[...document.querySelectorAll('body *')].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width > 0 && (box.right > window.innerWidth + 1 || box.left < -1);
}).map(each => each.outerHTML.slice(0, 200))
"""
"""Elements that reach out of the window to a side."""

HARD_TO_READ = """
(() => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(part => part / 255)
      .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = each => {
    for (; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if (colour !== 'rgba(0, 0, 0, 0)') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')].filter(each => {
    if (![...each.childNodes].some(node => node.nodeType === 3 && node.data.trim())) return false;
    const style = getComputedStyle(each), one = light(style.color), other = light(behind(each));
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05) < 4.5 || parseFloat(style.fontSize) < 13;
  }).map(each => each.outerHTML.slice(0, 200));
})()
"""
"""Elements whose text is too small, or has less contrast than WCAG's AA asks for."""


# A large archive

WORKS, OLD = 100_000, 100_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So many works that are new, of a thousand artists, beside as many old ones."""
    archive = tmp_path_factory.mktemp("large")
    with connected(sqlite_url(archive)):
        pass
    with sqlite3.connect(archive / "archive.sqlite") as ledger:
        ledger.executescript(f"""
            INSERT INTO users (id, name, first_seen, last_seen)
              SELECT value, 'artist ' || value, '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z' FROM ({counted(1000)});
            INSERT INTO crawls (id, list_id, list_key, spider, arguments, started, outcome, exit_code, counts)
              VALUES (1, 1, 'key', 'user', '{{"id":[7]}}', '2026-06-01T00:00:00.000000Z', 'complete', 0, '{{}}');
            INSERT INTO artworks
              (id, user_id, title, kind, page_count, detail, availability, files_state, files_stored, bytes_stored, first_seen)
              SELECT value, value % 1000 + 1, 'work ' || value, 'illust', 1, 'full', 'available', 'complete', 1, 1000,
                CASE WHEN value <= {OLD} THEN '2025-01-01T00:00:00.000000Z' ELSE '2026-06-01T00:00:00.000000Z' END
              FROM ({counted(OLD + WORKS)});
            INSERT INTO crawl_artworks (list_id, artwork_id, crawl_id, unsettled) SELECT 1, id, 1, false FROM artworks;
        """)
    return archive


def counted(number: int) -> str:
    return f"WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {number}) SELECT value FROM n"


def memory_of(archive: Path, *words: str) -> int:
    """The most memory in MB that `pixivcrawl report` held."""
    code = (
        "import resource, sys; from scrapy.cmdline import execute; sys.argv = ['scrapy', 'report', *sys.argv[1:]]\n"
        "try: execute()\n"
        "finally: sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=PROJECT,
        env=environment(None, archive),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return int(run.stderr.splitlines()[-1]) // 1024


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in kB there")
@pytest.mark.parametrize("form", ["text", "json", "html"])
def test_a_hundred_thousand_new_works_take_no_more_memory_than_none(large: Path, form: str):
    nothing = memory_of(large, "--since", "2026-09-01", "--format", form)
    everything = memory_of(large, "--since", "2026-05-01", "--format", form)
    assert everything - nothing < 30, f"{nothing} MB with nothing new, {everything} MB with {WORKS:,} works"


@pytest.mark.long
def test_the_document_of_a_large_archive_is_whole(large: Path, tmp_path: Path):
    file = tmp_path / "report.json"
    run = scrapy("report", "--since", "2026-05-01", "--output", str(file), env=environment(None, large))
    assert (run.returncode, run.stderr) == (0, "")
    told: dict[str, Any] = json.loads(file.read_bytes())
    assert (len(told["new"]), len(told["artists"]), told["sums"]["works"]) == (WORKS, 1000, WORKS)
    assert len({work["work_id"] for work in told["new"]}) == WORKS


@pytest.mark.long
def test_whoever_stops_reading_costs_no_traceback(large: Path):
    command = f"{sys.executable} -m pixivcrawl report --since 2026-05-01 --format json | head -n 2"
    run = subprocess.run(
        ["sh", "-c", command],
        cwd=PROJECT,
        env=environment(None, large) | {"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.stdout.splitlines()[0], run.stderr) == ("{", "")
