"""Handles answers in which pixiv shows only a part of a work, or something else than the work."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from pixivcrawl import items_from
from pixivcrawl.api.answers import AnswerKind, AnswerRefused
from pixivcrawl.api.bodies.artworks import IllustDetail
from pixivcrawl.api.catalogue import ILLUST_PAGES, ILLUST_UGOIRA_META
from pixivcrawl.api.text import one_line
from pixivcrawl.api.withheld import WHAT_TO_DO, Withheld, withheld_because
from pixivcrawl.base_spiders.params import ListingArguments
from pixivcrawl.items import Artwork
from pixivcrawl.ledger import updates
from pixivcrawl.run_ending import RunStopping
from pixivcrawl.throttling.account import account_of

if TYPE_CHECKING:
    from pixivcrawl.base_spiders.listing import ListingSpider

LONGEST_REASON = 300
"""Characters of a reason that are kept and shown."""

WITHHELD = {AnswerKind.LOGIN_NEEDED, AnswerKind.FORBIDDEN}

NOT_SHOWN = {AnswerKind.NOT_FOUND, *WITHHELD}
"""What an answer about a work may say instead of the work."""


async def read_work(spider: ListingSpider[Any], detail: IllustDetail) -> tuple[Artwork, Withheld | None]:
    """The work from its own page and the answers about its parts, and why its files are withheld.

    A refused part says nothing about the rest: what the work's own page said is kept.
    """
    arguments: ListingArguments = spider.args
    first_page = items_from.artwork(detail)
    if spider.session is not None and detail.x_restrict and detail.urls.original is not None:
        # Only a signed-in reader is shown it.
        account_of(spider.crawler).prove()
    if detail.urls.original is None:
        return first_page, withheld_because(detail, signed_in=spider.session is not None)
    if arguments.fits(first_page) is False:
        return first_page, None
    try:
        if detail.kind == "ugoira":
            ugoira = await spider.part_of(detail, ILLUST_UGOIRA_META, lambda meta: meta.revision)
            return items_from.artwork(detail, ugoira=ugoira, frames=arguments.wants_frames), None
        if detail.page_count > 1:
            pages = await spider.part_of(detail, ILLUST_PAGES, lambda pages: pages[0].revision if pages else None)
            if all(page.urls.original is not None for page in pages):
                return items_from.artwork(detail, pages=pages), None
        else:
            return first_page, None
    except AnswerRefused as refusal:
        if refusal.answer.kind not in NOT_SHOWN:
            raise
    because = Withheld.REGION if detail.location_mask else Withheld.FILES
    return replace(first_page, originals=(), availability="withheld"), because


async def record_refusal(spider: ListingSpider[Any], work_id: int, refusal: BaseException | None) -> None:
    """Record what an answer without a body says about the work; nothing while a run is ending."""
    if isinstance(refusal, RunStopping):
        return
    if isinstance(refusal, AnswerRefused) and refusal.answer.kind in WITHHELD:
        await record_withheld(spider, work_id, Withheld.REFUSED if spider.session else Withheld.SIGNED_IN)
        return
    if isinstance(refusal, AnswerRefused) and refusal.answer.kind is AnswerKind.NOT_FOUND:
        await _record_not_found(spider, work_id, refusal.answer.message)
        return
    spider.count("works_failed")
    reason = one_line(str(refusal), LONGEST_REASON)
    spider.logger.error("work %d: %s", work_id, reason)
    await spider.ledger.write(updates.record_work_failed, work_id, reason, spider.now(), spider.crawl.crawl_id)


async def record_withheld(spider: ListingSpider[Any], work_id: int, because: Withheld) -> None:
    """Record that the work exists and is not shown to this reader."""
    spider.count("works_unavailable/withheld")
    spider.logger.error("work %d: withheld: %s; %s", work_id, because, WHAT_TO_DO[because])
    withheld = (work_id, str(because), spider.now(), spider.reader)
    await spider.once_confirmed(partial(spider.ledger.write, updates.record_withheld, *withheld))


async def _record_not_found(spider: ListingSpider[Any], work_id: int, reason: str) -> None:
    """Record a 404: a tombstone the second time, or when the list that named the work no longer does."""
    if spider.asked_by_name:
        spider.count("works_failed")
        spider.logger.error("work %d: not found: %s", work_id, reason)
    now = spider.now()

    async def record() -> None:
        is_gone = await spider.ledger.write(
            updates.record_not_found,
            work_id,
            reason,
            now,
            apart=spider.configuration.gone_after,
            is_unlisted=work_id in spider.vanished,
            crawl_id=spider.crawl.crawl_id,
        )
        if is_gone:
            spider.count("works_unavailable/gone")
        elif work_id in spider.asking:
            spider.asking.look_again(work_id)

    await spider.once_confirmed(record)
