"""Every kind of page of the gallery in a real browser: nothing moves, nothing is asked elsewhere, no name runs, everybody can use it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.items import Tag
from pixivcrawl.ledger.updates import record_artwork
from tests.fleet.making import configured, make_fleet
from tests.gallery.changing import make_archive
from tests.gallery.making import archive_at, place
from tests.ledger.making import NOW, an_artwork, connected, sqlite_url
from tests.live.browser import PROGRAM, Page, browser, first_page
from tests.live.galleries import served

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed: apt-get install chromium"),
]

FOLDERS = (
    Path(folder).parent for folder in os.environ["PATH"].split(os.pathsep) if folder.endswith("node_modules/.bin")
)
AXE = next((file for folder in FOLDERS if (file := folder / "axe-core/axe.min.js").is_file()), None)
"""What looks for faults that shut people out, where `npm install axe-core` has put it."""

SHIFT = """new Promise(done => new PerformanceObserver(list => done(list.getEntries().map(each => [each.value,
    ...each.sources.map(source => (source.node?.outerHTML || source.node?.nodeValue || '').slice(0, 80))]
    ))).observe({type: 'layout-shift', buffered: true}) || setTimeout(done, 700, []))"""

FAULTS = """axe.run(document, {resultTypes: ['violations']}).then(found => found.violations
    .filter(each => ['serious', 'critical'].includes(each.impact))
    .map(each => each.id + ': ' + each.nodes.slice(0, 3).map(node => node.html.slice(0, 200)).join(' | ')))"""

NAMES = (
    "<script>document.title='ran'</script>",
    "<img src=x onerror=\"document.title='ran'\">",
    '"><svg onload="document.title=\'ran\'">',
    "' onmouseover='document.title=\"ran\"' autofocus onfocus='document.title=\"ran\"",
    "javascript:document.title='ran'",
    "</title></textarea></style><script>document.title='ran'</script>",
    "{{ 7 * 7 }}{% raw %}${document.title='ran'}",
    "\u202e\u2066\u200f)'ran'=eltit.tnemucod",
    "<a href=\"javascript:document.title='ran'\">x</a>",
    "<iframe srcdoc=\"<script>parent.document.title='ran'</script>\">",
    "<meta http-equiv=refresh content='0;url=http://evil.example/'>",
    "<link rel=stylesheet href=http://evil.example/x.css><style>@import 'http://evil.example/y.css'</style>",
    "W" * 3_000,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 200,
    "<base href=http://evil.example/><form action=http://evil.example/><button autofocus>",
)


async def evaluated(page: Page, expression: str) -> Any:
    told = await page.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
    assert "exceptionDetails" not in told, told
    return told["result"].get("value")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The address of a page of each kind."""
    folder = tmp_path_factory.mktemp("archive")
    ids = make_archive(folder)
    with served(folder) as address:
        paths = [
            "/works",
            "/works?q=%23sea+sort%3Abookmarks",
            "/works?q=nothing+like+it",
            f"/works/{ids.revised}",
            f"/works/{ids.changed}",
        ]
        paths += [
            f"/works/{ids.ugoira}",
            f"/works/{ids.failing}",
            f"/works/{ids.manga}/read",
            f"/works/{ids.hostile}/history",
        ]
        paths += [
            f"/works/{ids.revised}/revisions",
            f"/works/{ids.revised}/check",
            "/shelf",
            "/artists",
            "/artists/11",
            "/tags",
        ]
        paths += [
            "/tags/sea",
            "/series/501",
            "/rankings",
            "/bookmarks",
            "/follows",
            "/requests",
            "/changes",
            "/gone",
            "/missing",
            "/duplicates",
        ]
        paths += ["/stats", "/runs", "/nothing-here", "/works?q=kind:novel"]
        yield [address + path for path in paths]


