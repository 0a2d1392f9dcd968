"""Prove that a staged body is the whole picture."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import Crawler

from pipelines.base import FilePipeline
from pipelines.originals import OriginalsPipeline
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import format_of
from pixivcrawl.archive.placing import quarantine
from pixivcrawl.items import Original, ProvenOriginal, StagedOriginal
from pixivcrawl.ledger import queries


class ValidationPipeline(FilePipeline):
    """`StagedOriginal` -> `ProvenOriginal`. A damaged body goes to quarantine and is fetched once more at once."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._originals = OriginalsPipeline(crawler)

    async def process_item(self, item: Any) -> Any:
        if not isinstance(item, StagedOriginal):
            return item
        proven = await self._proven(item, last=False)
        if proven is None:
            await asyncio.sleep(self.configuration.image_retry_delay)
            proven = await self._proven(await self._originals.found(item.original), last=True)
        return proven

    async def _proven(self, staged: StagedOriginal, *, last: bool) -> ProvenOriginal | None:
        """None when the body is damaged and a further try is left; raises DropItem when none is."""
        original = staged.original
        try:
            return await self.in_thread(self._prove, staged)
        except Damaged as damage:
            served_before = damage.proof is not None and await self.ledger.read(
                queries.same_body_before, original, staged.sha256, datetime.now(UTC)
            )
            if damage.proof is not None and served_before:
                return ProvenOriginal(
                    staged, damage.proof.format, damage.proof.width, damage.proof.height, as_served=True
                )
            await self.in_thread(quarantine, self.archive, Path(staged.staged), _name_of(original), str(damage))
            if not last:
                return None
            if original.guessed and damage.kind in ("wrong size", "wrong format"):
                raise await self.leave_to_pixiv(original, f"{damage}, by the row of its work") from None
            served = staged.sha256 if damage.only_warned else None
            raise await self.park(original, f"damaged: {damage}", served_sha256=served) from None

    def _prove(self, staged: StagedOriginal) -> ProvenOriginal:
        # Here and not before: decoders are imported in a thread, and only when there is something to prove.
        from pixivcrawl.archive.proof import Expected, Limits, prove

        original = staged.original
        expected = Expected(format_of(original.extension), original.width, original.height, original.frames)
        proof = prove(Path(staged.staged), expected, Limits(self.configuration.max_pixels))
        return ProvenOriginal(staged, proof.format, proof.width, proof.height)


def _name_of(original: Original) -> str:
    return f"{original.work_id}_p{original.page}_{original.revision}.{original.extension}"
