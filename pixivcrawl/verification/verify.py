"""The verification itself: rows and folders artist by artist, files read in several threads, findings in a fixed order."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from pixivcrawl.archive.layout import Archive, is_artist, parse_name
from pixivcrawl.archive.stores import FileMissing, NotAPlainFile, store_of
from pixivcrawl.archive.stores.folder import ORIGINALS, USERS
from pixivcrawl.archive.workers import Workers
from pixivcrawl.configuration import usable_cores
from pixivcrawl.items import name_of_file
from pixivcrawl.ledger import queries
from pixivcrawl.ledger.queries import KeptFile
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.verification.checkpoint import Position, Progress
from pixivcrawl.verification.files import check_file, is_only_elsewhere, whose_originals, why_unreadable
from pixivcrawl.verification.findings import Finding, FindingKind
from pixivcrawl.verification.folders import files_below, listed
from pixivcrawl.verification.sampling import WHOLE

AT_ONCE = 500
"""Works, or names of a folder, that are looked up in the ledger together."""

BATCH_FILES, BATCH_BYTES = 64, 8 << 20
"""The most that a thread gets at once: enough that passing it costs nothing, little enough that all threads end together."""

BATCHES_A_THREAD = 4

WITH_INTENDED = (*IN_PLACE, "intent")
LAST_ID = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Depth:
    """`deep` has `workers` prove pictures again."""

    deep: bool
    workers: Workers

    @property
    def provers(self) -> Workers | None:
        return self.workers if self.deep else None


@dataclass(frozen=True, slots=True)
class Stray:
    """A file without a row."""

    path: str
    kind: FindingKind
    reason: str


@dataclass(slots=True)
class Batch:
    """What one thread looks at; once it and all before it are done, the verification has come to `position`."""

    position: Position
    rows: list[KeptFile] = field(default_factory=list)
    strays: list[Stray] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class BatchResult:
    """The result of a batch."""

    findings: list[Finding]
    files: int
    bytes_read: int


T = TypeVar("T")


class Stopped(Exception):
    """The verification is being stopped."""


def in_parts(things: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]


def verify(
    archive: Archive, ledger: Ledger, progress: Progress, depth: Depth, note: Callable[[Progress], None]
) -> None:
    """Look at everything after `progress.position`, which is kept up to date; `note` is called after each step.

    Raises StorageFailed when the folder of originals or of users' pictures is gone, or the ledger fails. Holds no more than a few batches
    in memory, the names of one artist's folder, and the findings.
    """
    store = store_of(archive)
    store.require(ORIGINALS, *([USERS] if ledger.read_now(queries.users_with_pictures) else []))
    archive.require_artists()
    known_as = whose_originals(archive, ledger)
    stopping = threading.Event()

    def look(batch: Batch) -> BatchResult:
        return check_batch(archive, known_as, batch, progress, depth, stopping)

    threads = store.at_once or usable_cores()
    with _pool(stopping, threads) as pool:
        for batch, looked in _in_order(pool, look, batches(archive, ledger, progress), BATCHES_A_THREAD * threads):
            progress.findings += looked.findings
            progress.files += looked.files
            progress.bytes_read += looked.bytes_read
            progress.position = batch.position
            note(progress)
    # A continued verification may look at the last few files again.
    found = {(finding.path, finding.row): finding for finding in progress.findings}
    progress.findings = list(confirmed(archive, ledger, list(found.values()), depth))


@contextmanager
def _pool(stopping: threading.Event, threads: int) -> Iterator[ThreadPoolExecutor]:
    """Threads that end soon when the block is left early."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="verify")
    try:
        yield pool
    finally:
        stopping.set()
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, look: Callable[[Batch], BatchResult], waiting: Iterable[Batch], at_once: int
) -> Iterator[tuple[Batch, BatchResult]]:
    under_way: deque[tuple[Batch, Future[BatchResult]]] = deque()
    for batch in waiting:
        under_way.append((batch, pool.submit(look, batch)))
        if len(under_way) > at_once:
            first, future = under_way.popleft()
            yield first, future.result()
    for first, future in under_way:
        yield first, future.result()


