"""Put a proven file in its place."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import Crawler

from pixivcrawl.archive.destination import in_the_way
from pixivcrawl.archive.store import NameTaken, discard, frames_text, holds, place_text, put, quarantine, sync_folders
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import ProvenOriginal, StoredOriginal
from pixivcrawl.ledger import updates

from .base import FilePipeline
from .together import Together


class StoragePipeline(FilePipeline):
    """`ProvenOriginal` -> `StoredOriginal`: the intent is committed, then the file is placed, never over another one."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._placing = Together(self._place_all, "placing")

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
            why = in_the_way(self.archive, taken.path.relative_to(self.archive.root).as_posix())
            raise await self.park(original, why or str(taken), waits=False) from None
        return stored

    def _destination(self, proven: ProvenOriginal) -> StoredOriginal:
        original = proven.staged.original
        path = self.archive.relative_path(original, proven.format)
        if original.frames is None:
            return StoredOriginal(proven, path)
        frames_sha256 = hashlib.sha256(frames_text(original.frames).encode()).hexdigest()
        return StoredOriginal(proven, path, self.archive.frames_path(original), frames_sha256)

    def _place_all(self, files: Sequence[StoredOriginal]) -> list[Exception | None]:
        """What went wrong with each. Their folder is synced once for all, before any of them counts as placed."""
        outcomes: list[Exception | None] = []
        folders: set[Path] = set()
        for stored in files:
            try:
                folders.add(self._place(stored))
                outcomes.append(None)
            except (NameTaken, StorageFailed) as failure:
                outcomes.append(failure)
        sync_folders(folders)
        for stored, outcome in zip(files, outcomes, strict=True):
            if outcome is None:
                discard(Path(stored.proven.staged.staged))
        return outcomes

    def _place(self, stored: StoredOriginal) -> Path:
        """The folder that is still to be synced."""
        original = stored.proven.staged.original
        if original.frames is not None and stored.frames_path is not None:
            # Before the zip, so that a zip in place is never without its timing.
            staged, final = self.archive.frames_staging_path(original), self._final(stored.frames_path)
            with _unless_the_same(final, stored.frames_sha256):
                place_text(frames_text(original.frames), staged, final, original.uploaded)
            discard(staged)
        staged, final = Path(stored.proven.staged.staged), self._final(stored.path)
        with _unless_the_same(final, stored.proven.staged.sha256):
            put(staged, final, original.uploaded)
        return final.parent

    def _final(self, path: str) -> Path:
        """Raises NameTaken where a symlink of the user's leads out of the archive: nothing is written through it."""
        try:
            return self.archive.resolve(path)
        except ValueError:
            raise NameTaken(self.archive.root / path) from None


@contextmanager
def _unless_the_same(final: Path, sha256: str | None) -> Iterator[None]:
    """A name that is taken by the very same bytes is no error: an earlier run placed them and ended before its row."""
    try:
        yield
    except NameTaken:
        if not holds(final, sha256):
            raise
