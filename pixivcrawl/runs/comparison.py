"""The crawl behind `pixivcrawl verify --against-pixiv`: fetches files again at the pace of a crawl and keeps none of them."""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from scrapy import Request, Spider
from scrapy.crawler import AsyncCrawlerProcess
from scrapy.exceptions import DownloadFailedError
from scrapy.http import Response
from scrapy.settings import Settings
from sqlalchemy import Connection

from pixivcrawl.api.text import one_line, plural
from pixivcrawl.api.transfers import original_request, validators_of
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.staging import LengthMismatch, Received, TooLarge
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import ConfigurationError
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.queries import KeptFile
from pixivcrawl.ledger.service import Ledger, attach, detach
from pixivcrawl.ledger.updates.doubtful import changed_validators
from pixivcrawl.runs.api_spider import exit_code, ledger_for
from pixivcrawl.verification.checkpoint import CheckpointFile
from pixivcrawl.verification.files import check_file
from pixivcrawl.verification.progress import VerificationProgress
from pixivcrawl.verification.sampling import Sample, next_window, read_sample, read_since

Outcome = Literal["same", "differs", "damaged here", "not compared", "no longer at pixiv"]
"""Of one file. no longer at pixiv: its address answers 404, because the artist revised or removed the work; no damage."""

HARMLESS: frozenset[Outcome] = frozenset({"same", "no longer at pixiv"})

TRIES = 3
BACKOFF_FACTOR = 4
"""Each pause before another try is this many times the one before."""

NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class ComparisonResult:
    """The result for one file."""

    outcome: Outcome
    path: str
    reason: str = ""

    def __str__(self) -> str:
        return one_line(f"{self.outcome}: {self.path}: {self.reason}", 900)


def compare(settings: Settings, configuration: Configuration, opts: argparse.Namespace) -> int:
    """Fetch a sample of the stored files again and name those that differ; gives the exit code. Raises PixivcrawlError."""
    sample = _sample(opts)
    since = None if opts.since is None else read_since(opts.since, datetime.now(UTC))
    archive = configuration.archive
    memory = CheckpointFile(archive.root)
    if not opts.json:
        print(f"archive: {archive.root}", flush=True)
    with ledger_for(configuration, "verify --against-pixiv") as ledger:
        window = ledger.read_now(
            lambda connection: next_window(
                sample, memory.compared_to, (path for _, path in queries.files_at_pixiv(connection, since))
            )
        )
        files = _files(ledger, window.holds, since)
        with (
            tempfile.TemporaryDirectory(prefix="pixivcrawl-") as folder,
            VerificationProgress(len(files), sum(file.bytes or 0 for file in files), is_shown=not opts.quiet) as shown,
        ):
            code, outcomes = _compared(settings, ledger, Comparison(archive, Path(folder), files, shown, opts.json))
    if not code:
        memory.remember_compared(window.end)
    counts = Counter(outcomes)
    told = [f"{counts[outcome]:,} {outcome}" for outcome in get_args(Outcome) if counts[outcome]]
    if not opts.json:
        compared = f"{len(outcomes):,} of {plural(len(files), 'file')} compared with pixiv"
        print(f"{compared}: {', '.join(told) or 'none was requested'}")
    return code or int(not HARMLESS.issuperset(counts))


def _sample(opts: argparse.Namespace) -> Sample:
    if opts.deep or opts.repair or opts.go_on:
        raise ConfigurationError(
            "--against-pixiv works only with --sample, --since and --json: leave the other options out"
        )
    if opts.sample is None:
        raise ConfigurationError("--against-pixiv fetches files again: say how many with --sample, as --sample 20")
    return read_sample(opts.sample)


