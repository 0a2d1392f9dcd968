"""What `pixivcrawl status` shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, NotNullable, Select, and_, case, exists, func, literal, or_, select, true

from pixivcrawl.batched import batched
from pixivcrawl.ledger.models import (
    MISSING_FILE,
    OPEN_USER_FILE,
    ROW_LEVEL_WORK,
    UNSETTLED_WORK,
    WITHHELD_WORK,
    ZIP_FILE,
    ArtworkRow,
    CrawlArtworkRow,
    CrawlRow,
    FileRow,
    ForgottenRow,
    UserFileRow,
    UserRow,
    table,
)
from pixivcrawl.ledger.updates.state import AND_FRAMES, FINAL_AVAILABILITY, FORGOTTEN
from pixivcrawl.ledger.updates.works import IDS_A_QUERY

_FRAMES = table(FileRow).alias("uploaded")

_FORGOTTEN_ARTISTS, _FORGOTTEN_WORKS = (
    select(ForgottenRow.subject_id).where(ForgottenRow.subject == subject) for subject in ("artist", "work")
)

_MISSING_PICTURES = (
    select(
        UserFileRow.user_id,
        literal(0).label("page"),
        UserFileRow.kind,
        UserFileRow.failed_reason,
        UserFileRow.failed_runs,
        UserFileRow.next_attempt,
    )
    .where(OPEN_USER_FILE, UserFileRow.state != "intent", UserFileRow.user_id.not_in(_FORGOTTEN_ARTISTS))
    .order_by(UserFileRow.user_id, UserFileRow.kind)
)

UNAVAILABLE = ("gone", "withheld", "masked")


@dataclass(frozen=True, slots=True)
class Totals:
    """The archive in numbers. `works` is the sum of the four that follow it, of `forgotten` and of `unasked`, which no list asks for.

    `files` and `bytes` are in place.
    """

    artists: int
    works: int
    complete: int
    to_do: int
    parked: int
    unavailable: int
    files: int
    bytes: int
    forgotten: int = 0
    unasked: int = 0


@dataclass(frozen=True, slots=True)
class ArtistStatus:
    """One artist's works; `works` is the sum of complete, missing (to do or parked), unavailable, forgotten and unasked ones."""

    user_id: int
    name: str | None
    availability: str
    works: int
    complete: int
    missing: int
    unavailable: int
    files: int
    bytes: int
    forgotten: int = 0
    unasked: int = 0


