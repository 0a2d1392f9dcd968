"""What is done for each work whose files are all in place."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from typing import Any

from scrapy.crawler import Crawler

from pixivcrawl.console import complain
from pixivcrawl.items import StoredFile
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import ledger_of


class FinishedWorks(ABC):
    """Processes one work at a time, in the order in which they are finished; a failure does not affect the archive.

    `setting` is the name of the setting that asks for it; at most `most` works wait (0: any number).
    """

    setting: str

    def __init__(self, crawler: Crawler, most: int = 0) -> None:
        self._crawler = crawler
        self._waiting = asyncio.Queue[int](most)
        self.told: set[int] = set()
        self._failed: set[str] = set()
        self._running: asyncio.Task[None] | None = None

    @abstractmethod
    async def do(self, work_id: int) -> None:
        """Do what is to be done for a work; is cancelled where the run ends at once."""

    async def stored(self, item: Any) -> None:
        """A file is in its place; its work may be finished by that."""
        if not isinstance(item, StoredFile) or item.work_id is None or item.work_id in self.told:
            return
        known = await ledger_of(self._crawler).read(queries.known_works, [item.work_id])
        if known[item.work_id].files_state == "complete":
            self.take(item.work_id)

    def take(self, work_id: int) -> None:
        """Have a work done when its turn comes, once in a run."""
        if work_id in self.told:
            return
        self.told.add(work_id)
        self._running = self._running or asyncio.ensure_future(self._do_all())
        try:
            self._waiting.put_nowait(work_id)
        except asyncio.QueueFull:
            self.fail(work_id, f"{self._waiting.maxsize:,} others are already waiting ({self.setting}_WAITING)")

    async def finish(self, *, at_once: bool) -> None:
        """Before the run ends: all that wait have their turn, or, `at_once`, none of them, and the one that is being done is ended."""
        if self._running is not None:
            if not at_once:
                await self._waiting.join()
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    def fail(self, work_id: int, why: str) -> None:
        """Each reason is said once, and every failure counted."""
        self._crawler.stats.inc_value(f"pixiv/{self.setting.lower()}_failed")
        if why not in self._failed:
            self._failed.add(why)
            complain(f"pixivcrawl: {self.setting} failed for work {work_id}: {why}; the run continues")

    async def _do_all(self) -> None:
        while True:
            work_id = await self._waiting.get()
            try:
                await self.do(work_id)
            finally:
                self._waiting.task_done()
