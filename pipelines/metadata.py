"""Record what was learned, and that a file is in place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pixivcrawl.item_batches import BATCH, ItemBatch
from pixivcrawl.items import OF_USERS, Facts, StoredFile, StoredOriginal, fact_types
from pixivcrawl.ledger import updates

from .base import FilePipeline


class MetadataPipeline(FilePipeline):
    """`StoredOriginal` -> `StoredFile`, with its row in the ledger marked stored. The facts of one answer are one change of the ledger."""

    async def process_item(self, item: Any) -> Any:
        if isinstance(item, StoredOriginal):
            return await self._stored(item)
        if type(item) in fact_types():
            batch = BATCH.get()
            await (self._record([item]) if batch is None else batch.recorded(item, partial(self._record, batch=batch)))
        return item

    async def _record(self, items: Sequence[Any], batch: ItemBatch | None = None) -> None:
        answer = batch.answer if batch is not None else None
        if batch is not None and answer is not None and batch.is_whole:
            new_comments = await self.ledger.write(updates.record_answer, answer, Facts.of(batch.sent))
        else:
            # What a pipeline of the user's changed is not in the answer.
            new_comments = await self.ledger.write(updates.record_facts, Facts.of(items), datetime.now(UTC))
            if answer is not None:
                await self.ledger.write(updates.record_answer, answer)
        if new_comments:
            self.count("comments_kept", new_comments)

    async def _stored(self, stored: StoredOriginal) -> StoredFile:
        await self.ledger.write(updates.record_stored, stored, datetime.now(UTC))
        staged = stored.proven.staged
        self.count("pictures_stored" if staged.original.kind in OF_USERS else "files_stored")
        if stored.proven.as_served:
            self.count("files_as_served")
        elif stored.proven.flaw is not None:
            self.count("files_flawed")
        self.count("bytes_stored", staged.bytes)
        return StoredFile.of(stored)
