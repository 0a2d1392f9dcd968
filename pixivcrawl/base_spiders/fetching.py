"""Fetches the files of a list's works while the list, the works and their parts are being asked about."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from pixivcrawl.api.catalogue import ILLUST_DETAIL
from pixivcrawl.base_spiders.ugoira import want_frames
from pixivcrawl.items import Original
from pixivcrawl.ledger import queries, updates
from pixivcrawl.run_ending import STOPPING_IS_SEEN_WITHIN, is_stopping

if TYPE_CHECKING:
    from pixivcrawl.base_spiders.listing import ListingSpider

WORKS_AT_ONCE = 100
"""How many works are read from the ledger at a time."""

FILES_OF_WORKS_AT_ONCE = 16
"""Of how many works the files are read at once: a query for each took a tenth of a small file's cost; a work may have two hundred."""


class FileFetching:
    """Fetches the missing files of the works on a spider's list, in the list's order, a few works at a time.

    A work whose own page is being asked for is left until that was read, because it may name more files. `waits`: the works being asked for
    now have files that are not known yet.
    """

    def __init__(self, spider: ListingSpider[Any]) -> None:
        self._spider = spider
        self.waits = True
        self._position = 0
        self._goes_on = True
        self._asked: deque[int] = deque()
        self._may_be_more = asyncio.Event()
        self._is_all_asked = False

    def look(self) -> None:
        """More files may be wanted for works further down the list."""
        self._goes_on = True
        self._may_be_more.set()

    def look_at(self, work_id: int) -> None:
        """The work was asked about. If all its files were named before, others may wait for more such works."""
        self._asked.append(work_id)
        if self.waits or len(self._asked) >= WORKS_AT_ONCE:
            self._may_be_more.set()

    def end(self) -> None:
        """Nothing more will be asked until `run` has ended."""
        self._is_all_asked = True
        self._may_be_more.set()

    async def run(self) -> None:
        """Continue until nothing is missing and nothing more is asked, or the run is ending."""
        spider = self._spider
        while spider.args.files and not is_stopping(spider.crawler):
            is_last_look = self._is_all_asked
            self._may_be_more.clear()
            if not await self._fetch_next():
                if is_last_look:
                    break
                await self._until_more()
        await spider.in_progress.all_settled()

    async def _until_more(self) -> None:
        # Polled, because Scrapy does not tell a spider without pending requests that the run is ending.
        while not self._may_be_more.is_set() and not is_stopping(self._spider.crawler):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._may_be_more.wait(), STOPPING_IS_SEEN_WITHIN)

    async def _fetch_next(self) -> bool:
        """Whether there was any work to look at."""
        goes_on, self._goes_on = self._goes_on, False
        works = await self._works(after_position=self._position) if goes_on else []
        self._goes_on = self._goes_on or bool(works)
        await self._fetch_all(works)
        if works:
            self._position = works[-1].position
        asked = [self._asked.popleft() for _ in range(min(len(self._asked), WORKS_AT_ONCE))]
        await self._fetch_all(await self._works(among=asked) if asked else ())
        return bool(works or asked)

    async def _works(self, **which: Any) -> list[queries.WorkToDo]:
        spider = self._spider
        which |= {"limit": WORKS_AT_ONCE, "now": spider.due_by, "frames": spider.args.wants_frames}
        return await spider.ledger.read(queries.works_to_fetch, spider.crawl.crawl_id, **which)

    async def _fetch_all(self, works: Sequence[queries.WorkToDo]) -> None:
        for start in range(0, len(works), FILES_OF_WORKS_AT_ONCE):
            some = works[start : start + FILES_OF_WORKS_AT_ONCE]
            wanted = await self._wanted([work.work_id for work in some])
            for work in some:
                await self._fetch(work, wanted)

    async def _wanted(self, work_ids: Sequence[int]) -> dict[int, list[Original]]:
        spider = self._spider
        return await spider.ledger.read(queries.wanted_originals, work_ids, spider.crawl.crawl_id, spider.due_by)

    async def _fetch(self, work: queries.WorkToDo, wanted: dict[int, list[Original]]) -> None:
        spider, work_id = self._spider, work.work_id
        if work_id in spider.in_progress or not await spider.in_progress.begin(work_id):
            return
        missing: list[Original] = []
        try:
            # A work that was asked about meanwhile may now lack other files: it is looked at again.
            if is_stopping(spider.crawler) or work_id in self._asked:
                return
            if work.lacks_frames:
                detail = await spider.kept_body(ILLUST_DETAIL, work_id)
                if not await want_frames(spider, work_id, detail):
                    await spider.ledger.write(updates.mark_stale, work_id, spider.now())
                    return
                wanted = await self._wanted([work_id])
            # A frame that failed is left to a run that asks for frames.
            frames = spider.args.wants_frames
            missing = [
                original
                for original in wanted.get(work_id, ())
                if frames or original.kind != "frame" or not original.retried
            ]
        finally:
            await spider.in_progress.fetch(work_id, missing)
