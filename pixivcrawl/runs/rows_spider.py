"""The requests of `pixivcrawl import`: the rows of works by id, a hundred in each request, and never a picture."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

from scrapy import Request
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.settings import Settings

from pixivcrawl import items_from
from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.catalogue import ILLUST_DETAILS_MANY, USER_PROFILE_ILLUSTS
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.from_rows import USUAL_EXTENSION
from pixivcrawl.base_spiders.params import Arguments
from pixivcrawl.batched import batched
from pixivcrawl.errors import PixivcrawlError
from pixivcrawl.extensions.run_record import RunRecord
from pixivcrawl.items import Artwork
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.queries import PagesOfWork
from pixivcrawl.run_ending import RunStopping

WORKS_A_REQUEST = 100
"""Pixiv: either endpoint answers for up to so many works at once."""


@dataclass(slots=True)
class RowsFound:
    """What pixiv shows of works today. `artists`: the artists of works where they were unknown; `listed`: works of lists that exist;
    `unanswered`: works for which there was no answer.
    """

    works: dict[int, PagesOfWork] = field(default_factory=dict)
    artists: dict[int, int] = field(default_factory=dict)
    listed: set[int] = field(default_factory=set)
    unanswered: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class WantedRows:
    """The works to ask for: `by_artist` those with files at hand (None: artist unknown), `listed` those without."""

    by_artist: Mapping[int | None, Sequence[int]]
    listed: Sequence[int] = ()

    def __bool__(self) -> bool:
        return bool(self.by_artist or self.listed)


def fetch_rows(settings: Settings, wanted: WantedRows, *, keeps: bool) -> RowsFound:
    """Ask for works; `keeps`: also record the answers in the archive. Raises PixivcrawlError and KeyboardInterrupt."""
    shown = RowsFound()
    process = AsyncCrawlerProcess(settings)
    crawler = process.create_crawler(RowsSpider if keeps else PassingRowsSpider)
    crawling = process.crawl(crawler, wanted=wanted, shown=shown)
    process.start()
    # Scrapy's are of no use to what comes after it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if crawling.done() and not crawling.cancelled() and (raised := crawling.exception()):
        raise raised
    record = crawler.get_extension(RunRecord)
    if record is not None and isinstance(record.error, PixivcrawlError):
        raise record.error
    spider = crawler.spider
    asking = spider.asking if isinstance(spider, RowsSpider) else None
    if asking is None or not asking.done() or asking.cancelled():
        raise KeyboardInterrupt
    try:
        asking.result()
    except RunStopping:
        # An error that ended the run was raised above: here it was a signal.
        raise KeyboardInterrupt from None
    return shown


class RowsSpider(PixivSpider[Arguments]):
    """Asks for the rows of works, records them, and marks the files that follow from them as wanted."""

    name = "import"
    wanted: WantedRows
    shown: RowsFound
    asking: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, wanted: WantedRows, shown: RowsFound, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        spider.wanted, spider.shown = wanted, shown
        return spider

    async def start(self) -> AsyncIterator[Request]:
        # A task, because Scrapy would only log what is raised here.
        self.asking = asyncio.ensure_future(self.ask_all())
        await asyncio.wait([self.asking])
        nothing: tuple[Request, ...] = ()
        for request in nothing:
            yield request

    async def ask_all(self) -> None:
        told = {artist: works for artist, works in self.wanted.by_artist.items() if artist is not None}
        await self.rows_by_artist(told)
        # A record may name the wrong artist, who does not have the work.
        elsewhere = set(chain.from_iterable(told.values())) - set(self.shown.works) - self.shown.unanswered
        artists: defaultdict[int, list[int]] = defaultdict(list)
        for works in batched([*self.wanted.by_artist.get(None, ()), *sorted(elsewhere)], WORKS_A_REQUEST):
            for row in await self.many(works):
                self.shown.artists[row.work_id] = row.user_id
                artists[row.user_id].append(row.work_id)
        await self.rows_by_artist(artists)
        for works in batched(self.wanted.listed, WORKS_A_REQUEST):
            rows = await self.many(works)
            self.shown.listed.update(row.work_id for row in rows)
            await self.want_files(rows)

    async def rows_by_artist(self, by_artist: Mapping[int, Sequence[int]]) -> None:
        for artist, all_works in by_artist.items():
            for works in batched(all_works, WORKS_A_REQUEST):
                await self.rows_of(artist, works)

    async def many(self, works: Sequence[int]) -> list[Artwork]:
        """The works that the mobile site shows, whoever their artist is. It does not give the time of publication."""
        try:
            body = await self.fetch(ILLUST_DETAILS_MANY, illust_ids=works)
        except (AnswerRefused, BodyRefused) as refusal:
            self.fail(works, refusal)
            return []
        return items_from.artworks_of_mobile_rows(body.illust_details)

    async def rows_of(self, artist: int, works: Sequence[int]) -> None:
        try:
            body = await self.fetch(
                USER_PROFILE_ILLUSTS, id=artist, ids=works, work_category="illustManga", is_first_page=False
            )
        except AnswerRefused as refusal:
            # An artist who has left has no works.
            if refusal.answer.kind is not AnswerKind.NOT_FOUND:
                self.fail(works, refusal)
            return
        except BodyRefused as refusal:
            self.fail(works, refusal)
            return
        asked = set(works)
        rows = [row for row in items_from.listed_artworks(body.works.values()) if row.work_id in asked]
        self.shown.works.update((row.work_id, pages_of_row(row)) for row in rows)
        await self.want_files(rows)

    async def want_files(self, rows: Sequence[Artwork]) -> None:
        likely = await self.ledger.read(queries.likely_extensions, {row.user_id for row in rows})
        originals = [
            original
            for row in rows
            if row.image_host is not None and self.configuration.may_fetch_image(f"{row.image_host}/")
            for original in items_from.originals_of_row(row, likely.get((row.user_id, row.kind), USUAL_EXTENSION))
        ]
        if originals:
            await self.ledger.write(updates.record_originals_of_rows, originals, self.now())

    def fail(self, works: Sequence[int], refusal: Exception) -> None:
        self.shown.unanswered.update(works)
        self.count("lists_failed")
        self.logger.error("%d works from %d on: %s", len(works), works[0], refusal)


class PassingRowsSpider(RowsSpider):
    """Like RowsSpider, but keeps nothing."""

    archives = False


def pages_of_row(row: Artwork) -> PagesOfWork:
    """A work as its row shows it."""
    return PagesOfWork(
        user_id=row.user_id,
        kind=row.kind,
        page_count=row.page_count,
        revision=row.revision,
        revisions=frozenset([row.revision] if row.revision else []),
        width=row.width or None,
        height=row.height or None,
        url=f"{row.image_host}/" if row.image_host else None,
        page_count_now=row.page_count,
        created=row.created,
    )
