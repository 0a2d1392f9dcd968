"""UGOIRA_VIDEO: each ugoira made into a video once its files are all in place."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import NotConfigured

from pixivcrawl.animations.animation import Animation
from pixivcrawl.animations.conversion import alone_in, make, making_workers, require_encoder
from pixivcrawl.animations.sources import animations_of, fetched
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.configuration import Configuration
from pixivcrawl.errors import NoWorker, StorageFailed
from pixivcrawl.extensions.finished_works import FinishedWorks
from pixivcrawl.items import Artwork, StoredFile, VideoForm
from pixivcrawl.ledger.queries.files import all_files_of_work, ugoira_stored_since
from pixivcrawl.ledger.service import is_archiving, ledger_of

FOLDER = "derived/videos"

SINCE = "since"
"""A file in that folder with the time from which on ugoira are made into videos: that of the first run that was to."""


class UgoiraVideo(FinishedWorks):
    """Makes one video at a time, in a process that gives way to everything else; what a killed run left comes first."""

    setting = "UGOIRA_VIDEO"

    def __init__(self, crawler: Crawler, form: VideoForm, configuration: Configuration) -> None:
        super().__init__(crawler)
        self._form = form
        self._archive = configuration.archive
        self._limits = configuration.proof_limits
        self._workers = making_workers(1, self._limits)
        self._early: set[int] = set()
        self._is_ending = False

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> Self:
        """Raises ConfigurationError where what makes such videos is not installed."""
        configuration = Configuration.from_settings(crawler.settings)
        if configuration.ugoira_video is None or not is_archiving(crawler):
            raise NotConfigured
        require_encoder(configuration.ugoira_video)
        hook = cls(crawler, configuration.ugoira_video, configuration)
        crawler.signals.connect(hook.take_what_is_left, signals.spider_opened)
        crawler.signals.connect(hook.stored, signals.item_scraped)
        return hook

    async def take_what_is_left(self) -> None:
        """Those that earlier runs stored and did not make."""
        since = await asyncio.to_thread(self._since)
        for work_id in await ledger_of(self._crawler).read(ugoira_stored_since, since):
            self.take(work_id)

    async def stored(self, item: Any) -> None:
        """Its zip, a frame, or what its own page says; each may be what a video waited for."""
        if isinstance(item, Artwork) and item.work_id in self._early:
            self._take_again(item.work_id)
        elif isinstance(item, StoredFile) and item.kind in ("ugoira", "frame"):
            if item.work_id in self._early:
                self.told.discard(item.work_id)
            await super().stored(item)

    async def finish(self, *, at_once: bool) -> None:
        if at_once:
            self._workers.close()
        self._is_ending = True
        for work_id in sorted(self._early):
            self._take_again(work_id)
        await super().finish(at_once=at_once)
        self._workers.close()

    async def do(self, work_id: int) -> None:
        files = await ledger_of(self._crawler).read(all_files_of_work, work_id)
        animations = animations_of(self._archive, files)
        newest = max(animations, key=lambda animation: animation.revision, default=None)
        if newest is None or (newest.is_zip and self._fetches_frames and not self._is_ending):
            # The zips of a list come before what its works' own pages say: the delays of their frames, and which frames there are.
            self._early.add(work_id)
            return
        self._early.discard(work_id)
        target = self._archive.root / FOLDER / str(newest.user_id) / f"{newest.name}.{self._form}"
        if target.exists():
            return
        try:
            await asyncio.to_thread(self._make, newest, target)
        except (Damaged, NoWorker, StorageFailed) as error:
            self.fail(work_id, str(error))
        else:
            self._crawler.stats.inc_value("pixiv/ugoira_videos_made")

    def _make(self, animation: Animation, target: Path) -> None:
        # An export may write there too.
        with alone_in(self._archive.root / FOLDER), fetched(self._archive, animation) as here:
            make(here, self._form, target, self._workers, self._limits, gives_way=True)

    @property
    def _fetches_frames(self) -> bool:
        args = getattr(self._crawler.spider, "args", None)
        return bool(getattr(args, "wants_frames", False))

    def _take_again(self, work_id: int) -> None:
        self._early.discard(work_id)
        self.told.discard(work_id)
        self.take(work_id)

    def _since(self) -> datetime:
        mark = self._archive.root / FOLDER / SINCE
        with storage_errors(mark):
            try:
                return datetime.fromisoformat(mark.read_text())
            except (FileNotFoundError, ValueError):
                now = datetime.now(UTC)
                mark.parent.mkdir(parents=True, exist_ok=True)
                mark.write_text(now.isoformat())
                return now
