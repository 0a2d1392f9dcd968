"""A file without a row that can be shown to be a known page at a known revision gets its row."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from datetime import UTC, datetime

from pixivcrawl.api.bodies.parts import JAPAN
from pixivcrawl.api.images import is_revision, original_url
from pixivcrawl.api.wording import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive, Format, Name, format_of, parse_name
from pixivcrawl.archive.placing import NameTaken, frames_listed, frames_text, place_text, sha256_of
from pixivcrawl.archive.verdict import Expected
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import read_origin
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import OF_USERS, Original, ProvenOriginal, StagedOriginal, StoredOriginal
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.queries import KeptFile, PagesOfWork
from pixivcrawl.ledger.service import Ledger


class NotAdopted(Exception):
    """The file cannot be shown to be what its name says; the message says why."""


class NotAdoptedYet(NotAdopted):
    """It might be, with more memory."""


def adopt(archive: Archive, ledger: Ledger, path: str, sha256: str, workers: Workers) -> None:
    """Give the file at `path` (relative, of our naming) its row. Raises NotAdopted, StorageFailed or NoWorker.

    It must lie where the page belongs, be of a revision that the ledger knows and of a page that the work has, be the whole picture in the
    size that the ledger knows, and have the SHA-256 that the ledger had for it, if it had one.
    """
    name = parse_name(path)
    assert name is not None, "only files of our naming are asked about"
    if name.kind in OF_USERS:
        _adopt_picture(archive, ledger, path, sha256, name, workers)
        return
    pages = ledger.read_now(queries.pages_of_work, name.work_id)
    if pages is None:
        raise NotAdopted("the ledger does not know the work")
    rows = ledger.read_now(queries.all_files_of_work, name.work_id)
    if name.kind == "frames":
        _adopt_frames(archive, ledger, path, sha256, _row_of(rows, name, "ugoira"))
        return
    row = _row_of(rows, name, name.kind)
    _refuse_unfitting(name, pages, row, path, sha256)
    if row is None and name.kind == "frame":
        _refuse_frame_of_no_zip(name, _row_of(rows, name._replace(page=0), "ugoira"))
    original = _named_by_ledger(archive, name, pages, row, path)
    if archive.relative_path(original, name.extension) != path:
        raise NotAdopted("it lies in another artist's folder")
    stored = _proven(archive, original, path, sha256, row, workers)
    if original.frames is not None:
        frames_path, frames_sha256 = _frames_in_place(archive, original)
        stored = replace(stored, frames_path=frames_path, frames_sha256=frames_sha256)
    seconds = original.uploaded.timestamp()
    os.utime(archive.resolve(path), (seconds, seconds))
    ledger.write_now(updates.record_stored, stored, datetime.now(UTC))


def _adopt_picture(archive: Archive, ledger: Ledger, path: str, sha256: str, name: Name, workers: Workers) -> None:
    """A user's picture of which the ledger has a row."""
    row = _row_of(ledger.read_now(queries.files_of_users, [name.work_id]), name, name.kind)
    if row is None:
        raise NotAdopted("the ledger does not know that picture of the user")
    if row.state == "stored" or row.sha256 not in (None, sha256):
        raise NotAdopted(f"the ledger knows that picture by another SHA-256, {row.sha256}, or at another place")
    stored = _proven(archive, row.original, path, sha256, row, workers)
    ledger.write_now(updates.record_stored, stored, datetime.now(UTC))


def _row_of(rows: list[KeptFile], name: Name, kind: str) -> KeptFile | None:
    key = (name.work_id, name.page, name.revision, kind)
    return next((row for row in rows if row.key == key), None)


def _refuse_unfitting(name: Name, pages: PagesOfWork, row: KeptFile | None, path: str, sha256: str) -> None:
    if row is not None and row.state == "stored":
        raise NotAdopted(f"that page is stored already, at {row.path}")
    if row is not None and row.sha256 is not None and row.sha256 != sha256:
        raise NotAdopted(f"the ledger knows that page by another SHA-256, {row.sha256}")
    if name.revision not in pages.revisions:
        raise NotAdopted("the ledger does not know that revision of the work")
    if row is None and name.kind != "frame" and name.page >= pages.page_count:
        raise NotAdopted(f"the work has {plural(pages.page_count, 'page')}")
    if row is None and pages.kind is not None and (pages.kind == "ugoira") != (name.kind != "image"):
        raise NotAdopted(f"the work is of kind {pages.kind}")


def _refuse_frame_of_no_zip(name: Name, zipped: KeptFile | None) -> None:
    frames = len(zipped.frames or ()) if zipped is not None else 0
    if name.page >= frames:
        raise NotAdopted(f"the ledger knows {plural(frames, 'frame')} of the ugoira at that revision")


