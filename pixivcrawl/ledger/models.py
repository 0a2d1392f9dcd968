"""The tables of the ledger. Times are UTC; ids are pixiv's, except keys that count up by themselves.

Tables about works that may not be archived (a rank, a bookmark, a follow) have no foreign key to the works' rows.
"""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Any, ClassVar, get_args, get_type_hints

from sqlalchemy import Boolean, Column, ColumnElement, ForeignKey, Index, LargeBinary, MetaData, Sequence, Table, text

from pixivcrawl.items import Artwork, Comment, Series, User, columns_of
from pixivcrawl.ledger.columns import CleanText, Json, Number, UtcTime

KINDS: dict[Any, Any] = {int: Number, str: CleanText, datetime: UtcTime, bytes: LargeBinary, bool: Boolean}
"""What a column of a Python type is in the database; of any other, JSON."""

MISSING_FILE = text("files.state IN ('wanted', 'parked')")
UNSETTLED_INTENT = text("files.state = 'intent'")
ODD_FILE = text("(files.flaw IS NOT NULL OR files.as_served)")
ZIP_FILE = text("files.kind = 'ugoira'")
IMPORTED_FILE = text("files.evidence IS NOT NULL")
OPEN_USER_FILE = text("user_files.state IN ('wanted', 'parked', 'intent')")
UNSETTLED_WORK = text("crawl_artworks.unsettled")
ROW_LEVEL_WORK = text("artworks.detail = 'listing'")
WITHHELD_WORK = text("artworks.availability = 'withheld'")
"""Conditions written out, because SQLite uses a partial index only for a query that repeats the index's own words."""

WITHOUT_ROWID: dict[str, Any] = {"sqlite_with_rowid": False}


class Base:
    """A table, declared much as with SQLAlchemy's ORM, whose import and mappings would take a fifth of a second of each start.

    Not as SQLAlchemy's own `TypedColumns`: those take no map of types, so that each of the 200 columns would have to name its own.

    A column is an attribute `name: ColumnElement[type]`, nullable where the type takes None, with what else there is to say of it as
    `column(...)`; on the class it then is the column of `__table__`. After these come the columns of `__item__` that are not among them.
    `__table_args__` and `__table_options__` are what a `Table` takes after its columns.
    """

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_name)s_key",
            "ix": "%(table_name)s_%(column_0_name)s",
        }
    )
    __tablename__: ClassVar[str]
    __item__: ClassVar[Any] = None
    __table_args__: ClassVar[tuple[Any, ...]] = ()
    __table_options__: ClassVar[dict[str, Any]] = {}
    __table__: ClassVar[Table]

    def __init_subclass__(cls) -> None:
        if "__tablename__" not in vars(cls):
            return
        declared = {
            name: get_args(hint)[0] for name, hint in get_type_hints(cls).items() if name in cls.__annotations__
        }
        if cls.__item__ is not None:
            told = get_type_hints(cls.__item__)
            of_item = {name: told[field.name] for name, field in columns_of(cls.__item__).items()}
            declared |= {name: kind for name, kind in of_item.items() if name not in declared}
        columns = [_column(name, kind, *vars(cls).get(name, ((), {}))) for name, kind in declared.items()]
        cls.__table__ = Table(cls.__tablename__, cls.metadata, *columns, *cls.__table_args__, **cls.__table_options__)
        for each in cls.__table__.columns:
            setattr(cls, each.key, each)

    @classmethod
    def __clause_element__(cls) -> Table:
        """Lets SQLAlchemy take the class for its table."""
        return cls.__table__


def column(*arguments: Any, **options: Any) -> Any:
    """The properties of a column besides its name, its type and whether it may be null."""
    return arguments, options


