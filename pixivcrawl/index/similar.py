"""Analyses the pictures of an archive one by one, compares each with the earlier ones, and finds any given picture among them."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pixivcrawl.archive.damage import Damaged
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import on_this_machine
from pixivcrawl.archive.workers import Workers
from pixivcrawl.batched import batched
from pixivcrawl.errors import ConfigurationError, StorageFailed
from pixivcrawl.index import schema
from pixivcrawl.index.duplicates import places
from pixivcrawl.ledger.queries.browsing.works import Picture, pictures_in
from pixivcrawl.ledger.service import Ledger

FINGERPRINT, FINGERPRINT_ANY, ARE_ALIKE = (
    f"pixivcrawl.archive.fingerprint:{name}" for name in ("fingerprint", "fingerprint_any", "are_alike")
)
CANDIDATES = "pixivcrawl.index.comparing:candidates"

COMPARED_AT_ONCE = 200
"""Pictures looked at before they are compared with all others, whose hashes are read for that: of three million in a tenth of a second."""

AT_ONCE = 4
"""Pictures handed to the workers at once: a small picture that a page waits for comes soon after."""

LEAST_DIGEST = -(2**63)

Drawn = tuple[Path, str, str | None]
"""A file, its kind, and the name of a zip's first picture, as passed to the workers."""


@dataclass(frozen=True, slots=True)
class SimilarPicture:
    """A stored picture that is like another one: the bytes are the same, or `bits` of the 128 bits of their hashes differ."""

    picture: Picture
    same_bytes: bool
    bits: int


