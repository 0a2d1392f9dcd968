"""Two workers whose originals are in one object store, beside folders: memory, the time of a crawl, and rates of storing and reading.

Starts SeaweedFS. The workers crawl at once, each an artist of its own, as another account. With --server they share a ledger on PostgreSQL,
as a fleet does; otherwise each has its own in SQLite.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text

from benchmarks.contenders import API_AT_ONCE, IMAGES_AT_ONCE
from benchmarks.measuring import (
    Row,
    in_turns,
    medians,
    megabytes,
    own_environment,
    run,
    seconds,
    table,
    whole,
    write_json,
)
from benchmarks.served import ARTIST, Served, Shape, serving
from pixivcrawl.archive.bucket import read_bucket
from pixivcrawl.archive.layout import Archive
from pixivcrawl.archive.stores import NewFile, store_of
from tests.seaweed import CREDENTIALS, SeaweedFS, seaweedfs

WORKERS = 2
AT_ONCE = 4
"""Files that are read at once."""

PUT = 16
"""Files that are put for their rate."""

COLUMNS: dict[str, Callable[..., str]] = {
    "originals": str,
    "files": whole,
    "size": megabytes,
    "time": seconds,
    "processor": seconds,
    "crawler": megabytes,
    "together": megabytes,
    "resident": megabytes,
    "put": lambda rate: f"{rate / 1e6:,.0f} MB/s",
    "get": lambda rate: f"{rate / 1e6:,.0f} MB/s",
    "failed": str,
    "runs": str,
}


def main() -> int:
    options = _parser().parse_args()
    os.environ |= CREDENTIALS
    folder = Path(tempfile.mkdtemp(prefix="pixivcrawl-benchmark-", dir=options.folder))
    width, _, height = options.size.partition("x")
    shape = Shape(options.works, (int(width), int(height)), artists=WORKERS)
    (folder / "seaweedfs").mkdir()
    rows: list[Row] = []
    try:
        with seaweedfs(folder / "seaweedfs") as s3, serving(shape, folder / "sandbox", 0) as served:
            take = partial(measure, rows, served, folder, options)
            take("folder", None, -1)  # has the sandbox paint its pictures
            rows.clear()
            in_turns(options.rounds, [lambda turn: take("folder", None, turn), lambda turn: take("S3", s3, turn)])
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(table(medians(rows, ("originals",)), COLUMNS))
    write_json(options.json, "store", rows)
    return 1 if any(row["failed"] for row in rows) else 0


def measure(
    rows: list[Row],
    served: Served,
    folder: Path,
    options: argparse.Namespace,
    originals: str,
    s3: SeaweedFS | None,
    turn: int,
) -> None:
    """A row for one run of all workers: the time of the slowest, and the memory of the one that took the most."""
    place = folder / "run"
    with ledgers(options.server, place) as urls:
        shared = s3.address() if s3 is not None else ""
        # Two ledgers are two archives, which share no store.
        stores = [shared if s3 is None or options.server else s3.address() for _ in range(WORKERS)]
        with ThreadPoolExecutor(WORKERS) as threads:
            commands = [
                command_of(served, place, number, urls[number], stores[number], options) for number in range(WORKERS)
            ]
            costs = list(threads.map(lambda command: run(command[0], env=command[1], output=command[2]), commands))
    archives = [
        Archive(place / str(number), read_bucket(store) if store else None) for number, store in enumerate(stores)
    ]
    files, size, getting = read_all(archives[:1] if shared and options.server else archives)
    putting = put_more(archives[0], size // max(1, files))
    shutil.rmtree(place)
    codes = [cost.exit_code for cost in costs]
    is_whole = not any(codes) and files == WORKERS * options.works
    rows.append(
        {
            "originals": originals,
            "round": turn,
            "files": files,
            "size": size,
            "time": max(cost.seconds for cost in costs),
            "processor": sum(cost.processor for cost in costs),
            "crawler": max(cost.peak for cost in costs),
            "together": max(cost.together for cost in costs) or None,
            "resident": max(cost.resident for cost in costs) or None,
            "put": putting,
            "get": getting,
            "of each": [(cost.peak, cost.together, cost.resident) for cost in costs],
            "failed": "" if is_whole else f"exit codes {codes}, {files} files: {costs[0].output[-500:]}",
        }
    )


def command_of(
    served: Served, place: Path, number: int, url: str, store: str, options: argparse.Namespace
) -> tuple[list[str], dict[str, str], Path]:
    """What a worker runs, its environment, and the file for what it prints."""
    env = own_environment(
        PIXIV_PHPSESSID=(served.cookie, served.premium_cookie)[number],
        PIXIVCRAWL_ARCHIVE_DIR=str(place / str(number)),
        PIXIVCRAWL_DATABASE_URL=url,
        PIXIVCRAWL_ORIGINALS_STORE=store,
        PIXIVCRAWL_PIXIV_LANES_PER_ADDRESS=str(WORKERS),
        PIXIVCRAWL_PIXIV_API_DELAY="0",
        PIXIVCRAWL_PIXIV_API_CONCURRENCY=str(API_AT_ONCE),
        PIXIVCRAWL_PIXIV_IMAGE_CONCURRENCY=str(options.images),
        **served.environment,
    )
    return (
        [sys.executable, "-m", "scrapy", "crawl", "user", "-a", f"id={ARTIST + number}"],
        env,
        place / f"{number}.txt",
    )


@contextmanager
def ledgers(server: str | None, place: Path) -> Iterator[list[str]]:
    """The DATABASE_URL of each worker: an empty database that all share, for as long as the block runs, or its own file."""
    place.mkdir()
    if server is None:
        yield [""] * WORKERS
        return
    name, engine = f"benchmark_{uuid4().hex}", create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield [make_url(server).set(database=name).render_as_string(hide_password=False)] * WORKERS
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        engine.dispose()


def read_all(archives: Sequence[Archive]) -> tuple[int, int, float]:
    """Read every original from its store: how many, their bytes, and bytes a second."""
    stores = [store_of(archive) for archive in archives]
    folders = [(store, f"originals/{folder}") for store in stores for folder in store.listed("originals")[1]]
    files = [(store, f"{folder}/{name}") for store, folder in folders for name in store.listed(folder)[0]]
    began = time.monotonic()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        sizes = list(threads.map(lambda file: sum(map(len, file[0].read(file[1]))), files))
    return len(files), sum(sizes), sum(sizes) / (time.monotonic() - began)


def put_more(archive: Archive, size: int) -> float:
    """Store files of this size that are staged already: bytes a second."""
    groups = []
    for number in range(PUT):
        staged, body = archive.staging / f"{number}.body", os.urandom(size)
        with staged.open("wb") as file:
            file.write(body)
            os.fsync(file.fileno())
        path = f"originals/1/{number + 1}_p0_20200101000000.jpg"
        groups.append([NewFile(staged, path, hashlib.sha256(body).hexdigest(), datetime(2020, 1, 1, tzinfo=UTC))])
    began = time.monotonic()
    troubles = [trouble for trouble in store_of(archive).put_new(groups) if trouble is not None]
    if troubles:
        raise troubles[0]
    return PUT * size / (time.monotonic() - began)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--works", type=int, default=64, metavar="N", help="files of each worker (default: 64)")
    parser.add_argument(
        "--size", default="7200x6000", metavar="PIXELS", help="of each file (default: 7200x6000, 30 MB)"
    )
    parser.add_argument(
        "--images", type=int, default=IMAGES_AT_ONCE, metavar="N", help=f"images at once (default: {IMAGES_AT_ONCE})"
    )
    parser.add_argument("--server", metavar="URL", help="of a database of a PostgreSQL server where others can be made")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each (default: 3)")
    parser.add_argument("--folder", type=Path, metavar="DIR", help="on the disk to be measured (default: the system's)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every run to FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