def check_batch(
    archive: Archive, known_as: str, batch: Batch, progress: Progress, depth: Depth, stopping: threading.Event
) -> BatchResult:
    """What is wrong with the files of a batch. Raises Stopped."""
    looked = BatchResult(list(batch.findings), 0, 0)
    # What a store says of a file is enough unless its bytes are to be read.
    is_asked = not store_of(archive).keeps_sha256 or depth.deep or progress.window != WHOLE
    for row in batch.rows:
        if stopping.is_set():
            raise Stopped
        if is_only_elsewhere(archive, row, known_as):
            continue
        read = is_asked and progress.window.holds(row.path or "")
        found = check_file(archive, row, read=read, workers=depth.provers)
        looked.files += 1
        looked.bytes_read += (row.bytes or 0) if read and (found is None or found.kind != "missing") else 0
        looked.findings += [found] if found is not None else []
    for stray in batch.strays:
        if stopping.is_set():
            raise Stopped
        looked.files += 1
        looked.findings += filter(None, [check_stray(archive, stray)])
    return looked


def check_stray(archive: Archive, stray: Stray) -> Finding | None:
    """A file without a row, with its SHA-256 if it is a plain file; None if it is no longer there."""
    store = store_of(archive)
    try:
        with store.measured(stray.path, read=not store.keeps_sha256) as found:
            return Finding(stray.kind, stray.path, stray.reason, found=found.sha256)
    except FileMissing:
        return None
    except NotAPlainFile as error:
        return Finding("extra", stray.path, str(error))
    except OSError as error:
        return Finding(stray.kind, stray.path, f"{stray.reason}; {why_unreadable(error)}")


def batches(archive: Archive, ledger: Ledger, progress: Progress) -> Iterator[Batch]:
    """What there is to look at after `progress.position`, in its fixed order: each artist's rows, then other files in the folder.

    With `progress.since` the rows stored since then, and nothing else.
    """
    folders = [name for folder in (ORIGINALS, USERS) for name in listed(archive, folder).folders]
    artists = {int(name) for name in folders if is_artist(name)}
    artists |= set(ledger.read_now(queries.users_with_pictures))
    artists |= {user_id or 0 for user_id in ledger.read_now(queries.artists_of_works)}
    recent = None if progress.since is None else frozenset(ledger.read_now(queries.works_stored_since, progress.since))
    begin = progress.position
    for artist in sorted(artist for artist in artists if artist >= begin.artist):
        after = begin.work if artist == begin.artist else 0
        works: Sequence[int] = ledger.read_now(queries.works_of_artist, artist or None)
        works = works[bisect_right(works, after) :]
        if recent is not None:
            works = [work for work in works if work in recent]
        yield from _rows_of(ledger, artist, works, progress)
        if pictures := ledger.read_now(queries.files_of_users, [artist], IN_PLACE, progress.since):
            yield Batch(Position(artist, LAST_ID), pictures)
        if recent is None:
            for folder in (ORIGINALS, USERS):
                yield from _in_threads(_strays_in(archive, ledger, f"{folder}/{artist}"), Position(artist, LAST_ID))
        yield Batch(Position(artist + 1))
    if recent is None:
        for folder in (ORIGINALS, USERS):
            yield from _in_threads(_outside_of_artists(archive, folder), Position(LAST_ID))


def _rows_of(ledger: Ledger, artist: int, works: Sequence[int], progress: Progress) -> Iterator[Batch]:
    for some in in_parts(works, AT_ONCE):
        rows = ledger.read_now(queries.files_of_works, some, IN_PLACE, progress.since)
        batch, size = Batch(Position(artist, some[0] - 1)), 0
        for row in rows:
            if len(batch.rows) >= BATCH_FILES or size >= BATCH_BYTES:
                # The work at hand may have more files than these.
                batch.position = Position(artist, row.work_id - 1)
                yield batch
                batch, size = Batch(batch.position), 0
            batch.rows.append(row)
            size += row.bytes or 0
        batch.position = Position(artist, some[-1])
        yield batch


