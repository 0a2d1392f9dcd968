"""A view of 10,000 works: made, made again with nothing new, and after an artist was renamed; by wall clock and processor time."""

from __future__ import annotations

import argparse
import hashlib
import os
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.building import database_url, fill, make_tables
from pixivcrawl.archive.layout import Archive
from pixivcrawl.exchange.export.choice import Result, select
from pixivcrawl.exchange.export.forms import FORMS
from pixivcrawl.ledger.queries.exported import Choice
from pixivcrawl.ledger.service import Ledger

ARTISTS, PAGES = 50, 2


def main() -> int:
    options = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="pixivcrawl-benchmark-", dir=options.folder) as folder:
        root, target = Path(folder) / "archive", Path(folder) / "view"
        make_tables(root)
        fill(
            root,
            [(number, number % ARTISTS + 1) for number in range(1, options.works + 1)],
            tags=5,
            files=PAGES,
            arguments={},
        )
        make_files(root, options.bytes)
        for what, prepare in (
            ("made", ""),
            ("again", ""),
            ("renamed", "UPDATE users SET name = 'another' WHERE id = 7"),
        ):
            with closing(sqlite3.connect(root / "archive.sqlite")) as connection, connection:
                connection.execute(prepare)
            began, before = time.perf_counter(), os.times()
            result = view(root, target, options.by, unchecked=options.unchecked)
            after = os.times()
            own, kernel = after.user - before.user, after.system - before.system
            print(
                f"{what}: {time.perf_counter() - began:.1f} s, {own + kernel:.1f} s of a core, {kernel:.1f} of them in the kernel; "
                f"{result.lines[0]}"
            )
    return 0


def view(root: Path, target: Path, by: str, *, unchecked: bool) -> Result:
    ledger = Ledger.open(database_url(root), read_only=True)
    try:
        selection = select(Archive(root), ledger, Choice(), None)
        asked = argparse.Namespace(name=None, by=by, dry_run=False, unchecked=unchecked)
        return FORMS["view"].run(selection, target, asked)
    finally:
        ledger.close()


def make_files(root: Path, size: int) -> None:
    """Bytes for every file of the ledger, which then knows them."""
    with closing(sqlite3.connect(root / "archive.sqlite")) as connection, connection:
        for number, path in connection.execute("SELECT id, path FROM files").fetchall():
            body = os.urandom(size)
            place = root / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(body)
            told = (hashlib.sha256(body).hexdigest(), size, number)
            connection.execute("UPDATE files SET sha256 = ?, bytes = ? WHERE id = ?", told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--works", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=50_000, help="of each file")
    parser.add_argument("--by", choices=("symlink", "hardlink", "copy", "reflink"), default="symlink")
    parser.add_argument("--unchecked", action="store_true", help="link without reading the files")
    parser.add_argument("--folder", type=Path, help="where the archive and the view are made")
    return parser


if __name__ == "__main__":
    sys.exit(main())
