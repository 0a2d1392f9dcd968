"""Screenshots of the gallery's main pages at a desk's width and at a phone's, light and dark: `python -m benchmarks.screenshots FOLDER`.

The archive is made from the sandbox, with what makes a history: a work renamed, one revised, one removed, an artist renamed. `--archive`
shows another one; pages that it lacks are passed over.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.live.browser import Page, browser, first_page
from tests.live.nursery import PROJECT
from tests.live.running import environment
from tests.sandbox.serving import Sandbox, World

SCREENS = ((1280, 800), (390, 844))

ARTISTS = (11, 13, 14, 17, 18)

COVERS_WITHIN = 20.0
"""Seconds in which all pictures of a page are drawn and shown."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the pictures are written")
    parser.add_argument("--archive", type=Path, help="show this archive in the place of one that is made")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        archive = arguments.archive or made(Path(held.enter_context(tempfile.TemporaryDirectory())) / "archive")
        address = held.enter_context(served(archive))
        asyncio.run(take(held.enter_context(browser()), address, arguments.folder))


def made(archive: Path) -> Path:
    """An archive of the sandbox's artists, with a history."""
    world = World.standard()
    with Sandbox(world, tls=True) as sandbox:
        env = environment(sandbox, archive) | {"PYTHONPATH": str(PROJECT)}

        def crawl(*words: str) -> None:
            command = [sys.executable, "-m", "pixivcrawl", *words]
            ended = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
            # 1: finished, with works that are gone or withheld.
            assert ended.returncode in (0, 1), ended.stderr

        for artist in ARTISTS:
            crawl("user", str(artist))
        crawl("ranking", "--mode", "daily", "--max-works", "20")
        crawl("bookmarks", "901")
        crawl("following", "901")
        crawl("requests", "--max-works", "20")
        crawl("series", "501")
        world.retitle(world.work_id(11, 1), "Ships at dawn, seen from the pier")
        world.revise(world.work_id(11, 5))
        world.remove(world.work_id(11, 3))
        world.rename(11, "mika of the lighthouse")
        world.repicture(11)
        crawl("user", "11", "--refresh")
    return archive


@contextmanager
def served(archive: Path) -> Iterator[str]:
    """The address of the gallery of an archive."""
    env = os.environ | {
        "PIXIVCRAWL_ARCHIVE_DIR": str(archive),
        "PYTHONPATH": str(PROJECT),
        "PIXIVCRAWL_CONFIG": os.devnull,
    }
    command = [sys.executable, "-m", "pixivcrawl", "gallery", "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as gallery:
        assert gallery.stdout is not None
        found = re.search(r"http://\S+", gallery.stdout.readline())
        assert found is not None, "the gallery did not start"
        try:
            yield found[0].rstrip("/")
        finally:
            gallery.send_signal(signal.SIGINT)


def main_pages() -> dict[str, str]:
    """Their addresses, of the works of artist 11."""
    work = World.standard().work_id
    return {
        "works": "/works",
        "search": "/works?q=user%3A11+kind%3Aillust",
        "work": f"/works/{work(11, 2)}",
        "reader": f"/works/{work(18, 1)}/read?view=double",
        "ugoira": f"/works/{work(11, 4)}",
        "history": f"/works/{work(11, 1)}/history",
        "revisions": f"/works/{work(11, 5)}/revisions",
        "artist": "/artists/11",
        "tags": "/tags",
        "rankings": "/rankings",
        "changes": "/changes",
        "gone": "/gone",
        "stats": "/stats",
    }


async def take(port: int, address: str, folder: Path) -> None:
    async with first_page(port) as page:
        for width, height in SCREENS:
            for scheme in ("light", "dark"):
                await page.look(width, height, scheme)
                for name, path in main_pages().items():
                    await page.visit(address + path)
                    await settled(page)
                    file = folder / f"{name}-{width}-{scheme}.png"
                    file.write_bytes(await page.screenshot())
                    print(file)


async def settled(page: Page) -> None:
    """Waits for the pictures that can be seen."""
    seen = "[...document.images].filter(i => i.getBoundingClientRect().top < innerHeight).every(i => i.complete)"
    for _ in range(round(COVERS_WITHIN / 0.1)):
        if await page.value(seen):
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.1)


if __name__ == "__main__":
    main()