@dataclass(frozen=True, slots=True)
class Missing:
    """What a later run tries again. `page` is None if the work itself could not be read; no `reason`: not tried yet.

    For a user's picture (see `kind`) `work_id` is the user's id.
    """

    work_id: int
    page: int | None
    kind: str
    reason: str | None
    failed_runs: int
    next_attempt: datetime | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many works, files and pictures are missing for one reason (None: not tried yet), and when the first of them is due."""

    reason: str | None
    number: int
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """An unavailable work, since when and why; `files` is how many files of it are kept."""

    work_id: int
    user_id: int | None
    title: str | None
    availability: str
    reason: str | None
    since: datetime
    files: int


@dataclass(slots=True)
class _Sums:
    """Some works counted: those that are not complete as to do, parked or unavailable."""

    complete: int = 0
    to_do: int = 0
    parked: int = 0
    unavailable: int = 0
    files: int = 0
    bytes: int = 0
    forgotten: int = 0
    unasked: int = 0

    @property
    def works(self) -> int:
        return self.complete + self.to_do + self.parked + self.unavailable + self.forgotten + self.unasked

    def add(self, row: Any) -> None:
        """Add works of one availability and one state of their files. A complete work that has gone since counts as complete."""
        self._count(row, row.works)
        self.files += int(row.files)
        self.bytes += int(row.bytes)

    def forget(self, row: Any) -> None:
        """Count works from `add` as forgotten, whatever else they are; their files in place still count."""
        self._count(row, -row.works)
        self.forgotten += row.works

    def leave_unasked(self, works: int) -> None:
        """Count works from `add` that were to do as unasked, because no list wants them."""
        self.to_do -= works
        self.unasked += works

    def _count(self, row: Any, works: int) -> None:
        if row.files_state == "complete":
            self.complete += works
        elif row.availability in UNAVAILABLE:
            self.unavailable += works
        elif row.files_state == "parked":
            self.parked += works
        else:
            self.to_do += works


# In the order of the index `artworks_status`, so that SQLite counts while it reads the index once.
_ALIKE = (ArtworkRow.user_id, ArtworkRow.availability, ArtworkRow.files_state)
_COUNTED = select(
    *_ALIKE,
    func.count().label("works"),
    func.sum(ArtworkRow.files_stored).label("files"),
    func.sum(ArtworkRow.bytes_stored).label("bytes"),
).group_by(*_ALIKE)


_IS_FORGOTTEN = or_(ArtworkRow.id.in_(_FORGOTTEN_WORKS), ArtworkRow.user_id.in_(_FORGOTTEN_ARTISTS))


_UNASKED = (
    select(ArtworkRow.user_id, func.count().label("works"))
    .where(
        ArtworkRow.files_state == "found",
        ArtworkRow.availability.not_in(UNAVAILABLE),
        ~_IS_FORGOTTEN,
        ~exists().where(CrawlArtworkRow.artwork_id == ArtworkRow.id, UNSETTLED_WORK),
    )
    .group_by(ArtworkRow.user_id)
)
"""Left out by the filters of every list that names them, or named without their files."""


def status_totals(connection: Connection) -> Totals:
    """The whole archive in numbers."""
    return status_of_works(connection, 0)[0]


def status_of_works(
    connection: Connection, limit: int | None, artist: int | None = None
) -> tuple[Totals, list[ArtistStatus]]:
    """The whole archive in numbers, and artists, those with most works first; of one `artist` alone, if that is given."""
    everything, of_artists = _Sums(), dict[int, _Sums]()
    of_whom = [] if artist is None else [ArtworkRow.user_id == artist]
    for row in connection.execute(_COUNTED.where(*of_whom)):
        everything.add(row)
        if row.user_id is not None:
            of_artists.setdefault(row.user_id, _Sums()).add(row)
    # Looked up from the forgotten works and artists, which are few.
    for row in connection.execute(_COUNTED.where(*of_whom, _IS_FORGOTTEN)):
        everything.forget(row)
        if row.user_id is not None:
            of_artists[row.user_id].forget(row)
    for user_id, works in connection.execute(_UNASKED.where(*of_whom)) if everything.to_do else ():
        everything.leave_unasked(works)
        if user_id is not None:
            of_artists[user_id].leave_unasked(works)
    totals = Totals(len(of_artists), everything.works, **asdict(everything))
    first = sorted(of_artists, key=lambda user_id: (-of_artists[user_id].works, user_id))[:limit]
    return totals, _artists(connection, {user_id: of_artists[user_id] for user_id in first})


def _artists(connection: Connection, of_artists: Mapping[int, _Sums]) -> list[ArtistStatus]:
    users: dict[int, Any] = {}
    for some in batched(of_artists, IDS_A_QUERY):
        found = select(UserRow.id, UserRow.name, UserRow.availability).where(UserRow.id.in_(some))
        users.update((row.id, row) for row in connection.execute(found))
    return [
        ArtistStatus(
            user_id=user_id,
            name=users[user_id].name,
            availability=users[user_id].availability,
            works=sums.works,
            complete=sums.complete,
            missing=sums.to_do + sums.parked,
            unavailable=sums.unavailable,
            files=sums.files,
            bytes=sums.bytes,
            forgotten=sums.forgotten,
            unasked=sums.unasked,
        )
        for user_id, sums in of_artists.items()
    ]


def status_missing(connection: Connection, limit: int | None, artist: int | None = None) -> list[Missing]:
    """What is missing: works that could not be read, files of available works, pictures of users; what is due first comes first.

    All of it or that of one `artist`.
    """
    of_whom = true() if artist is None else ArtworkRow.user_id == artist
    works = connection.execute(
        missing_works()
        .where(ArtworkRow.next_attempt.is_not(None), of_whom)
        .order_by(ArtworkRow.next_attempt, ArtworkRow.id)
        .limit(limit)
    ).all()
    left = None if limit is None else limit - len(works)
    files = connection.execute(
        missing_files()
        .where(of_whom)
        # Failed ones before those not tried yet, written so that both databases sort alike.
        .order_by(FileRow.next_attempt.is_(None), FileRow.next_attempt, FileRow.artwork_id, FileRow.page)
        .limit(left)
    ).all()
    left = None if left is None else left - len(files)
    of_user = true() if artist is None else UserFileRow.user_id == artist
    pictures = connection.execute(_MISSING_PICTURES.where(of_user).limit(left)).all()
    return [Missing(*row) for row in (*works, *files, *pictures)]


def status_waiting(connection: Connection) -> list[Waiting]:
    """What is missing, counted by reason; the most frequent first."""
    works = missing_works().where(ArtworkRow.next_attempt.is_not(None)).subquery()
    files = missing_files().subquery()
    pictures = _MISSING_PICTURES.order_by(None).subquery()
    counted = Counter[str | None]()
    first = dict[str | None, datetime | None]()
    for missing in (works, files, pictures):
        _, _, _, reason, _, due = missing.c
        alike = select(reason, func.count(), func.min(due)).group_by(reason)
        for why, number, when in connection.execute(alike):
            counted[why] += number
            known = first.get(why)
            first[why] = when if known is None else known if when is None else min(known, when)
    return [Waiting(why, number, first[why]) for why, number in counted.most_common()]


def missing_works() -> Select[*tuple[Any, ...]]:
    """Works in the form of `Missing`, without forgotten ones; the caller adds the condition for missing."""
    return select(
        ArtworkRow.id,
        literal(None).label("page"),
        literal("work").label("kind"),
        ArtworkRow.failed_reason,
        ArtworkRow.failed_runs,
        ArtworkRow.next_attempt,
    ).where(~FORGOTTEN)


def missing_files() -> Select[*tuple[Any, ...]]:
    """The missing files of available works, in the form of `Missing`: one that was not tried may wait because its work failed."""
    return (
        select(
            FileRow.artwork_id,
            FileRow.page,
            FileRow.kind,
            func.coalesce(FileRow.failed_reason, ArtworkRow.failed_reason),
            FileRow.failed_runs,
            func.coalesce(FileRow.next_attempt, ArtworkRow.next_attempt),
        )
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(MISSING_FILE, ArtworkRow.availability.not_in(FINAL_AVAILABILITY), ~FORGOTTEN)
    )


def status_unavailable(connection: Connection, limit: int | None, artist: int | None = None) -> list[Unavailable]:
    """Unavailable works, or those of one `artist`, the latest loss first."""
    of_whom = true() if artist is None else ArtworkRow.user_id == artist
    rows = connection.execute(
        select(
            ArtworkRow.id,
            ArtworkRow.user_id,
            ArtworkRow.title,
            ArtworkRow.availability,
            ArtworkRow.unavailable_reason,
            NotNullable(ArtworkRow.unavailable_since),
            ArtworkRow.files_stored,
        )
        .where(ArtworkRow.unavailable_since.is_not(None), of_whom)
        .order_by(ArtworkRow.unavailable_since.desc(), ArtworkRow.id)
        .limit(limit)
    )
    return [Unavailable(*row) for row in rows]


def status_unavailable_works(connection: Connection) -> int:
    """How many works are unavailable, whether or not their files are here."""
    unavailable = select(func.count()).select_from(ArtworkRow).where(ArtworkRow.unavailable_since.is_not(None))
    return connection.execute(unavailable).scalar_one()


def status_withheld(connection: Connection) -> list[tuple[str | None, int | None, int]]:
    """(reason, from which account, how many) of the works that are withheld; 0 stands for visitors, None for a reader who is not known."""
    alike = (ArtworkRow.unavailable_reason, ArtworkRow.withheld_from)
    counted = select(*alike, func.count()).where(WITHHELD_WORK).group_by(*alike).order_by(func.count().desc(), *alike)
    return [(reason, reader, number) for reason, reader, number in connection.execute(counted)]


def status_to_ask(connection: Connection) -> tuple[int, int]:
    """How many works on the lists are obtainable but not known well enough: those whose files wait for it, and the others."""
    no_file = ~exists().where(FileRow.artwork_id == ArtworkRow.id, FileRow.state.not_in(("superseded", "adopted")))
    too_little = or_(
        ArtworkRow.detail.is_(None),
        and_(
            ArtworkRow.detail == "listing", or_(CrawlRow.suffices.not_in(("listing", f"listing{AND_FRAMES}")), no_file)
        ),
    )
    may_be_had = ArtworkRow.availability.not_in((*FINAL_AVAILABILITY, "withheld"))
    work_id = CrawlArtworkRow.artwork_id
    waits = or_(ArtworkRow.stale_since.is_not(None), no_file)
    counted = (
        select(func.count(case((waits, work_id)).distinct()), func.count(case((~waits, work_id)).distinct()))
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .join(CrawlRow, CrawlRow.id == CrawlArtworkRow.list_id)
        .where(UNSETTLED_WORK, or_(ArtworkRow.stale_since.is_not(None), and_(may_be_had, too_little)))
    )
    waiting, details = connection.execute(counted).one()
    return waiting, details


def status_of_zips(connection: Connection) -> tuple[int, int, int]:
    """How many ugoira have their zip and none of their frames as uploaded: those that may get them, and those that are gone.

    And how many zips were fetched by a row, so that it is not known yet how long each frame is shown.
    """
    frame = _FRAMES.c
    has_frame = exists().where(
        frame.artwork_id == FileRow.artwork_id,
        frame.revision == FileRow.revision,
        frame.kind == "frame",
        frame.state == "stored",
    )
    is_gone = ArtworkRow.availability.in_(FINAL_AVAILABILITY)
    counts = select(func.count(case((~is_gone, 1))), func.count(case((is_gone, 1))))
    zips = counts.select_from(FileRow).join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
    # A zip that was found in its place may belong to a work of which nothing else is known.
    present = func.coalesce(ArtworkRow.revision, FileRow.revision) == FileRow.revision
    is_there = (ZIP_FILE, FileRow.state == "stored", present)
    may_be_had, gone = connection.execute(zips.where(*is_there, ~has_frame)).one()
    untimed, _ = connection.execute(zips.where(*is_there, FileRow.frames.is_(None))).one()
    return may_be_had, gone, untimed


def status_of_rows(connection: Connection) -> int:
    """How many works are archived from lists' rows alone: what `backfill=true` completes."""
    listed = exists().where(CrawlArtworkRow.artwork_id == ArtworkRow.id)
    archived = select(func.count()).select_from(ArtworkRow).where(ROW_LEVEL_WORK, listed)
    return connection.execute(archived.where(ArtworkRow.availability == "available", ~FORGOTTEN)).scalar_one()