def _strays_in(archive: Archive, ledger: Ledger, folder: str) -> Iterator[Stray | Finding]:
    """The files in an artist's folder without a row; the folder is listed before the ledger is read.

    A crawl commits its intent before it places a file, so that no file is a stray while it is being placed.
    """
    found = listed(archive, folder)
    if found.problem is not None:
        yield found.problem
    for names in in_parts(found.names, AT_ONCE):
        yield from strays_among(ledger, [f"{folder}/{name}" for name in names])
    for inner in found.folders:
        yield from map(_extra, files_below(archive, f"{folder}/{inner}"))


def _outside_of_artists(archive: Archive, parent: str) -> Iterator[Stray | Finding]:
    top = listed(archive, parent)
    if top.problem is not None:
        yield top.problem
    yield from (_extra(f"{parent}/{name}") for name in top.names)
    for folder in top.folders:
        if not is_artist(folder):
            yield from map(_extra, files_below(archive, f"{parent}/{folder}"))


def _extra(found: str | Finding) -> Stray | Finding:
    return Stray(found, "extra", "not named like an original") if isinstance(found, str) else found


def _in_threads(found: Iterator[Stray | Finding], position: Position) -> Iterator[Batch]:
    batch = Batch(position)
    for each in found:
        if isinstance(each, Stray):
            batch.strays.append(each)
        else:
            batch.findings.append(each)
        if len(batch.strays) >= BATCH_FILES:
            yield batch
            batch = Batch(position)
    yield batch


def strays_among(ledger: Ledger, paths: Sequence[str]) -> list[Stray]:
    """Those of the paths for which no file is stored or about to be placed."""
    names = {path: parse_name(path) for path in paths}
    work_ids = sorted({name.work_id for name in names.values() if name is not None})
    rows = ledger.read_now(queries.files_by_id, work_ids, WITH_INTENDED)
    in_place = {row.path for row in rows}
    at = {row.key: row.path for row in rows}
    strays = []
    for path, name in names.items():
        if path in in_place:
            continue
        if name is None:
            strays.append(Stray(path, "extra", "not named like an original"))
            continue
        named = f"named like {name_of_file(name.kind, name.work_id, name.page)} at revision {name.revision}"
        elsewhere = at.get((name.work_id, name.page, name.revision, name.kind))
        kept = f"which the ledger has at {elsewhere}" if elsewhere else "of which the ledger has no file"
        strays.append(Stray(path, "unknown", f"{named}, {kept}"))
    return strays


def confirmed(archive: Archive, ledger: Ledger, findings: Sequence[Finding], depth: Depth) -> Iterator[Finding]:
    """Those of the findings that are still so, checked again: rows and files may have changed since they were found."""
    for some in in_parts(findings, AT_ONCE):
        ids = sorted({finding.row.work_id for finding in some if finding.row is not None})
        rows = {row.key: row for row in ledger.read_now(queries.files_by_id, ids, IN_PLACE)}
        strays = {stray.path: stray for stray in strays_among(ledger, [each.path for each in some if each.row is None])}
        for finding in some:
            again = _looked_again(archive, whose_originals(archive, ledger), finding, rows, strays, depth)
            if again:
                yield again


def _looked_again(
    archive: Archive,
    known_as: str,
    finding: Finding,
    rows: Mapping[tuple[int, int, str, str], KeptFile],
    strays: Mapping[str, Stray],
    depth: Depth,
) -> Finding | None:
    if (key := finding.row) is not None:
        row = rows.get((key.work_id, key.page, key.revision, key.kind))
        if row is None or is_only_elsewhere(archive, row, known_as):
            return None
        read = finding.kind != "time changed"
        return check_file(archive, row, read=read, workers=depth.provers)
    if finding.kind == "unreadable":
        return listed(archive, finding.path).problem
    stray = strays.get(finding.path)
    return None if stray is None else check_stray(archive, stray)
