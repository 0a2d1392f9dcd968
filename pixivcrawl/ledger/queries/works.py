"""Works: what is known of them and what is left to do."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)

from pixivcrawl.archive.damage import WHERE_PIXIV_SAYS
from pixivcrawl.batched import batched
from pixivcrawl.items import FileKind, Frame, Original
from pixivcrawl.ledger.answer import Location
from pixivcrawl.ledger.models import (
    IMPORTED_FILE,
    MISSING_FILE,
    OPEN_USER_FILE,
    UNSETTLED_INTENT,
    WITHHELD_WORK,
    AnswerRow,
    ArtworkRow,
    CrawlArtworkRow,
    FileRow,
    UserFileRow,
)
from pixivcrawl.ledger.queries.conditions import (
    RequiredDetail,
    lacks_caption,
    to_be_asked,
    to_be_fetched,
    unsettled_of_list,
)
from pixivcrawl.ledger.updates.archive_name import lies_in
from pixivcrawl.ledger.updates.doubtful import DoubtfulBody, doubtful_body_of
from pixivcrawl.ledger.updates.files import GONE, GONE_WITH_FIRST, Intent, row_of
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY, IN_PLACE, LACKS_FRAMES, is_due
from pixivcrawl.ledger.updates.works import IDS_A_QUERY
from pixivcrawl.reader import Reader


class KnownWork(NamedTuple):
    """What the ledger knows of a work; see `ArtworkRow` for the words. `next_attempt` is None unless reading the work failed."""

    work_id: int
    user_id: int | None
    kind: str | None
    page_count: int | None
    detail: str | None
    availability: str
    revision: str | None
    uploaded: datetime | None
    files_state: str
    stale: bool
    next_attempt: datetime | None


class WorkToDo(NamedTuple):
    """A work of a list with something left to do, and its place there.

    `lacks_frames`: it is an ugoira whose frames as uploaded are wanted and not all known.
    """

    position: int
    work_id: int
    lacks_frames: bool
    known: KnownWork


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in its place, relative to the archive folder. `bytes` is None for the list of an ugoira's frames."""

    path: str
    sha256: str
    bytes: int | None


# In the order of `KnownWork`'s fields, so that a row becomes one in a single step: a step for each field took as long as the look-up.
_KNOWN: tuple[ColumnElement[Any], ...] = (
    ArtworkRow.id,
    ArtworkRow.user_id,
    ArtworkRow.kind,
    ArtworkRow.page_count,
    ArtworkRow.detail,
    ArtworkRow.availability,
    ArtworkRow.revision,
    ArtworkRow.uploaded,
    ArtworkRow.files_state,
    ArtworkRow.stale_since.is_not(None),
    ArtworkRow.next_attempt,
)

_KNOWN_WORKS = select(*_KNOWN).where(ArtworkRow.id.in_(bindparam("work_ids", expanding=True)))


def known_works(connection: Connection, work_ids: Iterable[int]) -> dict[int, KnownWork]:
    """What is known of each of these works that the ledger knows."""
    known: dict[int, KnownWork] = {}
    for some in batched(work_ids, IDS_A_QUERY):
        rows = connection.execute(_KNOWN_WORKS, {"work_ids": some})
        known.update((work.work_id, work) for work in map(KnownWork._make, rows))
    return known


def works_to_fetch(
    connection: Connection,
    crawl_id: int,
    *,
    limit: int,
    now: datetime | None,
    frames: bool = False,
    after_position: int = 0,
    among: Collection[int] | None = None,
) -> list[WorkToDo]:
    """The next works after `after_position` of the list that run `crawl_id` reads of which a file is missing and due.

    In the order in which this run or an earlier one found them. `frames=True` also wants an ugoira's frames, not only its zip. Works that
    are not `among` some are left out.
    """
    wanted = to_be_fetched(crawl_id, now, frames=frames)
    if among is not None:
        wanted &= ArtworkRow.id.in_(among)
    return _works_to_do(connection, crawl_id, after_position, limit, wanted, LACKS_FRAMES if frames else false())


