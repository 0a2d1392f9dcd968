"""Repairs what verification found. Nothing is deleted; after a kill at any moment the same command completes the repair.

A file in a wrong place is moved to its own by way of the staging folder, under the name that its page has there; a file without a place
goes to quarantine. The row is changed last, so that until then its file counts as missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from pixivcrawl.archive.layout import Archive, is_link, parse_staged_name
from pixivcrawl.archive.stores import NewFile, Store, store_of
from pixivcrawl.archive.stores.placing import NameTaken, frames_text, holds, quarantine, sha256_of, stage_text
from pixivcrawl.errors import StorageFailed
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.queries import KeptFile
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.verification.adoption import NotAdopted, NotAdoptedYet, adopt
from pixivcrawl.verification.files import is_of_another
from pixivcrawl.verification.findings import HARMLESS, OF_ROWS, Finding
from pixivcrawl.verification.verify import AT_ONCE, WITH_INTENDED, Depth, confirmed, in_parts

TIME_SET = "time set"


@dataclass(frozen=True, slots=True)
class Action:
    """What was done about one finding: `put back`, `to be fetched`, `superseded`, `adopted`, `quarantined`, `time set`, `left`."""

    what: str
    path: str
    detail: str = ""


@dataclass(slots=True)
class _Damage:
    """A row without its right file; `place` is where that file belongs, None when the ledger names no place inside the archive."""

    row: KeptFile
    finding: Finding
    place: str | None
    healed: bool = False


@dataclass(slots=True)
class _Work:
    """What one repair works with. `homes`: the damaged rows by the SHA-256 that they wait for."""

    archive: Archive
    ledger: Ledger
    depth: Depth
    said: Callable[[Action], None]
    homes: dict[str, list[_Damage]] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return store_of(self.archive)


def repair(
    archive: Archive, ledger: Ledger, findings: Sequence[Finding], depth: Depth, said: Callable[[Action], None]
) -> None:
    """Repair what `findings` name, as far as it still applies; `said` is called with each step. The archive must be locked.

    Raises StorageFailed.
    """
    _drop_second_names(archive, ledger)
    work = _Work(archive, ledger, depth, said)
    still = list(confirmed(archive, ledger, findings, depth))
    for finding in still:
        if finding.kind == HARMLESS:
            _set_time(work, finding)
    damages = list(_damages(work, still))
    for damage in damages:
        # After a failed proof the same bytes are not wanted again.
        if damage.finding.kind != "proof failed" and damage.row.sha256 is not None and damage.place is not None:
            work.homes.setdefault(damage.row.sha256, []).append(damage)
    for damage in damages:
        _clear(work, damage)
    strays = [finding for finding in still if finding.row is None]
    left = [stray for stray in strays if not _went_home(work, stray.path, stray.found)]
    for damage in damages:
        if not damage.healed:
            _put_back_or_give_up(work, damage)
    # A zip brings the list of its frames along.
    for stray in sorted(left, key=lambda each: (not each.path.endswith(".zip"), each.path)):
        _adopt_or_set_aside(work, stray)


def _drop_second_names(archive: Archive, ledger: Ledger) -> None:
    """A kill between the two steps of placing leaves a stored file with a second name, or a copy, in the staging folder."""
    store = store_of(archive)
    for staged in archive.staging.iterdir():
        if (place := parse_staged_name(staged.name)) is None:
            continue
        rows = ledger.read_now(queries.files_by_id, [place.work_id], IN_PLACE)
        paths = [row.path for row in rows if row.key[:3] == place[:3] and row.path is not None]
        if any(store.is_same(path, staged) for path in paths):
            staged.unlink()


def _damages(work: _Work, findings: Sequence[Finding]) -> list[_Damage]:
    damages = []
    of_rows = [finding for finding in findings if finding.row is not None and finding.kind in OF_ROWS]
    for some in in_parts(of_rows, AT_ONCE):
        ids = sorted({finding.row.work_id for finding in some if finding.row is not None})
        rows = {row.key: row for row in work.ledger.read_now(queries.files_by_id, ids, IN_PLACE)}
        for finding in some:
            assert finding.row is not None
            key = finding.row
            row = rows[key.work_id, key.page, key.revision, key.kind]
            if is_of_another(row, work.ledger.known_as):
                copy = f"{finding.reason}; it is a copy: the file itself is in another archive of this ledger"
                work.said(Action("left", finding.path, copy))
                continue
            damages.append(_Damage(row, finding, _place_of(work.archive, row)))
    return damages


def _place_of(archive: Archive, row: KeptFile) -> str | None:
    if row.path is None:
        return None
    try:
        archive.resolve(row.path)
    except ValueError:
        # The name itself may be a link, in a folder that is none.
        folder, _, name = row.path.rpartition("/")
        try:
            place = archive.resolve_folder(folder) / name
        except ValueError:
            return None
        return row.path if is_link(place) else None
    return row.path


def _set_time(work: _Work, finding: Finding) -> None:
    assert finding.row is not None
    for row in work.ledger.read_now(queries.files_by_id, [finding.row.work_id], WITH_INTENDED):
        if row.path == finding.path:
            work.store.set_time(finding.path, row.uploaded)
            work.said(Action(TIME_SET, finding.path))


def _clear(work: _Work, damage: _Damage) -> None:
    """Move a wrong file out of a row's place: to the row that waits for it, or to quarantine."""
    if damage.place is None or not work.store.is_taken(damage.place):
        return
    if _went_home(work, damage.place, damage.finding.found):
        return
    try:
        _set_aside(work, damage.place, f"{damage.finding.kind}: {damage.finding.reason}")
    except StorageFailed as failure:
        if damage.finding.kind != "unreadable":
            raise
        damage.healed = True
        work.said(Action("left", damage.finding.path, str(failure)))


