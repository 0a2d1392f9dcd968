"""The base of the spiders that read a list and archive every work on it.

The ledger is the queue: a page's works are recorded before any is asked for, and what is to be done is read back from the ledger. So a
run that is killed loses nothing, and a run that follows asks only for what the ledger does not know.
"""

from __future__ import annotations

import asyncio
import logging
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Container, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self, TypeVar

from scrapy import Request
from scrapy.crawler import Crawler
from scrapy.http import Response
from twisted.python.failure import Failure

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.api.catalogue import ILLUST_DETAIL
from pixivcrawl.api.endpoint import BodyRefused, Endpoint
from pixivcrawl.api.text import one_line
from pixivcrawl.api.withheld import Withheld
from pixivcrawl.archive.stores.placing import NameTaken
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.comments import keep_comments
from pixivcrawl.base_spiders.fetching import WORKS_AT_ONCE, FileFetching
from pixivcrawl.base_spiders.filtered import left_out
from pixivcrawl.base_spiders.from_rows import check_files, originals_of_rows
from pixivcrawl.base_spiders.gaps import carry_over_gaps, report_withheld, taken_up
from pixivcrawl.base_spiders.in_progress import WorksInProgress
from pixivcrawl.base_spiders.many_details import read_many_details
from pixivcrawl.base_spiders.page import Page
from pixivcrawl.base_spiders.pagination import ListCursors, ListPage, paginate, rows_ahead
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.base_spiders.rechecks import RecheckDeferred
from pixivcrawl.base_spiders.refusals import LONGEST_REASON, read_work, record_refusal, record_withheld
from pixivcrawl.extensions.run_record import STOPPED_AFTER_PICTURES, STOPPED_AT
from pixivcrawl.items import Artwork, Facts
from pixivcrawl.ledger import queries, updates
from pixivcrawl.run_ending import RunStopping

Body = TypeVar("Body")
ListingArgumentsT = TypeVar("ListingArgumentsT", bound=ListingArguments)

REUSE_ANSWER_WITHIN = timedelta(days=1)
"""For how long an answer about a work is recent enough to continue from."""

REUSE_LIST_WITHIN = timedelta(minutes=10)
"""For how long a list counts as just read, if the run that read it was killed while it read another one."""


