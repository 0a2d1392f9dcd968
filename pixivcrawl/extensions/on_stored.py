"""ON_STORED: runs a command of the user's for each work whose files are all stored."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from typing import Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from pixivcrawl.archive.stores import fetched
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import StorageFailed
from pixivcrawl.extensions.finished_works import FinishedWorks
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.service import is_archiving, ledger_of

SECRETS = ("PIXIV_PHPSESSID", "PIXIV_COOKIE", "PIXIVCRAWL_NOTICE_URLS", "PIXIVCRAWL_DATABASE_URL")
"""Variables that are removed from the command's environment."""


class OnStored(FinishedWorks):
    """Runs one command at a time."""

    setting = "ON_STORED"

    def __init__(self, crawler: Crawler, configuration: Configuration) -> None:
        super().__init__(crawler, configuration.on_stored_waiting)
        self._configuration = configuration
        self._archive = configuration.archive

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        configuration = Configuration.from_settings(crawler.settings)
        if not configuration.on_stored or not is_archiving(crawler):
            raise NotConfigured
        hook = cls(crawler, configuration)
        crawler.signals.connect(hook.stored, signals.item_scraped)
        return hook

    async def do(self, work_id: int) -> None:
        words = await ledger_of(self._crawler).read(queries.words_of_work, work_id)
        wanted = words.paths if any("{files}" in word for word in self._configuration.on_stored) else ()
        async with contextlib.AsyncExitStack() as held:
            try:
                files = [
                    await held.enter_async_context(fetched(self._archive, self._archive.root / path)) for path in wanted
                ]
            except FileNotFoundError as error:
                self.fail(work_id, f"{error.filename} is stored and not there: run pixivcrawl verify")
                return
            except (OSError, StorageFailed) as error:
                self.fail(work_id, str(error))
                return
            await self._run(work_id, self._command(words, [str(file) for file in files]))

    async def _run(self, work_id: int, command: Sequence[str]) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
        nowhere = asyncio.subprocess.DEVNULL
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
                cwd=self._archive.root,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self.fail(work_id, str(getattr(error, "strerror", None) or error))
            return
        try:
            async with asyncio.timeout(self._configuration.on_stored_timeout):
                code = await process.wait()
        except TimeoutError:
            self.fail(work_id, f"it took more than {self._configuration.on_stored_timeout:g} s (ON_STORED_TIMEOUT)")
        else:
            if code:
                self.fail(work_id, f"exit code {code}")
        finally:
            await _end(process)

    def _command(self, words: queries.WordsOfWork, files: Sequence[str]) -> list[str]:
        told = {"id": words.work_id, "artist": words.user_id or "", "title": words.title or ""}
        command: list[str] = []
        for word in self._configuration.on_stored:
            command += files if word == "{files}" else [word.format(**told, files=" ".join(files))]
        return command


async def _end(process: asyncio.subprocess.Process) -> None:
    """End the command and everything that it started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        await process.wait()
