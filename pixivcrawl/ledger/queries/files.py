"""Files as the ledger has them, artist by artist, for code that compares them with the disk."""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, NotNullable, Row, exists, func, select

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.images import is_revision
from pixivcrawl.api.text import plural, size
from pixivcrawl.batched import batched
from pixivcrawl.items import Evidence, FileKind, Frame, Imported, Original
from pixivcrawl.ledger.models import ZIP_FILE, ArtworkRow, ArtworkVersionRow, FileRow, JournalRow, UserFileRow
from pixivcrawl.ledger.updates.archive_name import lies_in
from pixivcrawl.ledger.updates.state import FINAL_AVAILABILITY, IN_PLACE
from pixivcrawl.ledger.updates.works import IDS_A_QUERY

EVERY_STATE = ("wanted", "parked", "intent", "stored", "adopted", "superseded", "deleted")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A row of `files` (see `FileRow` for the words) with its work's artist."""

    work_id: int
    page: int
    revision: str
    kind: FileKind
    user_id: int | None
    state: str
    url: str | None
    extension: str
    uploaded: datetime
    width: int | None
    height: int | None
    frames: tuple[Frame, ...] | None
    path: str | None
    sha256: str | None
    bytes: int | None
    format: str | None
    as_served: bool
    flaw: str | None
    etag: str | None
    last_modified: str | None
    source: str | None = None
    evidence: Evidence | None = None
    imported: datetime | None = None
    stored: datetime | None = None
    archive: str | None = None

    @property
    def key(self) -> tuple[int, int, str, str]:
        return self.work_id, self.page, self.revision, self.kind

    @property
    def how_it_came(self) -> Imported | None:
        """From which tool's folder, and by what evidence; None for a file that was fetched."""
        return Imported(self.source, self.evidence) if self.source is not None and self.evidence is not None else None

    @property
    def original(self) -> Original:
        """Its original; for a list of frames a stand-in, usable only for its names."""
        return Original(
            work_id=self.work_id,
            user_id=self.user_id or 0,
            page=self.page,
            revision=self.revision,
            url=self.url or "",
            extension=self.extension,
            uploaded=self.uploaded,
            width=self.width,
            height=self.height,
            frames=() if self.kind == "frames" else self.frames,
            kind="ugoira" if self.kind == "frames" else self.kind,
        )


@dataclass(frozen=True, slots=True)
class PagesOfWork:
    """The pages and revisions that a work has or had, as far as the ledger knows.

    `width` and `height` are those of page 0 at the present `revision`; `url` is the address of any of its files. `page_count` is the
    largest that it ever had, `page_count_now` the present one.
    """

    user_id: int | None
    kind: str | None
    page_count: int
    revision: str | None
    revisions: frozenset[str]
    width: int | None
    height: int | None
    url: str | None
    page_count_now: int = 1
    created: datetime | None = None
    availability: str = "available"

    @property
    def has_one_revision(self) -> bool:
        """Whether pixiv's times and the ledger show no other revision: the work's addresses contain the time of publication."""
        if self.revision is None or self.created is None:
            return False
        known = {revision for revision in self.revisions if is_revision(revision)}
        return known <= {self.revision} and f"{self.created.astimezone(JAPAN):%Y%m%d%H%M%S}" == self.revision


_KEPT = (
    FileRow.artwork_id,
    FileRow.page,
    FileRow.revision,
    FileRow.kind,
    ArtworkRow.user_id,
    FileRow.state,
    FileRow.url,
    FileRow.extension,
    FileRow.uploaded,
    FileRow.width,
    FileRow.height,
    FileRow.frames,
    FileRow.path,
    FileRow.sha256,
    FileRow.bytes,
    FileRow.format,
    FileRow.as_served,
    FileRow.flaw,
    FileRow.etag,
    FileRow.last_modified,
    FileRow.source,
    FileRow.evidence,
    FileRow.imported,
    FileRow.stored,
    FileRow.archive,
)


def artists_of_works(connection: Connection) -> list[int | None]:
    """Every artist with works; None stands for works whose artist is not known."""
    return list(connection.execute(select(ArtworkRow.user_id).distinct()).scalars())


def works_of_artist(connection: Connection, user_id: int | None) -> array[int]:
    """The ids of an artist's works, the smallest first."""
    return array(
        "q", connection.execute(select(ArtworkRow.id).where(_is_by(user_id)).order_by(ArtworkRow.id)).scalars()
    )


