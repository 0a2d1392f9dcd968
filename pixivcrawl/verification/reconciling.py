"""The ledger brought in line with the files that are there: what is gone is wanted again, what it did not know and is whole is adopted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Connection

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive, Name, format_of, parse_name
from pixivcrawl.archive.stores.folder import ORIGINALS, USERS, is_followed
from pixivcrawl.archive.stores.placing import frames_listed, frames_text, place_text, quarantine, sha256_of
from pixivcrawl.archive.verdict import Expected
from pixivcrawl.archive.workers import Workers
from pixivcrawl.items import OF_USERS, Frame, Original
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE

FILES_AT_ONCE = 500
"""Files of one folder that the ledger is asked about in one go."""

MOST_NAMED = 20
"""Files left alone that are named; more are counted."""

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

    Sizes are compared; `check` reads each file back for its SHA-256 too. `workers` prove what is adopted. Raises StorageFailed, NoWorker.
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
    for file in queries.stored_files(connection, ledger.known_as):
        fault = _fault(archive, file, check=check)
        if fault is None:
            reconciled.in_place += 1
        else:
            _give_up(archive, ledger, file, fault, reconciled)
        tell(reconciled)


def _fault(archive: Archive, file: queries.StoredFile, *, check: bool) -> str | None:
    """What is wrong with a stored file; None where nothing is seen. A list of frames is short, and always read."""
    try:
        path = archive.resolve(file.path)
    except ValueError as error:
        return str(error)
    with storage_errors(path):
        if not path.is_file():
            return _GONE
        size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        return f"it has {size:,} bytes where {file.bytes:,} were stored"
    if (check or file.bytes is None) and sha256_of(path) != file.sha256:
        return "it has other bytes than were stored"
    return None


def _give_up(
    archive: Archive, ledger: Ledger, file: queries.StoredFile, fault: str, reconciled: Reconciliation
) -> None:
    """A file that is gone or damaged is wanted again; a list of frames is written again where the ledger knows it."""
    name = parse_name(file.path)
    if name is None:
        _leave_alone(
            reconciled, file.path, f"the ledger has it stored under a name that is not that of an original, and {fault}"
        )
        return
    if fault != _GONE:
        path = archive.root / file.path
        quarantine(archive, path, path.name, fault)
    if name.kind == "frames" and _write_frames_anew(archive, ledger, name, file):
        reconciled.rewritten += 1
        return
    reconciled.missing += fault == _GONE
    reconciled.damaged += fault != _GONE
    now = datetime.now(UTC)
    ledger.write_now(updates.record_lost, name.work_id, name.page, name.revision, name.kind, now)
    if name.kind == "frames":
        # It comes with its zip, which is found to be in place then.
        ledger.write_now(updates.record_lost, name.work_id, name.page, name.revision, "ugoira", now)


def _write_frames_anew(archive: Archive, ledger: Ledger, name: Name, file: queries.StoredFile) -> bool:
    zipped = _known(ledger, [name.work_id]).get((name.work_id, name.page, name.revision, "ugoira"))
    if zipped is None or zipped.frames is None or zipped.path is None:
        return False
    beside = archive.resolve(zipped.path)
    original = _original(
        name, _folder_of(file.path), _time_of(beside) if beside.is_file() else datetime.now(UTC), zipped.frames
    )
    staged = archive.frames_staging_path(original)
    return place_text(frames_text(zipped.frames), staged, archive.resolve(file.path), original.uploaded) == file.sha256


def _files_in(archive: Archive) -> Iterator[list[str]]:
    """Everything in `originals/` and `users/` that is no folder of an artist, by its path; a folder at a time, or a part of one."""
    yield from _files_below(archive, ORIGINALS)
    yield from _files_below(archive, USERS)


def _files_below(archive: Archive, parent: str) -> Iterator[list[str]]:
    place = archive.root / parent
    with storage_errors(place):
        folders = sorted(os.scandir(place), key=lambda entry: entry.name) if place.is_dir() else []
        followed = {entry.name: entry for entry in folders if is_followed(archive, parent, entry)}
        yield [f"{parent}/{entry.name}" for entry in folders if entry.name not in followed]
        for folder in followed.values():
            with os.scandir(folder) as entries:
                names = (f"{parent}/{folder.name}/{entry.name}" for entry in entries)
                while part := list(islice(names, FILES_AT_ONCE)):
                    yield sorted(part)


def _known(ledger: Ledger, work_ids: Sequence[int]) -> dict[tuple[int, int, str, str], queries.KeptFile]:
    """Every file of these works that the ledger knows, in whatever state."""
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
    """Have a file stored that its path and its bytes speak for; gives how many were adopted. Raises NotTaken."""
    if name is None:
        raise NotTaken("its name is not that of an original")
    if row is not None and row.state in IN_PLACE:
        raise NotTaken(f"another file is stored as that page and revision: {row.path}")
    if artist not in (None, _folder_of(path)):
        raise NotTaken(f"the work is another artist's: {artist}")
    try:
        file = archive.resolve(path)
    except ValueError as error:
        raise NotTaken(str(error)) from None
    if not file.is_file() or file.is_symlink():
        raise NotTaken("it is not a plain file")
    if name.kind == "frames":
        if not file.with_suffix(".zip").is_file():
            raise NotTaken("it lists the frames of an ugoira that is not there")
        # Whatever speaks against its zip is said of that.
        return 0
    # Of one that came by its work's row the timing may not have come.
    frames = frames_listed(file.with_suffix(".json")) if name.kind == "ugoira" else None
    found = _proven(workers, file, path, name, row, frames)
    now = datetime.now(UTC)
    if frames is not None:
        beside = file.with_suffix(".json")
        listed = updates.FoundFile(
            *(found.user_id, found.work_id, found.page, found.revision, "frames"),
            path=path.removesuffix(".zip") + ".json",
            sha256=sha256_of(beside),
            format="json",
            uploaded=found.uploaded,
            width=found.width,
            height=found.height,
        )
        ledger.write_now(updates.record_found, listed, now)
    ledger.write_now(updates.record_found, found, now)
    return 1 if frames is None else 2


def _proven(
    workers: Workers,
    file: Path,
    path: str,
    name: Name,
    row: queries.KeptFile | None,
    frames: tuple[Frame, ...] | None,
) -> updates.FoundFile:
    """A file that is the whole picture. Raises NotTaken for any other, StorageFailed or NoWorker."""
    width, height = (row.width, row.height) if row is not None else (None, None)
    expected = Expected(format_of(name.extension), width, height, frames)
    sha256 = sha256_of(file)
    try:
        proof = workers.prove(file, expected, sha256).result()
    except Damaged as damaged:
        raise NotTaken(str(damaged)) from None
    return updates.FoundFile(
        *(_folder_of(path), name.work_id, name.page, name.revision, name.kind),
        path=path,
        sha256=sha256,
        format=proof.format,
        uploaded=_time_of(file),
        bytes=file.stat().st_size,
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


def _time_of(file: Path) -> datetime:
    return datetime.fromtimestamp(file.stat().st_mtime, UTC)
