"""Fetches the uploaded frames of an ugoira whose zip and timing are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pixivcrawl import items_from
from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.ledger import queries, updates


async def want_frames(spider: PixivSpider[Any], work_id: int, detail: IllustDetail | None) -> bool:
    """Have the frames of an ugoira fetched whose zip the ledger knows, with `detail` if it was read.

    False if only the work's own page says where they are.
    """
    zipped = await spider.ledger.read(queries.zip_of_ugoira, work_id)
    if zipped is None:
        return False
    first_frame = detail.urls.original if detail is not None and detail.revision == zipped.revision else None
    if first_frame is None and not zipped.url:
        # The zip was found in its place by a rebuild, so its address is unknown.
        return False
    known = (await spider.ledger.read(queries.described_works, [work_id])).get(work_id)
    is_of_now = known is not None and known.revision == zipped.revision
    # The size that the ledger has for a stored zip is that of its frames, which may be smaller than the frames as uploaded.
    sized = replace(
        zipped, width=known.width if known and is_of_now else None, height=known.height if known and is_of_now else None
    )
    frames = items_from.frames_as_uploaded(sized, first_frame)
    await spider.ledger.write(updates.record_row_originals, work_id, [zipped, *frames], spider.now())
    return True
