"""The tables of the ledger. Times are UTC; ids are pixiv's unless a key counts up by itself.

What pixiv says of a work that nobody archives (a rank, a bookmark, a follow) does not need the work's row, so those tables have no
foreign key to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import ForeignKey, Index, LargeBinary, MetaData, Table, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pixivcrawl.ledger.columns import CleanText, Json, Number, UtcTime

MISSING_FILE = text("files.state IN ('wanted', 'parked')")
UNSETTLED_INTENT = text("files.state = 'intent'")
UNSETTLED_WORK = text("crawl_artworks.unsettled")
ROW_LEVEL_WORK = text("artworks.detail = 'listing'")
"""Conditions written out, because SQLite uses a partial index only for a query that repeats the index's own words."""


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_name)s_key",
            "ix": "%(table_name)s_%(column_0_name)s",
        }
    )
    type_annotation_map = {int: Number, str: CleanText, datetime: UtcTime, bytes: LargeBinary}  # noqa: RUF012


def table(model: type[Base]) -> Table:
    """The table of a model, for writes in bulk."""
    return cast("Table", model.__table__)


def give_partial_indexes(dialect: str) -> None:
    """Have the partial indexes in another dialect than SQLite's. To name a dialect in the declarations would import it in every start."""
    for each in Base.metadata.tables.values():
        for index in each.indexes:
            index.dialect_options[dialect]["where"] = index.dialect_options["sqlite"]["where"]


class UserRow(Base):
    """A pixiv user. `detail` is None (an id alone), listing or full; `availability` is unknown, available or gone."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str | None]
    detail: Mapped[str | None]
    account: Mapped[str | None]
    comment: Mapped[str | None]
    webpage: Mapped[str | None]
    image: Mapped[str | None]
    availability: Mapped[str] = mapped_column(server_default="unknown")
    unavailable_reason: Mapped[str | None]
    unavailable_since: Mapped[datetime | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class UserNameRow(Base):
    """A name that a user bore, and between which times it was seen."""

    __tablename__ = "user_names"
    __table_args__ = (Index("user_names_first_seen", "first_seen"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class ArtworkRow(Base):
    """A work.

    `detail`: None (an id alone), listing, full. `availability`: unknown, available, login needed, gone, forbidden, masked.
    `files_state`: found (some are to be fetched), complete, parked (what is missing failed and waits). `stale_since`: pixiv has a newer
    revision than the one known. `row_revision` and `row_updated` are what the last list row said. The `failed_*` columns and
    `next_attempt` are about reading the work itself: in how many runs that failed, in which run last, why, and when it is due again.
    `comments_read`: when its comments were last kept, all of them.
    """

    __tablename__ = "artworks"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id"))
    title: Mapped[str | None]
    caption: Mapped[str | None]
    kind: Mapped[str | None]
    page_count: Mapped[int | None]
    created: Mapped[datetime | None]
    uploaded: Mapped[datetime | None]
    revision: Mapped[str | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    x_restrict: Mapped[int | None]
    restrict: Mapped[int | None]
    ai_type: Mapped[int | None]
    sanity_level: Mapped[int | None]
    bookmark_count: Mapped[int | None]
    like_count: Mapped[int | None]
    comment_count: Mapped[int | None]
    view_count: Mapped[int | None]
    series_id: Mapped[int | None]
    detail: Mapped[str | None]
    availability: Mapped[str] = mapped_column(server_default="unknown")
    unavailable_reason: Mapped[str | None]
    unavailable_since: Mapped[datetime | None]
    refused_with_session: Mapped[bool] = mapped_column(server_default=text("false"))
    masked_since: Mapped[datetime | None]
    stale_since: Mapped[datetime | None]
    row_revision: Mapped[str | None]
    row_updated: Mapped[datetime | None]
    files_state: Mapped[str] = mapped_column(server_default="found")
    files_stored: Mapped[int] = mapped_column(server_default=text("0"))
    bytes_stored: Mapped[int] = mapped_column(server_default=text("0"))
    failed_runs: Mapped[int] = mapped_column(server_default=text("0"))
    failed_crawl_id: Mapped[int | None]
    failed_reason: Mapped[str | None]
    next_attempt: Mapped[datetime | None]
    first_seen: Mapped[datetime]
    described: Mapped[datetime | None]
    comments_read: Mapped[datetime | None]

    __table_args__ = (
        # `status` sums up every work, per artist and in all, from this index alone.
        Index("artworks_status", "user_id", "availability", "files_state", "files_stored", "bytes_stored"),
        Index(
            "artworks_unavailable",
            "unavailable_since",
            sqlite_where=text("unavailable_since IS NOT NULL"),
        ),
        Index(
            "artworks_failed",
            "next_attempt",
            sqlite_where=text("next_attempt IS NOT NULL"),
        ),
        Index("artworks_of_rows", "id", sqlite_where=ROW_LEVEL_WORK),
        Index("artworks_first_seen", "first_seen"),
    )


class ArtworkVersionRow(Base):
    """A former value of one field of a work and from when to when it was true, as far as the ledger saw.

    The field `availability` tells of the time in which a work was away that came back: gone or forbidden.
    """

    __tablename__ = "artwork_versions"
    __table_args__ = (Index("artwork_versions_true_to", "true_to"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artworks.id"), index=True)
    field: Mapped[str]
    value: Mapped[Any] = mapped_column(Json)
    true_from: Mapped[datetime]
    true_to: Mapped[datetime]


class TagRow(Base):
    """A tag, written as pixiv writes it."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class TagTranslationRow(Base):
    """A tag in another language; language `reader` is the one that pixiv chose for whoever read it."""

    __tablename__ = "tag_translations"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id"), primary_key=True, autoincrement=False)
    language: Mapped[str] = mapped_column(primary_key=True)
    text: Mapped[str]
    seen: Mapped[datetime]


