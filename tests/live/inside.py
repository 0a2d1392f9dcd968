"""Runs a spider in this process, with everything that `scrapy crawl` gives it: a second less for each run than a process of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scrapy.crawler import AsyncCrawlerRunner
from scrapy.settings import Settings

from pixivcrawl.extensions.run_record import RunRecord
from tests.sandbox.serving import Sandbox

WITH_CLOSE = {
    "EXTENSIONS": {
        "pixivcrawl.extensions.ledger.LedgerExtension": 0,
        "pixivcrawl.extensions.run_record.RunRecord": 500,
        "scrapy.extensions.closespider.CloseSpider": 500,
    }
}
"""Settings with which Scrapy's own limits end a run."""


@dataclass(frozen=True)
class Run:
    exit_code: int
    counts: dict[str, int]


def crawl(
    spider: str,
    sandbox: Sandbox,
    folder: Path,
    /,
    *,
    phpsessid: str | None = "",
    settings: dict[str, Any] | None = None,
    **arguments: Any,
) -> Run:
    """`scrapy crawl spider -a name=value ...` into the archive `folder`.

    Signed in as the sandbox's first reader, or with another `phpsessid`; None signs nobody in.
    Raises what would have ended the process before its first request.
    """
    chosen = Settings()
    chosen.setmodule("settings.base", priority="project")
    quick = {
        "ARCHIVE_DIR": str(folder),
        "PIXIV_API_DELAY": 0,
        "PIXIV_LANG": "",
        "PIXIV_API_RETRY_DELAY": 0.01,
        "PIXIV_IMAGE_RETRY_DELAY": 0.01,
        "PIXIV_THROTTLE_WAIT": 0.05,
        "PIXIV_GONE_AFTER": 0,
        "PROGRESS_ENABLED": False,
        "TWISTED_REACTOR_ENABLED": False,
    }
    chosen.update(quick | sandbox.settings() | (settings or {}), priority="cmdline")

    async def run() -> Run:
        runner = AsyncCrawlerRunner(chosen)
        crawler = runner.create_crawler(spider)
        await runner.crawl(crawler, **{name: str(value) for name, value in arguments.items()})
        record = crawler.get_extension(RunRecord)
        assert record is not None
        return Run(record.exit_code, record.counts())

    with signed_in(sandbox.cookie if phpsessid == "" else phpsessid):
        return asyncio.run(run())


@contextmanager
def signed_in(phpsessid: str | None) -> Iterator[None]:
    if phpsessid is not None:
        os.environ["PIXIV_PHPSESSID"] = phpsessid
    try:
        yield
    finally:
        os.environ.pop("PIXIV_PHPSESSID", None)