def _column(name: str, kind: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Column[Any]:
    kinds = [each for each in get_args(kind) if each is not NoneType] or [kind]
    return Column(name, KINDS.get(kinds[0], Json), *arguments, nullable=NoneType in get_args(kind), **options)


def table(model: type[Base]) -> Table:
    """The table of a model, for writes in bulk."""
    return model.__table__


def give_partial_indexes(dialect: str) -> None:
    """Have the partial indexes in another dialect than SQLite's. To name a dialect in the declarations would import it in every start."""
    for each in Base.metadata.tables.values():
        for index in each.indexes:
            index.dialect_options[dialect]["where"] = index.dialect_options["sqlite"]["where"]


class UserRow(Base):
    """A pixiv user. `detail` is None (only an id), listing or full; `availability` is unknown, available or gone.

    `missing_since`: pixiv answered 404, which counts when it happens again. `described`: when the profile was first read. `background` is
    the address of the picture behind the profile; `social`, `workspace` and `pickup` (what is at the top of the profile) are as pixiv gives
    them.
    """

    __tablename__ = "users"
    __item__ = User

    id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    name: ColumnElement[str | None]
    detail: ColumnElement[str | None]
    account: ColumnElement[str | None]
    comment: ColumnElement[str | None]
    webpage: ColumnElement[str | None]
    image: ColumnElement[str | None]
    availability: ColumnElement[str] = column(server_default="unknown")
    unavailable_reason: ColumnElement[str | None]
    unavailable_since: ColumnElement[datetime | None]
    first_seen: ColumnElement[datetime]
    last_seen: ColumnElement[datetime]
    missing_since: ColumnElement[datetime | None]
    described: ColumnElement[datetime | None]


class UserVersionRow(Base):
    """A former value of one field of a user's profile, and the times between which the ledger saw it."""

    __tablename__ = "user_versions"

    id: ColumnElement[int] = column(primary_key=True)
    user_id: ColumnElement[int] = column(ForeignKey("users.id"), index=True)
    field: ColumnElement[str]
    value: ColumnElement[Any]
    true_from: ColumnElement[datetime]
    true_to: ColumnElement[datetime]


class UserFileRow(Base):
    """A user's picture (`kind`: avatar, background) at one revision; the other columns are as in `files`.

    It is a table of its own, because a row of `files` is a page of a work and has the work's key: user 7 is not work 7.
    """

    __tablename__ = "user_files"

    id: ColumnElement[int] = column(primary_key=True)
    user_id: ColumnElement[int] = column(ForeignKey("users.id"))
    kind: ColumnElement[str]
    revision: ColumnElement[str]
    state: ColumnElement[str]
    url: ColumnElement[str | None]
    extension: ColumnElement[str]
    uploaded: ColumnElement[datetime]
    width: ColumnElement[int | None]
    height: ColumnElement[int | None]
    path: ColumnElement[str | None]
    sha256: ColumnElement[str | None]
    bytes: ColumnElement[int | None]
    format: ColumnElement[str | None]
    as_served: ColumnElement[bool] = column(server_default=text("false"))
    flaw: ColumnElement[str | None]
    etag: ColumnElement[str | None]
    last_modified: ColumnElement[str | None]
    failed_runs: ColumnElement[int] = column(server_default=text("0"))
    failed_crawl_id: ColumnElement[int | None]
    failed_reason: ColumnElement[str | None]
    next_attempt: ColumnElement[datetime | None]
    served_sha256: ColumnElement[str | None]
    served_at: ColumnElement[datetime | None]
    served_last: ColumnElement[datetime | None]
    served_times: ColumnElement[int] = column(server_default=text("0"))
    recorded: ColumnElement[datetime]
    stored: ColumnElement[datetime | None]
    archive: ColumnElement[str | None]

    __table_args__ = (
        Index("user_files_user", "user_id", "kind", "revision", unique=True),
        Index("user_files_open", "user_id", "kind", sqlite_where=OPEN_USER_FILE),
    )


class UserNameRow(Base):
    """A name that a user had, and the times between which it was seen."""

    __tablename__ = "user_names"
    __table_args__ = (Index("user_names_first_seen", "first_seen"),)

    id: ColumnElement[int] = column(primary_key=True)
    user_id: ColumnElement[int] = column(ForeignKey("users.id"), index=True)
    name: ColumnElement[str]
    first_seen: ColumnElement[datetime]
    last_seen: ColumnElement[datetime]


class ArtworkRow(Base):
    """A work.

    `detail`: None (only an id), listing, full. `availability`: unknown, available, withheld, gone, masked. `files_state`: found (some are
    to be fetched), complete, parked (what is missing failed and waits). `stale_since`: pixiv has a newer revision than the known one.
    `row_revision` and `row_updated` are from the last list row. The `failed_*` columns and `next_attempt` are about reading the work
    itself: in how many runs that failed, in which run last, why, and when it is due again. `comments_read`: when all of its comments were
    last kept. `withheld_from`, `withheld_session` and `withheld_at`: the reader to whom pixiv last did not show the work, as in `crawls`,
    and when. `missing_since`: pixiv answered 404, which counts when it happens again. `series_order` is its place in its series, from 1;
    `location_mask`: it is not shown in the reader's region; `reuploaded`: when its images were last replaced; `book_style`: how a manga's
    pages turn. The translations are pixiv's, into the reader's language. `request` (the request that it came from) and `poll` (a poll for
    its readers) are as pixiv gives them.
    """

    __tablename__ = "artworks"
    __item__ = Artwork

    id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    user_id: ColumnElement[int | None] = column(ForeignKey("users.id"))
    title: ColumnElement[str | None]
    caption: ColumnElement[str | None]
    kind: ColumnElement[str | None]
    page_count: ColumnElement[int | None]
    created: ColumnElement[datetime | None]
    uploaded: ColumnElement[datetime | None]
    revision: ColumnElement[str | None]
    width: ColumnElement[int | None]
    height: ColumnElement[int | None]
    x_restrict: ColumnElement[int | None]
    restrict: ColumnElement[int | None]
    ai_type: ColumnElement[int | None]
    sanity_level: ColumnElement[int | None]
    bookmark_count: ColumnElement[int | None]
    like_count: ColumnElement[int | None]
    comment_count: ColumnElement[int | None]
    view_count: ColumnElement[int | None]
    series_id: ColumnElement[int | None]
    detail: ColumnElement[str | None]
    availability: ColumnElement[str] = column(server_default="unknown")
    unavailable_reason: ColumnElement[str | None]
    unavailable_since: ColumnElement[datetime | None]
    masked_since: ColumnElement[datetime | None]
    stale_since: ColumnElement[datetime | None]
    row_revision: ColumnElement[str | None]
    row_updated: ColumnElement[datetime | None]
    files_state: ColumnElement[str] = column(server_default="found")
    files_stored: ColumnElement[int] = column(server_default=text("0"))
    bytes_stored: ColumnElement[int] = column(server_default=text("0"))
    failed_runs: ColumnElement[int] = column(server_default=text("0"))
    failed_crawl_id: ColumnElement[int | None]
    failed_reason: ColumnElement[str | None]
    next_attempt: ColumnElement[datetime | None]
    first_seen: ColumnElement[datetime]
    described: ColumnElement[datetime | None]
    comments_read: ColumnElement[datetime | None]
    withheld_from: ColumnElement[int | None]
    withheld_session: ColumnElement[int | None]
    withheld_at: ColumnElement[datetime | None]
    missing_since: ColumnElement[datetime | None]

    __table_args__ = (
        # `status` sums up every work, per artist and in all, from this index alone.
        Index("artworks_status", "user_id", "availability", "files_state", "files_stored", "bytes_stored"),
        Index(
            "artworks_unavailable",
            "unavailable_since",
            sqlite_where=text("unavailable_since IS NOT NULL"),
        ),
        Index(
            "artworks_withheld",
            "unavailable_reason",
            "withheld_from",
            sqlite_where=WITHHELD_WORK,
        ),
        Index(
            "artworks_failed",
            "next_attempt",
            sqlite_where=text("next_attempt IS NOT NULL"),
        ),
        Index("artworks_of_rows", "id", sqlite_where=ROW_LEVEL_WORK),
        Index("artworks_first_seen", "first_seen"),
        Index("artworks_artist", "user_id", "id"),
    )


class ArtworkVersionRow(Base):
    """A former value of one field of a work, and the times between which the ledger saw it.

    The field `availability` records the time in which a work that came back was away: gone or forbidden.
    """

    __tablename__ = "artwork_versions"
    __table_args__ = (Index("artwork_versions_true_to", "true_to"),)

    id: ColumnElement[int] = column(primary_key=True)
    artwork_id: ColumnElement[int] = column(ForeignKey("artworks.id"), index=True)
    field: ColumnElement[str]
    value: ColumnElement[Any]
    true_from: ColumnElement[datetime]
    true_to: ColumnElement[datetime]


class TagRow(Base):
    """A tag, spelled as pixiv spells it."""

    __tablename__ = "tags"

    id: ColumnElement[int] = column(primary_key=True)
    name: ColumnElement[str] = column(unique=True)


class TagTranslationRow(Base):
    """A tag in another language; language `reader` is the one that pixiv chose for the reader."""

    __tablename__ = "tag_translations"
    __table_options__ = WITHOUT_ROWID

    tag_id: ColumnElement[int] = column(ForeignKey("tags.id"), primary_key=True, autoincrement=False)
    language: ColumnElement[str] = column(primary_key=True)
    text: ColumnElement[str]
    seen: ColumnElement[datetime]


class ArtworkTagRow(Base):
    """A work's current tags in the artist's order; former ones are in `artwork_versions`.

    `locked`: only the artist may remove it. `user_id` is who added it.
    """

    __tablename__ = "artwork_tags"
    __table_options__ = WITHOUT_ROWID

    artwork_id: ColumnElement[int] = column(ForeignKey("artworks.id"), primary_key=True, autoincrement=False)
    position: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    tag_id: ColumnElement[int] = column(ForeignKey("tags.id"))
    locked: ColumnElement[bool | None]
    user_id: ColumnElement[int | None]


class FileRow(Base):
    """One file of a work at one revision. `state`: wanted, parked, intent (about to be placed), stored, adopted (stored, and of which
    revision nothing shows; `revision` is then made of its bytes and begins with 0), superseded (pixiv has it no more: never had, or with
    a `sha256` once had and lost), deleted (by the archive's owner, with a forgotten work; it lay at `path`).

    Until it is stored, size and format are what the API said; afterwards what the bytes are. `kind`: image, ugoira (its
    zip), frame (`page` is its number) or frames (their names and delays).
    `etag` and `last_modified`: what the image host said of the body that came last, as it said it. `flaw`: what is odd about a file that
    was kept: beside its pixels, or, `as_served`, what the decoder warned of within them. `served_sha256`: the doubtful body that came
    last, `served_at` and `served_last` when it was first and last counted, `served_times` how often. Of a file that pixivcrawl import
    brought, `source` is the tool and the file in its folder, `evidence` what shows that it is this page at this revision (recorded,
    one revision; of an adopted one fits, older, gone, rewritten), and `imported` when. `archive` is the one (its `.name`) in whose folder
    the file is or is about to be; NULL in SQLite, and where a ledger on a server was told before it kept that.
    """

    __tablename__ = "files"

    id: ColumnElement[int] = column(primary_key=True)
    artwork_id: ColumnElement[int] = column(ForeignKey("artworks.id"))
    page: ColumnElement[int]
    revision: ColumnElement[str]
    kind: ColumnElement[str]
    state: ColumnElement[str]
    url: ColumnElement[str | None]
    extension: ColumnElement[str]
    uploaded: ColumnElement[datetime]
    width: ColumnElement[int | None]
    height: ColumnElement[int | None]
    frames: ColumnElement[Any | None]
    path: ColumnElement[str | None]
    sha256: ColumnElement[str | None]
    bytes: ColumnElement[int | None]
    format: ColumnElement[str | None]
    as_served: ColumnElement[bool] = column(server_default=text("false"))
    failed_runs: ColumnElement[int] = column(server_default=text("0"))
    failed_crawl_id: ColumnElement[int | None]
    failed_reason: ColumnElement[str | None]
    next_attempt: ColumnElement[datetime | None]
    served_sha256: ColumnElement[str | None]
    served_at: ColumnElement[datetime | None]
    recorded: ColumnElement[datetime]
    stored: ColumnElement[datetime | None]
    flaw: ColumnElement[str | None]
    etag: ColumnElement[str | None]
    last_modified: ColumnElement[str | None]
    served_last: ColumnElement[datetime | None]
    served_times: ColumnElement[int] = column(server_default=text("0"))
    source: ColumnElement[str | None]
    evidence: ColumnElement[str | None]
    imported: ColumnElement[datetime | None]
    archive: ColumnElement[str | None]

    __table_args__ = (
        Index("files_artwork", "artwork_id", "page", "revision", "kind", unique=True),
        Index("files_missing", "artwork_id", sqlite_where=MISSING_FILE),
        Index("files_intent", "id", sqlite_where=UNSETTLED_INTENT),
        Index("files_odd", "as_served", sqlite_where=ODD_FILE),
        Index("files_zips", "artwork_id", sqlite_where=ZIP_FILE),
        # Paths may be longer than what PostgreSQL's trees hold.
        Index("files_imported", "source", sqlite_where=IMPORTED_FILE, postgresql_using="hash"),
    )


class AnswerRow(Base):
    """The last answer from which a row was made; `subject_id` is the work's or user's id.

    It is the WARC record of `length` bytes from `start` on in `file` of the journal of `archive` (its `.name`; "" in SQLite).
    """

    __tablename__ = "answers"

    endpoint: ColumnElement[str] = column(primary_key=True)
    subject_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    read_at: ColumnElement[datetime]
    archive: ColumnElement[str]
    file: ColumnElement[str]
    start: ColumnElement[int]
    length: ColumnElement[int]


class SnapshotRow(Base):
    """A dated copy of an answer that has no table of its own: its place in the journal, as in `answers`."""

    __tablename__ = "snapshots"
    __table_args__ = (Index("snapshots_endpoint", "endpoint", "read_at"),)

    id: ColumnElement[int] = column(primary_key=True)
    endpoint: ColumnElement[str]
    parameters: ColumnElement[Any]
    read_at: ColumnElement[datetime]
    archive: ColumnElement[str]
    file: ColumnElement[str]
    start: ColumnElement[int]
    length: ColumnElement[int]


class CrawlRow(Base):
    """A run of a spider. `list_id` is the first run with the same spider and canonical arguments: what they read is one list.

    `outcome` is None while it runs and for ever when it was killed. `frontier` holds the ids at the head of the list when it was read.
    `read_to_end`: this run saw the list to its end, or to the frontier of a run that had. `suffices`: what is to be known of each of its
    works: full (its own page, and its files), listing (a list's row, and its files), either of them with "and frames" where those of an
    ugoira are to be had as uploaded, facts (its own page alone) or row. `full_reading`: it was to read the whole list and to compare the
    works that were known.

    `reader` is the account that read, 0 for a visitor, NULL if unknown (old runs); `session` another number for another session
    of it. `confirmed` is when pixiv last showed in this run that it knows the session. `cursor` and `confirmed_cursor` are where the list
    goes on, the latter behind the last page of which that is known.
    """

    __tablename__ = "crawls"
    __table_args__ = (
        Index("crawls_list", "list_key", "id"),
        Index("crawls_started", "started"),
        Index("crawls_confirmed", "session", "confirmed", sqlite_where=text("confirmed IS NOT NULL")),
    )

    id: ColumnElement[int] = column(primary_key=True)
    list_id: ColumnElement[int | None]
    list_key: ColumnElement[str]
    spider: ColumnElement[str]
    arguments: ColumnElement[Any]
    resumes: ColumnElement[int | None]
    cursor: ColumnElement[str | None]
    frontier: ColumnElement[Any | None]
    read_to_end: ColumnElement[bool] = column(server_default=text("false"))
    found: ColumnElement[int] = column(server_default=text("0"))
    outcome: ColumnElement[str | None]
    exit_code: ColumnElement[int | None]
    reason: ColumnElement[str | None]
    counts: ColumnElement[Any | None]
    started: ColumnElement[datetime]
    ended: ColumnElement[datetime | None]
    suffices: ColumnElement[str] = column(server_default="full")
    full_reading: ColumnElement[bool] = column(server_default=text("false"))
    reader: ColumnElement[int | None]
    session: ColumnElement[int | None]
    confirmed: ColumnElement[datetime | None]
    confirmed_cursor: ColumnElement[str | None]


class CrawlArtworkRow(Base):
    """A work found on a list: `position` is the order of finding, `crawl_id` the last run that saw it there.

    `unsettled` repeats whether less is known of the work than suffices for the list, so that what is left to do is found without looking at
    what is done.
    """

    __tablename__ = "crawl_artworks"

    position: ColumnElement[int] = column(primary_key=True)
    list_id: ColumnElement[int] = column(ForeignKey("crawls.id"))
    artwork_id: ColumnElement[int] = column(ForeignKey("artworks.id"), index=True)
    crawl_id: ColumnElement[int]
    unsettled: ColumnElement[bool]

    __table_args__ = (
        Index("crawl_artworks_list", "list_id", "artwork_id", unique=True),
        Index(
            "crawl_artworks_unsettled",
            "list_id",
            "position",
            sqlite_where=UNSETTLED_WORK,
        ),
    )


class HostRow(Base):
    """A pause that a host asked of all readers; it holds across restarts."""

    __tablename__ = "hosts"

    host: ColumnElement[str] = column(primary_key=True)
    paused_at: ColumnElement[datetime | None]
    paused_until: ColumnElement[datetime | None]


class AccountRow(Base):
    """How much of a host an account may still ask: its pause, the requests spent on one day (`spent_on`, yyyymmdd), and its pace.

    `account` is its id, 0 for a visitor, and negative for a session that does not show its id. The pace: how long it rests after each
    answer (`delay`, in ms), `answers` since that changed, when the host last said "too many requests" (`refused_at`); `usual` is the
    setting PIXIV_API_DELAY with which that was learned, in ms. `refused_session` is the number of a session that the host takes no longer.
    """

    __tablename__ = "accounts"

    host: ColumnElement[str] = column(primary_key=True)
    account: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    paused_at: ColumnElement[datetime | None]
    paused_until: ColumnElement[datetime | None]
    spent_on: ColumnElement[str | None]
    spent: ColumnElement[int] = column(server_default=text("0"))
    delay: ColumnElement[int | None]
    usual: ColumnElement[int | None]
    answers: ColumnElement[int | None]
    refused_at: ColumnElement[datetime | None]
    refused_session: ColumnElement[int | None]


class ForgottenRow(Base):
    """A work or an artist (`subject`) that the archive's owner has forgotten, since when, and their note."""

    __tablename__ = "forgotten"
    __table_options__ = WITHOUT_ROWID

    subject: ColumnElement[str] = column(primary_key=True)
    subject_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    since: ColumnElement[datetime]
    note: ColumnElement[str | None]


class RankingEntryRow(Base):
    """A work's place in a ranking of one day (`date` is yyyymmdd); `previous_rank` is 0 if it had none."""

    __tablename__ = "ranking_entries"
    __table_options__ = WITHOUT_ROWID

    mode: ColumnElement[str] = column(primary_key=True)
    content: ColumnElement[str] = column(primary_key=True)
    date: ColumnElement[str] = column(primary_key=True)
    artwork_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    rank: ColumnElement[int]
    previous_rank: ColumnElement[int]
    seen: ColumnElement[datetime]


class BookmarkRow(Base):
    """A work on a user's list of bookmarks. The newest has the greatest `position`; the numbers only give the order.

    `bookmark_id` is known only for the reader's own bookmarks. `unlisted` is when a complete reading no longer showed it.
    """

    __tablename__ = "bookmarks"
    __table_options__ = WITHOUT_ROWID

    user_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    artwork_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    private: ColumnElement[bool]
    bookmark_id: ColumnElement[int | None]
    position: ColumnElement[int | None]
    tags: ColumnElement[Any | None]
    first_seen: ColumnElement[datetime]
    last_seen: ColumnElement[datetime]
    unlisted: ColumnElement[datetime | None]


class FollowRow(Base):
    """`follower_id` follows `followed_id`.

    `again_since`: it was missing from one reading of the list, and has been seen in every reading since this time.
    """

    __tablename__ = "follows"
    __table_options__ = WITHOUT_ROWID

    follower_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    followed_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    private: ColumnElement[bool | None]
    first_seen: ColumnElement[datetime]
    last_seen: ColumnElement[datetime]
    unlisted: ColumnElement[datetime | None]
    again_since: ColumnElement[datetime | None]


class CommissionRequestRow(Base):
    """A request (commission); `price` is in yen, `requester_id` None if pixiv does not show who asked."""

    __tablename__ = "commission_requests"

    id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    creator_id: ColumnElement[int | None]
    requester_id: ColumnElement[int | None]
    artwork_id: ColumnElement[int | None]
    kind: ColumnElement[str | None]
    state: ColumnElement[str | None]
    price: ColumnElement[int | None]
    title: ColumnElement[str | None]
    text: ColumnElement[str | None]
    first_seen: ColumnElement[datetime]
    last_seen: ColumnElement[datetime]


class CommentRow(Base):
    """A comment on a work, or a stamp instead; a reply has a `parent_id`. `image` is the address of its writer's picture."""

    __tablename__ = "comments"
    __item__ = Comment

    id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    artwork_id: ColumnElement[int] = column(index=True)
    parent_id: ColumnElement[int | None]
    user_id: ColumnElement[int | None]
    user_name: ColumnElement[str | None]
    text: ColumnElement[str | None]
    stamp_id: ColumnElement[int | None]
    written: ColumnElement[str | None]
    first_seen: ColumnElement[datetime]
    last_seen: ColumnElement[datetime]


class JournalRow(Base):
    """The state of an archive's journal at its last change of the ledger: the `number` of that change, and the `bytes` of the files.

    `archive` is the archive's name in a ledger that several archives share, "" in a ledger of a single archive; `place` is the machine and
    folder where it was when it was last used, NULL in a ledger of a single archive.
    """

    __tablename__ = "journal"

    archive: ColumnElement[str] = column(primary_key=True)
    number: ColumnElement[int]
    bytes: ColumnElement[int]
    place: ColumnElement[str | None]


JOURNAL_ORDER = Sequence("journal_order", metadata=Base.metadata)
"""Numbers the commits of all archives that share a ledger on a server, so that their journals can be put together. SQLite has none."""


class StoreRow(Base):
    """The object store that has the originals, if one has: the `name` in its marker, and its `address` when it was first used, at `since`.

    There is never more than one (`id` 1).
    """

    __tablename__ = "stores"

    id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    name: ColumnElement[str]
    address: ColumnElement[str]
    since: ColumnElement[datetime]


class SeriesRow(Base):
    """A manga series; `total` is how many works pixiv counts in it, `latest` the id of the last one."""

    __tablename__ = "series"
    __item__ = Series

    id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    user_id: ColumnElement[int | None]
    title: ColumnElement[str | None]
    caption: ColumnElement[str | None]
    total: ColumnElement[int | None]
    first_seen: ColumnElement[datetime]
    last_seen: ColumnElement[datetime]


class SeriesArtworkRow(Base):
    """A work in a series: `position` is pixiv's own number, from 1; `unlisted` is as for bookmarks."""

    __tablename__ = "series_artworks"
    __table_options__ = WITHOUT_ROWID

    series_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    artwork_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    position: ColumnElement[int]
    seen: ColumnElement[datetime]
    unlisted: ColumnElement[datetime | None]


class ArtworkChangeRow(Base):
    """A change of a work, user or tag (`kind`) that the gallery shows: rows are only ever appended, for its index.

    A later change has a greater `number`; on PostgreSQL it is the number of the transaction. 0 belongs to the row of kind ledger, whose
    `subject_id` is a random name for this ledger.
    """

    __tablename__ = "artwork_changes"
    __table_options__ = WITHOUT_ROWID

    number: ColumnElement[int] = column(primary_key=True, autoincrement=False)
    kind: ColumnElement[str] = column(primary_key=True)
    subject_id: ColumnElement[int] = column(primary_key=True, autoincrement=False)
