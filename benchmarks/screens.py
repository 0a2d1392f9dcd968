"""What a person waits for in a browser: the gallery's start, a page of 60 works, and the covers of an artist who was never shown."""

from __future__ import annotations

import argparse
import asyncio
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.measuring import Row, table, whole, write_json
from benchmarks.screenshots import served
from pixivcrawl.ledger.updates import record_artwork
from tests.archive.making import drawing, encoded
from tests.gallery.making import keep
from tests.ledger.making import NOW, an_artwork, an_original, connected, sqlite_url
from tests.live.browser import browser, first_page

COVERS, SIZE = 60, (2480, 3508)

QUALITY = 80

SCREEN_SIZE = (1280, 800)

CONNECTIONS = 6
"""That a browser opens to one host."""

PAINTED = """new Promise(done => new PerformanceObserver(list => done(list.getEntries().at(-1).startTime))
    .observe({type: 'largest-contentful-paint', buffered: true}))"""
ON_SCREEN = """[...document.images].filter(each => each.getBoundingClientRect().top < innerHeight)
    .every(each => each.complete && each.naturalWidth)"""

STARTED = "the gallery answers, with an archive that it never saw"
SCREEN = "a screen of covers that were never drawn"
ALL = f"all {COVERS} of them, asked for at once"
PAINTED_AT = f"largest contentful paint, {COVERS} cards"

AIMS = {STARTED: 2_000, SCREEN: 2_500, ALL: 2_500, PAINTED_AT: 500}
"""Milliseconds."""

COLUMNS: dict[str, Callable[[Any], str]] = {
    "what": str,
    "median ms": whole,
    "worst ms": whole,
    "aim ms": "< {:,}".format,
}

Taken = dict[str, list[float]]
"""Milliseconds of each round."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.screens", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="of each (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    options = parser.parse_args()
    taken: Taken = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="pixivcrawl-benchmark-") as folder:
        archive = Path(folder)
        make_archive(archive)
        for _ in range(options.rounds):
            look(archive, taken)
    rows: list[Row] = [
        {"what": what, "median ms": statistics.median(taken[what]), "worst ms": max(taken[what]), "aim ms": aim}
        for what, aim in AIMS.items()
    ]
    print(table(rows, COLUMNS))
    write_json(options.json, "screens", rows)
    return 0


def make_archive(folder: Path) -> None:
    """Works of one page, each with bytes of its own: noisy JPEGs of 2.9 MB."""
    picture = drawing(*SIZE)
    with connected(sqlite_url(folder)) as connection:
        for number in range(1, COVERS + 1):
            original = an_original(number, width=SIZE[0], height=SIZE[1])
            work = an_artwork(number, width=SIZE[0], height=SIZE[1], originals=(original,))
            record_artwork(connection, work, NOW)
            body = encoded(picture, "JPEG", quality=QUALITY, comment=f"{number}".encode())
            keep(connection, folder, original, body, size=SIZE)


def look(archive: Path, taken: Taken) -> None:
    """One round: a gallery without an index or thumbnails, then one without thumbnails, then one that has all."""
    shutil.rmtree(archive / "derived", ignore_errors=True)
    began = time.perf_counter()
    with served(archive) as address:
        taken[STARTED].append(since(began))
        grid = f"{address}/works"
        asyncio.run(all_indexed(grid))
        with browser() as port:
            taken[SCREEN].append(asyncio.run(seen(port, grid)))
    # Between two servers: one that runs draws on, into the folder that goes.
    shutil.rmtree(archive / "derived" / "thumbnails")
    with served(archive) as address:
        grid = f"{address}/works"
        taken[ALL].append(asyncio.run(drawn(grid)))
        with browser() as port:
            taken[PAINTED_AT].append(asyncio.run(painted(port, grid)))


def since(began: float) -> float:
    return 1000 * (time.perf_counter() - began)


async def all_indexed(grid: str) -> None:
    """Wait until the page has every work: the gallery's own drawing ahead of time, 5 s after the last request, has not begun then."""
    async with aiohttp.ClientSession() as session:
        while (await fetched(session, grid)).count(b'class="picture"') < COVERS:  # noqa: ASYNC110 (no event tells of it)
            await asyncio.sleep(0.05)


async def fetched(session: aiohttp.ClientSession, address: str) -> bytes:
    async with session.get(address) as answer:
        answer.raise_for_status()
        return await answer.read()


async def seen(port: int, grid: str) -> float:
    """Until each picture on the first screen is there."""
    async with first_page(port) as page:
        await page.look(*SCREEN_SIZE, "light")
        began = time.perf_counter()
        await page.visit(grid)
        await page.comes(ON_SCREEN, within=60)
        return since(began)


async def drawn(grid: str) -> float:
    """Until each cover of the page is drawn and sent."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        covers = re.findall(r'img src="(/thumbs/[^"]+)"', (await fetched(session, grid)).decode())
        assert len(covers) == COVERS
        began = time.perf_counter()
        await asyncio.gather(*(fetched(session, grid.removesuffix("/works") + unescape(cover)) for cover in covers))
        return since(began)


async def painted(port: int, grid: str) -> float:
    async with first_page(port) as page:
        await page.look(*SCREEN_SIZE, "light")
        await page.visit(grid)
        await page.comes(ON_SCREEN)
        told = await page.call("Runtime.evaluate", expression=PAINTED, awaitPromise=True, returnByValue=True)
        return float(told["result"]["value"])


if __name__ == "__main__":
    sys.exit(main())
