"""Imports files from other tools' folders: each is proven, judged, copied, placed and recorded; the folders stay unchanged.

A kill at any moment leaves what the same command, or any crawl, then settles: a file is copied whole into the staging folder, its intent is
committed, it is placed without replacing another one (sent, if the originals are in an object store), and then recorded.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BufferedReader
from itertools import islice
from pathlib import Path

from pixivcrawl.api.text import plural
from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive, is_unknown
from pixivcrawl.archive.signatures import SNIFFED_BYTES, format_of_bytes
from pixivcrawl.archive.staging import copy_in, forget
from pixivcrawl.archive.stores import NewFile, store_of
from pixivcrawl.archive.stores.frames import place_frames
from pixivcrawl.archive.stores.placing import NameTaken, discard, frames_text
from pixivcrawl.archive.verdict import Expected, Proof
from pixivcrawl.archive.workers import Workers
from pixivcrawl.batched import batched
from pixivcrawl.configuration import usable_cores
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.exchange.reading import LOOKED_UP, Offered
from pixivcrawl.exchange.zips import frames_within
from pixivcrawl.items import Frame, Imported, Original, ProvenOriginal, StagedOriginal, StoredOriginal
from pixivcrawl.ledger import queries, updates
from pixivcrawl.ledger.queries import KeptFile, PagesOfWork
from pixivcrawl.ledger.service import Ledger
from pixivcrawl.ledger.updates.state import IN_PLACE
from pixivcrawl.verification.claims import Judged, NotBelieved, judge, original_adopted, original_claimed

AT_ONCE = 64
"""Files that are placed, and recorded, together."""

AHEAD = 4 * AT_ONCE
"""Files that are read and proven while others are placed."""

Key = tuple[int, int, str, str]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about the works of the files: from pixiv's current rows, from the ledger, and what the user has forgotten.

    `works` has only those that pixiv shows, `artists` the known artists; `unanswered`: works for which pixiv gave no answer.
    """

    works: dict[int, PagesOfWork]
    artists: dict[int, int]
    forgotten: frozenset[int] = frozenset()
    unanswered: frozenset[int] = frozenset()


@dataclass(slots=True)
class Brought:
    """The result, by what files became and the evidence; `failed`: some could not be read, or pixiv could not be asked."""

    stored: Counter[str] = field(default_factory=Counter)
    adopted: Counter[str] = field(default_factory=Counter)
    here: int = 0
    left: int = 0
    bytes: int = 0
    failed: bool = False


Tell = Callable[[str, Path, str], None]
"""Called for each file that is not simply stored: what became of it, its path, and why."""


@dataclass(slots=True)
class Looked:
    """A file as it was read: its SHA-256, its proof, and an ugoira's timing."""

    offered: Offered
    sha256: str
    proof: Proof
    frames: tuple[Frame, ...] | None


@dataclass(slots=True)
class _Left:
    """Why a file is left in its place."""

    offered: Offered
    reason: str
    is_failure: bool = False


