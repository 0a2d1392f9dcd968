"""Exports in a real Chromium: ReplayWeb.page shows a web archive, and films play to their last frame."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pixivcrawl.animations.conversion import make, making_workers
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.items import VideoForm
from tests.animations.drawing import COLOURS, is_like, plain, zipped
from tests.commands.typing_in import type_in
from tests.exchange.export.crawled import crawled
from tests.live.browser import PROGRAM, Page, browser, first_page

FOLDERS = [
    Path(folder).parent for folder in os.environ["PATH"].split(os.pathsep) if folder.endswith("node_modules/.bin")
]
REPLAY = next((folder for each in FOLDERS if (folder := each / "replaywebpage").is_dir()), None)

pytestmark = [pytest.mark.long, pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed")]

PAGE = """<!DOCTYPE html><script src="/ui.js"></script>
<replay-web-page source="/works.wacz" url="{url}" replayBase="/" embed="replayonly" style="display:block;height:100vh">
</replay-web-page>"""

PICTURES = """(() => {
  const below = (root) => [...root.querySelectorAll('*')].flatMap((each) => [
    ...(each.localName === 'img' ? [each] : []),
    ...(each.shadowRoot ? below(each.shadowRoot) : []),
    ...(each.localName === 'iframe' && each.contentDocument ? below(each.contentDocument) : []),
  ]);
  return below(document).filter((each) => each.alt.startsWith('revision'))
    .map((each) => [each.complete, each.naturalWidth, each.naturalHeight]);
})()"""
"""Every picture of the replayed page, in whatever frame of ReplayWeb.page's it lies."""


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    """The folder's files by HTTP, ranges of them too, as a replay asks for them."""
    app = web.Application()
    app.router.add_get("/", lambda _: web.FileResponse(folder / "index.html"))
    app.router.add_static("/", folder)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def seen_in_a_browser(folder: Path, look: Callable[[Page], Awaitable[Any]]) -> Any:
    """What `look` finds on the folder's page."""
    async with served(folder) as address:
        with browser() as port:
            async with first_page(port) as page:
                await page.visit(f"{address}/index.html")
                return await look(page)


@pytest.mark.skipif(REPLAY is None, reason="replaywebpage is not there: npm pack it, its node_modules/.bin in PATH")
def test_replayweb_shows_every_picture(tmp_path: Path) -> None:
    assert REPLAY is not None
    world = crawled(tmp_path / "archive")
    folder = tmp_path / "web"
    folder.mkdir()
    assert type_in("export", "wacz", str(folder / "works.wacz"), "--all", archive=tmp_path / "archive").code == 0
    for name in ("ui.js", "sw.js"):
        shutil.copy(REPLAY / name, folder)
    work = next(work for work in world.works_of(11, None) if len(work.pages) == 2)
    (folder / "index.html").write_text(PAGE.format(url=f"https://pixivcrawl.invalid/works/{work.id}"))

    async def look(page: Page) -> Any:
        await page.comes(f"{PICTURES}.length && {PICTURES}.every(([complete]) => complete)", within=60)
        return await page.value(PICTURES)

    found = asyncio.run(seen_in_a_browser(folder, look))
    assert found == [[True, page.width, page.height] for page in work.pages]


DELAYS = (80, 41, 33, 400)

TO_THE_END = """new Promise((resolve) => {
  const video = document.querySelector('video');
  const seen = () => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    resolve([video.ended, video.duration, [...context.getImageData(20, 20, 1, 1).data]]);
  };
  video.onended = seen;
  video.onerror = () => resolve([video.error.message]);
  video.muted = true;
  video.play();
})"""

ANIMATION = """(async () => {
  const decoder = new ImageDecoder({data: await (await fetch('/made.FORM')).arrayBuffer(), type: 'TYPE'});
  await decoder.completed;
  await decoder.tracks.ready;
  const count = decoder.tracks.selectedTrack.frameCount;
  const stays = [];
  for (let number = 0; number < count; number += 1)
    stays.push((await decoder.decode({frameIndex: number})).image.duration / 1000);
  return stays;
})()"""


async def worth(page: Page, expression: str) -> Any:
    told = await page.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
    return told["result"].get("value", told)


@pytest.mark.parametrize("form", ["mp4", "webm", "webp", "apng"])
def test_films_play_to_their_last_frame(form: VideoForm, tmp_path: Path) -> None:
    with making_workers(1, Limits()) as workers:
        make(
            zipped(tmp_path, [plain(number) for number in range(4)], DELAYS),
            form,
            tmp_path / f"made.{form}",
            workers,
            Limits(),
        )
    is_film = form in ("mp4", "webm")
    (tmp_path / "index.html").write_text(
        f'<!DOCTYPE html><video src="made.{form}"></video>' if is_film else "<!DOCTYPE html>"
    )
    kind = "image/webp" if form == "webp" else "image/png"
    asked = TO_THE_END if is_film else ANIMATION.replace("FORM", form).replace("TYPE", kind)

    found = asyncio.run(seen_in_a_browser(tmp_path, lambda page: worth(page, asked)))
    if not is_film:
        assert found == list(DELAYS)
        return
    ended, duration, colour = found
    assert ended
    assert duration == pytest.approx((sum(DELAYS) + 1) / 1000, abs=0.0005)
    assert is_like(tuple(colour[:3]), COLOURS[3], 8)
