"""All that is read from the ledger: plain functions that take a `Connection` first."""

from pixivcrawl.ledger.queries.conditions import Enough
from pixivcrawl.ledger.queries.crawls import (
    CrawlRecord,
    HostPause,
    artists_unread,
    confirmed,
    counts_before,
    host_pauses,
    last_account,
    last_crawls,
    lists_shown_in_part,
    requests_spent,
    user_detail,
)
from pixivcrawl.ledger.queries.described import described_works, works_without_comments
from pixivcrawl.ledger.queries.files import (
    KeptFile,
    PagesOfWork,
    all_files_of_work,
    artists_of_works,
    files_at_pixiv,
    files_of_works,
    known_artists,
    pages_of_work,
    stored_paths,
    stored_totals,
    works_of_artist,
    works_stored_since,
)
from pixivcrawl.ledger.queries.forgotten import Forgotten, forgotten, paths_deleted
from pixivcrawl.ledger.queries.left import (
    ANSWER_MS,
    PICTURES_MS,
    Measured,
    WorksLeft,
    WorksToCome,
    known_from_rows,
    list_is_known,
    measured,
    of_artists,
    on_list,
    with_ids,
    works_left,
    works_to_come,
)
from pixivcrawl.ledger.queries.lists import (
    known_follows,
    listed_before,
    newest_bookmark,
    returned_works,
    unseen_works,
    works_of_series,
)
from pixivcrawl.ledger.queries.rows import (
    FileOfRow,
    files_of_row,
    likely_extensions,
    without_originals,
    works_of_rows,
)
from pixivcrawl.ledger.queries.status import (
    ArtistStatus,
    Missing,
    OddFile,
    Totals,
    Unavailable,
    Waiting,
    status_missing,
    status_odd,
    status_odd_files,
    status_of_rows,
    status_of_works,
    status_of_zips,
    status_to_ask,
    status_totals,
    status_unavailable,
    status_unavailable_works,
    status_waiting,
    status_withheld,
)
from pixivcrawl.ledger.queries.subjects import (
    FileStatus,
    WordsOfWork,
    WorkStatus,
    files_of_work,
    is_known,
    lists_of_artist,
    lists_of_work,
    pictures_of_user,
    status_of_artist,
    status_of_work,
    words_of_work,
)
from pixivcrawl.ledger.queries.subscriptions import (
    FEED_GAPS,
    NO_RUNS,
    UNREACHABLE,
    Feed,
    ListRun,
    ListRuns,
    api_requests_since,
    feed,
    followed_by,
    list_sizes,
    not_on_list,
    runs_of_lists,
    seen_in_feed,
)
from pixivcrawl.ledger.queries.user_files import (
    files_by_id,
    files_of_users,
    intents_of_users,
    users_with_pictures,
    wanted_pictures,
)
from pixivcrawl.ledger.queries.works import (
    KnownWork,
    StoredFile,
    WorkToDo,
    answer_location,
    gone_files,
    known_works,
    served_before,
    stored_files,
    unsettled_intents,
    unstored_places,
    waiting_works,
    wanted_originals,
    withheld_works,
    works_to_ask,
    works_to_fetch,
    works_without_caption,
    zip_of_ugoira,
)
from pixivcrawl.ledger.updates.files import Intent
from pixivcrawl.ledger.updates.hosts import kept_pace, refused_paces