def _went_home(work: _Work, path: str, sha256: str | None) -> bool:
    """Whether a damaged row waits for these bytes, and they are now where `_put_back_or_give_up` finds them."""
    for damage in work.homes.get(sha256 or "", []):
        if damage.healed or path == damage.place:
            continue
        staged = _staging_path(work.archive, damage.row)
        try:
            work.store.take(path, staged, damage.row.uploaded)
        except NameTaken:
            if sha256_of(staged) == sha256:
                continue
            shown = f"staging/{staged.name}"
            kept = quarantine(
                work.archive, staged, staged.name, f"{shown}: an unfinished body of a page that was stored"
            )
            work.said(_quarantined(shown, kept))
            return _went_home(work, path, sha256)
        return True
    return False


def _staging_path(archive: Archive, row: KeptFile) -> Path:
    original = row.original
    return archive.frames_staging_path(original) if row.kind == "frames" else archive.staging_path(original)


def _put_back_or_give_up(work: _Work, damage: _Damage) -> None:
    row, shown = damage.row, damage.finding.path
    staged = _staging_path(work.archive, row)
    try:
        if damage.place is not None and row.sha256 is not None and holds(staged, row.sha256):
            _put_back(work, staged, damage.place, row)
            work.said(Action("put back", shown))
            return
        if damage.place is not None and row.kind == "frames" and _written_again(work, row, staged, damage.place):
            work.said(Action("put back", shown, "written again from the ledger"))
            return
    except NameTaken as taken:
        work.said(Action("left", shown, str(taken)))
        return
    work.ledger.write_now(updates.record_lost, row.work_id, row.page, row.revision, row.kind, datetime.now(UTC))
    work.said(_given_up(work, row, shown))


def _put_back(work: _Work, staged: Path, place: str, row: KeptFile) -> None:
    """Raises NameTaken or StorageFailed."""
    assert row.sha256 is not None
    (trouble,) = work.store.put_new([[NewFile(staged, place, row.sha256, row.uploaded)]])
    if trouble is not None:
        raise trouble


def _given_up(work: _Work, row: KeptFile, shown: str) -> Action:
    states = {each.key: each.state for each in work.ledger.read_now(queries.files_by_id, [row.work_id])}
    if states.get(row.key) == "wanted":
        return Action("to be fetched", shown, "the next crawl of a list with this work fetches it")
    return Action("superseded", shown, "pixiv may not have it any more; the next crawl of a list with this work asks")


def _written_again(work: _Work, row: KeptFile, staged: Path, place: str) -> bool:
    """Whether the list of an ugoira's frames could be written again, byte for byte, from its zip's row."""
    for each in work.ledger.read_now(queries.files_by_id, [row.work_id]):
        if each.kind == "ugoira" and each.revision == row.revision and each.frames is not None:
            text = frames_text(each.frames)
            if hashlib.sha256(text.encode()).hexdigest() == row.sha256:
                stage_text(text, staged)
                _put_back(work, staged, place, row)
                return True
    return False


def _adopt_or_set_aside(work: _Work, stray: Finding) -> None:
    if not work.store.is_taken(stray.path):
        return
    if stray.kind == "unreadable":
        work.said(Action("left", stray.path, stray.reason))
        return
    reason = stray.reason
    if stray.kind == "unknown" and stray.found is not None:
        try:
            adopt(work.archive, work.ledger, stray.path, stray.found, work.depth.workers)
        except NotAdoptedYet as why:
            work.said(Action("left", stray.path, str(why)))
            return
        except NotAdopted as why:
            reason = f"{reason}; {why}"
        else:
            work.said(Action("adopted", stray.path))
            return
    _set_aside(work, stray.path, f"{stray.kind}: {reason}")


def _set_aside(work: _Work, path: str, reason: str) -> None:
    work.said(_quarantined(path, work.store.set_aside(path, f"{path}: {reason}")))


def _quarantined(path: str, kept: Path) -> Action:
    return Action("quarantined", path, f"as quarantine/{kept.name}")
