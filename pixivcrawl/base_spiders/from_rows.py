"""`detail=listing`: works are archived from their rows on a list; only what these do not settle is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pixivcrawl import items_from
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive, format_of
from pixivcrawl.archive.placing import quarantine
from pixivcrawl.archive.verdict import Expected
from pixivcrawl.archive.workers import Workers
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.filters import left_out
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.items import Artwork, Original
from pixivcrawl.ledger import queries, updates
from pixivcrawl.workers import workers_of

LIKELIEST = "jpg"
"""Pixiv: the extension of most originals."""


async def originals_of_rows(spider: PixivSpider[Any], rows: Sequence[Artwork]) -> list[Original]:
    """With `detail=listing`: the originals that follow from the rows, under the extension that the artist's works bear most.

    A row brings none where its work is known in full, or has all its files at the row's revision, or may yet be left out by a filter;
    nor where its thumbnail does not lie on a host that images may come from.
    """
    arguments: ListingArguments = spider.args
    if arguments.detail != "listing" or not arguments.files:
        return []
    known = await spider.ledger.read(queries.known_works, [row.work_id for row in rows])
    wanted = [
        row
        for row in rows
        if _has_more(known.get(row.work_id))
        and arguments.fits(row) is True
        and row.image_host is not None
        and spider.configuration.may_fetch_image(f"{row.image_host}/")
    ]
    artists = {row.user_id for row in wanted}
    likely = await spider.ledger.read(queries.likely_extensions, artists) if artists else {}
    return [
        original
        for row in wanted
        for original in items_from.originals_of_row(row, likely.get((row.user_id, row.kind), LIKELIEST))
    ]


def _has_more(known: queries.KnownWork | None) -> bool:
    """Whether a work's row may name files that the ledger does not have; where it shows a new revision, the work is stale."""
    return known is not None and known.detail != "full" and (known.files_state != "complete" or known.stale)


async def without_rows(spider: PixivSpider[Any], work_ids: Sequence[int]) -> set[int]:
    """With `detail=listing`: those of the works whose rows would bring what the ledger does not have."""
    arguments: ListingArguments = spider.args
    if arguments.detail != "listing" or not arguments.files:
        return set()
    wanted = await spider.ledger.read(queries.without_originals, work_ids)
    if wanted and arguments.leave_something_out:
        wanted -= await left_out(arguments, spider.ledger, sorted(wanted), {}, refresh=arguments.refresh)
    return wanted


async def check_sizes(spider: PixivSpider[Any], artwork: Artwork) -> None:
    """Prove the files again that were taken by a work's row, where the work itself now tells another size or format.

    Those that do not pass go to quarantine, and are wanted again.
    """
    told = {(original.page, original.revision): original for original in artwork.originals}
    for file in await spider.ledger.read(queries.files_of_row, artwork.work_id):
        original = told.get((file.page, file.revision))
        if original is None or _agree(file, original):
            continue
        archive = Archive(spider.configuration.archive_dir)
        reason = await _moved_when_unproven(archive, file, original, workers_of(spider.crawler))
        if reason is not None:
            await spider.ledger.write(updates.record_unproven, original, spider.now())
            spider.logger.warning("work %d page %d: %s: fetched again", original.work_id, original.page, reason)


def _agree(file: queries.FileOfRow, original: Original) -> bool:
    return (
        original.width in (None, file.width)
        and original.height in (None, file.height)
        and format_of(original.extension) == format_of(file.extension)
    )


async def _moved_when_unproven(
    archive: Archive, file: queries.FileOfRow, original: Original, workers: Workers
) -> str | None:
    """Why a stored file is not the original that the API tells; it is in quarantine then. None when it is."""
    path = archive.resolve(file.path)
    if not path.is_file():
        return f"{file.path} is not there"
    expected = Expected(format_of(original.extension), original.width, original.height)
    try:
        await asyncio.wrap_future(workers.prove(path, expected, file.sha256))
    except Damaged as damage:
        if damage.is_no_verdict:
            return None
        await asyncio.to_thread(quarantine, archive, path, Path(file.path).name, str(damage))
        return str(damage)
    return None
