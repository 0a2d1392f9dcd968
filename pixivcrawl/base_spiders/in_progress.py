"""The works, or artists, that a spider has begun and whose files are not all settled: few at a time, so that memory stays flat."""

from __future__ import annotations

import asyncio
from typing import Any

from pixivcrawl.items import Original, ProvenOriginal, StagedOriginal, StoredOriginal


class WorksInProgress:
    """Counts the open parts (the asking, each file) of every work begun; at most `limit` works are open at once.

    `settled` is how many works have none left, and are not looked at again.
    """

    def __init__(self, limit: int) -> None:
        self.settled = 0
        self._limit = limit
        self._parts: dict[int, int] = {}
        self._looked_at_again: set[int] = set()
        self._changed = asyncio.Condition()

    def __contains__(self, work_id: int) -> bool:
        return work_id in self._parts

    @property
    def works(self) -> list[int]:
        """Those that are open."""
        return list(self._parts)

    async def begin(self, work_id: int) -> None:
        """Open a work with one part, waiting until there is room for it."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._parts) < self._limit)
            self._parts[work_id] = self._parts.get(work_id, 0) + 1

    def add(self, work_id: int, parts: int) -> None:
        self._parts[work_id] = self._parts.get(work_id, 0) + parts

    def look_again(self, work_id: int) -> None:
        """This look at a work, which is open, was not its last."""
        self._looked_at_again.add(work_id)

    async def settle(self, work_id: int) -> None:
        """Close one part of a work; the last one makes room for another work."""
        parts = self._parts.get(work_id, 0) - 1
        if parts > 0:
            self._parts[work_id] = parts
            return
        async with self._changed:
            is_last_look = work_id not in self._looked_at_again
            self._looked_at_again.discard(work_id)
            self.settled += self._parts.pop(work_id, None) is not None and is_last_look
            self._changed.notify_all()

    async def all_settled(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: not self._parts)


def original_of(item: Any) -> Original | None:
    """The file that an item is, at any stage of its way; None for what is no file."""
    match item:
        case Original():
            return item
        case StagedOriginal(original=original):
            return original
        case ProvenOriginal(staged=staged):
            return staged.original
        case StoredOriginal(proven=proven):
            return proven.staged.original
        case _:
            return None