def works_to_ask(
    connection: Connection,
    crawl_id: int,
    after_position: int,
    limit: int,
    *,
    reader: Reader,
    now: datetime | None,
    enough: RequiredDetail,
    asked: RequiredDetail | None = None,
    stale: bool = False,
) -> list[WorkToDo]:
    """As `works_to_fetch`, the works whose own pages are to be read.

    `enough` is what suffices for a work not to be asked about; works for which `asked` did not suffice are left out, because they were just
    asked about. `stale=True` gives only those that must be asked for again because they changed, or were not found at a first look. What
    failed in this run, or is not due by `now`, is left out.
    """
    wanted = to_be_asked(crawl_id, now, reader=reader, enough=enough)
    if asked is not None:
        wanted &= not_(to_be_asked(crawl_id, now, reader=reader, enough=asked))
    if stale:
        wanted &= or_(ArtworkRow.stale_since.is_not(None), ArtworkRow.missing_since.is_not(None))
    return _works_to_do(connection, crawl_id, after_position, limit, wanted, false())


def _works_to_do(
    connection: Connection,
    crawl_id: int,
    after_position: int,
    limit: int,
    wanted: ColumnElement[bool],
    lacking: ColumnElement[bool],
) -> list[WorkToDo]:
    rows = connection.execute(
        select(CrawlArtworkRow.position, lacking.label("lacks_frames"), *_KNOWN)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(unsettled_of_list(crawl_id, after_position), wanted)
        .order_by(CrawlArtworkRow.position)
        .limit(limit)
    )
    return [
        WorkToDo(position, known[0], lacks_frames, KnownWork._make(known)) for position, lacks_frames, *known in rows
    ]


def works_without_caption(connection: Connection, crawl_id: int, after_position: int, limit: int) -> dict[int, int]:
    """The next works, by their positions, of the list that run `crawl_id` reads that are known only from rows."""
    rows = connection.execute(
        select(CrawlArtworkRow.position, CrawlArtworkRow.artwork_id)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(
            unsettled_of_list(crawl_id, after_position),
            lacks_caption(),
        )
        .order_by(CrawlArtworkRow.position)
        .limit(limit)
    )
    return dict(rows.all())


def answer_location(
    connection: Connection, endpoint: str, subject_id: int, after: datetime | None = None
) -> tuple[str, Location] | None:
    """Where the last answer to `endpoint` about a work or a user is, if it was read after that time: the archive, and the place in its
    journal.
    """
    recent = [] if after is None else [AnswerRow.read_at > after]
    row = connection.execute(
        select(AnswerRow.archive, AnswerRow.file, AnswerRow.start, AnswerRow.length).where(
            AnswerRow.endpoint == endpoint, AnswerRow.subject_id == subject_id, *recent
        )
    ).first()
    return (row.archive, Location(row.file, row.start, row.length)) if row is not None else None


def answers_after(connection: Connection, endpoint: str, after: int, limit: int) -> list[int]:
    """The next works or users with a kept answer to `endpoint`, by their ids."""
    subject = AnswerRow.subject_id
    of_endpoint = select(subject).where(AnswerRow.endpoint == endpoint, subject > after)
    return list(connection.execute(of_endpoint.order_by(subject).limit(limit)).scalars())


# Built once, because it is executed for a few works at a time, and building it takes longer than executing it.
_MISSING_OF_WORKS = (
    select(FileRow.__table__, ArtworkRow.user_id, ArtworkRow.detail)
    .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
    .where(FileRow.artwork_id.in_(bindparam("work_ids", expanding=True)), MISSING_FILE)
    .order_by(FileRow.artwork_id, FileRow.kind.desc(), FileRow.page)
)


def wanted_originals(
    connection: Connection, work_ids: Sequence[int], crawl_id: int, now: datetime | None
) -> dict[int, list[Original]]:
    """The missing files of known works that are due in run `crawl_id`, as the API named them or as they follow from a row."""
    found = connection.execute(_MISSING_OF_WORKS, {"work_ids": work_ids})
    rows = [row for row in found if is_due(row, crawl_id, now)]
    told = {row.artwork_id for row in rows if row.detail == "full" or row.kind != "image"}
    originals = [_original(row) for row in rows]
    guessed = _as_guessed(connection, [original for original in originals if original.work_id not in told])
    wanted: dict[int, list[Original]] = {}
    for original in [original for original in originals if original.work_id in told] + guessed:
        wanted.setdefault(original.work_id, []).append(original)
    return wanted