@dataclass(slots=True)
class Importing:
    """One import; without writing, it still says what each file would become. No ledger: there is no archive yet."""

    archive: Archive
    ledger: Ledger | None
    writes: bool
    workers: Workers
    known: Known
    tell: Tell
    link: bool = False
    brought: Brought = field(default_factory=Brought)
    files: dict[int, list[KeptFile]] = field(default_factory=dict)
    """What the ledger knows about these works."""
    claimed: dict[Key, tuple[str, Path]] = field(default_factory=dict)
    """What this import has taken for which page: the SHA-256, and the file."""

    async def bring(self, offered: Sequence[Offered]) -> None:
        """Import the files. Raises StorageFailed, NoWorker, and ConfigurationError if a requested hard link is impossible."""
        # A record is worth more than a name: of two files that claim one page it speaks first.
        in_order = sorted(
            offered, key=lambda each: (each.claim.recorded is None, each.claim.work_id, each.claim.page, each.source)
        )
        with ThreadPoolExecutor(2 * usable_cores(), thread_name_prefix="import") as threads:
            for some in batched(in_order, LOOKED_UP):
                self.files = files_known(self.ledger, [each.claim.work_id for each in some])
                await self._bring(threads, some)

    async def _bring(self, threads: ThreadPoolExecutor, offered: Sequence[Offered]) -> None:
        batch: list[tuple[Looked, StoredOriginal]] = []
        async for looked in self._looked(threads, offered):
            stored = self._taken(looked)
            if stored is not None and isinstance(looked, Looked):
                batch.append((looked, stored))
            if len(batch) == AT_ONCE:
                await self._place(threads, batch)
                batch = []
        await self._place(threads, batch)

    async def _looked(self, threads: ThreadPoolExecutor, offered: Iterable[Offered]) -> AsyncIterator[Looked | _Left]:
        """Every file as it was read, in order."""
        loop, waiting = asyncio.get_running_loop(), iter(offered)
        under_way: deque[asyncio.Future[Looked | _Left]] = deque()
        while True:
            under_way += [
                loop.run_in_executor(threads, self._look, each) for each in islice(waiting, AHEAD - len(under_way))
            ]
            if not under_way:
                return
            yield await under_way.popleft()

    def _look(self, offered: Offered) -> Looked | _Left:
        claim = offered.claim
        if claim.work_id in self.known.forgotten:
            return _Left(offered, "forgotten: pixivcrawl forget --undo wants it again")
        if claim.work_id in self.known.unanswered:
            return _Left(
                offered, "pixiv could not be asked about its work: run the same command again", is_failure=True
            )
        try:
            with _opened(claim.path) as file:
                format = format_of_bytes(os.pread(file.fileno(), SNIFFED_BYTES, 0))
                if format is None:
                    return _Left(offered, "no picture that pixiv keeps: its bytes are none of JPEG, PNG, GIF and ZIP")
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            within = frames_within(claim.path) if format == "zip" else None
            recorded = claim.recorded.frames if claim.recorded is not None and format == "zip" else None
            frames = within or recorded or (self._timing(claim.work_id) if format == "zip" else None)
            proof = self.workers.prove(claim.path, Expected(format, frames=frames), sha256).result()
        except OSError as error:
            return _Left(offered, f"cannot be read: {error.strerror or type(error).__name__}", is_failure=True)
        except StorageFailed as failure:
            return _Left(offered, str(failure), is_failure=True)
        except Damaged as damage:
            said = str(damage) if damage.is_no_verdict else f"not whole: {damage}"
            return _Left(offered, said, is_failure=damage.is_no_verdict)
        if within is not None:
            offered = replace(offered, claim=replace(claim, rewritten=True))
        return Looked(offered, sha256, proof, frames)

    def _timing(self, work_id: int) -> tuple[Frame, ...] | None:
        """How long each frame of an ugoira is shown, if the ledger knows it for only one revision."""
        told = {file.frames for file in self.files.get(work_id, ()) if file.kind == "ugoira" and file.frames}
        return told.pop() if len(told) == 1 else None

    def _taken(self, looked: Looked | _Left) -> StoredOriginal | None:
        """What the file becomes; None if it is left or already in the archive."""
        if isinstance(looked, _Left):
            self._leave(looked.offered, looked.reason)
            self.brought.failed |= looked.is_failure
            return None
        offered, claim = looked.offered, looked.offered.claim
        try:
            judged = judge(claim, self.known.works.get(claim.work_id), looked.proof)
            original = self._original(looked, judged)
            if not self._is_free(looked, original):
                self.brought.here += 1
                return None
        except NotBelieved as why:
            self._leave(offered, str(why))
            return None
        path = self.archive.relative_path(original, looked.proof.format)
        if judged.revision is None:
            self.brought.adopted[judged.evidence] += 1
            self.tell("adopted", claim.path, f"{ADOPTED[judged.evidence]}: kept as {path}")
        else:
            self.brought.stored[judged.evidence] += 1
        self.brought.bytes += offered.size
        staged = StagedOriginal(original, str(self.archive.staging_path(original)), looked.sha256, offered.size)
        proof = looked.proof
        proven = ProvenOriginal(staged, proof.format, proof.width, proof.height, flaw=proof.flaw)
        stored = StoredOriginal(proven, path, imported=Imported(offered.source, judged.evidence))
        if original.frames is None:
            return stored
        frames_sha256 = hashlib.sha256(frames_text(original.frames).encode()).hexdigest()
        return replace(stored, frames_path=self.archive.frames_path(original), frames_sha256=frames_sha256)

    def _original(self, looked: Looked, judged: Judged) -> Original:
        offered, claim, proof = looked.offered, looked.offered.claim, looked.proof
        artist = self.known.artists.get(claim.work_id)
        if artist is None:
            raise NotBelieved(
                "nobody can say whose it is: put it beside files of the same artist, in a folder of their own"
            )
        if judged.revision is None:
            original = original_adopted(claim, judged.kind, artist, looked.sha256, proof.format, offered.written)
        else:
            work = self.known.works.get(claim.work_id)
            original = original_claimed(work, claim, judged.kind, artist, judged.revision, proof.format)
        return replace(original, frames=looked.frames) if judged.kind == "ugoira" else original

    def _is_free(self, looked: Looked, original: Original) -> bool:
        """Whether the page still needs the file; False if the archive has these bytes for it. Raises NotBelieved if it has others.

        Bytes that were adopted are needed at a revision that is known by now.
        """
        of_page = [
            file
            for file in self.files.get(original.work_id, ())
            if (file.page, file.kind) == (original.page, original.kind)
        ]
        enough = (*IN_PLACE, "intent") if is_unknown(original.revision) else ("stored", "intent")
        if any(file.state in enough and file.sha256 == looked.sha256 for file in of_page):
            return False
        for file in of_page:
            if file.revision == original.revision and file.state == "deleted":
                raise NotBelieved("its owner deleted it: pixivcrawl forget --undo wants it again")
            if file.revision == original.revision and file.sha256 not in (None, looked.sha256):
                raise NotBelieved(f"the archive has that page with other bytes: {file.path}")
        key = (original.work_id, original.page, original.revision, original.kind)
        sha256, other = self.claimed.setdefault(key, (looked.sha256, looked.offered.claim.path))
        if other == looked.offered.claim.path:
            return True
        if sha256 != looked.sha256:
            raise NotBelieved(f"claims the same page as {other}, with other bytes")
        return False

    def _leave(self, offered: Offered, reason: str) -> None:
        self.brought.left += 1
        self.tell("left", offered.claim.path, reason)

    async def _place(self, threads: ThreadPoolExecutor, batch: Sequence[tuple[Looked, StoredOriginal]]) -> None:
        if not self.writes or self.ledger is None or not batch:
            return
        loop, ledger = asyncio.get_running_loop(), self.ledger
        copied = await asyncio.gather(*(loop.run_in_executor(threads, self._copied, *each) for each in batch))
        whole = [stored for (_, stored), problem in zip(batch, copied, strict=True) if problem is None]
        for (looked, stored), problem in zip(batch, copied, strict=True):
            if problem is not None:
                self._take_back(looked, stored, problem)
        now = datetime.now(UTC)
        await asyncio.gather(*(ledger.write(updates.record_intent, stored, now) for stored in whole))
        placed = await loop.run_in_executor(threads, self._placed, whole)
        now = datetime.now(UTC)
        await asyncio.gather(*(ledger.write(updates.record_stored, stored, now) for stored in placed))

    def _take_back(self, looked: Looked, stored: StoredOriginal, problem: str) -> None:
        """Uncount a file that could not be copied as it had been read."""
        original = stored.proven.staged.original
        assert stored.imported is not None
        counted = self.brought.adopted if not original.url else self.brought.stored
        counted[stored.imported.evidence] -= 1
        self.brought.bytes -= looked.offered.size
        self.brought.failed = True
        del self.claimed[original.work_id, original.page, original.revision, original.kind]
        self._leave(looked.offered, problem)

    def _copied(self, looked: Looked, stored: StoredOriginal) -> str | None:
        """Stage the file; returns why it could not be copied as it was read, or None."""
        source, staged = looked.offered.claim.path, Path(stored.proven.staged.staged)
        if self.link:
            _link(source, staged)
            return None
        try:
            with _opened(source) as file:
                received = copy_in(file, staged)
        except OSError as error:
            return f"cannot be read: {error.strerror or type(error).__name__}"
        if received.sha256 != looked.sha256:
            forget(staged)
            discard(staged)
            return "it changed while it was read: run the same command again"
        return None

    def _placed(self, files: Sequence[StoredOriginal]) -> list[StoredOriginal]:
        """The files as they are stored. Raises StorageFailed for what is in the way of one."""
        store, placed = store_of(self.archive), []
        try:
            for stored in files:
                original = stored.proven.staged.original
                if original.frames is not None:
                    path, sha256 = place_frames(self.archive, original)
                    stored = replace(stored, frames_path=path, frames_sha256=sha256)
                placed.append(stored)
            for trouble in store.put_new([[_new_file(stored)] for stored in placed]):
                if trouble is not None:
                    raise trouble
        except NameTaken as taken:
            raise StorageFailed(
                f"{taken}: look what it is with pixivcrawl verify, then run the same command again"
            ) from None
        return placed


