"""Plants damage in an archive, by seed, and says what a verification must find."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

Found = tuple[str, str]
"""A kind of finding and a path."""


@dataclass
class Damager:
    """Each kind of damage takes files that no other one has touched, whole pictures of the present revision."""

    archive: Path
    seed: int
    expected: set[Found] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        query = "SELECT path FROM files WHERE state = 'stored' AND kind = 'image' ORDER BY path"
        self.untouched = [path for (path,) in self._ledger(query)]
        self.dice.shuffle(self.untouched)

    def plant(self, kinds: Iterable[str]) -> set[Found]:
        for kind in kinds:
            self.expected |= set(KINDS[kind](self))
        return self.expected

    def bit_flip(self) -> Iterator[Found]:
        path, body = self._take()
        place = self.dice.randrange(len(body))
        self._write(path, body[:place] + bytes([body[place] ^ 1 << self.dice.randrange(8)]) + body[place + 1 :])
        yield "changed", path

    def truncation(self) -> Iterator[Found]:
        path, body = self._take()
        self._write(path, body[: self.dice.randrange(len(body))])
        yield "changed", path

    def swap(self) -> Iterator[Found]:
        (one, body), (other, another) = self._take(), self._take()
        self._write(one, another)
        self._write(other, body)
        yield "changed", one
        yield "changed", other

    def deletion(self) -> Iterator[Found]:
        path, _ = self._take()
        (self.archive / path).unlink()
        yield "missing", path

    def extra_file(self) -> Iterator[Found]:
        folder = self.dice.choice(["originals", *{str(Path(path).parent) for path in self.untouched[-3:]}])
        path = f"{folder}/{self.dice.choice(['Thumbs', 'copy (1)', '猫', 'a;b'])}{self.dice.randrange(10**9)}.db"
        (self.archive / path).write_bytes(self.dice.randbytes(1000))
        yield "extra", path

    def zeroed_block(self) -> Iterator[Found]:
        path, body = self._take()
        size = min(4096, len(body) // 3)
        place = self.dice.randrange(len(body) - size)
        self._write(path, body[:place] + bytes(size) + body[place + size :])
        yield "changed", path

    def changed_time(self) -> Iterator[Found]:
        path, _ = self._take()
        os.utime(self.archive / path, (1e9, 1e9 + self.dice.randrange(10**8)))
        yield "time changed", path

    def row_without_file(self) -> Iterator[Found]:
        """A page that no work has."""
        path, _ = self._take()
        page = self.dice.randrange(500, 10**6)
        invented = path.replace("_p", f"_p{page}00", 1)
        columns = (
            "artwork_id revision kind state url extension uploaded width height sha256 bytes format recorded stored"
        )
        names = ", ".join(columns.split())
        self._ledger(
            f"INSERT INTO files (page, path, {names}) SELECT ?, ?, {names} FROM files WHERE path = ?",
            int(invented.split("_p")[1].split("_")[0]),
            invented,
            path,
        )
        self._ledger("UPDATE files SET sha256 = ? WHERE path = ?", f"{self.dice.getrandbits(256):064x}", invented)
        yield "missing", invented

    def file_without_row(self) -> Iterator[Found]:
        path, _ = self._take()
        self._ledger("DELETE FROM files WHERE path = ?", path)
        yield "unknown", path

    def wrong_extension(self) -> Iterator[Found]:
        path, _ = self._take()
        stem, _, extension = path.rpartition(".")
        wrong = f"{stem}.{self.dice.choice(sorted({'jpg', 'png', 'gif'} - {extension}))}"
        (self.archive / path).rename(self.archive / wrong)
        yield "missing", path
        yield "unknown", wrong

    def _take(self) -> tuple[str, bytes]:
        path = self.untouched.pop()
        return path, (self.archive / path).read_bytes()

    def _write(self, path: str, body: bytes) -> None:
        """As decay does it: the file's time stays."""
        file = self.archive / path
        about = file.stat()
        file.write_bytes(body)
        os.utime(file, ns=(about.st_atime_ns, about.st_mtime_ns))

    def _ledger(self, statement: str, *values: object) -> list[tuple[str]]:
        with closing(sqlite3.connect(self.archive / "archive.sqlite")) as connection, connection:
            return connection.execute(statement, values).fetchall()


KINDS: dict[str, Callable[[Damager], Iterator[Found]]] = {
    "bit flip": Damager.bit_flip,
    "truncation": Damager.truncation,
    "swap of two": Damager.swap,
    "deletion": Damager.deletion,
    "extra file": Damager.extra_file,
    "zeroed block": Damager.zeroed_block,
    "changed time": Damager.changed_time,
    "row without file": Damager.row_without_file,
    "file without row": Damager.file_without_row,
    "wrong extension": Damager.wrong_extension,
}