def _files(ledger: Ledger, is_chosen: Callable[[str], bool], since: datetime | None) -> list[KeptFile]:
    def chosen(connection: Connection) -> dict[str, int]:
        return {path: work_id for work_id, path in queries.files_at_pixiv(connection, since) if is_chosen(path)}

    works = ledger.read_now(chosen)
    rows = ledger.read_now(queries.files_of_works, sorted(set(works.values())), ("stored",))
    return [row for row in rows if row.path in works]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What to compare, and the `folder` for the bodies meanwhile."""

    archive: Archive
    folder: Path
    files: Sequence[KeptFile]
    shown: VerificationProgress
    as_json: bool


def _compared(settings: Settings, ledger: Ledger, comparison: Comparison) -> tuple[int, list[Outcome]]:
    """The exit code of the requests themselves, and the result for each file."""
    if not comparison.files:
        return 0, []
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(ComparisonSpider)
    attach(crawler, ledger)
    process.crawl(crawler, comparison=comparison)
    process.start()
    detach(crawler)
    assert isinstance(crawler.spider, ComparisonSpider)
    return exit_code(crawler.spider.comparing), crawler.spider.outcomes


class ComparisonSpider(Spider):
    """Fetches files again, bypassing caches; sends no API requests."""

    name = "verify"
    custom_settings = {"ITEM_PIPELINES": {}, "EXTENSIONS": {}}  # noqa: RUF012 (Scrapy's own name, never changed)
    comparison: Comparison
    comparing: asyncio.Task[None] | None = None

    async def start(self) -> AsyncIterator[Request]:
        self.configuration = Configuration.from_settings(self.settings)
        self.outcomes: list[Outcome] = []
        self.bytes = 0
        # A task, because Scrapy would only log what is raised here.
        self.comparing = asyncio.ensure_future(self.compare_all())
        await asyncio.wait([self.comparing])
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def compare_all(self) -> None:
        """Raises whatever ends the requests."""
        files = iter(self.comparison.files)
        lanes = [
            asyncio.ensure_future(self.compare_in_turn(files)) for _ in range(self.configuration.image_concurrency)
        ]
        try:
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()

    async def compare_in_turn(self, files: Iterator[KeptFile]) -> None:
        for file in files:
            compared = await self.compare(file)
            self.outcomes.append(compared.outcome)
            self.bytes += file.bytes or 0
            if compared.outcome != "same":
                print(json.dumps(asdict(compared)) if self.comparison.as_json else compared, flush=True)
            found = sum(outcome not in HARMLESS for outcome in self.outcomes)
            self.comparison.shown.show(len(self.outcomes), self.bytes, found)

    async def compare(self, file: KeptFile) -> ComparisonResult:
        path, url = file.path or "", file.url or ""
        here = await asyncio.to_thread(check_file, self.comparison.archive, file, read=True)
        if here is not None and here.kind != "time changed":
            return ComparisonResult("damaged here", path, f"{here.kind}: {here.reason}")
        if (why := self.configuration.why_not_fetched(url)) is not None:
            return ComparisonResult("not compared", path, why)
        why = ""
        for tried in range(TRIES):
            if tried:
                await asyncio.sleep(self.configuration.image_retry_delay * BACKOFF_FACTOR ** (tried - 1))
            staged = self.comparison.folder / Path(path).name
            request = original_request(url, f"artworks/{file.work_id}", staged, past_caches=True)
            try:
                response = await self.crawler.engine.downloader.handlers.download_request_async(request)
            except (DownloadFailedError, LengthMismatch, TooLarge) as failure:
                why = str(failure)
                continue
            received = request.meta.get("received")
            if isinstance(received, Received):
                received.path.unlink()
                return compared_with(file, received, response)
            why = f"the image host answered {response.status}"
            if response.status == NOT_FOUND:
                return ComparisonResult("no longer at pixiv", path, f"{why}: the work was revised or removed")
        return ComparisonResult("not compared", path, why)


def compared_with(file: KeptFile, received: Received, response: Response) -> ComparisonResult:
    """Compares a stored file with what pixiv now has at its address."""
    path = file.path or ""
    if received.sha256 == file.sha256:
        return ComparisonResult("same", path)
    reason = f"SHA-256 {received.sha256} at pixiv ({received.bytes:,} bytes) where the ledger says {file.sha256}"
    return ComparisonResult("differs", path, "; ".join([reason, *changed_validators(file, validators_of(response))]))
