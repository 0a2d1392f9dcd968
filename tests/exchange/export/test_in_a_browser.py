"""Exports in a real Chromium: ReplayWeb.page shows a web archive, and films play to their last frame."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pixivcrawl.animations.making import make, making_workers
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


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()


@pytest.mark.skipif(REPLAY is None, reason="replaywebpage is not there: npm pack it, its node_modules/.bin in PATH")
def test_replayweb_shows_every_picture(tmp_path: Path) -> None:
    assert REPLAY is not None
    world = crawled(tmp_path / "archive")
    web = tmp_path / "web"
    web.mkdir()
    assert type_in("export", "wacz", str(web / "works.wacz"), "--all", archive=tmp_path / "archive").code == 0
    for name in ("ui.js", "sw.js"):
        shutil.copy(REPLAY / name, web)
    work = next(work for work in world.works_of(11, None) if len(work.pages) == 2)
    (web / "index.html").write_text(PAGE.format(url=f"https://pixivcrawl.invalid/works/{work.id}"))

    async def look(address: str) -> list[list[Any]]:
        with browser() as port:
            async with first_page(port) as page:
                await page.visit(f"{address}/index.html")
                await page.comes(f"{PICTURES}.length && {PICTURES}.every(([complete]) => complete)", within=60)
                found: list[list[Any]] = await page.value(PICTURES)
                return found

    with served(web) as address:
        assert asyncio.run(look(address)) == [[True, page.width, page.height] for page in work.pages]


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

    async def look(address: str) -> Any:
        with browser() as port:
            async with first_page(port) as page:
                await page.visit(f"{address}/index.html")
                return await worth(page, asked)

    with served(tmp_path) as address:
        found = asyncio.run(look(address))
    if not is_film:
        assert found == list(DELAYS)
        return
    ended, duration, colour = found
    assert ended
    assert duration == pytest.approx((sum(DELAYS) + 1) / 1000, abs=0.0005)
    assert is_like(tuple(colour[:3]), COLOURS[3], 8)
