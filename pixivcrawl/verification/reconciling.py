"""Brings the ledger in line with the files that are there: missing ones are wanted again, unknown whole ones are adopted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, islice

from sqlalchemy import Connection

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive, Name, format_of, parse_name
from pixivcrawl.archive.stores import FileMissing, Held, Measured, NotAPlainFile, Store, store_of
from pixivcrawl.archive.stores.folder import ORIGINALS, USERS
from pixivcrawl.archive.stores.frames import frames_stored, place_frames
from pixivcrawl.archive.stores.placing import sha256_of
from pixivcrawl.archive.verdict import Expected
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import usable_cores
from pixivcrawl.items import OF_USERS, Frame, Original
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.verification.files import whose_originals
from pixivcrawl.verification.verify import in_parts

FILES_AT_ONCE = 500
"""Files of one folder that the ledger is asked about in one go."""

MOST_NAMED = 20
"""How many of the files left alone are named; the others are only counted."""

_GONE = "it is not there"


@dataclass(slots=True)
class Reconciliation:
    """How many files are in their place, gone, damaged (and now in quarantine), written again from the ledger, adopted, left alone.

    `unproven` counts those of the last that have the name of an original. `named` holds the first of the last, each with the reason.
    """

    in_place: int = 0
    missing: int = 0
    damaged: int = 0
    rewritten: int = 0
    adopted: int = 0
    left_alone: int = 0
    unproven: int = 0
    named: dict[str, str] = field(default_factory=dict)

    @property
    def looked_at(self) -> int:
        return self.in_place + self.missing + self.damaged + self.rewritten + self.adopted + self.left_alone


Tell = Callable[[Reconciliation], None]


class NotTaken(Exception):
    """Why a file that the ledger does not know is left alone."""


def reconcile(
    archive: Archive, ledger: Ledger, workers: Workers, *, check: bool, tell: Tell = lambda _: None
) -> Reconciliation:
    """Look at every file that the ledger has stored, then at every file in `originals/`. Nothing is deleted.

    Sizes are compared, and what a store says of the SHA-256; `check` reads each file back for it too. `workers` prove what is adopted.
    Raises StorageFailed, NoWorker.
    """
    archive.require_artists()
    reconciled = Reconciliation()
    ledger.read_now(_look_at_what_is_stored, archive, ledger, reconciled, tell, check=check)
    for paths in _files_in(archive):
        _adopt_unknown(archive, ledger, workers, paths, reconciled)
        tell(reconciled)
    return reconciled


def _look_at_what_is_stored(
    connection: Connection, archive: Archive, ledger: Ledger, reconciled: Reconciliation, tell: Tell, *, check: bool
) -> None:
    store = store_of(archive)

    def fault_of(file: queries.StoredFile) -> str | None:
        return _fault(store, archive, file, check=check)

    files = queries.stored_files(connection, whose_originals(archive, ledger))
    with ThreadPoolExecutor(store.at_once or usable_cores(), thread_name_prefix="rebuild") as threads:
        while some := list(islice(files, FILES_AT_ONCE)):
            for file, fault in zip(some, threads.map(fault_of, some), strict=True):
                if fault is None:
                    reconciled.in_place += 1
                else:
                    _give_up(archive, ledger, file, fault, reconciled)
                tell(reconciled)


def _fault(store: Store, archive: Archive, file: queries.StoredFile, *, check: bool) -> str | None:
    """What is wrong with a stored file; None if nothing is found. A list of frames is short, and always read."""
    found: Held | Measured | None
    try:
        archive.resolve(file.path)
        is_read = check or file.bytes is None
        if is_read or store.keeps_sha256:
            with storage_errors(archive.root / file.path), store.measured(file.path, read=is_read) as found:
                pass
        # Not opened: an unreadable file still counts as in its place.
        elif (found := store.head(file.path)) is None:
            return _GONE
    except (ValueError, NotAPlainFile) as error:
        return str(error)
    except FileMissing:
        return _GONE
    if file.bytes is not None and found.bytes != file.bytes:
        return f"it has {found.bytes:,} bytes where {file.bytes:,} were stored"
    if found.sha256 is not None and found.sha256 != file.sha256:
        return "it has other bytes than were stored"
    return None


def _give_up(
    archive: Archive, ledger: Ledger, file: queries.StoredFile, fault: str, reconciled: Reconciliation
) -> None:
    """Record a file that is gone or damaged as wanted again; a list of frames is written again if the ledger knows it."""
    name = parse_name(file.path)
    if name is None:
        _leave_alone(
            reconciled, file.path, f"the ledger has it stored under a name that is not that of an original, and {fault}"
        )
        return
    if fault != _GONE:
        store_of(archive).set_aside(file.path, fault)
    if name.kind == "frames" and _write_frames_again(archive, ledger, name, file):
        reconciled.rewritten += 1
        return
    reconciled.missing += fault == _GONE
    reconciled.damaged += fault != _GONE
    now = datetime.now(UTC)
    ledger.write_now(updates.record_lost, name.work_id, name.page, name.revision, name.kind, now)
    if name.kind == "frames":
        # It is settled with its zip, which is then found to be in place.
        ledger.write_now(updates.record_lost, name.work_id, name.page, name.revision, "ugoira", now)


def _write_frames_again(archive: Archive, ledger: Ledger, name: Name, file: queries.StoredFile) -> bool:
    zipped = _known(ledger, [name.work_id]).get((name.work_id, name.page, name.revision, "ugoira"))
    if zipped is None or zipped.frames is None or zipped.path is None:
        return False
    beside = store_of(archive).head(zipped.path)
    uploaded = beside.uploaded if beside is not None else datetime.now(UTC)
    return place_frames(archive, _original(name, _folder_of(file.path), uploaded, zipped.frames))[1] == file.sha256


def _files_in(archive: Archive) -> Iterator[list[str]]:
    """Everything in `originals/` and `users/` that is no folder of an artist, by its path; a folder at a time, or a part of one."""
    for parent in (ORIGINALS, USERS):
        names, folders = _listed(archive, parent)
        yield from _paths(parent, names)
        for folder in folders:
            within = f"{parent}/{folder}"
            yield from _paths(within, sorted(chain(*_listed(archive, within))))


def _listed(archive: Archive, folder: str) -> tuple[list[str], list[str]]:
    with storage_errors(archive.root / folder):
        return store_of(archive).listed(folder)


def _paths(folder: str, names: Sequence[str]) -> Iterator[list[str]]:
    for some in in_parts(names, FILES_AT_ONCE):
        yield [f"{folder}/{name}" for name in some]


def _known(ledger: Ledger, work_ids: Sequence[int]) -> dict[tuple[int, int, str, str], queries.KeptFile]:
    """Every file of these works that the ledger knows, in any state."""
    return {file.key: file for file in ledger.read_now(queries.files_by_id, work_ids)}


def _adopt_unknown(
    archive: Archive, ledger: Ledger, workers: Workers, paths: Sequence[str], reconciled: Reconciliation
) -> None:
    names = {path: parse_name(path) for path in paths}
    owners = list({name.work_id for name in names.values() if name is not None})
    known = _known(ledger, owners)
    artists = ledger.read_now(queries.known_artists, owners)
    for path, name in names.items():
        row = known.get((name.work_id, name.page, name.revision, name.kind)) if name is not None else None
        if row is not None and row.state in IN_PLACE and row.path == path:
            continue
        try:
            artist = artists.get(name.work_id) if name is not None and name.kind not in OF_USERS else None
            reconciled.adopted += _adopt(archive, ledger, workers, path, name, row, artist)
        except NotTaken as why:
            reconciled.unproven += name is not None
            _leave_alone(reconciled, path, str(why))


def _leave_alone(reconciled: Reconciliation, path: str, why: str) -> None:
    reconciled.left_alone += 1
    if len(reconciled.named) < MOST_NAMED:
        reconciled.named[path] = why


def _adopt(
    archive: Archive,
    ledger: Ledger,
    workers: Workers,
    path: str,
    name: Name | None,
    row: queries.KeptFile | None,
    artist: int | None,
) -> int:
    """Record a file as stored if its path and bytes support that; returns how many were adopted. Raises NotTaken."""
    if name is None:
        raise NotTaken("its name is not that of an original")
    if row is not None and row.state in IN_PLACE:
        raise NotTaken(f"another file is stored as that page and revision: {row.path}")
    if artist not in (None, _folder_of(path)):
        raise NotTaken(f"the work is another artist's: {artist}")
    store = store_of(archive)
    if name.kind == "frames":
        if store.head(f"{path.removesuffix('.json')}.zip") is None:
            raise NotTaken("it lists the frames of an ugoira that is not there")
        # Any objection to its zip is reported for the zip.
        return 0
    # The timing of an ugoira fetched by its row may not have been read.
    frames_path = f"{path.removesuffix('.zip')}.json"
    frames = frames_stored(archive, frames_path) if name.kind == "ugoira" else None
    found = _proven(store, workers, path, name, row, frames)
    now = datetime.now(UTC)
    if frames is not None:
        with store.local(frames_path) as beside:
            sha256 = sha256_of(beside)
        listed = updates.FoundFile(
            *(found.user_id, found.work_id, found.page, found.revision, "frames"),
            path=frames_path,
            sha256=sha256,
            format="json",
            uploaded=found.uploaded,
            width=found.width,
            height=found.height,
        )
        ledger.write_now(updates.record_found, listed, now)
    ledger.write_now(updates.record_found, found, now)
    return 1 if frames is None else 2


def _proven(
    store: Store,
    workers: Workers,
    path: str,
    name: Name,
    row: queries.KeptFile | None,
    frames: tuple[Frame, ...] | None,
) -> updates.FoundFile:
    """A file that is the whole picture. Raises NotTaken for any other, StorageFailed or NoWorker."""
    width, height = (row.width, row.height) if row is not None else (None, None)
    expected = Expected(format_of(name.extension), width, height, frames)
    held = store.head(path)
    try:
        with store.local(path) as file:
            sha256 = sha256_of(file)
            proof = workers.prove(file, expected, sha256).result()
            size = file.stat().st_size
    except FileNotFoundError:
        raise NotTaken("it is not a plain file") from None
    except Damaged as damaged:
        raise NotTaken(str(damaged)) from None
    return updates.FoundFile(
        *(_folder_of(path), name.work_id, name.page, name.revision, name.kind),
        path=path,
        sha256=sha256,
        format=proof.format,
        uploaded=held.uploaded if held is not None else datetime.now(UTC),
        bytes=size,
        width=proof.width,
        height=proof.height,
        frames=frames,
        flaw=proof.flaw,
    )


def _original(name: Name, user_id: int, uploaded: datetime, frames: tuple[Frame, ...]) -> Original:
    return Original(name.work_id, user_id, name.page, name.revision, "", "zip", uploaded, frames=frames, kind="ugoira")


def _folder_of(path: str) -> int:
    """The artist whose folder a path of `parse_name` lies in."""
    return int(path.split("/")[1])