class ArtworkTagRow(Base):
    """A work's present tags in the artist's order; former ones are in `artwork_versions`."""

    __tablename__ = "artwork_tags"
    __table_args__ = ({"sqlite_with_rowid": False},)

    artwork_id: Mapped[int] = mapped_column(ForeignKey("artworks.id"), primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tag_id: Mapped[int] = mapped_column(ForeignKey("tags.id"))


class FileRow(Base):
    """One file of a work at one revision. `state`: wanted, parked, intent (about to be placed), stored, superseded (pixiv has it no more:
    never had, or with a `sha256` once had and lost).

    Until it is stored, size and format are what the API said; afterwards what the bytes are. `kind`: image, ugoira, frames.
    `served_sha256` and `served_at`: a body that only made the decoder warn, and when it first came.
    """

    __tablename__ = "files"

    id: Mapped[int] = mapped_column(primary_key=True)
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artworks.id"))
    page: Mapped[int]
    revision: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    url: Mapped[str | None]
    extension: Mapped[str]
    uploaded: Mapped[datetime]
    width: Mapped[int | None]
    height: Mapped[int | None]
    frames: Mapped[Any | None] = mapped_column(Json)
    path: Mapped[str | None]
    sha256: Mapped[str | None]
    bytes: Mapped[int | None]
    format: Mapped[str | None]
    as_served: Mapped[bool] = mapped_column(server_default=text("false"))
    failed_runs: Mapped[int] = mapped_column(server_default=text("0"))
    failed_crawl_id: Mapped[int | None]
    failed_reason: Mapped[str | None]
    next_attempt: Mapped[datetime | None]
    served_sha256: Mapped[str | None]
    served_at: Mapped[datetime | None]
    recorded: Mapped[datetime]
    stored: Mapped[datetime | None]

    __table_args__ = (
        Index("files_artwork", "artwork_id", "page", "revision", "kind", unique=True),
        Index("files_missing", "artwork_id", sqlite_where=MISSING_FILE),
        Index("files_intent", "id", sqlite_where=UNSETTLED_INTENT),
    )


class BodyRow(Base):
    """The last answer that a row was made from, compressed with zlib; `subject_id` is the work's or user's id."""

    __tablename__ = "bodies"

    endpoint: Mapped[str] = mapped_column(primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    body: Mapped[bytes]
    read_at: Mapped[datetime]


class SnapshotRow(Base):
    """An answer that has no table of its own, compressed with zlib."""

    __tablename__ = "snapshots"
    __table_args__ = (Index("snapshots_endpoint", "endpoint", "read_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    endpoint: Mapped[str]
    parameters: Mapped[Any] = mapped_column(Json)
    body: Mapped[bytes]
    read_at: Mapped[datetime]


class CrawlRow(Base):
    """A run of a spider. `list_id` is the first run with the same spider and canonical arguments: what they read is one list.

    `outcome` is None while it runs and for ever when it was killed. `frontier` holds the ids at the head of the list when it was read.
    `read_to_end`: this run saw the list to its end, or to the frontier of a run that had. `suffices`: what is to be known of each of its
    works: full (its own page, and its files), listing (a list's row, and its files) or facts (its own page alone). `full_reading`: it was
    to read the whole list and to compare the works that were known.
    """

    __tablename__ = "crawls"
    __table_args__ = (Index("crawls_list", "list_key", "id"), Index("crawls_started", "started"))

    id: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int | None]
    list_key: Mapped[str]
    spider: Mapped[str]
    arguments: Mapped[Any] = mapped_column(Json)
    resumes: Mapped[int | None]
    cursor: Mapped[str | None]
    frontier: Mapped[Any | None] = mapped_column(Json)
    read_to_end: Mapped[bool] = mapped_column(server_default=text("false"))
    found: Mapped[int] = mapped_column(server_default=text("0"))
    outcome: Mapped[str | None]
    exit_code: Mapped[int | None]
    reason: Mapped[str | None]
    counts: Mapped[Any | None] = mapped_column(Json)
    started: Mapped[datetime]
    ended: Mapped[datetime | None]
    suffices: Mapped[str] = mapped_column(server_default="full")
    full_reading: Mapped[bool] = mapped_column(server_default=text("false"))


class CrawlArtworkRow(Base):
    """A work found on a list: `position` in the order of finding, `crawl_id` the last run that saw it there.

    `unsettled` repeats whether the work's own row says less than suffices for the list, so that what is left to do is found without
    looking at what is done.
    """

    __tablename__ = "crawl_artworks"

    position: Mapped[int] = mapped_column(primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("crawls.id"))
    artwork_id: Mapped[int] = mapped_column(ForeignKey("artworks.id"), index=True)
    crawl_id: Mapped[int]
    unsettled: Mapped[bool]

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
    """What holds a host back, also across a restart: a pause, and the requests spent on one day (`spent_on`, yyyymmdd)."""

    __tablename__ = "hosts"

    host: Mapped[str] = mapped_column(primary_key=True)
    paused_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    spent_on: Mapped[str | None]
    spent: Mapped[int] = mapped_column(server_default=text("0"))


class RankingEntryRow(Base):
    """A work's place in a ranking of one day (`date` is yyyymmdd); `previous_rank` is 0 where it had none."""

    __tablename__ = "ranking_entries"
    __table_args__ = ({"sqlite_with_rowid": False},)

    mode: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[str] = mapped_column(primary_key=True)
    date: Mapped[str] = mapped_column(primary_key=True)
    artwork_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    rank: Mapped[int]
    previous_rank: Mapped[int]
    seen: Mapped[datetime]


class BookmarkRow(Base):
    """A work on a user's list of bookmarks. The newest has the greatest `position`; the numbers say nothing but the order.

    `bookmark_id` is known of the reader's own bookmarks alone. `unlisted` is when a complete reading no longer showed it.
    """

    __tablename__ = "bookmarks"
    __table_args__ = ({"sqlite_with_rowid": False},)

    user_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    artwork_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    private: Mapped[bool]
    bookmark_id: Mapped[int | None]
    position: Mapped[int | None]
    tags: Mapped[Any | None] = mapped_column(Json)
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    unlisted: Mapped[datetime | None]


class FollowRow(Base):
    """`follower_id` follows `followed_id`.

    `again_since`: it was not seen in one reading of the list, and has been seen in each from this time on.
    """

    __tablename__ = "follows"
    __table_args__ = ({"sqlite_with_rowid": False},)

    follower_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    followed_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    private: Mapped[bool | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]
    unlisted: Mapped[datetime | None]
    again_since: Mapped[datetime | None]


class CommissionRequestRow(Base):
    """A request (commission); `price` in yen, `requester_id` None where pixiv does not show who asked."""

    __tablename__ = "commission_requests"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    creator_id: Mapped[int | None]
    requester_id: Mapped[int | None]
    artwork_id: Mapped[int | None]
    kind: Mapped[str | None]
    state: Mapped[str | None]
    price: Mapped[int | None]
    title: Mapped[str | None]
    text: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class CommentRow(Base):
    """A comment on a work, or a stamp in its place; a reply has a `parent_id`."""

    __tablename__ = "comments"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    artwork_id: Mapped[int] = mapped_column(index=True)
    parent_id: Mapped[int | None]
    user_id: Mapped[int | None]
    user_name: Mapped[str | None]
    text: Mapped[str | None]
    stamp_id: Mapped[int | None]
    written: Mapped[str | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class SeriesRow(Base):
    """A manga series; `total` is how many works pixiv counts in it."""

    __tablename__ = "series"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[int | None]
    title: Mapped[str | None]
    caption: Mapped[str | None]
    total: Mapped[int | None]
    first_seen: Mapped[datetime]
    last_seen: Mapped[datetime]


class SeriesArtworkRow(Base):
    """`position` is pixiv's own number of the work in the series, from 1; `unlisted` as of a bookmark."""

    __tablename__ = "series_artworks"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    artwork_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int]
    seen: Mapped[datetime]
    unlisted: Mapped[datetime | None]
