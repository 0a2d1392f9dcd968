"""Every write to the ledger: plain functions that take a `Connection` first and are called by the writer."""

from collections.abc import Callable, Mapping
from typing import Any

from pixivcrawl.ledger.updates.answers import AnswerUpdate, note_answers, record_answer, record_answers
from pixivcrawl.ledger.updates.availability import (
    mark_stale,
    record_artist_left,
    record_not_found,
    record_told_to_ask,
    record_unavailable,
    record_withheld,
    record_work_failed,
)
from pixivcrawl.ledger.updates.bookmarks import (
    record_bookmark_order,
    record_bookmarks,
    record_masked,
    record_unlisted_bookmarks,
    settle_bookmark_order,
)
from pixivcrawl.ledger.updates.comments import record_comments, record_comments_read
from pixivcrawl.ledger.updates.crawls import Crawl, begin_crawl, drop_from_list, end_crawl, record_listing
from pixivcrawl.ledger.updates.disk import FoundFile, record_found, record_journal_gap, record_lost
from pixivcrawl.ledger.updates.facts import FactsUpdate, record_all_facts, record_facts
from pixivcrawl.ledger.updates.files import (
    Intent,
    PlacedFile,
    forget_intent,
    record_all_stored,
    record_file_failed,
    record_intent,
    record_intents,
    record_stored,
    record_unproven,
    settle_intent,
)
from pixivcrawl.ledger.updates.filling import fill_unknown
from pixivcrawl.ledger.updates.follows import record_follows, record_unlisted_followers, record_unlisted_following
from pixivcrawl.ledger.updates.forgotten import Subject, forget, remember
from pixivcrawl.ledger.updates.hosts import (
    RequestSpent,
    clear_pause,
    note_session,
    pause_host,
    share_pace,
    spend_request,
    spend_requests,
    take_request,
)
from pixivcrawl.ledger.updates.imported import record_double
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
from pixivcrawl.ledger.updates.stores import use_store
from pixivcrawl.ledger.updates.tags import record_tag_translations
from pixivcrawl.ledger.updates.user_files import record_user_pictures
from pixivcrawl.ledger.updates.works import (
    record_artwork,
    record_originals_of_rows,
    record_row_originals,
    record_rows,
    record_stubs,
)

JOURNAL_GAP = "journal-gap"

FORMER_EVENTS: Mapping[str, Callable[..., Any]] = {
    "artwork": record_artwork,
    "bookmarks": record_bookmarks,
    "comments": record_comments,
    "follows": record_follows,
    "masked": record_masked,
    "ranking": record_ranking,
    "requests": record_requests,
    "rows": record_rows,
    "series": record_series,
    "tag-translations": record_tag_translations,
    "user": record_user,
    "user-name": record_user_name,
    "user-pictures": record_user_pictures,
    "user-seen": record_user_seen,
    "work-ids": record_stubs,
}
"""Events of journals that `pixivcrawl upgrade` converted: they hold in full what answers say."""

EVENTS: Mapping[str, Callable[..., Any]] = {
    **FORMER_EVENTS,
    "answer": record_answer,
    "artist-left": record_artist_left,
    "bookmark-order": settle_bookmark_order,
    "bookmark-places": record_bookmark_order,
    "bookmarks-unlisted": record_unlisted_bookmarks,
    "columns-filled": fill_unknown,
    "comments-read": record_comments_read,
    "facts": record_facts,
    "file-double": record_double,
    "file-failed": record_file_failed,
    "file-found": record_found,
    "file-lost": record_lost,
    "file-stored": record_stored,
    "file-unproven": record_unproven,
    "files-from-row": record_row_originals,
    "files-from-rows": record_originals_of_rows,
    "forgotten": forget,
    "followers-unlisted": record_unlisted_followers,
    "following-gaps": record_gaps_in_following,
    "following-unlisted": record_unlisted_following,
    "intent": record_intent,
    "intent-forgotten": forget_intent,
    "intent-settled": settle_intent,
    JOURNAL_GAP: record_journal_gap,
    "list-read-in-full": record_full_reading,
    "remembered": remember,
    "run-began": begin_crawl,
    "run-ended": end_crawl,
    "series-unlisted": record_unlisted_in_series,
    "store-used": use_store,
    "user-not-found": record_user_not_found,
    "user-unavailable": record_user_unavailable,
    "work-failed": record_work_failed,
    "work-not-found": record_not_found,
    "work-stale": mark_stale,
    "work-unavailable": record_unavailable,
    "work-withheld": record_withheld,
    "works-asked-for": record_told_to_ask,
    "works-left-out": drop_from_list,
    "works-listed": record_listing,
}
"""The journal's events by their types, and what each does to the ledger; its data are the function's arguments by name.

A rebuilt ledger does not need the other changes: pauses are over by then, so is the day whose requests were counted, and a pace is
learned again.
docs/journal.md is made from this, and tests hold it against the schema of VERSION (ledger/journal.py).
"""

BATCHED: Mapping[Callable[..., Any], tuple[Callable[..., Any], Callable[..., list[Any]]]] = {
    record_answer: (AnswerUpdate, record_answers),
    record_facts: (FactsUpdate, record_all_facts),
    record_intent: (PlacedFile, record_intents),
    record_stored: (PlacedFile, record_all_stored),
    spend_request: (RequestSpent, spend_requests),
}
"""Changes that cost less when several in a row are made together: the class for the arguments of one, and the function that makes all and
returns the result of each."""
