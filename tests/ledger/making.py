"""Works, files and ledgers for the tests of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection

from pixivcrawl.items import Artwork, FileKind, Frame, Original, ProvenOriginal, StagedOriginal, StoredOriginal, Tag
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.answer import StoredAnswer
from pixivcrawl.ledger.engine import prepare, read_url, writing_engine
from pixivcrawl.ledger.queries import KnownWork, RequiredDetail, works_to_ask, works_to_fetch
from pixivcrawl.ledger.updates import Crawl, begin_crawl, record_artwork, record_intent, record_listing, record_stored
from pixivcrawl.ledger.updates.state import newest_crawl
from pixivcrawl.ledger.updates.tags import tag_links
from pixivcrawl.reader import Reader

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST, SECOND = "20260102030405", "20260607080910"
"""Two revisions."""

FRAMES = (Frame("000000.jpg", 60), Frame("000001.jpg", 90))


def an_answer(
    endpoint: str, parameters: dict[str, Any], payload: bytes, read_at: datetime, *, snapshot: bool = False
) -> StoredAnswer:
    url = f"https://www.pixiv.net/ajax/{endpoint}"
    return StoredAnswer(endpoint, parameters, payload, read_at, url, snapshot=snapshot)


def an_original(work_id: int = 1, page: int = 0, revision: str = FIRST, **changes: Any) -> Original:
    url = f"https://i.pximg.net/img-original/img/{revision}/{work_id}_p{page}.jpg"
    original = Original(work_id, 7, page, revision, url, "jpg", datetime(2026, 1, 2, tzinfo=UTC), 640, 480)
    return replace(original, **changes)


def an_ugoira(work_id: int = 1, revision: str = FIRST) -> Original:
    return an_original(work_id, revision=revision, extension="zip", frames=FRAMES)


def frames_of(work_id: int = 1, revision: str = FIRST) -> tuple[Original, ...]:
    """The frames of `an_ugoira` as uploaded."""
    frame = an_original(work_id, revision=revision, extension="png", kind="frame", guessed=True)
    return tuple(replace(frame, page=page, url=f"{frame.url}_ugoira{page}.png") for page in range(len(FRAMES)))


def a_picture(user_id: int = 7, revision: str = FIRST, kind: FileKind = "avatar") -> Original:
    """A picture of a user."""
    url = f"https://i.pximg.net/user-profile/img/{revision}/{user_id}_{kind}.jpg"
    return an_original(user_id, revision=revision, url=url, kind=kind, width=None, height=None, user_id=user_id)


def an_artwork(work_id: int = 1, pages: int = 1, revision: str = FIRST, **changes: Any) -> Artwork:
    """A work in full with its originals."""
    artwork = Artwork(
        work_id=work_id,
        user_id=7,
        user_name="artist",
        title="title",
        kind="illust",
        page_count=pages,
        detail="full",
        caption="caption",
        tags=(Tag("one"), Tag("two", "deux")),
        created=datetime(2026, 1, 1, tzinfo=UTC),
        uploaded=datetime(2026, 1, 2, tzinfo=UTC),
        revision=revision,
        originals=tuple(an_original(work_id, page, revision) for page in range(pages)),
    )
    return replace(artwork, **changes)


def a_row(work_id: int = 1, revision: str = FIRST, **changes: Any) -> Artwork:
    """A work as a list's row tells it."""
    row = an_artwork(work_id, revision=revision, detail="listing", caption=None, originals=())
    return replace(row, **changes)


def tag_names(connection: Connection, work_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the works' tags."""
    return {work_id: [link.name for link in links] for work_id, links in tag_links(connection, work_ids).items()}


def as_stored(original: Original, sha256: str = "ab" * 32) -> StoredOriginal:
    proven = ProvenOriginal(StagedOriginal(original, "staging/body.part", sha256, 1000), original.extension, 640, 480)
    part = "frame" if original.kind == "frame" else "p"
    stem = f"originals/{original.user_id}/{original.work_id}_{part}{original.page}_{original.revision}"
    if original.frames is None:
        return StoredOriginal(proven, f"{stem}.{original.extension}")
    return StoredOriginal(proven, f"{stem}.zip", f"{stem}.json", "cd" * 32)


def store(connection: Connection, *originals: Original) -> None:
    """Take files all the way."""
    for original in originals:
        record_intent(connection, as_stored(original), NOW)
        record_stored(connection, as_stored(original), NOW)


def archived(connection: Connection, work_id: int = 1, pages: int = 1) -> Artwork:
    """A work with every file stored."""
    artwork = an_artwork(work_id, pages)
    record_artwork(connection, artwork, NOW)
    store(connection, *artwork.originals)
    return artwork


def begun(connection: Connection, *work_ids: int, now: datetime = NOW) -> Crawl:
    """A run of one spider with one set of arguments, which has listed the works."""
    crawl = begin_crawl(connection, "user", {"id": [7]}, now)
    record_listing(connection, crawl.crawl_id, work_ids, None, now)
    return crawl


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """A connection that may write to the ledger at `url`, made when it is not there; committed at the end."""
    engine = writing_engine(read_url(url))
    try:
        prepare(engine)
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def sqlite_url(folder: Path) -> str:
    return URL.create("sqlite", database=f"{folder}/archive.sqlite").render_as_string()


def wanted_originals(connection: Connection, work_id: int, now: datetime | None) -> list[Original]:
    """What the newest run is to fetch of a work."""
    return queries.wanted_originals(connection, [work_id], newest_crawl(connection), now).get(work_id, [])


class ToDo(NamedTuple):
    """A work of a list with something left to do: its own page is to be read, or else a file of it is to be fetched."""

    position: int
    work_id: int
    must_be_asked: bool
    known: KnownWork


def works_to_do(
    connection: Connection,
    crawl_id: int,
    after: int,
    limit: int,
    *,
    reader: Reader,
    now: datetime | None,
    files: bool = True,
    stale: bool = False,
    enough: RequiredDetail = "full",
    frames: bool = False,
) -> list[ToDo]:
    """Both that is to be asked and that is to be fetched, in the list's order, each work once."""
    asked: list[Any] = works_to_ask(
        connection, crawl_id, after, limit, reader=reader, now=now, enough=enough, stale=stale
    )
    found = {work.work_id: ToDo(work.position, work.work_id, must_be_asked=True, known=work.known) for work in asked}
    if files and not stale:
        which: dict[str, Any] = {"limit": limit, "now": now, "frames": frames, "after_position": after}
        for work in works_to_fetch(connection, crawl_id, **which):
            found.setdefault(work.work_id, ToDo(work.position, work.work_id, must_be_asked=False, known=work.known))
    return sorted(found.values())[:limit]
