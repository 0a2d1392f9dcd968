"""`comments=true`: the comments on every work of a list."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pixivcrawl.api.answers import AnswerRefused
from pixivcrawl.api.bodies.artworks import Comments
from pixivcrawl.api.catalogue import COMMENT_REPLIES, ILLUST_COMMENTS
from pixivcrawl.api.endpoint import BodyRefused
from pixivcrawl.base_spiders.base import PixivSpider
from pixivcrawl.ledger import queries, updates

WORKS_AT_ONCE = 100
"""How many works without comments are read from the ledger at a time."""


async def keep_comments(spider: PixivSpider[Any], crawl_id: int, *, read_before: datetime | None) -> None:
    """Keep the comments on the works of a run's list that were not kept yet, or not since `read_before`.

    Comments that cannot be read are reported, counted and asked for again by the next run.
    """
    after = 0
    while works := await spider.ledger.read(
        queries.works_without_comments, crawl_id, after, WORKS_AT_ONCE, read_before=read_before
    ):
        for work_id in works:
            after = work_id
            try:
                await _keep_comments_on(spider, work_id)
            except (AnswerRefused, BodyRefused) as refusal:
                _comments_refused(spider, work_id, refusal)


def _comments_refused(spider: PixivSpider[Any], work_id: int, refusal: Exception) -> None:
    spider.count("comments_failed")
    spider.logger.error("comments on work %d: %s", work_id, refusal)


async def _read_replies(spider: PixivSpider[Any], work_id: int, body: Comments) -> set[int]:
    """Read the replies to those comments of a page that have any; returns their ids."""
    found: set[int] = set()
    for comment in body.comments:
        following: dict[str, Any] | None = {"comment_id": comment.id} if comment.has_replies else None
        while following is not None:
            page = await spider.fetch(COMMENT_REPLIES, beside={"illust_id": work_id}, **following)
            replies = {reply.id for reply in page.comments}
            following = COMMENT_REPLIES.next_page(following, page) if replies - found else None
            found |= replies
    return found


async def _keep_comments_on(spider: PixivSpider[Any], work_id: int) -> None:
    following: dict[str, Any] | None = {"illust_id": work_id}
    seen: set[int] = set()
    while following is not None:
        body = await spider.fetch(ILLUST_COMMENTS, **following)
        ids = {comment.id for comment in body.comments} | await _read_replies(spider, work_id, body)
        # A page with nothing new ends the list, even if it names a next one.
        following = ILLUST_COMMENTS.next_page(following, body) if ids - seen else None
        seen |= ids
    await spider.ledger.write(updates.record_comments_read, work_id, spider.now())
