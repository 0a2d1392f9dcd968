"""Thumbnails by the SHA-256 of the original: made when first shown, or ahead of time while the gallery is idle."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import fetched
from pixivcrawl.archive.workers import Workers
from pixivcrawl.errors import NoWorker
from pixivcrawl.reporting.thumbnails import DRAW

SIDES = (360, 720, 1440)
"""Pixels of the longest side: of a card, of one on a screen with two pixels a point, of a page of a work."""

FOLDER = "thumbnails"

MOST_BYTES = 4 << 30
"""What all of them may take on the disk: some 300,000 covers at 12 kB. The oldest make room."""

FILL_SHARE = 0.9
"""Of it the filler takes so much at most, and so much is left when room is made."""

MOST_REFUSED = 10_000
"""So many pictures that cannot be drawn are remembered, so that they are not tried with every page."""

IDLE = 5.0
"""Seconds without a request after which covers are drawn beforehand."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a thumbnail is drawn from; `frame` names the first picture of a zip, if known."""

    sha256: str
    path: Path
    kind: str
    frame: str | None


class Thumbnails:
    """The thumbnails in a folder of `derived/`, drawn by `workers`; used by one event loop."""

    def __init__(self, archive: Archive, derived: Path, workers: Workers, most_bytes: int = MOST_BYTES) -> None:
        self._archive = archive
        self._folder = derived / FOLDER
        self._workers = workers
        self._most_bytes = most_bytes
        self._bytes: int | None = None
        self._drawing: dict[tuple[str, int], asyncio.Future[Path | None]] = {}
        self._refused: dict[tuple[str, int], None] = {}
        self.last_asked = time.monotonic()

    def made(self, sha256: str, side: int) -> Path | None:
        """The path of a thumbnail that exists already."""
        self.last_asked = time.monotonic()
        path = self._place(sha256, side)
        return path if path.is_file() else None

    async def make(self, source: Source, side: int) -> Path | None:
        """Draw a thumbnail, only once for simultaneous requests; None if the file cannot be drawn."""
        key = (source.sha256, side)
        if key in self._refused:
            return None
        if key not in self._drawing:
            self._drawing[key] = asyncio.ensure_future(self._drawn(source, side))
            self._drawing[key].add_done_callback(lambda _: self._drawing.pop(key))
        # The first requester may go away; the others still wait for the result.
        return await asyncio.shield(self._drawing[key])

    async def fill(
        self, covers: Callable[[str | None], Awaitable[tuple[list[Source], str | None]]], *, only_new: bool = False
    ) -> None:
        """Draw covers while the gallery is idle, until all exist or the space is used up; with `only_new`, until a batch lacks none."""
        before: str | None = None
        while True:
            sources, before = await covers(before)
            lacking = [each for each in sources if not self._is_settled(each) and self._is_there(each)]
            for source in lacking:
                while (left := self.idle_in()) > 0:  # noqa: ASYNC110 (no event tells of it)
                    await asyncio.sleep(left)
                if await self._size() > FILL_SHARE * self._most_bytes:
                    return
                await self.make(source, SIDES[0])
            if before is None or (only_new and not lacking):
                return

    def idle_in(self) -> float:
        """Seconds until the gallery counts as idle, if no request arrives meanwhile."""
        return self.last_asked + IDLE - time.monotonic()

    def _is_there(self, source: Source) -> bool:
        """An object store is not asked beforehand: it says so when the file is fetched."""
        return self._archive.bucket is not None or source.path.is_file()

    def _is_settled(self, source: Source) -> bool:
        """Whether its cover is drawn or cannot be drawn."""
        return (source.sha256, SIDES[0]) in self._refused or self._place(source.sha256, SIDES[0]).is_file()

    async def _drawn(self, source: Source, side: int) -> Path | None:
        try:
            async with fetched(self._archive, source.path) as path:
                drawn = await asyncio.wrap_future(
                    self._workers.run(DRAW, path, source.kind, source.frame, side, "WEBP")
                )
        except (Damaged, NoWorker, FileNotFoundError):
            drawn = None
        if drawn is None:
            if len(self._refused) >= MOST_REFUSED:
                self._refused.pop(next(iter(self._refused)))
            self._refused[source.sha256, side] = None
            return None
        content, _, _ = drawn
        path = self._place(source.sha256, side)
        try:
            await asyncio.to_thread(_write, path, content)
        except OSError:
            # A full disk: the picture is shown by what stands in its place, and drawn when there is room again.
            return None
        self._bytes = await self._size() + len(content)
        if self._bytes > self._most_bytes:
            self._bytes = await asyncio.to_thread(self._make_room)
        return path if path.is_file() else None

    async def _size(self) -> int:
        if self._bytes is None:
            self._bytes = await asyncio.to_thread(lambda: sum(size for _, size, _ in self._all()))
        return self._bytes

    def _all(self) -> list[tuple[float, int, Path]]:
        """All thumbnails with their times and sizes."""
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                # Another gallery of this archive may have made room meanwhile.
                with suppress(FileNotFoundError):
                    seen = path.stat()
                    found.append((seen.st_mtime, seen.st_size, path))
        return sorted(found)

    def _make_room(self) -> int:
        """Remove the oldest; returns the remaining bytes."""
        everything = self._all()
        left = sum(size for _, size, _ in everything)
        for _, size, path in everything:
            if left <= FILL_SHARE * self._most_bytes:
                break
            path.unlink(missing_ok=True)
            left -= size
        return left

    def _place(self, sha256: str, side: int) -> Path:
        return self._folder / _place(sha256, side)


def small_pictures(sha256s: Iterable[str]) -> Iterator[str]:
    """The paths of these files' thumbnails within the archive, if drawn."""
    for sha256 in sha256s:
        for side in SIDES:
            yield f"derived/{FOLDER}/{_place(sha256, side)}"


def _place(sha256: str, side: int) -> str:
    return f"{sha256[:2]}/{sha256}-{side:d}.webp"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        try:
            file.write(content)
            file.close()
            Path(file.name).replace(path)
        except OSError:
            # A full disk gets back what was written of it.
            Path(file.name).unlink(missing_ok=True)
            raise
