"""What is known of pixiv's own lists: bookmarks, follows, series."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, exists, func, or_, select

from pixivcrawl.batched import batched
from pixivcrawl.ledger.models import (
    IMPORTED_FILE,
    ArtworkRow,
    BookmarkRow,
    CrawlArtworkRow,
    CrawlRow,
    FileRow,
    FollowRow,
    SeriesArtworkRow,
)
from pixivcrawl.ledger.updates.availability import ARTIST_LEFT
from pixivcrawl.ledger.updates.crawls import is_read_by, list_of
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY
from pixivcrawl.ledger.updates.works import IDS_A_QUERY
from pixivcrawl.reader import Reader


def newest_bookmark(connection: Connection, user_id: int, *, private: bool) -> int:
    """The position of the newest bookmark that is known of a list; 0 without any."""
    newest = select(func.max(BookmarkRow.position)).where(
        BookmarkRow.user_id == user_id, BookmarkRow.private == private
    )
    return connection.execute(newest).scalar() or 0


def listed_before(connection: Connection, crawl_id: int, work_ids: Sequence[int]) -> set[int]:
    """Those of the works that are on the list that run `crawl_id` reads."""
    list_id = list_of(crawl_id)
    listed: set[int] = set()
    for some in batched(work_ids, IDS_A_QUERY):
        found = select(CrawlArtworkRow.artwork_id).where(
            CrawlArtworkRow.list_id == list_id, CrawlArtworkRow.artwork_id.in_(some)
        )
        listed.update(connection.execute(found).scalars())
    return listed


def unseen_works(connection: Connection, crawl_id: int, user_id: int, since_crawl: int, reader: Reader) -> set[int]:
    """An artist's works that run `crawl_id` did not see on its list, but run `since_crawl` or a later one did.

    Works known to be gone are left out, and works last seen by another account, because `reader` may not be shown them.
    """
    shown_to = or_(CrawlRow.reader == 0, is_read_by(reader))
    if not reader.is_visitor:
        shown_to |= CrawlRow.reader.is_(None)
    unseen = (
        select(ArtworkRow.id)
        .join(CrawlArtworkRow, CrawlArtworkRow.artwork_id == ArtworkRow.id)
        .join(CrawlRow, CrawlRow.id == CrawlArtworkRow.crawl_id)
        .where(
            ArtworkRow.user_id == user_id,
            shown_to,
            ArtworkRow.availability.not_in(FINAL_AVAILABILITY),
            CrawlArtworkRow.list_id == list_of(crawl_id),
            CrawlArtworkRow.crawl_id.between(since_crawl, crawl_id - 1),
        )
    )
    return set(connection.execute(unseen).scalars())


def imported_works(connection: Connection, user_id: int) -> set[int]:
    """An artist's works that are known only from imported files."""
    imported = exists().where(FileRow.artwork_id == ArtworkRow.id, IMPORTED_FILE)
    unknown = (ArtworkRow.user_id == user_id, ArtworkRow.availability == "unknown", ArtworkRow.detail.is_(None))
    return set(connection.execute(select(ArtworkRow.id).where(*unknown, imported)).scalars())


def returned_works(connection: Connection, crawl_id: int, user_id: int, since_crawl: int) -> set[int]:
    """An artist's works that are known to be gone and are back if they are listed now.

    They were on the list of run `crawl_id` before run `since_crawl`, which did not see them; or they vanished with their artist.
    """
    gone = (
        select(ArtworkRow.id)
        .join(CrawlArtworkRow, CrawlArtworkRow.artwork_id == ArtworkRow.id)
        .where(
            ArtworkRow.user_id == user_id,
            ArtworkRow.availability == "gone",
            CrawlArtworkRow.list_id == list_of(crawl_id),
            or_(CrawlArtworkRow.crawl_id < since_crawl, ArtworkRow.unavailable_reason == ARTIST_LEFT),
        )
    )
    return set(connection.execute(gone).scalars())


def known_follows(connection: Connection, pairs: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of the (follower, followed) pairs that the ledger knows; at most a few hundred at once."""
    followers, followed = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    found = select(FollowRow.follower_id, FollowRow.followed_id).where(
        FollowRow.follower_id.in_(followers), FollowRow.followed_id.in_(followed)
    )
    return {(follower, followed) for follower, followed in connection.execute(found)} & set(pairs)


def works_of_series(connection: Connection, series_id: int) -> list[int]:
    """The works that a series has, as far as the ledger knows, in its order."""
    works = (
        select(SeriesArtworkRow.artwork_id)
        .where(SeriesArtworkRow.series_id == series_id, SeriesArtworkRow.unlisted.is_(None))
        .order_by(SeriesArtworkRow.position, SeriesArtworkRow.artwork_id)
    )
    return list(connection.execute(works).scalars())