@dataclass(frozen=True, slots=True)
class SimilarPictures:
    """What an archive has like a given picture. `is_plain`: it shows too little to be found by anything but its bytes."""

    sha256: str
    is_plain: bool
    like: list[SimilarPicture]


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Stored files, looked up in the ledger and the archive."""

    ledger: Ledger
    archive: Archive

    def at(self, wanted: Mapping[int, Iterable[tuple[int, int]]]) -> dict[int, list[Picture]]:
        """{digest: the pictures with these bytes whose files are in place}."""
        found: dict[int, list[Picture]] = {digest: [] for digest in wanted}
        everywhere = sorted({place for several in wanted.values() for place in several})
        for some in batched(everywhere, COMPARED_AT_ONCE):
            for picture in self.ledger.read_now(pictures_in, {*some}):
                digest = schema.digest_of(picture.sha256)
                if digest in found and self._is_there(picture):
                    found[digest].append(picture)
        return found

    def _is_there(self, picture: Picture) -> bool:
        """Of a file in an object store this shows when it is fetched."""
        try:
            path = self.archive.resolve(picture.path)
        except ValueError:
            return False
        return self.archive.bucket is not None or path.is_file()

    @contextmanager
    def drawn(self, picture: Picture) -> Iterator[Drawn | None]:
        """The file of a picture, fetched for as long as the block runs if need be; None if it is not there."""
        with ExitStack() as held:
            try:
                path = held.enter_context(on_this_machine(self.archive, self.archive.resolve(picture.path)))
            except FileNotFoundError:
                yield None
            else:
                yield path, picture.kind, picture.frame


def analyse(
    ledger: Ledger,
    archive: Archive,
    folder: Path,
    workers: Workers,
    *,
    after: int = LEAST_DIGEST,
    pause: Callable[[], object] = lambda: None,
) -> int | None:
    """Analyse the next pictures of the index in `folder`; returns the digest after which to continue.

    None if none is left or another process is doing this. `pause` is called before each picture. A file that is not in its place
    is left for later. Raises PixivcrawlError.
    """
    path = folder / schema.NAME
    if not path.exists():
        return None
    try:
        with FileLock(folder / "looks.lock", blocking=False), closing(schema.open_for_writing(path)) as connection:
            query = "SELECT digest, work_id, page FROM unseen WHERE digest > ? ORDER BY digest LIMIT ?"
            rows = connection.execute(query, (after, COMPARED_AT_ONCE)).fetchall()
            if not rows:
                return None
            pictures = _Pictures(ledger, archive)
            here = pictures.at({digest: [(work_id, page)] for digest, work_id, page in rows})
            sources = {digest: several[0] for digest, several in here.items() if several}
            looks = _looks(pictures, sources, workers, pause)
            hashed = [(digest, *look) for digest, look in looks.items() if look is not None]
            pairs = _pairs(connection, path, pictures, workers, hashed, sources)
            _keep(connection, looks, hashed, pairs)
            return int(rows[-1][0])
    except Timeout:
        return None
    except (sqlite3.Error, OSError) as error:
        raise StorageFailed(
            f"the index {path} cannot be used ({error}): check its disk; the index may be deleted"
        ) from error


def unseen(folder: Path) -> int:
    """How many pictures of the index have not been analysed yet."""
    with closing(schema.open_for_reading(folder / schema.NAME)) as connection:
        return int(connection.execute("SELECT count(*) FROM unseen").fetchone()[0])


def find(path: Path, ledger: Ledger, archive: Archive, folder: Path, workers: Workers) -> SimilarPictures:
    """The stored pictures that show the same as the file at `path`, those with the same bytes first. Raises PixivcrawlError."""
    if not path.is_file():
        raise ConfigurationError(f"{path} is not a file: name a picture")
    with storage_errors(path), path.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    try:
        is_picture, look = workers.run(FINGERPRINT_ANY, path).result()
    except Damaged:
        is_picture, look = False, None
    pictures, digest = _Pictures(ledger, archive), schema.digest_of(sha256)
    with closing(schema.open_for_reading(folder / schema.NAME)) as connection:
        same = pictures.at({digest: places(connection, digest)})[digest]
        like = [SimilarPicture(picture, same_bytes=True, bits=0) for picture in same if picture.sha256 == sha256]
        if not is_picture and not like:
            raise ConfigurationError(
                f"{path} cannot be looked at: it is no JPEG, PNG, GIF or WebP that is whole, or it has more than 64 million pixels"
            )
        if look is not None:
            (candidates,) = workers.run(CANDIDATES, folder / schema.NAME, [(digest, *look)]).result()
            near = pictures.at({other: places(connection, other) for other, _ in candidates})
            asked = {other: several[0] for other, several in near.items() if several}
            alike = _are_alike(pictures, workers, (path, "image", None), asked, "WEBP")
            like += [
                SimilarPicture(each, same_bytes=False, bits=bits)
                for other, bits in candidates
                if other in alike
                for each in near[other]
            ]
    return SimilarPictures(sha256, look is None, like)


def _looks(
    pictures: _Pictures, sources: Mapping[int, Picture], workers: Workers, pause: Callable[[], object]
) -> dict[int, tuple[int, int, bytes] | None]:
    """The hashes and colours of each picture that is there; None if it shows too little or cannot be decoded."""
    looks: dict[int, Any] = {}
    under_way: deque[tuple[int, ExitStack, Future[Any]]] = deque()

    def take() -> None:
        digest, here, future = under_way.popleft()
        with here:
            try:
                looks[digest] = future.result()
            except Damaged:
                looks[digest] = None

    with ExitStack() as held:
        for digest, picture in sources.items():
            pause()
            here = held.enter_context(ExitStack())
            if (drawn := here.enter_context(pictures.drawn(picture))) is not None:
                under_way.append((digest, here, workers.run(FINGERPRINT, *drawn)))
            if len(under_way) == AT_ONCE:
                take()
        while under_way:
            take()
    return looks


def _pairs(
    connection: sqlite3.Connection,
    path: Path,
    pictures: _Pictures,
    workers: Workers,
    hashed: Sequence[tuple[int, int, int, bytes]],
    sources: Mapping[int, Picture],
) -> Iterator[tuple[int, int, int]]:
    """The pairs of digests that a closer comparison finds alike, with how many bits differ."""
    if not hashed:
        return
    for (digest, *_), candidates in zip(hashed, workers.run(CANDIDATES, path, hashed).result(), strict=True):
        stored = pictures.at({other: places(connection, other) for other, _ in candidates})
        asked = {other: several[0] for other, several in stored.items() if several}
        if not asked:
            continue
        with pictures.drawn(sources[digest]) as own:
            alike = _are_alike(pictures, workers, own, asked) if own is not None else set()
        for other, bits in candidates:
            if other in alike:
                yield digest, other, bits
                yield other, digest, bits


def _are_alike(
    pictures: _Pictures, workers: Workers, own: Drawn, others: Mapping[int, Picture], *formats: str
) -> set[int]:
    with ExitStack() as held:
        drawn = {digest: held.enter_context(pictures.drawn(other)) for digest, other in others.items()}
        there = {digest: other for digest, other in drawn.items() if other is not None}
        if not there:
            return set()
        try:
            answers = workers.run(ARE_ALIKE, *own, list(there.values()), formats).result()
        except Damaged:
            return set()
    return {digest for digest, is_alike in zip(there, answers, strict=True) if is_alike}


def _keep(
    connection: sqlite3.Connection,
    looked_at: Iterable[int],
    hashed: Sequence[tuple[int, int, int, bytes]],
    pairs: Iterable[tuple[int, int, int]],
) -> None:
    found = list(pairs)
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Pictures that were deleted meanwhile leave no entries.
        gone = [(digest,) for digest in looked_at if not places(connection, digest)]
        connection.executemany("INSERT OR REPLACE INTO looks VALUES (?, ?)", [(each[0], each[3]) for each in hashed])
        packed = b"".join(schema.PACKED.pack(*each[:3]) for each in hashed)
        connection.execute("INSERT INTO hashes (packed) VALUES (?)", (packed,))
        connection.executemany("INSERT OR REPLACE INTO alike VALUES (?, ?, ?)", found)
        connection.executemany("DELETE FROM unseen WHERE digest = ?", [(digest,) for digest in looked_at])
        for table in ("looks", "alike"):
            connection.executemany(f"DELETE FROM {table} WHERE digest = ?", gone)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
