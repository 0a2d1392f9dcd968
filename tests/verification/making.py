"""A small archive of real pictures, made without a crawl."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores.placing import frames_text, place, sha256_of, stage_text
from pixivcrawl.archive.verdict import Limits
from pixivcrawl.archive.workers import Workers
from pixivcrawl.items import Artwork, Original, ProvenOriginal, StagedOriginal, StoredOriginal
from pixivcrawl.ledger import updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.verification.checkpoint import Progress
from pixivcrawl.verification.findings import Finding, in_order
from pixivcrawl.verification.repair import repair
from pixivcrawl.verification.sampling import WHOLE, Window
from pixivcrawl.verification.verify import Depth, verify
from tests.archive.making import FRAMES, drawing, encoded, ugoira
from tests.ledger.making import FIRST, SECOND, sqlite_url

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
UPLOADED = datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC)
"""The time that the digits of FIRST stand for."""

SIZE = (48, 32)
WORKERS = Workers(2, Limits())
DEEP, PLAIN = Depth(deep=True, workers=WORKERS), Depth(deep=False, workers=WORKERS)


@cache
def picture(number: int) -> bytes:
    return encoded(drawing(*SIZE, seed=number), "JPEG", quality=90)


def original(work_id: int, page: int = 0, revision: str = FIRST, *, user_id: int = 7) -> Original:
    time = "/".join((revision[:4], *(revision[at : at + 2] for at in range(4, 14, 2))))
    url = f"https://i.pximg.net/img-original/img/{time}/{work_id}_p{page}.jpg"
    return Original(work_id, user_id, page, revision, url, "jpg", UPLOADED, *SIZE)


def animated(work_id: int) -> Original:
    url = f"https://i.pximg.net/img-zip-ugoira/img/2026/01/02/03/04/05/{work_id}_ugoira1920x1080.zip"
    return Original(work_id, 7, 0, FIRST, url, "zip", UPLOADED, 240, 160, FRAMES)


def uploaded_frame(work_id: int, number: int) -> Original:
    """A frame of `animated`, as uploaded."""
    url = f"https://i.pximg.net/img-original/img/2026/01/02/03/04/05/{work_id}_ugoira{number}.png"
    return Original(work_id, 7, number, FIRST, url, "png", UPLOADED, 240, 160, guessed=True, kind="frame")


def work(work_id: int, *originals: Original) -> Artwork:
    first = originals[0]
    return Artwork(
        work_id,
        first.user_id,
        "artist",
        "title",
        "illust" if first.frames is None else "ugoira",
        len(originals),
        "full",
        width=first.width,
        height=first.height,
        revision=first.revision,
        originals=originals,
    )


def store(archive: Archive, ledger: Ledger, original: Original, body: bytes) -> StoredOriginal:
    """Take a body all the way, as the pipelines do."""
    staged = archive.staging_path(original)
    staged.write_bytes(body)
    size = (original.width or 0, original.height or 0)
    sha256 = sha256_of(staged)
    proven = ProvenOriginal(StagedOriginal(original, str(staged), sha256, len(body)), original.extension, *size)
    path = archive.relative_path(original, original.extension)
    stored = StoredOriginal(proven, path)
    if original.frames is not None:
        beside = archive.frames_path(original)
        part = archive.frames_staging_path(original)
        stored = StoredOriginal(proven, path, beside, stage_text(frames_text(original.frames), part))
        place(part, archive.resolve(beside), UPLOADED)
    ledger.write_now(updates.record_intent, stored, NOW)
    place(staged, archive.resolve(path), original.uploaded)
    ledger.write_now(updates.record_stored, stored, NOW)
    return stored


def fill(archive: Archive) -> None:
    """Works 1 to 8 of artist 7, two pages each; 9, an ugoira with its frames; 10 of artist 8, which was revised."""
    archive.create()
    with opened(archive) as ledger:
        for work_id in range(1, 9):
            pages = [original(work_id, page) for page in (0, 1)]
            ledger.write_now(updates.record_artwork, work(work_id, *pages), NOW)
            for page in pages:
                store(archive, ledger, page, picture(10 * work_id + page.page))
        frames = [uploaded_frame(9, number) for number in range(len(FRAMES))]
        ledger.write_now(updates.record_artwork, replace(work(9, animated(9), *frames), page_count=1), NOW)
        store(archive, ledger, animated(9), ugoira())
        for frame in frames:
            store(archive, ledger, frame, encoded(drawing(240, 160, seed=90 + frame.page), "PNG"))
        for revision in (FIRST, SECOND):
            page = original(10, revision=revision, user_id=8)
            ledger.write_now(updates.record_artwork, work(10, page), NOW)
            store(archive, ledger, page, picture(int(revision[:8])))


@contextmanager
def opened(archive: Archive) -> Iterator[Ledger]:
    ledger = Ledger.open(sqlite_url(archive.root))
    try:
        yield ledger
    finally:
        ledger.close()


def found(
    archive: Archive, depth: Depth = PLAIN, window: Window = WHOLE, since: datetime | None = None
) -> list[Finding]:
    """What a verification finds."""
    with opened(archive) as ledger:
        progress = Progress({}, window, since)
        verify(archive, ledger, progress, depth, lambda _: None)
        return in_order(progress.findings)


def kinds_and_paths(findings: list[Finding]) -> set[tuple[str, str]]:
    return {(finding.kind, finding.path) for finding in findings}


def repaired(archive: Archive, depth: Depth = PLAIN) -> dict[str, str]:
    """Verify and repair; what was done about each path (the last thing, where there are several)."""
    findings, done = found(archive, depth), {}
    with opened(archive) as ledger:
        repair(archive, ledger, findings, depth, lambda action: done.update({action.path: action.what}))
    return done


def change(archive: Archive, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(archive.database)) as connection, connection:
        connection.execute(statement, values)