def served_before(connection: Connection, original: Original) -> DoubtfulBody | None:
    """The doubtful body of an original that earlier runs received."""
    return doubtful_body_of(row_of(connection, original))


def zip_of_ugoira(connection: Connection, work_id: int) -> Original | None:
    """The zip of an ugoira at its present revision, there or not."""
    row = connection.execute(
        select(FileRow.__table__, ArtworkRow.user_id)
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(
            FileRow.artwork_id == work_id,
            FileRow.kind == "ugoira",
            FileRow.revision == ArtworkRow.revision,
            FileRow.state != "superseded",
        )
    ).first()
    return _original(row) if row is not None else None


def unstored_places(connection: Connection, work_ids: Sequence[int]) -> set[tuple[int, int, str, str]]:
    """(work, page, revision, kind) of the files of these works that may still come; and of users' pictures (user, 0, revision, kind)."""
    places: set[tuple[int, int, str, str]] = set()
    for some in batched(work_ids, IDS_A_QUERY):
        found = select(FileRow.artwork_id, FileRow.page, FileRow.revision, FileRow.kind).where(
            FileRow.artwork_id.in_(some), FileRow.state.in_(("wanted", "parked", "intent"))
        )
        places.update((work_id, page, revision, kind) for work_id, page, revision, kind in connection.execute(found))
        of_users = select(UserFileRow.user_id, UserFileRow.revision, UserFileRow.kind).where(
            UserFileRow.user_id.in_(some), OPEN_USER_FILE
        )
        places.update((user_id, 0, revision, kind) for user_id, revision, kind in connection.execute(of_users))
    return places


def disputed_files(connection: Connection, crawl_id: int) -> int:
    """How many files of available works answered 404 in run `crawl_id`, or had another size, although pixiv still names them so."""
    disputed = (
        select(func.count())
        .select_from(FileRow)
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(
            MISSING_FILE,
            FileRow.failed_crawl_id == crawl_id,
            or_(
                FileRow.failed_reason.in_((GONE, GONE_WITH_FIRST)),
                and_(FileRow.kind != "frame", FileRow.failed_reason.contains(WHERE_PIXIV_SAYS)),
            ),
            ArtworkRow.availability == "available",
        )
    )
    return connection.execute(disputed).scalar_one()


def withheld_works(connection: Connection, crawl_id: int) -> int:
    """How many works of the list that run `crawl_id` reads are withheld from its reader, or from the one who asked last."""
    withheld = (
        select(func.count())
        .select_from(CrawlArtworkRow)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(unsettled_of_list(crawl_id), WITHHELD_WORK)
    )
    return connection.execute(withheld).scalar_one()


def waiting_works(connection: Connection, crawl_id: int, *, files: bool = True) -> int:
    """How many works of the list that run `crawl_id` reads failed in an earlier run and wait, or have `files` that failed and wait.

    Works that pixiv did not find at a first look are among them.
    """
    waiting = or_(ArtworkRow.failed_crawl_id < crawl_id, ArtworkRow.missing_since.is_not(None))
    if files:
        waiting |= exists().where(FileRow.artwork_id == ArtworkRow.id, MISSING_FILE, FileRow.failed_crawl_id < crawl_id)
    of_list = (
        select(func.count())
        .select_from(CrawlArtworkRow)
        .join(ArtworkRow, ArtworkRow.id == CrawlArtworkRow.artwork_id)
        .where(unsettled_of_list(crawl_id), ArtworkRow.availability.not_in(FINAL_AVAILABILITY), waiting)
    )
    return connection.execute(of_list).scalar_one()


def unsettled_intents(connection: Connection, archive: str = "") -> list[Intent]:
    """The files that an ended run was about to place in an archive; each is to be settled or forgotten.

    `archive` is its name in the ledger. Only its own folder shows whether they were placed, and only one run at a time works there.
    """
    rows = connection.execute(
        select(FileRow.__table__, ArtworkRow.user_id)
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(UNSETTLED_INTENT, *lies_in(FileRow, archive))
        .order_by(FileRow.id)
    ).all()
    frames = {(row.artwork_id, row.revision): row for row in rows if row.kind == "frames"}
    return [
        _intent(row, frames.get((row.artwork_id, row.revision)) if row.kind == "ugoira" else None)
        for row in rows
        if row.kind != "frames"
    ]