def _named_by_ledger(archive: Archive, name: Name, pages: PagesOfWork, row: KeptFile | None, path: str) -> Original:
    """The original that the file would be, as its row names it, or as pixiv's rules for addresses and times do."""
    if row is not None and row.url:
        original = row.original
    elif not is_revision(name.revision) or pages.user_id is None:
        raise NotAdopted("the ledger knows too little of the work")
    else:
        # The size that pixiv tells is that of the first page, and of every frame.
        is_told = (name.page == 0 or name.kind == "frame") and name.revision == pages.revision
        original = Original(
            work_id=name.work_id,
            user_id=pages.user_id,
            page=name.page,
            revision=name.revision,
            url=_address(name, pages.url),
            extension=name.extension,
            uploaded=datetime.strptime(name.revision, "%Y%m%d%H%M%S").replace(tzinfo=JAPAN).astimezone(UTC),
            width=pages.width if is_told else None,
            height=pages.height if is_told else None,
            kind=name.kind,
        )
    if name.kind == "ugoira" and original.frames is None:
        # Of one that came by its work's row the timing may not be known yet.
        original = replace(original, frames=frames_listed(archive.root / f"{path.removesuffix('.zip')}.json"))
    return original


def _address(name: Name, of_another: str | None) -> str:
    """pixiv: an original's address follows from its work, page and revision; the host is that of the work's other files."""
    origin = read_origin(of_another or "")
    host = str(origin) if origin is not None else "https://i.pximg.net"
    address = original_url(host, name.work_id, name.page, name.revision, name.extension)
    head, _, _ = address.rpartition("/")
    if name.kind == "frame":
        return f"{head}/{name.work_id}_ugoira{name.page}.{name.extension}"
    if name.kind == "ugoira":
        return f"{head.replace('/img-original/', '/img-zip-ugoira/')}/{name.work_id}_ugoira1920x1080.zip"
    return address


def _proven(
    archive: Archive, original: Original, path: str, sha256: str, row: KeptFile | None, workers: Workers
) -> StoredOriginal:
    file = archive.resolve(path)
    format: Format = format_of(path.rpartition(".")[2])
    known = row if row is not None and row.sha256 == sha256 else None
    as_served = False
    expected = Expected(format, original.width, original.height, original.frames)
    try:
        proof = workers.prove(file, expected, sha256).result()
        size = file.stat().st_size
    except Damaged as damage:
        if damage.is_no_verdict:
            raise NotAdoptedYet(str(damage)) from None
        if damage.proof is None or known is None or not known.as_served:
            raise NotAdopted(f"it is not proven: {damage}") from None
        # These very bytes were kept as served before.
        proof, as_served, size = replace(damage.proof, flaw=known.flaw), True, file.stat().st_size
    said = (known.etag, known.last_modified) if known is not None else ()
    staged = StagedOriginal(original, str(file), sha256, size, *said)
    return StoredOriginal(ProvenOriginal(staged, proof.format, proof.width, proof.height, as_served, proof.flaw), path)


def _frames_in_place(archive: Archive, original: Original) -> tuple[str, str]:
    """See to it that the list of frames lies beside the zip; gives its path and SHA-256. Raises NotAdopted."""
    assert original.frames is not None
    path, text = archive.frames_path(original), frames_text(original.frames)
    final = archive.resolve(path)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    try:
        place_text(text, archive.frames_staging_path(original), final, original.uploaded)
    except NameTaken:
        archive.frames_staging_path(original).unlink(missing_ok=True)
        if frames_listed(final) != original.frames:
            raise NotAdopted(f"another file lies at {path}") from None
        return path, sha256_of(final)
    return path, sha256


def _adopt_frames(archive: Archive, ledger: Ledger, path: str, sha256: str, zip_row: KeptFile | None) -> None:
    """The list of frames of a zip that is stored."""
    if zip_row is None or zip_row.state != "stored" or zip_row.frames is None or zip_row.path is None:
        raise NotAdopted("its zip is not stored")
    if archive.frames_path(zip_row.original) != path:
        raise NotAdopted("it lies in another artist's folder")
    if hashlib.sha256(frames_text(zip_row.frames).encode()).hexdigest() != sha256:
        raise NotAdopted("the ledger lists other frames")
    if zip_row.sha256 is None or zip_row.bytes is None or zip_row.format is None:
        raise StorageFailed(
            f"the ledger's row of {zip_row.path} is not whole: put a backup copy of the ledger in its place"
        )
    said = (zip_row.etag, zip_row.last_modified)
    staged = StagedOriginal(zip_row.original, "", zip_row.sha256, zip_row.bytes, *said)
    width, height = zip_row.width or 0, zip_row.height or 0
    proven = ProvenOriginal(staged, zip_row.format, width, height, zip_row.as_served, zip_row.flaw)
    ledger.write_now(updates.record_stored, StoredOriginal(proven, zip_row.path, path, sha256), datetime.now(UTC))
