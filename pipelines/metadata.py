"""Record that a file is in place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pipelines.base import FilePipeline
from pixivcrawl.items import OF_USERS, StoredOriginal
from pixivcrawl.ledger import updates


class MetadataPipeline(FilePipeline):
    """`StoredOriginal` -> the same, with its row in the ledger marked stored."""

    async def process_item(self, item: Any) -> Any:
        if isinstance(item, StoredOriginal):
            await self.ledger.write(updates.record_stored, item, datetime.now(UTC))
            of_user = item.proven.staged.original.kind in OF_USERS
            self.count("pictures_stored" if of_user else "files_stored")
            if item.proven.as_served:
                self.count("files_as_served")
            elif item.proven.flaw is not None:
                self.count("files_flawed")
            self.count("bytes_stored", item.proven.staged.bytes)
        return item
