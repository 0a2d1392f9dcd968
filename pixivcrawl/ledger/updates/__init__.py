"""All that is written into the ledger: plain functions that take a `Connection` first and are called by the writer."""

from collections.abc import Callable, Mapping
from typing import Any

from pixivcrawl.ledger.updates.availability import (
    mark_stale,
    record_artist_left,
    record_not_found,
    record_told_to_ask,
    record_unavailable,
    record_withheld,
    record_work_failed,
)
from pixivcrawl.ledger.updates.bodies import Answer, note_bodies, note_body
from pixivcrawl.ledger.updates.bookmarks import (
    record_bookmarks,
    record_masked,
    record_unlisted_bookmarks,
    settle_bookmark_order,
)
from pixivcrawl.ledger.updates.comments import record_comments, record_comments_read
from pixivcrawl.ledger.updates.crawls import Crawl, begin_crawl, drop_from_list, end_crawl, record_listing
from pixivcrawl.ledger.updates.disk import Found, record_found, record_journal_gap
from pixivcrawl.ledger.updates.files import (
    Intent,
    Placed,
    forget_intent,
    record_all_stored,
    record_file_failed,
    record_intent,
    record_intents,
    record_lost,
    record_row_originals,
    record_stored,
    record_unproven,
    settle_intent,
)
from pixivcrawl.ledger.updates.follows import record_follows, record_unlisted_followers, record_unlisted_following
from pixivcrawl.ledger.updates.hosts import Sent, clear_pause, pause_host, spend_request, spend_requests
from pixivcrawl.ledger.updates.people import (
    record_user,
    record_user_name,
    record_user_not_found,
    record_user_seen,
    record_user_unavailable,
)
from pixivcrawl.ledger.updates.rankings import record_ranking
from pixivcrawl.ledger.updates.readings import record_full_reading, record_gaps_in_following
from pixivcrawl.ledger.updates.requests import record_requests
from pixivcrawl.ledger.updates.series import record_series, record_unlisted_in_series
from pixivcrawl.ledger.updates.tags import record_tag_translations
from pixivcrawl.ledger.updates.user_files import record_user_pictures
from pixivcrawl.ledger.updates.works import Told, record_artwork, record_artworks, record_rows, record_stubs

NOT_JOURNALED = frozenset({"clear_pause", "pause_host", "spend_request"})
"""What a ledger that is made again can do without: pauses are over by then, and so is the day whose requests were counted.

Every other change is one that `scrapy rebuild` makes again from its name and its arguments, so those keep their names, their types, and a
default for what is added to them.
"""

TOGETHER: Mapping[Callable[..., Any], tuple[Callable[..., Any], Callable[..., list[Any]]]] = {
    note_body: (Answer, note_bodies),
    record_artwork: (Told, record_artworks),
    record_intent: (Placed, record_intents),
    record_stored: (Placed, record_all_stored),
    spend_request: (Sent, spend_requests),
}
"""Changes of which several in a row cost less together: what holds the arguments of one, and what makes all and gives what each gives."""

__all__ = [
    "NOT_JOURNALED",
    "TOGETHER",
    "Crawl",
    "Found",
    "Intent",
    "begin_crawl",
    "clear_pause",
    "drop_from_list",
    "end_crawl",
    "forget_intent",
    "mark_stale",
    "note_body",
    "pause_host",
    "record_artist_left",
    "record_artwork",
    "record_bookmarks",
    "record_comments",
    "record_comments_read",
    "record_file_failed",
    "record_follows",
    "record_found",
    "record_full_reading",
    "record_gaps_in_following",
    "record_intent",
    "record_journal_gap",
    "record_listing",
    "record_lost",
    "record_masked",
    "record_not_found",
    "record_ranking",
    "record_requests",
    "record_row_originals",
    "record_rows",
    "record_series",
    "record_stored",
    "record_stubs",
    "record_tag_translations",
    "record_told_to_ask",
    "record_unavailable",
    "record_unlisted_bookmarks",
    "record_unlisted_followers",
    "record_unlisted_following",
    "record_unlisted_in_series",
    "record_unproven",
    "record_user",
    "record_user_name",
    "record_user_not_found",
    "record_user_pictures",
    "record_user_seen",
    "record_user_unavailable",
    "record_withheld",
    "record_work_failed",
    "settle_bookmark_order",
    "settle_intent",
    "spend_request",
]
