"""What `pixivcrawl status` shows of one artist or one work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, func, select

from pixivcrawl.items import FileKind
from pixivcrawl.ledger.models import ArtworkRow, CrawlArtworkRow, CrawlRow, FileRow, UserFileRow, UserRow
from pixivcrawl.ledger.queries.crawls import CrawlRecord, record_of
from pixivcrawl.ledger.queries.status import ArtistStatus, status_of_works
from pixivcrawl.ledger.updates.state import IN_PLACE


@dataclass(frozen=True, slots=True)
class FileStatus:
    """A file of a work or of a user: in its place (`path`, `bytes`), or what `state` says, for the reason `failed_reason`."""

    kind: FileKind
    page: int
    revision: str
    state: str
    path: str | None
    bytes: int | None
    format: str | None
    width: int | None
    height: int | None
    flaw: str | None
    as_served: bool
    failed_reason: str | None
    next_attempt: datetime | None
    source: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class WorkStatus:
    """What is known of a work, in the words of `artworks`. `withheld_from` is the reader who is not shown it."""

    work_id: int
    user_id: int | None
    user_name: str | None
    title: str | None
    kind: str | None
    page_count: int | None
    detail: str | None
    availability: str
    unavailable_reason: str | None
    unavailable_since: datetime | None
    withheld_from: int | None
    stale_since: datetime | None
    files_state: str
    failed_reason: str | None
    next_attempt: datetime | None
    first_seen: datetime
    described: datetime | None


@dataclass(frozen=True, slots=True)
class WordsOfWork:
    """What is passed to a command about a work: `paths` are those of its files in place, the newest revisions last."""

    work_id: int
    user_id: int | None
    title: str | None
    paths: tuple[str, ...]


def words_of_work(connection: Connection, work_id: int) -> WordsOfWork:
    work = status_of_work(connection, work_id)
    stored = (file.path for file in files_of_work(connection, work_id) if file.state in IN_PLACE)
    return WordsOfWork(work_id, work.user_id, work.title, tuple(path for path in stored if path is not None))


def is_known(connection: Connection, model: type[ArtworkRow] | type[UserRow], subject_id: int) -> bool:
    return bool(connection.execute(select(exists().where(model.id == subject_id))).scalar())


def status_of_artist(connection: Connection, user_id: int) -> ArtistStatus:
    """An artist whom the ledger knows."""
    (artist,) = status_of_works(connection, None, user_id)[1] or [_without_works(connection, user_id)]
    return artist


def _without_works(connection: Connection, user_id: int) -> ArtistStatus:
    user = connection.execute(select(UserRow.name, UserRow.availability).where(UserRow.id == user_id)).one()
    return ArtistStatus(user_id, user.name, user.availability, 0, 0, 0, 0, 0, 0)


def status_of_work(connection: Connection, work_id: int) -> WorkStatus:
    """A work that the ledger knows."""
    told = [getattr(ArtworkRow, name) for name in WorkStatus.__slots__ if name not in ("work_id", "user_name")]
    row = connection.execute(
        select(ArtworkRow.id.label("work_id"), UserRow.name.label("user_name"), *told)
        .join(UserRow, UserRow.id == ArtworkRow.user_id, isouter=True)
        .where(ArtworkRow.id == work_id)
    )
    return WorkStatus(**row.mappings().one())


def files_of_work(connection: Connection, work_id: int) -> list[FileStatus]:
    """The newest revision of each page comes last."""
    of_work = select(*_columns(FileRow)).where(FileRow.artwork_id == work_id)
    rows = connection.execute(of_work.order_by(FileRow.kind.desc(), FileRow.page, FileRow.revision))
    return [FileStatus(**row) for row in rows.mappings()]


def pictures_of_user(connection: Connection, user_id: int) -> list[FileStatus]:
    """The pictures of a user, which have no pages."""
    of_user = select(*_columns(UserFileRow)).where(UserFileRow.user_id == user_id)
    rows = connection.execute(of_user.order_by(UserFileRow.kind, UserFileRow.revision))
    return [FileStatus(page=0, **row) for row in rows.mappings()]


def _columns(model: type[FileRow] | type[UserFileRow]) -> list[Any]:
    return [getattr(model, name) for name in FileStatus.__slots__ if hasattr(model, name)]


def lists_of_work(connection: Connection, work_id: int) -> list[CrawlRecord]:
    """For each list that names the work, the last run that saw it there; the latest first."""
    seen = select(CrawlArtworkRow.crawl_id).where(CrawlArtworkRow.artwork_id == work_id)
    runs = select(CrawlRow.__table__).where(CrawlRow.id.in_(seen)).order_by(CrawlRow.id.desc())
    return [record_of(row) for row in connection.execute(runs)]


def lists_of_artist(connection: Connection, user_id: int) -> list[CrawlRecord]:
    """The last run of each list of the artist's own works; the latest first."""
    last = select(func.max(CrawlRow.id)).where(CrawlRow.spider == "user").group_by(CrawlRow.list_key)
    runs = select(CrawlRow.__table__).where(CrawlRow.id.in_(last)).order_by(CrawlRow.id.desc())
    return [record_of(row) for row in connection.execute(runs) if user_id in row.arguments["id"]]
