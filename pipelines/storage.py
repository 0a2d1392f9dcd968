"""Put a proven file in its place."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import Crawler

from pixivcrawl.archive.stores import NewFile, store_of
from pixivcrawl.archive.stores.placing import NameTaken, frames_text, quarantine, stage_text
from pixivcrawl.items import ProvenOriginal, StoredOriginal
from pixivcrawl.ledger import updates

from .base import FilePipeline
from .batching import BatchWorker


class StoragePipeline(FilePipeline):
    """`ProvenOriginal` -> `StoredOriginal`: the intent is committed, then the file is placed, never over another one."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._store = store_of(self.archive)
        self._placing = BatchWorker(self._place_all, "placing")

    async def close_spider(self) -> None:
        self._placing.close()

    async def process_item(self, item: Any) -> Any:
        if not isinstance(item, ProvenOriginal):
            return item
        stored = self._destination(item)
        await self.ledger.write(updates.record_intent, stored, datetime.now(UTC))
        try:
            await self._placing.done(stored)
        except NameTaken as taken:
            original = item.staged.original
            await asyncio.to_thread(quarantine, self.archive, Path(item.staged.staged), taken.path.name, str(taken))
            why = self._store.in_the_way(taken.path.relative_to(self.archive.root).as_posix())
            raise await self.park(original, why or str(taken), waits=why is None) from None
        return stored

    def _destination(self, proven: ProvenOriginal) -> StoredOriginal:
        original = proven.staged.original
        path = self.archive.relative_path(original, proven.format)
        if original.frames is None:
            return StoredOriginal(proven, path)
        frames_sha256 = hashlib.sha256(frames_text(original.frames).encode()).hexdigest()
        return StoredOriginal(proven, path, self.archive.frames_path(original), frames_sha256)

    def _place_all(self, files: Sequence[StoredOriginal]) -> list[Exception | None]:
        """The error of each file, or None. Steps that cost the store less together are done once for all files."""
        return self._store.put_new([self._new_files(stored) for stored in files])

    def _new_files(self, stored: StoredOriginal) -> list[NewFile]:
        """The file, and before an ugoira's zip its timing, so that a zip in place is never without it."""
        proven = stored.proven.staged
        original = proven.original
        file = NewFile(Path(proven.staged), stored.path, proven.sha256, original.uploaded)
        if original.frames is None or stored.frames_path is None:
            return [file]
        staged = self.archive.frames_staging_path(original)
        sha256 = stage_text(frames_text(original.frames), staged)
        return [NewFile(staged, stored.frames_path, sha256, original.uploaded), file]
