"""A gallery that answers at an address, for a real browser."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapy.settings import Settings

from pixivcrawl.configuration import Configuration, filters_file
from pixivcrawl.filters import read_filters
from pixivcrawl.gallery.server import listening, opened


@contextmanager
def served(folder: Path, **more: str) -> Iterator[str]:
    """The address of the gallery of an archive, once its index has everything; it ends with the block. `more` are settings."""
    settings = Settings()
    settings.setmodule("settings.base", priority="project")
    settings.setdict({"ARCHIVE_DIR": str(folder), **more}, priority="cmdline")
    with opened(Configuration.from_settings(settings), read_filters(filters_file(settings))) as gallery:
        began, stop = threading.Event(), threading.Event()
        told: list[str] = []

        async def serve() -> None:
            async with listening(gallery, port=0) as address:
                told.append(address.rstrip("/"))
                began.set()
                await asyncio.to_thread(stop.wait)

        thread = threading.Thread(target=asyncio.run, args=(serve(),))
        thread.start()
        try:
            assert began.wait(30)
            while gallery.index.behind():
                stop.wait(0.02)
            yield told[0]
        finally:
            stop.set()
            thread.join()
