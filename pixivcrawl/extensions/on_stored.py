"""ON_STORED: a command of the user's for each work whose files are all in place."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from pixivcrawl.archive.layout import Archive
from pixivcrawl.configuration import Configuration
from pixivcrawl.items import StoredFile
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import is_archiving, ledger_of
from pixivcrawl.saying import complain

SECRETS = ("PIXIV_PHPSESSID", "PIXIV_COOKIE", "PIXIVCRAWL_NOTICE_URLS", "PIXIVCRAWL_DATABASE_URL")
"""What the command's environment lacks of ours."""


class OnStored:
    """Runs one command at a time, in the order in which works are finished; whatever becomes of one, the archive goes on."""

    def __init__(self, crawler: Crawler, configuration: Configuration) -> None:
        self._crawler = crawler
        self._configuration = configuration
        self._archive = Archive(configuration.archive_dir)
        self._waiting = asyncio.Queue[int](configuration.on_stored_waiting)
        self._told: set[int] = set()
        self._failed: set[str] = set()
        self._running: asyncio.Task[None] | None = None

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        configuration = Configuration.from_settings(crawler.settings)
        if not configuration.on_stored or not is_archiving(crawler):
            raise NotConfigured
        hook = cls(crawler, configuration)
        crawler.signals.connect(hook.stored, signals.item_scraped)
        return hook

    async def stored(self, item: Any) -> None:
        """A file is in its place; its work may be finished by that."""
        if not isinstance(item, StoredFile) or item.work_id is None or item.work_id in self._told:
            return
        known = await ledger_of(self._crawler).read(queries.known_works, [item.work_id])
        if known[item.work_id].files_state != "complete" or item.work_id in self._told:
            return
        self._told.add(item.work_id)
        self._running = self._running or asyncio.ensure_future(self._run_all())
        try:
            self._waiting.put_nowait(item.work_id)
        except asyncio.QueueFull:
            self._fail(item.work_id, f"{self._waiting.maxsize:,} others wait already (ON_STORED_WAITING)")

    async def finish(self, *, at_once: bool) -> None:
        """Before the run ends: all that wait have their turn, or, `at_once`, none of them, and the one that runs is ended."""
        if self._running is not None:
            if not at_once:
                await self._waiting.join()
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running

    async def _run_all(self) -> None:
        while True:
            work_id = await self._waiting.get()
            try:
                await self._run(work_id)
            finally:
                self._waiting.task_done()

    async def _run(self, work_id: int) -> None:
        words = await ledger_of(self._crawler).read(queries.words_of_work, work_id)
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        nowhere = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command(words),
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
                cwd=self._archive.root,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self._fail(work_id, str(getattr(error, "strerror", None) or error))
            return
        try:
            async with asyncio.timeout(self._configuration.on_stored_timeout):
                code = await process.wait()
        except TimeoutError:
            self._fail(work_id, f"it took more than {self._configuration.on_stored_timeout:g} s (ON_STORED_TIMEOUT)")
        else:
            if code:
                self._fail(work_id, f"exit code {code}")
        finally:
            await _end(process)

    def _command(self, words: queries.WordsOfWork) -> list[str]:
        told = {"id": words.work_id, "artist": words.user_id or "", "title": words.title or ""}
        files = [str(self._archive.root / path) for path in words.paths]
        command: list[str] = []
        for word in self._configuration.on_stored:
            command += files if word == "{files}" else [word.format(**told, files=" ".join(files))]
        return command

    def _fail(self, work_id: int, why: str) -> None:
        """Each reason is said once, and every failure counted."""
        self._crawler.stats.inc_value("pixiv/commands_failed")
        if why not in self._failed:
            self._failed.add(why)
            complain(f"pixivcrawl: ON_STORED failed for work {work_id}: {why}; the archive goes on")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End it, and whatever it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        await process.wait()
