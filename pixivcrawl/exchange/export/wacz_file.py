"""The file of a web archive: a zip that is written from beginning to end and can be continued after a kill.

A database beside it, `NAME.wacz.part.notes`, records its contents so far, and what its index and list of pages are made from.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from zipfile import ZipFile, ZipInfo

from pixivcrawl import __version__
from pixivcrawl.archive.failures import storage_errors
from pixivcrawl.archive.syncing import sync
from pixivcrawl.errors import StorageFailed
from pixivcrawl.exchange.export.writing import part_of
from pixivcrawl.sqlite import connect

NOTED_EVERY = 64 << 20
"""Bytes after which what is written is synced and noted: so much is written again after a kill."""

LINES_A_BLOCK = 1024
"""Lines of the index that are compressed together, of which a reader takes one block."""

EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time of every member: the facts have times of their own."""

INDEX = "index.cdx.gz"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS warcs (
    number INTEGER PRIMARY KEY, work INTEGER NOT NULL, print TEXT NOT NULL, name TEXT NOT NULL, start INTEGER NOT NULL,
    end INTEGER NOT NULL, size INTEGER NOT NULL, crc INTEGER NOT NULL, sha256 TEXT NOT NULL, page TEXT NOT NULL,
    created TEXT NOT NULL, refused TEXT NOT NULL, version INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS lines (line TEXT NOT NULL, number INTEGER NOT NULL);
"""

Write = Callable[[Iterable[bytes], dict[str, Any], str, datetime], None]
"""Writes a record: its bytes, its index entry and key, and when it was taken."""


class Page(NamedTuple):
    """An entry of the list of pages."""

    url: str
    at: datetime
    title: str


class WaczFile:
    """Used within `opened`. Each work in turn is looked up (`has`), and written (`warc`) if missing."""

    def __init__(self, file: BinaryIO, notes: sqlite3.Connection) -> None:
        self._file, self._sql = file, notes
        self._zip: ZipFile | None = None
        self._kept: list[ZipInfo] = []
        self._number = self._end = self._noted = 0

    def has(self, work: int, print_: str) -> bool:
        """Whether a killed run left this work next, with the same contents. At the first that differs, the rest is cut."""
        if self._zip is not None:
            return False
        found = self._sql.execute(
            "SELECT name, start, end, size, crc, version FROM warcs WHERE number = ? AND work = ? AND print = ?",
            (self._number, work, print_),
        ).fetchone()
        if found is None:
            self._zip = self._begun()
            return False
        name, start, end, size, crc, version = found
        member = ZipInfo(name, EARLIEST)
        member.header_offset, member.CRC, member.file_size, member.compress_size = start, crc, size, size
        # As `warc` has its members listed.
        member.create_version = member.extract_version = version
        member.external_attr = 0o600 << 16
        self._kept.append(member)
        self._number, self._end = self._number + 1, end
        return True

    @contextmanager
    def warc(self, work: int, print_: str, size: int, page: Page, refused: Sequence[str]) -> Iterator[Write]:
        """Write a work's WARC file of this `size`; `refused` is what is not in it, and why."""
        assert self._zip is not None
        member, hashed, written, lines = ZipInfo(f"archive/{work:d}.warc.gz", EARLIEST), hashlib.sha256(), 0, []
        # With this it gets sizes of 64 bits where they may be needed. ReplayWeb.page 2.4.6 finds no member that has them for nothing.
        member.file_size = size
        with self._zip.open(member, "w") as out:

            def write(pieces: Iterable[bytes], told: dict[str, Any], key: str, at: datetime) -> None:
                nonlocal written
                start = written
                for piece in pieces:
                    out.write(piece)
                    hashed.update(piece)
                    written += len(piece)
                place = {"length": written - start, "offset": start, "filename": f"{work:d}.warc.gz"}
                lines.append(f"{key} {at.astimezone(UTC):%Y%m%d%H%M%S} {json.dumps({**told, **place})}")

            yield write
        self._note(member, work, print_, page, refused, hashed.hexdigest(), lines)

    def refused(self) -> Iterator[str]:
        """Everything that is not in the file, also from killed runs."""
        for (refused,) in self._sql.execute(
            "SELECT refused FROM warcs WHERE number < ? ORDER BY number", (self._number,)
        ):
            yield from json.loads(refused)

    def finish(self) -> None:
        """Write what makes the WARC files a web archive: the index, the list of pages, the checksums."""
        self._zip = self._zip or self._begun()
        self._keep()
        listed = [
            (name, size, sha256)
            for name, size, sha256 in self._sql.execute("SELECT name, size, sha256 FROM warcs ORDER BY number")
        ]
        # One after the other: the index of the blocks is known when the blocks are written.
        listed += [self._written(name, content) for name, content in chain(self._index(), self._pages())]
        resources = [
            {"name": name.rpartition("/")[2], "path": name, "hash": f"sha256:{sha256}", "bytes": size}
            for name, size, sha256 in listed
        ]
        told = {
            "profile": "data-package",
            "resources": resources,
            "created": self._sql.execute("SELECT max(created) FROM warcs").fetchone()[0],
            "wacz_version": "1.1.1",
            "software": f"pixivcrawl {__version__}",
        }
        package = json.dumps(told, indent=1).encode()
        self._written("datapackage.json", [package])
        of_package = {"path": "datapackage.json", "hash": f"sha256:{hashlib.sha256(package).hexdigest()}"}
        self._written("datapackage-digest.json", [json.dumps(of_package).encode()])
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())

    def leave(self) -> None:
        """Close the unfinished zip; the next run cuts what follows the last recorded WARC file."""
        if self._zip is not None:
            with suppress(OSError, ValueError):
                self._zip.close()

    def _begun(self) -> ZipFile:
        self._sql.execute("DELETE FROM warcs WHERE number >= ?", (self._number,))
        self._sql.execute("DELETE FROM lines WHERE number >= ?", (self._number,))
        self._sql.commit()
        self._file.truncate(self._end)
        self._file.seek(self._end)
        self._noted = self._end
        begun = ZipFile(self._file, "w")
        begun.filelist.extend(self._kept)
        return begun

    def _note(
        self, member: ZipInfo, work: int, print_: str, page: Page, refused: Sequence[str], sha256: str, lines: list[str]
    ) -> None:
        end = self._file.tell()
        shown = {
            "id": f"{work:d}",
            "url": page.url,
            "ts": f"{page.at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "title": page.title,
        }
        row = (
            self._number,
            work,
            print_,
            member.filename,
            member.header_offset,
            end,
            member.file_size,
            member.CRC,
            sha256,
        )
        self._sql.execute(
            f"INSERT INTO warcs VALUES ({', '.join('?' * 13)})",  # noqa: S608 (question marks)
            (*row, json.dumps(shown, ensure_ascii=False), shown["ts"], json.dumps(refused), member.extract_version),
        )
        self._sql.executemany("INSERT INTO lines VALUES (?, ?)", [(line, self._number) for line in lines])
        self._number += 1
        if end - self._noted >= NOTED_EVERY:
            self._keep()
            self._noted = end

    def _keep(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._sql.commit()

    def _index(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        """The index in blocks, and the index of the blocks."""
        blocks = [f"!meta 0 {json.dumps({'format': 'cdxj-gzip-1.0', 'filename': INDEX})}"]

        def packed() -> Iterator[bytes]:
            offset, lines = 0, self._sql.execute("SELECT line FROM lines ORDER BY line")
            while some := [line for (line,) in islice(lines, LINES_A_BLOCK)]:
                block = gzip.compress("".join(f"{line}\n" for line in some).encode(), mtime=0)
                key, at, _ = some[0].split(" ", 2)
                told = {"offset": offset, "length": len(block), "digest": f"sha256:{hashlib.sha256(block).hexdigest()}"}
                blocks.append(f"{key} {at} {json.dumps({**told, 'filename': INDEX})}")
                offset += len(block)
                yield block

        yield f"indexes/{INDEX}", packed()
        yield "indexes/index.idx", ["".join(f"{line}\n" for line in blocks).encode()]

    def _pages(self) -> Iterator[tuple[str, Iterable[bytes]]]:
        head = {"format": "json-pages-1.0", "id": "pages", "title": "Works"}
        pages = self._sql.execute("SELECT page FROM warcs ORDER BY number")
        yield "pages/pages.jsonl", (f"{line}\n".encode() for line in (json.dumps(head), *(page for (page,) in pages)))

    def _written(self, name: str, content: Iterable[bytes]) -> tuple[str, int, str]:
        assert self._zip is not None
        hashed, size = hashlib.sha256(), 0
        with self._zip.open(ZipInfo(name, EARLIEST), "w") as out:
            for piece in content:
                out.write(piece)
                hashed.update(piece)
                size += len(piece)
        return name, size, hashed.hexdigest()


@contextmanager
def opened(target: Path) -> Iterator[WaczFile]:
    """The file, which gets its name if the block succeeds; otherwise the next run continues it. Raises StorageFailed."""
    part = part_of(target)
    noted = part.with_name(f"{part.name}.notes")
    with storage_errors(target):
        part.open("ab").close()
        noted.open("ab").close()
    try:
        with closing(connect(noted, timeout=0)) as notes:
            notes.execute("PRAGMA locking_mode = EXCLUSIVE")
            notes.execute("BEGIN EXCLUSIVE")
            for statement in _SCHEMA.split(";"):
                notes.execute(statement)
            if (notes.execute("SELECT max(end) FROM warcs").fetchone()[0] or 0) > part.stat().st_size:
                # A power cut took what was noted of it.
                notes.execute("DELETE FROM warcs")
                notes.execute("DELETE FROM lines")
            with storage_errors(target), part.open("r+b") as held:
                file = WaczFile(held, notes)
                try:
                    yield file
                finally:
                    file.leave()
                part.replace(target)
                sync(target.parent)
    except sqlite3.Error as error:
        raise StorageFailed(f"{target}: {_said(error)}, then run the same command again") from error
    noted.unlink(missing_ok=True)


def _said(error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorname", ""):
        case "SQLITE_BUSY":
            return "another export writes it: wait for its end"
        case "SQLITE_FULL":
            return "the disk is full: free space"
        case _:
            return f"what a killed export noted beside it cannot be used ({error}): remove it with the .part"