def _new_file(stored: StoredOriginal) -> NewFile:
    staged = stored.proven.staged
    return NewFile(Path(staged.staged), stored.path, staged.sha256, staged.original.uploaded)


def files_known(ledger: Ledger | None, work_ids: Iterable[int]) -> dict[int, list[KeptFile]]:
    """All files of these works that the ledger knows."""
    files: dict[int, list[KeptFile]] = {}
    if ledger is not None:
        for file in ledger.read_now(queries.files_of_works, sorted(set(work_ids))):
            files.setdefault(file.work_id, []).append(file)
    return files


def _opened(path: Path) -> BufferedReader:
    """The file, opened for reading only; never through a link, and never a pipe, which could block."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def _link(source: Path, staged: Path) -> None:
    try:
        staged.unlink(missing_ok=True)
        os.link(source, staged)
    except OSError as error:
        raise ConfigurationError(
            f"{source} cannot be linked into the archive ({error.strerror}): leave --link out, and files are copied"
        ) from None


def told(brought: Brought) -> list[str]:
    """The result of an import, as lines."""
    lines = [
        f"{plural(number, 'file')} stored: {STORED[evidence]}" for evidence, number in brought.stored.items() if number
    ]
    lines += [
        f"{plural(number, 'file')} adopted, revision unknown: {ADOPTED[evidence]}"
        for evidence, number in brought.adopted.items()
        if number
    ]
    if brought.here:
        lines.append(f"{plural(brought.here, 'file')} here already")
    if brought.left:
        lines.append(f"{plural(brought.left, 'file')} left where {'it is' if brought.left == 1 else 'they are'}")
    return lines or ["no picture in it: name the folder that holds the pictures"]


STORED = {
    "recorded": "a record says from which address",
    "one revision": "pixiv shows that the work was never revised",
}
ADOPTED = {
    "fits": "the work was revised, and the file may be of any of its revisions",
    "older": "pixiv has another picture there now",
    "gone": "pixiv does not show the work today",
    "rewritten": "a tool made the zip, with pixiv's frames in it",
}
