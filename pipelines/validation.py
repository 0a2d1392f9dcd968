"""Prove that a staged body is the whole picture."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scrapy.crawler import Crawler
from scrapy.exceptions import DropItem

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import format_of
from pixivcrawl.archive.stores.placing import quarantine
from pixivcrawl.archive.verdict import Expected, Proof
from pixivcrawl.items import OF_USERS, Original, ProvenOriginal, StagedOriginal
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.updates.doubtful import TRANSFERS, DoubtfulBody, changed_validators, doubtful_body_after
from pixivcrawl.workers import workers_of

from .base import FilePipeline
from .originals import OriginalsPipeline


class ValidationPipeline(FilePipeline):
    """`StagedOriginal` -> `ProvenOriginal`. A damaged body goes to quarantine and is fetched once more at once."""

    def __init__(self, crawler: Crawler) -> None:
        super().__init__(crawler)
        self._originals = OriginalsPipeline(crawler)
        self._workers = workers_of(crawler)

    async def process_item(self, item: Any) -> Any:
        if not isinstance(item, StagedOriginal):
            return item
        verdict = await self._verdict(item)
        if isinstance(verdict, ProvenOriginal):
            return verdict
        await self._set_aside(item, verdict)
        await asyncio.sleep(self.configuration.image_retry_delay)
        again = await self._originals.found(replace(item.original, retried=True))
        # Bytes that have crashed a decoder once are not decoded again.
        verdict = verdict if again.sha256 == item.sha256 else await self._verdict(again)
        if isinstance(verdict, ProvenOriginal):
            return verdict
        await self._set_aside(again, verdict)
        raise await self._given_up(again, verdict)

    async def _verdict(self, staged: StagedOriginal) -> ProvenOriginal | Damaged:
        """Raises DropItem if another transfer would bring nothing new."""
        try:
            proof = await self._proof(staged)
        except Damaged as damage:
            if damage.is_no_verdict:
                # It stays in the staging folder; each run proves it again without a request, until the limits are high enough.
                raise await self.park(staged.original, str(damage), waits=False) from None
            return damage if damage.proof is None else await self._doubt(staged, damage, damage.proof)
        return ProvenOriginal(staged, proof.format, proof.width, proof.height, flaw=proof.flaw)

    async def _doubt(self, staged: StagedOriginal, damage: Damaged, proof: Proof) -> ProvenOriginal | Damaged:
        """Keep the file as served if enough independent transfers brought these bytes. Raises DropItem if not enough have yet."""
        before, came = await self._transfers(staged)
        served = doubtful_body_after(before, came)
        if before is not None and served.suffices:
            span = f"{served.times} transfers from {served.first:%Y-%m-%d} to {served.last:%Y-%m-%d} brought the same bytes"
            flaw = "; ".join([str(damage), span, *changed_validators(before, staged)])
            return ProvenOriginal(staged, proof.format, proof.width, proof.height, as_served=True, flaw=flaw)
        if before is None or before.sha256 != staged.sha256:
            return damage
        await self._set_aside(staged, damage)
        raise await self._given_up(staged, damage)

    async def _transfers(self, staged: StagedOriginal) -> tuple[DoubtfulBody | None, DoubtfulBody]:
        """The doubtful body that came before, if any did, and this one."""
        now = datetime.now(UTC)
        before = await self.ledger.read(queries.served_before, staged.original)
        return before, DoubtfulBody(staged.sha256, now, now, etag=staged.etag, last_modified=staged.last_modified)

    async def _set_aside(self, staged: StagedOriginal, damage: Damaged) -> None:
        said = (("ETag", staged.etag), ("Last-Modified", staged.last_modified))
        reason = "; ".join([str(damage), *(f"{name} {value}" for name, value in said if value is not None)])
        await asyncio.to_thread(quarantine, self.archive, Path(staged.staged), _name_of(staged.original), reason)

    async def _given_up(self, staged: StagedOriginal, damage: Damaged) -> DropItem:
        """Record that this run does not keep the file; returns the exception to raise."""
        if damage.proof is None:
            # The work's own page says nothing new about a frame, nor about a user's picture.
            is_told = staged.original.kind in ("image", "ugoira")
            if staged.original.guessed and is_told and damage.kind in ("wrong size", "wrong format"):
                return await self.leave_to_pixiv(staged.original, f"{damage}, by the row of its work")
            # The size that pixiv said may be wrong, and not the file.
            park = self.park_and_ask if is_told and damage.kind == "wrong size" else self.park
            return await park(staged.original, f"damaged: {damage}")
        before, came = await self._transfers(staged)
        said = [f"{doubtful_body_after(before, came).times} of {TRANSFERS} transfers brought the same bytes"]
        if before is not None:
            said += [f"on {before.last:%Y-%m-%d} others came"] if before.sha256 != came.sha256 else []
            said += changed_validators(before, came)
        return await self.park(staged.original, f"doubtful ({'; '.join(said)}): {damage}", came=came)

    async def _proof(self, staged: StagedOriginal) -> Proof:
        original = staged.original
        expected = Expected(format_of(original.extension), original.width, original.height, original.frames)
        return await asyncio.wrap_future(self._workers.prove(Path(staged.staged), expected, staged.sha256))


def _name_of(original: Original) -> str:
    if original.kind in OF_USERS:
        return f"user{original.user_id}_{original.kind}_{original.revision}.{original.extension}"
    part = "frame" if original.kind == "frame" else "p"
    return f"{original.work_id}_{part}{original.page}_{original.revision}.{original.extension}"