def seen(addresses: list[str], width: int, height: int, scheme: str, ask: str, *, before: str = "") -> dict[str, Any]:
    """What `ask` is worth on each page, in one browser, which must have asked nobody else and complained of nothing."""

    async def run(port: int) -> dict[str, Any]:
        found = {}
        async with first_page(port) as page:
            await page.look(width, height, scheme)
            for address in addresses:
                await page.visit(address)
                if before:
                    await evaluated(page, before)
                found[address] = await evaluated(page, ask)
            own = addresses[0].split("/works")[0]
            assert [each for each in page.asked if not each.startswith((own, "blob:", "data:"))] == []
            assert [each for each in page.told if "Failed to load resource" not in each] == []
        return found

    with browser() as port:
        return asyncio.run(run(port))


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_moves_while_pictures_come(pages: list[str], width: int):
    assert {address: shift for address, shift in seen(pages, width, 844, "light", SHIFT).items() if shift} == {}


@pytest.mark.parametrize("width", [320, 2560])
def test_no_page_is_wider_than_its_screen(pages: list[str], width: int):
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert {address: by for address, by in seen(pages, width, 844, "dark", wider).items() if by > 0} == {}


@pytest.mark.skipif(
    AXE is None, reason="axe-core is not installed: npm install axe-core, its node_modules/.bin in PATH"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nobody_is_shut_out(pages: list[str], scheme: str):
    assert AXE is not None
    axe = AXE.read_text(encoding="utf-8")
    found = seen(pages, 1280, 800, scheme, FAULTS, before=axe)
    assert {address: faults for address, faults in found.items() if faults} == {}


@pytest.mark.skipif(
    AXE is None, reason="axe-core is not installed: npm install axe-core, its node_modules/.bin in PATH"
)
def test_the_page_of_a_fleet_shuts_nobody_out_and_fits_a_phone(tmp_path: Path, postgres_url: str):
    assert AXE is not None
    make_fleet(configured(tmp_path, postgres_url))
    wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    with served(tmp_path, DATABASE_URL=postgres_url) as address:
        # The first address tells which host is its own.
        pages = [f"{address}/works", f"{address}/fleet"]
        for scheme in ("light", "dark"):
            found = seen(pages, 1280, 800, scheme, FAULTS, before=AXE.read_text(encoding="utf-8"))
            assert {page: faults for page, faults in found.items() if faults} == {}
        assert seen(pages, 320, 844, "light", wider) == dict.fromkeys(pages, 0)


def test_the_pages_stand_without_script(pages: list[str]):
    """All but the comfort of the reader and the film: links, forms and pictures are there."""

    async def run(port: int) -> None:
        async with first_page(port) as page:
            await page.call("Emulation.setScriptExecutionDisabled", value=True)
            for address in pages:
                await page.visit(address)
                tree = json.dumps(await page.call("DOM.getDocument", depth=-1))
                assert '"nodeName": "MAIN"' in tree, address
                assert '"nodeName": "H1"' in tree, address

    with browser() as port:
        asyncio.run(run(port))


def test_500_hostile_names_run_nothing_and_ask_nobody(tmp_path: Path):
    folder = archive_at(tmp_path / "archive")
    with connected(sqlite_url(folder)) as connection:
        for number in range(500):
            name = NAMES[number % len(NAMES)] + (str(number) if number >= len(NAMES) else "")
            work = an_artwork(
                1000 + number,
                title=name,
                caption=name,
                user_id=100 + number,
                user_name=name,
                tags=(Tag(name[:200], name),),
            )
            record_artwork(connection, work, NOW)
            if number < len(NAMES):
                place(connection, folder, work.originals)
    with served(folder) as address:
        grid = [f"{address}/works?before={1500 - 60 * page}" for page in range(9)]
        own = [f"{address}/works/{1000 + number}{more}" for number in range(len(NAMES)) for more in ("", "/history")]
        lists = [f"{address}{path}" for path in ("/tags", "/artists", "/changes", "/artists/100", "/missing")]
        marks = "[document.title, document.querySelectorAll('main script, main iframe, main svg, main style, [onerror], [onload]').length]"
        found = seen([f"{address}/works", *grid, *own, *lists], 1280, 800, "light", marks)
    assert {each: told for each, told in found.items() if told[1] or told[0].startswith("ran")} == {}