def files_of_works(
    connection: Connection,
    work_ids: Sequence[int],
    states: Collection[str] = EVERY_STATE,
    since: datetime | None = None,
) -> list[KeptFile]:
    """The files of the works that are in one of the states (and were stored `since`), by work, page, revision and kind."""
    recent = [] if since is None else [FileRow.stored >= since]
    files: list[KeptFile] = []
    for some in batched(work_ids, IDS_A_QUERY):
        rows = connection.execute(
            select(*_KEPT)
            .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
            .where(FileRow.artwork_id.in_(some), FileRow.state.in_(states), *recent)
            .order_by(FileRow.artwork_id, FileRow.page, FileRow.revision, FileRow.kind)
        )
        files += map(_kept, rows)
    return files


def all_files_of_work(connection: Connection, work_id: int) -> list[KeptFile]:
    """The files of a work in any state."""
    return files_of_works(connection, [work_id])


class Came(NamedTuple):
    """An imported file that is here."""

    bytes: int | None
    imported: datetime
    is_adopted: bool


def imported_from(connection: Connection, sources: Sequence[str]) -> dict[str, Came]:
    """The imported files that are here, by their sources."""
    found: dict[str, Came] = {}
    for some in batched(sources, IDS_A_QUERY):
        rows = connection.execute(
            select(
                NotNullable(FileRow.source),
                FileRow.bytes,
                NotNullable(FileRow.imported),
                FileRow.state == "adopted",
            ).where(
                FileRow.source.in_(some),
                FileRow.evidence.is_not(None),
                FileRow.kind != "frames",
                FileRow.state.in_(IN_PLACE),
            )
        )
        found.update((source, Came(size, imported, adopted)) for source, size, imported, adopted in rows)
    return found


def known_work_ids(connection: Connection, work_ids: Sequence[int]) -> set[int]:
    """Those of the works that the ledger knows, if only by their ids."""
    known: set[int] = set()
    for some in batched(work_ids, IDS_A_QUERY):
        known.update(connection.execute(select(ArtworkRow.id).where(ArtworkRow.id.in_(some))).scalars())
    return known


def unnamed_work_ids(connection: Connection, work_ids: Sequence[int]) -> set[int]:
    """Those of the works that a row told of, without any file at its revision: a kill came between the two, or a crawl wanted no files."""
    unnamed: set[int] = set()
    named = exists().where(FileRow.artwork_id == ArtworkRow.id, FileRow.revision == ArtworkRow.revision)
    by_row = (ArtworkRow.detail == "listing", ArtworkRow.availability == "available", ArtworkRow.revision.is_not(None))
    for some in batched(work_ids, IDS_A_QUERY):
        found = select(ArtworkRow.id).where(ArtworkRow.id.in_(some), *by_row, ~named)
        unnamed.update(connection.execute(found).scalars())
    return unnamed


def known_artists(connection: Connection, work_ids: Sequence[int]) -> dict[int, int]:
    """The artist of each of these works whose artist is known."""
    artists: dict[int, int] = {}
    for some in batched(work_ids, IDS_A_QUERY):
        found = connection.execute(select(ArtworkRow.id, ArtworkRow.user_id).where(ArtworkRow.id.in_(some)))
        artists.update((row.id, row.user_id) for row in found if row.user_id is not None)
    return artists


def stored_totals(connection: Connection, since: datetime | None, archive: str = "") -> tuple[int, int]:
    """How many files of an archive are in their place (stored `since`), and their bytes."""
    files, size = 0, 0
    for of_kind in (FileRow, UserFileRow):
        sums = select(func.count(), func.sum(of_kind.bytes)).where(
            *_is_stored(since, of_kind), *lies_in(of_kind, archive)
        )
        number, these = connection.execute(sums).one()
        files, size = files + number, size + int(these or 0)
    return files, size


def stored_paths(connection: Connection, since: datetime | None, archive: str = "") -> Iterator[str]:
    """The path of every file of an archive in its place (stored `since`); read while the connection is open."""
    for of_kind in (FileRow, UserFileRow):
        paths = select(of_kind.path).where(*_is_stored(since, of_kind), *lies_in(of_kind, archive))
        yield from (path or "" for path in connection.execute(paths.execution_options(yield_per=1000)).scalars())


class FilesElsewhere(NamedTuple):
    """What is stored in another archive of a shared ledger; `place` is where that archive is, or its name."""

    place: str
    files: int
    bytes: int

    def __str__(self) -> str:
        return f"in another archive of this ledger, {self.place}: {plural(self.files, 'file')} ({size(self.bytes)})"


def files_elsewhere(connection: Connection, archive: str) -> list[FilesElsewhere]:
    """What is stored in other archives than this one, by their places; in SQLite there are none."""
    files: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for of_kind in (FileRow, UserFileRow) if archive else ():
        there = (
            select(NotNullable(of_kind.archive), func.count(), func.sum(of_kind.bytes))
            .where(*_is_stored(None, of_kind), of_kind.archive != archive)
            .group_by(of_kind.archive)
        )
        for name, number, these in connection.execute(there):
            files[name] += number
            sizes[name] += int(these or 0)
    places = {row.archive: row.place for row in connection.execute(select(JournalRow.archive, JournalRow.place))}
    return sorted(FilesElsewhere(places.get(name) or name, files[name], sizes[name]) for name in files)