class Double(NamedTuple):
    """An adopted file whose bytes are also stored as a page of a known revision, at `stored_path`; paths are relative to the archive."""

    work_id: int
    page: int
    revision: str
    kind: FileKind
    sha256: str
    path: str
    stored_path: str


def adopted_doubles(connection: Connection, archive: str = "") -> list[Double]:
    """The adopted files of an archive that turned out to be of a known revision; "": of all, where their files are in one place."""
    adopted, stored = FileRow.__table__, FileRow.__table__.alias("stored")
    same = (adopted.c[name] == stored.c[name] for name in ("artwork_id", "page", "kind", "sha256"))
    lie_here = [or_(files.c.archive.is_(None), files.c.archive == archive) for files in (adopted, stored) if archive]
    names = ("artwork_id", "page", "revision", "kind", "sha256", "path")
    rows = connection.execute(
        select(*(adopted.c[name] for name in names), stored.c.path.label("stored_path"))
        .join(stored, and_(*same, stored.c.state == "stored"))
        .where(IMPORTED_FILE, adopted.c.source.is_not(None), adopted.c.state == "adopted")
        .where(adopted.c.kind != "frames", *lie_here)
    )
    return sorted(map(Double._make, rows))


def stored_files(connection: Connection, archive: str = "") -> Iterator[StoredFile]:
    """Every file of an archive in its place, by work and page, then by user; read while the connection is open."""
    query = (
        select(FileRow.path, FileRow.sha256, FileRow.bytes)
        .where(FileRow.state.in_(IN_PLACE), *lies_in(FileRow, archive))
        .order_by(FileRow.artwork_id, FileRow.page, FileRow.revision, FileRow.kind)
        .execution_options(yield_per=1000)
    )
    of_users = (
        select(UserFileRow.path, UserFileRow.sha256, UserFileRow.bytes)
        .where(UserFileRow.state == "stored", *lies_in(UserFileRow, archive))
        .order_by(UserFileRow.user_id, UserFileRow.kind, UserFileRow.revision)
        .execution_options(yield_per=1000)
    )
    for path, sha256, size in chain(connection.execute(query), connection.execute(of_users)):
        assert path is not None
        assert sha256 is not None
        yield StoredFile(path, sha256, size)


def _as_guessed(connection: Connection, originals: list[Original]) -> list[Original]:
    """Originals that follow from rows, each under the extension of a page of the same revision that is there, if any is."""
    if not originals:
        return []
    stored = connection.execute(
        select(FileRow.artwork_id, FileRow.revision, FileRow.extension)
        .where(
            FileRow.artwork_id.in_({original.work_id for original in originals}),
            FileRow.kind == "image",
            FileRow.state == "stored",
        )
        .order_by(FileRow.page.desc())
    )
    found = {(work_id, revision): extension for work_id, revision, extension in stored}
    return [
        replace(
            original.with_extension(found.get((original.work_id, original.revision), original.extension)), guessed=True
        )
        for original in originals
    ]


def _original(row: Row[Any]) -> Original:
    frames = None if row.frames is None else tuple(Frame(**frame) for frame in row.frames)
    return Original(
        work_id=row.artwork_id,
        user_id=row.user_id,
        page=row.page,
        revision=row.revision,
        url=row.url,
        extension=row.extension,
        uploaded=row.uploaded,
        width=row.width,
        height=row.height,
        frames=frames,
        retried=row.failed_runs > 0,
        guessed=row.kind == "frame" or (row.kind == "ugoira" and frames is None),
        kind=row.kind,
    )


def _intent(row: Row[Any], frames: Row[Any] | None) -> Intent:
    return Intent(
        original=_original(row),
        path=row.path,
        sha256=row.sha256,
        bytes=row.bytes,
        frames_path=frames.path if frames is not None else None,
        frames_sha256=frames.sha256 if frames is not None else None,
    )
