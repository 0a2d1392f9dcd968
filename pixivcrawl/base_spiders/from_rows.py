"""Fetches originals by the rows of their works, before the works are asked about, and checks them once the works are read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from pixivcrawl import items_from
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive, format_of
from pixivcrawl.archive.stores import store_of
from pixivcrawl.archive.stores.frames import place_frames
from pixivcrawl.archive.verdict import Expected, Proof
from pixivcrawl.archive.workers import Workers
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.base_spiders.filtered import left_out
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.items import Artwork, Original, ProvenOriginal, StagedOriginal, StoredOriginal
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY
from pixivcrawl.workers import workers_of

USUAL_EXTENSION = "jpg"
"""Pixiv: the extension of most originals."""

LEAST_FOR_ROWS = 3
"""From this many works on, rows are asked for, so that files need not wait for each work's own page."""


async def originals_of_rows(spider: PixivSpider[Any], rows: Sequence[Artwork]) -> list[Original]:
    """The originals that follow from the rows, with the extension that most of the artist's works have.

    A row brings none where its work is known in full, or has all its files at the row's revision, or may yet be left out by a filter;
    nor where its thumbnail does not lie on a host that images may come from.
    """
    arguments: ListingArguments = spider.args
    if not arguments.files:
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
        for original in items_from.originals_of_row(row, likely.get((row.user_id, row.kind), USUAL_EXTENSION))
    ]


def _has_more(known: queries.KnownWork | None) -> bool:
    """Whether a work's row may name files that the ledger does not have; if it shows a new revision, the work is stale."""
    return known is not None and known.detail != "full" and (known.files_state != "complete" or known.stale)


async def rows_to_ask_for(
    spider: PixivSpider[Any], work_ids: Sequence[int], is_wanted: Callable[[str | None], bool] | None = None
) -> list[int]:
    """The works that a list names only by id whose rows are worth a request for up to a hundred.

    `is_wanted` tells by a work's kind, None where that is not known, whether the list is read for it.
    """
    arguments: ListingArguments = spider.args
    if arguments.refresh:
        return list(work_ids)
    known = await spider.ledger.read(queries.known_works, work_ids)
    kinds = {work_id: work.kind for work_id, work in known.items() if work.kind}
    bring_files = await _without_files(
        spider, [each for each in work_ids if is_wanted is None or is_wanted(kinds.get(each))]
    )
    if is_wanted is None and not arguments.need_rows:
        return [each for each in work_ids if each in bring_files] if len(bring_files) >= LEAST_FOR_ROWS else []
    settled = {work_id for work_id, work in known.items() if work.availability in FINAL_AVAILABILITY}
    return [each for each in work_ids if each in bring_files or not (each in kinds or each in settled)]


async def _without_files(spider: PixivSpider[Any], work_ids: Sequence[int]) -> set[int]:
    """The works whose rows would bring files that the ledger does not have."""
    arguments: ListingArguments = spider.args
    if not arguments.files:
        return set()
    wanted = await spider.ledger.read(queries.without_originals, work_ids)
    if wanted and arguments.leave_something_out:
        wanted -= await left_out(arguments, spider.ledger, sorted(wanted), {}, refresh=arguments.refresh)
    return wanted


async def check_files(spider: PixivSpider[Any], artwork: Artwork) -> None:
    """Compare the files that were fetched by a work's row with what the work's own page says of their size, format and timing.

    Those that do not pass go to quarantine, and are wanted again. Raises NameTaken where an ugoira's timing has no place.
    """
    told = {(original.page, original.revision, str(original.kind)): original for original in artwork.originals}
    for file in await spider.ledger.read(queries.files_of_row, artwork.work_id):
        original = told.get((file.page, file.revision, file.kind))
        if original is None or _agree(file, original):
            continue
        archive = spider.configuration.archive
        if archive.bucket is None and file.archive not in (None, spider.ledger.known_as):
            found: Proof | str | None = "it lies in another archive of this ledger"
        else:
            found = await asyncio.to_thread(_proven, archive, file, original, workers_of(spider.crawler))
        if isinstance(found, str):
            await spider.ledger.write(updates.record_unproven, original, spider.now())
            spider.logger.warning("%s: %s: fetched again", original, found)
        elif found is not None and original.kind == "ugoira":
            await _complete_ugoira(spider, archive, file, original, found)


def _agree(file: queries.FileOfRow, original: Original) -> bool:
    return (
        original.width in (None, file.width)
        and original.height in (None, file.height)
        and format_of(original.extension) == format_of(file.extension)
        and original.frames is None
    )


def _proven(archive: Archive, file: queries.FileOfRow, original: Original, workers: Workers) -> Proof | str | None:
    """The proof that a stored file is the original that the API names; otherwise why it is not, with the file moved to quarantine. None if
    there is no verdict.
    """
    store = store_of(archive)
    expected = Expected(format_of(original.extension), original.width, original.height, original.frames)
    try:
        with store.local(file.path) as path:
            return workers.prove(path, expected, file.sha256).result()
    except FileNotFoundError:
        store.require(file.path.rpartition("/")[0])
        return f"{file.path} is not there"
    except Damaged as damage:
        if damage.is_no_verdict:
            return None
        if damage.proof is not None and file.as_served:
            # These very bytes were kept although the decoder warns of them.
            return replace(damage.proof, flaw=file.flaw)
        store.set_aside(file.path, str(damage))
        return str(damage)


async def _complete_ugoira(
    spider: PixivSpider[Any], archive: Archive, file: queries.FileOfRow, original: Original, proof: Proof
) -> None:
    """Write the timing beside a zip that was stored without it.

    After a kill in between, the work's own page is not recorded yet, so that the next run comes to it again.
    """
    beside, sha256 = await asyncio.to_thread(place_frames, archive, original)
    staged = StagedOriginal(original, "", file.sha256, file.bytes, file.etag, file.last_modified)
    proven = ProvenOriginal(staged, proof.format, proof.width, proof.height, file.as_served, proof.flaw)
    stored = StoredOriginal(proven, file.path, beside, sha256, file.how_it_came)
    await spider.ledger.write(updates.record_stored, stored, spider.now())
