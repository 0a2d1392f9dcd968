"""All that is read from the ledger: plain functions that take a `Connection` first."""

from pixivcrawl.ledger.queries.crawls import (
    CrawlRecord,
    HostPause,
    counts_before,
    host_pauses,
    last_complete_crawl,
    last_crawls,
    user_is_described,
)
from pixivcrawl.ledger.queries.described import described_works, works_without_comments
from pixivcrawl.ledger.queries.lists import known_follows, listed_before, newest_bookmark, works_of_series
from pixivcrawl.ledger.queries.status import (
    ArtistStatus,
    Missing,
    Totals,
    Unavailable,
    status_artists,
    status_missing,
    status_totals,
    status_unavailable,
)
from pixivcrawl.ledger.queries.works import (
    KnownWork,
    StoredFile,
    WorkToDo,
    gone_files,
    known_works,
    same_body_before,
    stored_files,
    unsettled_intents,
    unstored_places,
    wanted_originals,
    works_to_do,
)
from pixivcrawl.ledger.records.files import Intent

__all__ = [
    "ArtistStatus",
    "CrawlRecord",
    "HostPause",
    "Intent",
    "KnownWork",
    "Missing",
    "StoredFile",
    "Totals",
    "Unavailable",
    "WorkToDo",
    "counts_before",
    "described_works",
    "gone_files",
    "host_pauses",
    "known_follows",
    "known_works",
    "last_complete_crawl",
    "last_crawls",
    "listed_before",
    "newest_bookmark",
    "same_body_before",
    "status_artists",
    "status_missing",
    "status_totals",
    "status_unavailable",
    "stored_files",
    "unsettled_intents",
    "unstored_places",
    "user_is_described",
    "wanted_originals",
    "works_of_series",
    "works_to_do",
    "works_without_comments",
]