def files_at_pixiv(connection: Connection, since: datetime | None) -> Iterator[tuple[int, str]]:
    """Work and path of every file in its place (stored `since`) that pixiv still has as far as the ledger knows; read while the connection
    is open.
    """
    later = FileRow.__table__.alias("later")
    is_replaced = exists().where(
        later.c.artwork_id == FileRow.artwork_id,
        later.c.page == FileRow.page,
        later.c.kind == FileRow.kind,
        later.c.revision > FileRow.revision,
    )
    found = (
        select(FileRow.artwork_id, FileRow.path)
        .join(ArtworkRow, ArtworkRow.id == FileRow.artwork_id)
        .where(
            *_is_stored(since),
            FileRow.url.is_not(None),
            ArtworkRow.availability.not_in(FINAL_AVAILABILITY),
            ~is_replaced,
        )
        .execution_options(yield_per=1000)
    )
    return ((work_id, path or "") for work_id, path in connection.execute(found))


def works_stored_since(connection: Connection, since: datetime) -> array[int]:
    """The works with a file stored since then, the smallest id first."""
    found = select(FileRow.artwork_id).where(*_is_stored(since)).distinct().order_by(FileRow.artwork_id)
    return array("q", connection.execute(found).scalars())


def ugoira_stored_since(connection: Connection, since: datetime) -> array[int]:
    """The works whose ugoira's zip was stored since then, the smallest id first."""
    found = select(FileRow.artwork_id).where(ZIP_FILE, *_is_stored(since)).distinct().order_by(FileRow.artwork_id)
    return array("q", connection.execute(found).scalars())


def pages_of_work(connection: Connection, work_id: int) -> PagesOfWork | None:
    """None for a work that the ledger does not know."""
    return pages_of_works(connection, [work_id]).get(work_id)


def pages_of_works(connection: Connection, work_ids: Sequence[int]) -> dict[int, PagesOfWork]:
    """Those of the works that the ledger knows."""
    known: dict[int, PagesOfWork] = {}
    for some in batched(work_ids, IDS_A_QUERY):
        rows = connection.execute(select(ArtworkRow.__table__).where(ArtworkRow.id.in_(some))).all()
        former = select(ArtworkVersionRow.artwork_id, ArtworkVersionRow.field, ArtworkVersionRow.value).where(
            ArtworkVersionRow.artwork_id.in_(some), ArtworkVersionRow.field.in_(("revision", "page_count"))
        )
        versions: defaultdict[int, list[tuple[str, Any]]] = defaultdict(list)
        for work_id, field, value in connection.execute(former):
            versions[work_id].append((field, value))
        of_files = select(FileRow.artwork_id, FileRow.revision, FileRow.url).where(FileRow.artwork_id.in_(some))
        files: defaultdict[int, list[tuple[str, str | None]]] = defaultdict(list)
        for work_id, revision, url in connection.execute(of_files):
            files[work_id].append((revision, url))
        known.update((row.id, _pages(row, versions[row.id], files[row.id])) for row in rows)
    return known


def _pages(row: Row[Any], versions: list[tuple[str, Any]], files: list[tuple[str, str | None]]) -> PagesOfWork:
    revisions = {value for field, value in versions if field == "revision"} | {revision for revision, _ in files}
    return PagesOfWork(
        user_id=row.user_id,
        kind=row.kind,
        page_count=max([row.page_count or 1, *(value for field, value in versions if field == "page_count")]),
        revision=row.revision,
        revisions=frozenset(revisions | ({row.revision} if row.revision else set())),
        width=row.width,
        height=row.height,
        url=next((url for _, url in files if url), None),
        page_count_now=row.page_count or 1,
        created=row.created,
        availability=row.availability,
    )


def _is_by(user_id: int | None) -> ColumnElement[bool]:
    return ArtworkRow.user_id.is_(None) if user_id is None else ArtworkRow.user_id == user_id


def _is_stored(
    since: datetime | None, of_kind: type[FileRow] | type[UserFileRow] = FileRow
) -> list[ColumnElement[bool]]:
    stored: list[ColumnElement[bool]] = [of_kind.state.in_(IN_PLACE)]
    return stored if since is None else [*stored, of_kind.stored >= since]


def _kept(row: Row[Any]) -> KeptFile:
    values = row._asdict()
    frames = values.pop("frames")
    return KeptFile(
        work_id=values.pop("artwork_id"),
        frames=None if frames is None else tuple(Frame(**frame) for frame in frames),
        **values,
    )
