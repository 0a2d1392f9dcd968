"""A file without a row that can be shown to be a known page at a known revision gets its row."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pixivcrawl.api.images import is_revision
from pixivcrawl.api.text import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive, Format, Name, format_of, is_unknown, parse_name
from pixivcrawl.archive.stores import store_of
from pixivcrawl.archive.stores.frames import frames_stored, place_frames
from pixivcrawl.archive.stores.placing import NameTaken
from pixivcrawl.archive.verdict import Expected
from pixivcrawl.archive.workers import Workers
from pixivcrawl.errors import StorageFailed
from pixivcrawl.items import OF_USERS, Original, ProvenOriginal, StagedOriginal, StoredOriginal
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.queries import KeptFile, PagesOfWork
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.verification.claims import Claim, NotBelieved, original_claimed, refuse_misfit


class NotAdopted(Exception):
    """The file cannot be shown to be what its name says; the message says why."""


class NotAdoptedYet(NotAdopted):
    """The proof needs more memory than it may use."""


def adopt(archive: Archive, ledger: Ledger, path: str, sha256: str, workers: Workers) -> None:
    """Give the file at `path` (relative, with a name of pixivcrawl's form) its row. Raises NotAdopted, StorageFailed or NoWorker.

    It must be where the page belongs, be of a revision that the ledger knows and of a page that the work has, be the whole picture in the
    size that the ledger knows, and have the SHA-256 that the ledger had for it, if it had one.
    """
    name = parse_name(path)
    assert name is not None, "only files named like originals are checked"
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
        raise NotAdopted("it is in another artist's folder")
    stored = _proven(archive, original, path, sha256, row, workers)
    if original.frames is not None:
        try:
            frames_path, frames_sha256 = place_frames(archive, original)
        except NameTaken as taken:
            raise NotAdopted(f"another file lies at {taken.path.relative_to(archive.root).as_posix()}") from None
        stored = replace(stored, frames_path=frames_path, frames_sha256=frames_sha256)
    store_of(archive).set_time(path, original.uploaded)
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
    if row is not None and row.state in IN_PLACE:
        raise NotAdopted(f"that page is stored already, at {row.path}")
    if row is not None and row.sha256 is not None and row.sha256 != sha256:
        raise NotAdopted(f"the ledger knows that page by another SHA-256, {row.sha256}")
    if name.revision not in pages.revisions:
        raise NotAdopted("the ledger does not know that revision of the work")
    if row is None:
        try:
            refuse_misfit(pages, name.kind, name.page)
        except NotBelieved as why:
            raise NotAdopted(str(why)) from None


def _refuse_frame_of_no_zip(name: Name, zipped: KeptFile | None) -> None:
    frames = len(zipped.frames or ()) if zipped is not None else 0
    if name.page >= frames:
        raise NotAdopted(f"the ledger knows {plural(frames, 'frame')} of the ugoira at that revision")


def _named_by_ledger(archive: Archive, name: Name, pages: PagesOfWork, row: KeptFile | None, path: str) -> Original:
    """The original that the file would be, as its row names it, or as pixiv's rules for addresses and times do."""
    if row is not None and (row.url or is_unknown(row.revision)):
        original = row.original
    elif not is_revision(name.revision) or pages.user_id is None:
        raise NotAdopted("the ledger knows too little of the work")
    else:
        claim = Claim(archive.root / path, name.work_id, name.page, name.kind)
        original = original_claimed(pages, claim, name.kind, pages.user_id, name.revision, name.extension)
    if name.kind == "ugoira" and original.frames is None:
        # The timing of an ugoira fetched by its row may not be known yet.
        original = replace(original, frames=frames_stored(archive, f"{path.removesuffix('.zip')}.json"))
    return original


def _proven(
    archive: Archive, original: Original, path: str, sha256: str, row: KeptFile | None, workers: Workers
) -> StoredOriginal:
    format: Format = format_of(path.rpartition(".")[2])
    known = row if row is not None and row.sha256 == sha256 else None
    as_served = False
    expected = Expected(format, original.width, original.height, original.frames)
    try:
        with store_of(archive).local(path) as file:
            size = file.stat().st_size
            proof = workers.prove(file, expected, sha256).result()
    except FileNotFoundError:
        raise NotAdopted("it is there no more") from None
    except Damaged as damage:
        if damage.is_no_verdict:
            raise NotAdoptedYet(str(damage)) from None
        if damage.proof is None or known is None or not known.as_served:
            raise NotAdopted(f"it is not proven: {damage}") from None
        # These very bytes were kept as served before.
        proof, as_served = replace(damage.proof, flaw=known.flaw), True
    said = (known.etag, known.last_modified) if known is not None else ()
    staged = StagedOriginal(original, "", sha256, size, *said)
    proven = ProvenOriginal(staged, proof.format, proof.width, proof.height, as_served, proof.flaw)
    return StoredOriginal(proven, path, imported=row.how_it_came if row is not None else None)


def _adopt_frames(archive: Archive, ledger: Ledger, path: str, sha256: str, zip_row: KeptFile | None) -> None:
    """The list of frames of a zip that is stored."""
    if zip_row is None or zip_row.state not in IN_PLACE or zip_row.frames is None or zip_row.path is None:
        raise NotAdopted("its zip is not stored")
    if archive.frames_path(zip_row.original) != path:
        raise NotAdopted("it is in another artist's folder")
    if frames_stored(archive, path) != zip_row.frames:
        raise NotAdopted("the ledger lists other frames")
    if zip_row.sha256 is None or zip_row.bytes is None or zip_row.format is None:
        raise StorageFailed(
            f"the ledger's row of {zip_row.path} is not whole: put a backup copy of the ledger in its place"
        )
    said = (zip_row.etag, zip_row.last_modified)
    staged = StagedOriginal(zip_row.original, "", zip_row.sha256, zip_row.bytes, *said)
    width, height = zip_row.width or 0, zip_row.height or 0
    proven = ProvenOriginal(staged, zip_row.format, width, height, zip_row.as_served, zip_row.flaw)
    stored = StoredOriginal(proven, zip_row.path, path, sha256, zip_row.how_it_came)
    ledger.write_now(updates.record_stored, stored, datetime.now(UTC))