class ListingSpider(PixivSpider[ListingArgumentsT]):
    """Reads `listing()` and archives every work that it finds."""

    rereads_on_refresh: ClassVar[bool] = False
    """Whether `refresh=true` asks for each known work again, because the list has no rows that would show a revision."""

    goes_on = False
    """Whether this run continues an interrupted one."""

    @classmethod
    def from_crawler(cls, crawler: Crawler, *args: Any, **kwargs: Any) -> Self:
        spider = super().from_crawler(crawler, *args, **kwargs)
        configuration = spider.configuration
        spider.args.ugoira = spider.args.ugoira or configuration.ugoira
        spider.in_progress = WorksInProgress(crawler, 2 * configuration.image_concurrency_most)
        spider.asking = WorksInProgress(crawler, 2 * configuration.api_concurrency)
        spider.asking.beside, spider.in_progress.beside = spider.in_progress, spider.asking
        spider.fetching = FileFetching(spider)
        spider.read_to_end = False
        spider.vanished = set()
        spider.rows_ahead = spider.rows_a_page = 0
        spider.forgotten = frozenset()
        return spider

    in_progress: WorksInProgress
    """Works whose files are being fetched."""

    asking: WorksInProgress
    """Works whose own pages are being read; their files are not fetched meanwhile."""

    fetching: FileFetching
    crawl: updates.Crawl
    readings: ListCursors
    read_to_end: bool
    rows_ahead: int
    rows_a_page: int
    began: datetime
    forgotten: frozenset[tuple[updates.Subject, int]]
    """Works and artists that the user had forgotten when the run began."""

    vanished: set[int]
    """Works that the list named before and no longer names."""

    @property
    def asked_by_name(self) -> bool:
        """Whether the user named the works, so that one which cannot be fetched is a failure of the run."""
        return False

    @property
    def due_by(self) -> datetime | None:
        """Earlier failures are tried again if they are due by this time; without one, at once, because the user named the works."""
        return None if self.asked_by_name else self.now()

    @property
    def wanted(self) -> dict[str, Any] | None:
        """What this run is to bring of the listed works, as `queries.works_left` takes it; None if only their rows are wanted."""
        if self.args.rows_are_all:
            return None
        return {
            "reader": self.reader,
            "now": self.due_by,
            "files": self.args.files,
            "enough": self.args.enough,
            "frames": self.args.wants_frames,
        }

    @property
    def never_changes(self) -> bool:
        """Whether the list will stay as it is once it was read to its end."""
        return False

    @property
    def parts(self) -> Sequence[str]:
        """The parts of the list that are read one after another, each with its own frontier."""
        return ("",)

    @property
    def frontier(self) -> Sequence[int]:
        """What a later run may stop at; nothing unless this one read the list to its end."""
        return self.readings.frontier if self.read_to_end else ()

    @abstractmethod
    def listing(self) -> AsyncIterator[Page]:
        """The list, page by page."""

    async def start(self) -> AsyncIterator[Request]:
        arguments = self.args.canonical()
        self.began = self.now()
        forgotten = await self.ledger.read(queries.forgotten)
        self.forgotten = frozenset((each.subject, each.subject_id) for each in forgotten)
        self.crawl = await self.ledger.write(updates.begin_crawl, self.name, arguments, self.now(), self.reader)
        self.goes_on = self.crawl.resumes is not None
        self.readings = ListCursors(
            self.crawl.cursor,
            self.crawl.frontier,
            reread=self.args.reread,
            parts=self.parts,
            # A run that is asked for more than new works wants every row.
            fresh=timedelta(0) if self.args.reread or self.args.refresh else REUSE_LIST_WITHIN,
        )
        fetched = asyncio.ensure_future(self.fetching.run())
        try:
            async for wanted in self.ask_all():
                yield wanted
        finally:
            self.fetching.end()
            await fetched
        # Works whose images were gone because the artist revised them meanwhile, or had another size than pixiv had said, are asked for
        # again, once; then what was not found at a first look, those among them, if that is long enough ago.
        for _ in range(2):
            has_asked = False
            async for wanted in self.works_to_ask(self.args.enough, stale=True):
                has_asked = True
                yield wanted
            if not has_asked:
                break
            await self.fetching.run()
        if disputed := await self.ledger.read(queries.disputed_files, self.crawl.crawl_id):
            self.count("files_failed", disputed)
        if self.args.comments:
            await keep_comments(self, self.crawl.crawl_id, read_before=self.began if self.args.refresh else None)
        await self.confirm_reader()

    async def ask_all(self) -> AsyncIterator[Request]:
        """Send all API requests in this order: the list, the pages that files wait for, then every other work's own page.

        Meanwhile `fetching` fetches what is known by then.
        """
        if self.args.details == "first":
            async for wanted in self.works_to_ask(self.args.enough):
                yield wanted
        if self.never_changes and self.crawl.read_to_end_before and not self.args.reread:
            self.read_to_end = True
            await carry_over_gaps(self, self.crawl.crawl_id)
        else:
            async for page in self.listed_pages():
                await self.record_page(page)
        if not await self.next_to_ask(self.args.enough, limit=1):
            return
        if self.args.enough == "full":
            await read_many_details(self, self.crawl.crawl_id)
        named: queries.RequiredDetail = "timing" if self.args.wants_frames else "named"
        async for wanted in self.works_to_ask(named):
            yield wanted
        if self.args.stop_after == "pictures":
            self.count(STOPPED_AFTER_PICTURES)
            return
        if self.args.enough != named:
            self.fetching.waits = False
            async for wanted in self.works_to_ask(self.args.enough, asked=named):
                yield wanted

    async def listed_pages(self) -> AsyncIterator[Page]:
        """The pages of `listing()` up to `max_works`; a list that pixiv refuses is recorded as cut short."""
        most, listed = self.args.max_works, 0
        try:
            async for page in self.listing():
                listed += len(page.work_ids)
                if most is not None and listed >= most:
                    self.count(STOPPED_AT, most)
                    # Without a cursor: a later run begins at the head again.
                    yield replace(page, work_ids=page.work_ids[: len(page.work_ids) + most - listed], cursor=None)
                    return
                yield page
        except (AnswerRefused, BodyRefused) as refusal:
            self.list_failed(str(refusal), logging.INFO if isinstance(refusal, RecheckDeferred) else logging.ERROR)
        else:
            self.read_to_end = await self.confirm_reader() and not self.crawler.stats.get_value("pixiv/lists_failed")
            if self.readings.met_frontier:
                await carry_over_gaps(self, self.crawl.crawl_id)

    async def read_list(
        self,
        endpoint: Endpoint[Body],
        ids_of: Callable[[Body], list[int]],
        *,
        part: str = "",
        newest_first: bool = True,
        **parameters: Any,
    ) -> AsyncIterator[ListPage[Body]]:
        """The pages of a list, from where an interrupted run stopped, then from its head.

        One that has the newest first is read to its frontier when it was once read to its end, all others to their end.
        """
        first = endpoint.canonical(parameters)
        was_empty = newest_first and self.crawl.read_to_end_before and self.readings.was_empty(part)

        async def ask(**values: Any) -> Body:
            return await self.fetch_page(endpoint, was_empty=was_empty and values == first, **values)

        readings = self.readings.readings(part, endpoint, first, self.now(), newest_first=newest_first)
        for reading in taken_up(self, readings):
            async for body, ids in paginate(reading, endpoint, ask, ids_of):
                self.rows_ahead, self.rows_a_page = rows_ahead(reading, endpoint, len(ids)), len(ids)
                yield ListPage(body, ids, reading, part, self.readings)

    def count_listed(self, work_ids: Sequence[int], known: Container[int]) -> None:
        """Count the works that the list named, and those of them that are `known` to have been on it before."""
        new = sum(work_id not in known for work_id in dict.fromkeys(work_ids))
        for what, number in (("listed", len(work_ids)), ("known", len(work_ids) - new), ("new", new)):
            if number:
                self.count(f"works_{what}", number)

    def cut_off(self, reason: str) -> None:
        """Record that part of the list cannot be read by any request."""
        self.count("lists_cut_off")
        self.logger.error("%s: %s", self.name, reason)

    def list_failed(self, reason: str, level: int = logging.ERROR) -> None:
        """Record that the list, or one of the lists, could not be read to its end."""
        self.count("lists_failed")
        self.logger.log(level, "%s: %s", self.name, one_line(reason, LONGEST_REASON))

    async def record_page(self, page: Page) -> None:
        """Record what a page lists before anything on it is asked for."""
        before = await self.ledger.read(queries.listed_before, self.crawl.crawl_id, page.work_ids)
        self.count_listed(page.work_ids, before)
        page = await self.filtered(page)
        artists = dict.fromkeys(page.work_ids, page.artist) | {row.work_id: row.user_id for row in page.rows}
        wanted = {work_id for work_id in page.work_ids if not self.is_forgotten(work_id, artists[work_id])}
        self.count("works_forgotten", len(artists.keys() & set(page.work_ids)) - len(wanted))
        now = self.now()
        if originals := await originals_of_rows(self, [row for row in page.rows if row.work_id in wanted]):
            await self.ledger.write(updates.record_originals_of_rows, originals, now)
            # Those that were revised stand further up the list.
            for work_id in {original.work_id for original in originals}.intersection(before):
                self.fetching.look_at(work_id)
        if self.args.refresh and self.rereads_on_refresh:
            for work_id in page.work_ids:
                await self.ledger.write(updates.mark_stale, work_id, now)
        await self.ledger.write(
            updates.record_listing,
            self.crawl.crawl_id,
            page.work_ids,
            page.cursor,
            now,
            confirmed=not self.is_in_doubt,
            artist=page.artist,
        )
        self.fetching.look()
        if self.wanted is None:
            await report_withheld(self, page.withheld)

    def is_forgotten(self, work_id: int, artist: int | None) -> bool:
        """Whether the user has forgotten the work or its artist, so that it stays on the list but nothing is done for it."""
        return ("work", work_id) in self.forgotten or ("artist", artist) in self.forgotten

    async def filtered(self, page: Page) -> Page:
        """The page without the works that the filters leave out, as far as they are known."""
        if not self.args.leave_something_out:
            return page
        rows = {row.work_id: row for row in page.rows}
        unwanted = await left_out(self.args, self.ledger, page.work_ids, rows, refresh=self.args.refresh)
        self.count("works_filtered", len(unwanted))
        return replace(page, work_ids=[work_id for work_id in page.work_ids if work_id not in unwanted])

    async def works_to_ask(self, enough: queries.RequiredDetail, **which: Any) -> AsyncIterator[Request]:
        """A request for each work of which less than `enough` is known, except those whose page is at hand."""
        after, busy = 0, list[queries.WorkToDo]()
        while works := await self.next_to_ask(enough, after, **which):
            for work in works:
                after = work.position
                if not await self.asking.begin(work.work_id):
                    busy.append(work)
                elif (wanted := await self.ask_about(work)) is not None:
                    yield wanted
        for work in busy:
            while not await self.asking.begin(work.work_id):
                await self.in_progress.settled_of(work.work_id)
            if (wanted := await self.ask_about(work)) is not None:
                yield wanted
        await self.asking.all_settled()

    async def next_to_ask(
        self, enough: queries.RequiredDetail, after: int = 0, limit: int = WORKS_AT_ONCE, **which: Any
    ) -> list[queries.WorkToDo]:
        """The next works after a position of the list of which less than `enough` is known."""
        if self.wanted is None:
            return []
        which |= {"reader": self.reader, "now": self.now() if which.get("stale") else self.due_by}
        return await self.ledger.read(queries.works_to_ask, self.crawl.crawl_id, after, limit, enough=enough, **which)

    async def ask_about(self, work: queries.WorkToDo) -> Request | None:
        """The request for the page of a work in `asking`; None if the page is at hand and was recorded."""
        if (detail := await self.detail_at_hand(work)) is None:
            return self.ask_for_work(work.work_id)
        try:
            await self.record_work(await self.whole_work(work.work_id, detail))
        finally:
            await self.was_asked(work.work_id)
        return None

    def ask_for_work(self, work_id: int) -> Request:
        request = self.api_request(ILLUST_DETAIL, id=work_id)
        request.callback, request.errback = self.archive_work, self.work_refused
        return request

    async def was_asked(self, work_id: int) -> None:
        """A work's own page was read, or refused."""
        await self.asking.settle(work_id)
        self.fetching.look_at(work_id)

    async def detail_at_hand(self, work: queries.WorkToDo) -> IllustDetail | None:
        """The page of a work that an interrupted run received but did not record, because its parts were still to be asked for."""
        known = work.known
        if not self.goes_on or known.detail == "full" or known.stale or known.next_attempt is not None:
            return None
        detail = await self.kept_body(ILLUST_DETAIL, work.work_id, self.began - REUSE_ANSWER_WITHIN)
        # Another reader may be shown more.
        return detail if detail is not None and detail.urls.original is not None else None

    async def kept_body(self, endpoint: Endpoint[Body], work_id: int, after: datetime | None = None) -> Body | None:
        """The last answer about a work or its parts, if it was read after a time."""
        payload = await self.ledger.kept_answer(endpoint.name, work_id, after)
        try:
            return None if payload is None else endpoint.parse(payload, {"id": work_id})
        except BodyRefused:
            return None

    async def part_of(
        self, detail: IllustDetail, endpoint: Endpoint[Body], revision_of: Callable[[Body], str | None]
    ) -> Body:
        """A work's `pages` or `ugoira_meta`: from an interrupted run if the revision is the same, otherwise from pixiv."""
        if self.goes_on:
            kept = await self.kept_body(endpoint, detail.id, self.began - REUSE_ANSWER_WITHIN)
            if kept is not None and revision_of(kept) == detail.revision:
                return kept
        self.count("requests_for_parts")
        return await self.fetch(endpoint, id=detail.id)

    async def archive_work(self, response: Response) -> None:
        assert response.request is not None
        try:
            async for artwork in self.parse_work(response):
                await self.record_work(artwork, response)
        finally:
            await self.was_asked(ILLUST_DETAIL.parameters_of(response.request)["id"])

    async def record_work(self, artwork: Artwork | None, response: Response | None = None) -> None:
        if artwork is not None:
            await self.learn(Facts(artworks=(artwork,)), response=response)

    async def parse_work(self, response: Response) -> AsyncIterator[Artwork]:
        """A work's own page.

        @asks illust.detail id=5000211
        @returns items 1
        """
        assert response.request is not None
        work_id = ILLUST_DETAIL.parameters_of(response.request)["id"]
        try:
            detail = await self.read(ILLUST_DETAIL, response)
        except BodyRefused as refusal:
            await record_refusal(self, work_id, refusal)
            return
        if (artwork := await self.whole_work(work_id, detail)) is not None:
            yield artwork

    async def whole_work(self, work_id: int, detail: IllustDetail) -> Artwork | None:
        """The work, after `illust/{id}`, `pages` if it has several, and `ugoira_meta` if it is an ugoira; None if that settles it."""
        try:
            artwork, because = await self.read_work(detail)
            if self.args.fits(artwork) is False:
                await self.leave_out(artwork)
                return None
            await check_files(self, artwork)
            if because is not None:
                await record_withheld(self, work_id, because)
            self.count("works_read")
        except (AnswerRefused, BodyRefused, RunStopping, NameTaken) as refusal:
            await record_refusal(self, work_id, refusal)
            return None
        return artwork

    async def read_work(self, detail: IllustDetail) -> tuple[Artwork, Withheld | None]:
        """The work from its own page and the answers about its parts, and why its files are withheld."""
        return await read_work(self, detail)

    async def leave_out(self, artwork: Artwork) -> None:
        """Record a work that only its own page showed to be unwanted as a row would, so that it is not asked for again."""
        self.count("works_filtered")
        await self.learn(Facts(artworks=(replace(artwork, detail="listing", originals=()),)))
        await self.ledger.write(updates.drop_from_list, self.crawl.crawl_id, [artwork.work_id])

    async def work_refused(self, failure: Failure) -> None:
        # Scrapy sets the request that failed.
        work_id = ILLUST_DETAIL.parameters_of(failure.request)["id"]  # type: ignore[attr-defined]
        try:
            await record_refusal(self, work_id, failure.value)
        finally:
            await self.was_asked(work_id)
